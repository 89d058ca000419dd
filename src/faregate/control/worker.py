"""The process of the management API: uvicorn, its channel, its tasks."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final

import uvicorn
from fastapi import FastAPI

from faregate.net.control import ControlChannel

_log = logging.getLogger(__name__)

DRAIN_S: Final = 5  # for requests under way
TASK_PAUSE_S: Final = 5.0  # before a task that failed is begun anew

Task = Callable[[asyncio.Event], Awaitable[None]]
"""What runs beside the API until the event is set."""


class ControlWorker:
    """Serves `app` on a socket that listens already, with `tasks` beside it."""

    def __init__(
        self,
        app: FastAPI,
        listening: socket.socket,
        control_fd: int | None,
        tasks: Sequence[Task] = (),
        trusted_proxies: Sequence[str] = (),
    ) -> None:
        self._listening = listening
        self._control_fd = control_fd
        self._tasks = tasks
        self._stopping = asyncio.Event()
        self._server = _Server(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=True,
                proxy_headers=bool(trusted_proxies),
                forwarded_allow_ips=list(trusted_proxies),
                timeout_keep_alive=75,
                timeout_graceful_shutdown=DRAIN_S,
                limit_concurrency=1_000,
                h11_max_incomplete_event_size=64 * 1024,
            )
        )

    async def run(self) -> None:
        """Serve until stopped. Raises `FaregateError` where it can't begin."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        control: ControlChannel | None = None
        if self._control_fd is not None:
            control = ControlChannel(self._control_fd, self._told, self.stop)
            await control.open()
        serving = loop.create_task(self._server.serve(sockets=[self._listening]))
        running = [loop.create_task(self._keep(task)) for task in self._tasks]
        await asyncio.wait(
            [serving, loop.create_task(self._server.up.wait())],
            return_when=asyncio.FIRST_COMPLETED,
        )
        if control is not None:
            control.send("ready")
        try:
            await serving
        finally:
            self._stopping.set()
            if running:
                await asyncio.wait(running, timeout=DRAIN_S)
            for task in running:
                task.cancel()
            if control is not None:
                control.send("drained")
                await control.close()

    def stop(self) -> None:
        """Let requests under way end, then leave."""
        self._stopping.set()
        self._server.should_exit = True

    def _told(self, kind: str, _data: object) -> None:
        if kind == "drain":
            self.stop()

    async def _keep(self, task: Task) -> None:
        """Run a task again and again: what it does must not end with one mistake."""
        while not self._stopping.is_set():
            try:
                await task(self._stopping)
            except Exception:
                _log.exception("a task of the management process failed")
            try:
                await asyncio.wait_for(self._stopping.wait(), TASK_PAUSE_S)
            except TimeoutError:
                continue


class _Server(uvicorn.Server):
    """uvicorn that says when it is up, and leaves signals to the process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: the process has handlers of its own."""
        yield
