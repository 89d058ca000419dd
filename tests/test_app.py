"""A role starts, ends with its channel, and says errors in one line."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faregate.app import main
from faregate.storage.home import Home
from faregate.storage.preparation import prepare_home

ROLES = ("gate", "clerk")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that nothing writes to."""
    root = tmp_path_factory.mktemp("prepared") / "home"
    prepare_home(Home(root))
    return root


@pytest.fixture
def home(prepared: Path, tmp_path: Path) -> Path:
    """A data folder of the test's own."""
    return Path(shutil.copytree(prepared, tmp_path / "home"))


class Role:
    """A process of a role and the supervisor's end of its channel."""

    def __init__(self, process: "subprocess.Popen[str]", channel: socket.socket) -> None:
        self.process = process
        self.channel = channel
        self._lines = channel.makefile("r", encoding="utf-8")

    def heard(self, kind: str) -> dict[str, Any]:
        """The next message of this kind."""
        for line in self._lines:
            message: dict[str, Any] = json.loads(line)
            if message["type"] == kind:
                return message
        raise EOFError(f"the channel ended before {kind!r}")

    def hang_up(self) -> None:
        """Leave, as a supervisor that was killed."""
        self._lines.close()
        self.channel.close()


def _environment(home: Path) -> dict[str, str]:
    return {**os.environ, "FAREGATE_HOME": str(home)}


@contextlib.contextmanager
def running(role: str, home: Path, listening: socket.socket) -> Iterator[Role]:
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    command = [sys.executable, "-m", "faregate.app", role, "--control-fd", str(theirs.fileno())]
    if role == "gate":
        command += ["--worker", "3", "--listen-fd", str(listening.fileno())]
    process = subprocess.Popen(
        command,
        env=_environment(home),
        pass_fds=[theirs.fileno(), listening.fileno()],
        stderr=subprocess.PIPE,
        text=True,
    )
    theirs.close()
    with process, ours:
        try:
            yield Role(process, ours)
        finally:
            process.kill()


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        yield bound


def ended(command: list[str], home: Path, **passed: Any) -> "subprocess.CompletedProcess[str]":
    """A role that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "faregate.app", *command],
        env=_environment(home),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        **passed,
    )


def _ask(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(b"GET /v1/models HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        with client.makefile("rb") as reply:
            return reply.read()


# -- life -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_it_ends_when_its_supervisor_is_gone(
    role: str, home: Path, listening: socket.socket
) -> None:
    with running(role, home, listening) as started:
        started.heard("ready")
        started.hang_up()
        assert started.process.wait(10) == 0
        assert "Traceback" not in started.process.stderr.read()


@pytest.mark.parametrize("role", ROLES)
def test_it_drains_when_told_and_says_so(role: str, home: Path, listening: socket.socket) -> None:
    with running(role, home, listening) as started:
        started.heard("ready")
        started.channel.sendall(b'{"type":"metrics"}\n')
        assert started.heard("metrics")["data"]
        started.channel.sendall(b'{"type":"drain"}\n')
        started.heard("drained")
        assert started.process.wait(10) == 0


@pytest.mark.parametrize("role", ROLES)
def test_it_ends_on_sigterm(role: str, home: Path, listening: socket.socket) -> None:
    with running(role, home, listening) as started:
        started.heard("ready")
        started.process.terminate()
        started.heard("drained")
        assert started.process.wait(10) == 0


def test_a_gate_answers_on_the_socket_it_was_given(home: Path, listening: socket.socket) -> None:
    with running("gate", home, listening) as gate:
        gate.heard("ready")
        reply = _ask(listening.getsockname()[1])
        assert reply.startswith(b"HTTP/1.1 401 ")
        assert b"key_missing" in reply
        folders = [path.name for path in Home(home).journal.iterdir()]
        assert len(folders) == 1
        assert folders[0].startswith("3-")
        gate.hang_up()
        assert gate.process.wait(10) == 0


def test_the_clerk_takes_what_a_gate_left_behind(home: Path, listening: socket.socket) -> None:
    with running("gate", home, listening) as gate:
        gate.heard("ready")
        _ask(listening.getsockname()[1])
        gate.hang_up()
        assert gate.process.wait(10) == 0
    with running("clerk", home, listening) as clerk:
        clerk.heard("ready")
        clerk.channel.sendall(b'{"type":"drain"}\n')
        clerk.heard("drained")
        assert clerk.process.wait(10) == 0
    assert Home(home).calls_database.exists()


def test_a_role_loads_nothing_heavy() -> None:
    """Or a killed one could not be replaced within a second."""
    program = "import sys, faregate.app, faregate.gate.worker; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True
    )
    heavy = {"sqlalchemy", "alembic", "rich", "typer", "prometheus_client"}
    assert heavy.isdisjoint(result.stdout.split())


# -- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ([], "role"),
        (["judge"], "invalid choice: 'judge'"),
        (["gate"], "--listen-fd"),
        (["gate", "--listen-fd", "99"], "'99' is not the number of an open socket"),
        (["gate", "--listen-fd", "0"], "'0' is not the number of an open socket"),
        (["gate", "--listen-fd", "x"], "'x' is not the number of an open socket"),
        (["gate", "--listen-fd", "9" * 30], "is not the number of an open socket"),
        (["clerk", "--control-fd", "99"], "'99' is not the number of an open socket"),
        (["clerk", "--listen-fd", "1"], "unrecognized arguments"),
    ],
)
def test_wrong_arguments_are_an_error_of_usage(
    command: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(command)
    assert caught.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def _command(role: str, listening: socket.socket) -> list[str]:
    return [role, "--listen-fd", str(listening.fileno())] if role == "gate" else [role]


@pytest.mark.parametrize("role", ROLES)
def test_without_an_installation_the_way_out_is_said(
    role: str, tmp_path: Path, listening: socket.socket
) -> None:
    result = ended(_command(role, listening), tmp_path / "none", pass_fds=[listening.fileno()])
    assert result.returncode == 1
    error, fix = result.stderr.splitlines()
    assert error.startswith("error: there is no installation at ")
    assert fix.startswith("fix: run 'faregate init'")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("damage", ["no master key", "an open master key", "no database"])
def test_a_damaged_data_folder_is_one_error(
    role: str, damage: str, home: Path, listening: socket.socket
) -> None:
    paths = Home(home)
    if damage == "no master key":
        paths.master_key_file.unlink()
    elif damage == "an open master key":
        paths.master_key_file.chmod(0o644)
    else:
        paths.database.write_bytes(b"this is no database, but long enough to be looked at" * 100)
    result = ended(_command(role, listening), home, pass_fds=[listening.fileno()])
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    error, fix = result.stderr.splitlines()[-2:]
    assert error.startswith("error: ")
    assert fix.startswith("fix: ")
    assert len(result.stderr.splitlines()) == 2
