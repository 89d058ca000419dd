"""Processes of a benchmark: started on a core, waited for, and always ended."""

import contextlib
import fcntl
import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import machine
from books import Books, Served
from calls import Caller
from unavailable import Unavailable

WORK = Path(__file__).resolve().parent / ".work"
RUN = WORK / "run"
START_SECONDS_MAX = 20.0
STOP_SECONDS_MAX = 10.0


@dataclass
class Candidate:
    """A gateway that runs: where it listens, and which processes are its cost."""

    name: str
    port: int
    stream_port: int
    # Processes whose CPU time and memory are measured.
    pids: Callable[[], list[int]]
    key: str = "sk-bench"
    # Those of callers who are refused.
    refused_keys: dict[Caller, str] = field(default_factory=dict)
    more_headers: tuple[str, ...] = ()
    # Processes that work for it besides, measured for the record.
    clerk_pids: Callable[[], list[int]] = field(default=list)
    # Waits until these have done what the calls left to them.
    settle: Callable[[], None] = lambda: None
    # What its calls have moved in the ledger so far; None: it keeps none.
    books: Callable[[], Books] | None = None
    served: Served = field(default_factory=Served)

    def cpu_ns(self) -> int:
        """CPU time of the measured processes so far."""
        try:
            return sum(machine.cpu_ns(pid) for pid in self.pids())
        except FileNotFoundError as error:
            raise Unavailable(f"{self.name} ended while it was measured") from error

    def clerk_cpu_ns(self) -> int:
        """CPU time of the processes besides so far."""
        total = 0
        for pid in self.clerk_pids():
            with contextlib.suppress(FileNotFoundError):  # one of a database's may end any time
                total += machine.cpu_ns(pid)
        return total

    def key_of(self, caller: Caller) -> str:
        """The key that a caller sends."""
        return self.refused_keys.get(caller, self.key)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, below those that clients are given."""
    for port in range(21_000, 31_000):
        if port not in _given:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                with contextlib.suppress(OSError):
                    probe.bind(("127.0.0.1", port))
                    _given.add(port)
                    return port
    raise RuntimeError("no port is free")


_given: set[int] = set()


def _found(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def missing(programs: dict[str, str]) -> list[str]:
    """The packages of those programs that aren't installed."""
    return [package for program, package in programs.items() if _found(program) is None]


def needed(program: str, package: str) -> str:
    """The path of `program`; raises `Unavailable` where it isn't installed."""
    path = _found(program)
    if path is None:
        raise Unavailable(f"{program} is not installed: apt-get install {package}")
    return path


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Keep a second benchmark off this checkout: it would take cores and the data folder."""
    WORK.mkdir(parents=True, exist_ok=True)
    with (WORK / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unavailable("a benchmark is running already; wait for its end") from None
        yield


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    *,
    core: int | None,
    log: str,
    env: dict[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` on `core` (None: on any) for the length of the block.

    Its output goes to RUN/<log>.log.
    """
    cores = set(range(os.cpu_count() or 1)) if core is None else {core}
    RUN.mkdir(parents=True, exist_ok=True)
    with (RUN / f"{log}.log").open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=machine.environment(env or {}),
            start_new_session=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask, wait, then end the session that `process` leads."""
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS_MAX)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for_answer(
    process: subprocess.Popen[bytes],
    port: int,
    path: str,
    log: str,
    seconds_max: float = START_SECONDS_MAX,
) -> None:
    """Wait until `path` on `port` answers 200; raises `Unavailable` where it never does."""
    deadline = time.monotonic() + seconds_max
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if status(port, path) == 200:
                return
        time.sleep(0.005)
    lines = (RUN / f"{log}.log").read_text(errors="replace").strip().splitlines() or ["no output"]
    raise Unavailable(f"{log} did not start: {lines[-1].strip()[:200]}")


def status(port: int, path: str) -> int:
    """The status of GET `path` on 127.0.0.1."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()
