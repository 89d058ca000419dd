"""The simulator in this event loop, a thread, or a process of its own.

async with Simulator() as simulator:          # in the running loop
    client = openai.AsyncOpenAI(base_url=simulator.base_url, api_key="any")

with SimulatorThread() as simulator: ...      # for tests that are not async
with SimulatorProcess() as simulator: ...     # for benchmarks; simulator.pid
"""

import asyncio
import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

from faregate.core.errors import FaregateError
from faregate.simulator.connection import Connection
from faregate.simulator.received import RECEIVED_MAX_DEFAULT, Received, Records
from faregate.simulator.routing import CONTROL_PATH, Router
from faregate.simulator.script import ScriptError, parse_script

HOST: Final = "127.0.0.1"
PORT_DEFAULT: Final = 8410
BACKLOG: Final = 4_096
START_SECONDS_MAX: Final = 20.0
STOP_SECONDS_MAX: Final = 10.0


class Simulator:
    """A server of vendors' formats in the running event loop.

    `key` is the only key accepted, None accepts every call; `script` is for calls that bring
    none; `keep` is how many requests are remembered.
    """

    def __init__(
        self, *, key: str | None = None, script: str = "", keep: int = RECEIVED_MAX_DEFAULT
    ) -> None:
        try:
            default = parse_script(script)
        except ScriptError as error:
            raise FaregateError(str(error), fix="See 'faregate simulate --help'.") from None
        self.records = Records(keep)
        self.router = Router(key, default)
        self.stopping = False
        self._connections: set[Connection] = set()
        self._empty = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._host = HOST
        self._port = 0

    async def start(self, port: int = 0, host: str = HOST) -> Self:
        """Listen; port 0 takes a free one.

        Raises `FaregateError` where the port is taken.
        """
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: Connection(self), host, port, backlog=BACKLOG
            )
        except OSError as error:
            reason = error.strerror or str(error)
            raise FaregateError(
                f"The simulator can't listen on {host}:{port}: {reason}.",
                fix="Choose another port with --port, or --port 0 for a free one.",
            ) from None
        self._host = host
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @property
    def address(self) -> str:
        """http://host:port"""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes: the address with /v1."""
        return f"{self.address}/v1"

    @property
    def requests(self) -> list[Received]:
        """The last requests as received, oldest first."""
        return list(self.records.received)

    @property
    def cancelled(self) -> int:
        """How many calls were left by their caller before the end."""
        return self.records.counts.cancelled

    async def wait(self, timeout_s: float = 5.0, **counts: int) -> None:
        """Wait until counts are reached: `await simulator.wait(cancelled=1)`.

        The names are those of `Counts`; raises `TimeoutError`.
        """
        if not await self.records.wait(counts, timeout_s):
            raise TimeoutError(f"{counts} not reached: {self.records.counts}")

    def reset(self) -> None:
        """Forget what was received, and the counts of fail_first."""
        self.records.reset()
        self.router.reset()

    def key_script(self, key: str, script: str | None) -> None:
        """Answer every call with `key` by `script`; None repairs the key.

        Raises `ScriptError`.
        """
        self.router.give_script(key, script)

    async def close(self, grace_s: float = 0.0) -> None:
        """Stop: no new connections; calls in flight have `grace_s` to end."""
        if self._server is None:
            return
        self._server.close()
        self.stopping = True
        for connection in list(self._connections):
            connection.close_idle()
        if self._connections and grace_s > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), grace_s)
        for connection in list(self._connections):
            connection.abort()
        if self._connections:
            await self._empty.wait()
        await self._server.wait_closed()
        self._server = None

    def joined(self, connection: Connection) -> None:
        """A caller connected."""
        self._connections.add(connection)
        self._empty.clear()

    def left(self, connection: Connection) -> None:
        """A connection ended."""
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    async def __aenter__(self) -> Self:
        return self if self._server is not None else await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class RemoteSimulator:
    """Questions to a simulator over its own address, without a loop."""

    host = HOST
    port = 0

    @property
    def address(self) -> str:
        """http://host:port"""
        return f"http://{self.host}:{self.port}"

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes: the address with /v1."""
        return f"{self.address}/v1"

    def snapshot(self, last: int | None = None) -> dict[str, Any]:
        """The counts and, under "received", the last requests, oldest first."""
        return self._ask("GET", "requests" if last is None else f"requests?last={last}")

    def reset(self) -> None:
        """Forget what was received."""
        self._ask("POST", "reset")

    def key_script(self, key: str, script: str | None) -> None:
        """Answer every call with `key` by `script`; None repairs the key.

        Raises `ValueError` on a script that can't be played.
        """
        said = self._ask("POST", "key", body=json.dumps({"key": key, "script": script}))
        if "error" in said:
            raise ValueError(said["error"]["message"])

    def wait(self, timeout_s: float = 5.0, **counts: int) -> dict[str, Any]:
        """Wait until counts are reached; the snapshot then.

        Raises `TimeoutError`.
        """
        asked = "&".join(f"{name}={number}" for name, number in counts.items())
        found = self._ask("GET", f"wait?timeout_ms={int(timeout_s * 1000)}&{asked}", timeout_s)
        if any(found[name] < number for name, number in counts.items()):
            found.pop("received")
            raise TimeoutError(f"{counts} not reached: {found}")
        return found

    def _ask(
        self, method: str, path: str, timeout_s: float = 0.0, body: str | None = None
    ) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout_s + 10)
        try:
            connection.request(method, CONTROL_PATH.decode() + path, body)
            document: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return document


class SimulatorThread(RemoteSimulator):
    """A simulator in a thread of this process; a context manager."""

    def __init__(self, **options: Any) -> None:
        self._simulator = Simulator(**options)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        ready = self._ready.wait(START_SECONDS_MAX)
        if self._failure is not None:
            raise self._failure
        if not ready:
            raise FaregateError(f"The simulator did not start in {START_SECONDS_MAX:g} seconds.")
        self.port = self._simulator.port
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOP_SECONDS_MAX)

    def _run(self) -> None:
        try:
            run_event_loop(self._serve())
        except BaseException as error:
            self._failure = error
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with self._simulator:
            self._ready.set()
            await self._stop.wait()


class SimulatorProcess(RemoteSimulator):
    """A simulator in a child process; a context manager.

    The child ends when this process does.
    """

    def __init__(
        self, *, key: str | None = None, script: str = "", command: Sequence[str] = ()
    ) -> None:
        self._arguments = [*command, sys.executable, "-m", "faregate.simulator", "--port", "0"]
        self._arguments += ["--script", script]
        if key is not None:
            self._arguments += ["--key", key]
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The child's process id."""
        assert self._child is not None
        return self._child.pid

    def __enter__(self) -> Self:
        self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            self._arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            self._child.wait(STOP_SECONDS_MAX)
            raise FaregateError("The simulator did not start; its error is above.")
        self.port = json.loads(line)["port"]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        child = self._child
        assert child is not None
        child.terminate()
        try:
            child.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                stream.close()


def run_event_loop(main: Any) -> None:
    """Run a coroutine on uvloop, which serves several times as many calls."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


async def serve_until_stopped(
    simulator: Simulator, port: int, host: str, *, announce: Any, parent: socket.socket | int | None
) -> None:
    """Serve until SIGTERM or SIGINT.

    It ends as well when `parent`, a descriptor, is at its end. `announce(simulator)` is called
    when it listens.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await simulator.start(port, host)
    if parent is not None:
        loop.add_reader(parent, stop.set)
    announce(simulator)
    await stop.wait()
    if parent is not None:
        loop.remove_reader(parent)
    await simulator.close(grace_s=2.0)
