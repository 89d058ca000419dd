"""The workers' Valkey answers its user alone, ends with its supervisor, and says what it lost."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from faregate.core.errors import FaregateError
from faregate.supervisor import embedded_valkey
from faregate.supervisor.embedded_valkey import SERVER_KEY, is_installed, send_command, socket_path
from faregate.tally import shared

PROGRAM = (sys.executable, "-P", "-m", "faregate.supervisor.embedded_valkey")


@pytest.fixture
def path() -> Iterator[Path]:
    with TemporaryDirectory(prefix="fg") as folder:
        yield socket_path(Path(folder))


@contextmanager
def valkey(
    path: Path, parent: int = os.getpid()
) -> Iterator[tuple[subprocess.Popen, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    arguments = ["--socket", str(path), "--parent", str(parent)]
    process = subprocess.Popen(
        [*PROGRAM, *arguments, "--control-fd", str(theirs.fileno())], pass_fds=[theirs.fileno()]
    )
    theirs.close()
    try:
        assert json.loads(ours.recv(100)) == {"type": "ready"}
        yield process, ours
    finally:
        ours.close()
        process.kill()
        process.wait()


def answers(path: Path) -> bool:
    try:
        return send_command(path, "PING").startswith(b"+PONG")
    except OSError:
        return False


def ends(path: Path) -> bool:
    deadline = time.monotonic() + 5
    while answers(path) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not answers(path)


def test_it_answers_its_user_alone_and_keeps_nothing(path: Path):
    with valkey(path):
        assert answers(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        send_command(path, "SET", "a", "1")
        assert b"noeviction" in send_command(path, "CONFIG", "GET", "maxmemory-policy")
        kept = {file.name for file in path.parent.iterdir()}
        assert kept <= {"valkey.sock", "valkey.log", "valkey.begun"}


@pytest.mark.parametrize("how", ["drain", "channel", "kill", "terminate"])
def test_it_ends_with_its_supervisor(path: Path, how: str):
    with valkey(path) as (process, control):
        if how == "drain":
            control.sendall(b'{"type":"drain"}\n')
        elif how == "channel":
            control.close()
        else:
            process.send_signal(signal.SIGKILL if how == "kill" else signal.SIGTERM)
        process.wait(5)
        assert ends(path)


def test_the_wrapper_ends_when_the_server_dies(path: Path):
    with valkey(path) as (process, _):
        send_command(path, "SHUTDOWN", "NOSAVE")
        assert process.wait(5) == 1


def test_a_replacement_says_that_counts_were_lost(path: Path):
    with valkey(path):
        assert send_command(path, "HGET", SERVER_KEY, "lost") == b"$-1\r\n"
    with valkey(path):
        assert send_command(path, "HGET", SERVER_KEY, "lost").startswith(b"$16\r\n")
    path.with_suffix(".begun").write_text("1")  # of another supervisor: that was another service
    with valkey(path):
        assert send_command(path, "HGET", SERVER_KEY, "lost") == b"$-1\r\n"


def test_a_path_that_the_kernel_refuses_is_named():
    with pytest.raises(FaregateError, match="too long") as caught:
        socket_path(Path("/" + "x" * 100))
    assert "FAREGATE_HOME" in str(caught.value.fix)


def test_both_sides_mean_the_same_key():
    assert SERVER_KEY.encode() == shared.SERVER_KEY
    assert is_installed()


def test_a_server_that_does_not_start_is_told(path: Path, capfd: pytest.CaptureFixture[str]):
    path.mkdir()  # where the socket should be
    ours, theirs = socket.socketpair()
    process = subprocess.run(
        [
            *(*PROGRAM, "--socket", str(path / "none" / "valkey.sock")),
            *("--parent", str(os.getpid()), "--control-fd", str(theirs.fileno())),
        ],
        pass_fds=[theirs.fileno()],
        capture_output=True,
        timeout=20,
    )
    ours.close()
    theirs.close()
    assert process.returncode == 1
    assert b"error: valkey ended at its start" in process.stderr
    assert embedded_valkey.START_S_MAX < 20
