"""The process around the clerk: its channel, signals and retention."""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from threading import Thread
from typing import Final

from faregate.clerk.clerk import Clerk, Retention
from faregate.core.errors import FaregateError
from faregate.ledger.spending import Spent
from faregate.monitor.metrics import clerk_snapshot
from faregate.net.control import SPENT_MAX, ControlChannel, parts_of

_REPORT_SECONDS: Final = 1.0
_RETENTION_SECONDS: Final = 10.0
_SPENT_SECONDS: Final = 0.5  # the clerk looks each second


class ClerkWorker:
    """Runs a clerk until the supervisor says otherwise, or is gone.

    `read_retention` gives the settings as they are now; it may block and may raise
    `FaregateError`, and then the ones before stay. `poll_balances` gives a pause in seconds, and
    what is left at providers' accounts; it may block.
    """

    def __init__(
        self,
        clerk: Clerk,
        read_retention: Callable[[], Retention],
        control_fd: int | None,
        poll_balances: Callable[[], tuple[float, dict[str, int]]] | None = None,
    ) -> None:
        self._clerk = clerk
        self._read_retention = read_retention
        self._control_fd = control_fd
        self._poll_balances = poll_balances
        self._control: ControlChannel | None = None

    async def run(self) -> None:
        """Work until stopped. Raises `FaregateError` where it can't begin."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._clerk.stop)
        if self._control_fd is not None:
            self._control = ControlChannel(self._control_fd, self._told, self._clerk.stop)
            await self._control.open()
        tasks = [
            loop.create_task(self._report_often()),
            loop.create_task(self._follow_retention()),
            loop.create_task(self._follow_balances()),
            loop.create_task(self._follow_spend()),
        ]
        self._send("ready")
        try:
            await self._clerk.run()
        finally:
            for task in tasks:
                task.cancel()
            self._report()
            self._send("drained")
            if self._control is not None:
                await self._control.close()

    def _told(self, kind: str, _data: object) -> None:
        if kind == "drain":
            self._clerk.stop()
        elif kind == "metrics":
            self._report()

    def _send(self, kind: str, data: object = None) -> None:
        if self._control is not None:
            self._control.send(kind, data)

    def _report(self) -> None:
        self._send("metrics", clerk_snapshot(self._clerk.metrics()))

    async def _report_often(self) -> None:
        while True:
            await asyncio.sleep(_REPORT_SECONDS)
            self._report()

    async def _follow_retention(self) -> None:
        while True:
            await asyncio.sleep(_RETENTION_SECONDS)
            with contextlib.suppress(FaregateError):
                self._clerk.retention = await asyncio.to_thread(self._read_retention)

    async def _follow_spend(self) -> None:
        """Tell what was spent at accounts, of those where it has changed."""
        told: Spent = {}
        while True:
            spent = self._clerk.spent()
            changed = {name: by for name, by in spent.items() if told.get(name) != by}
            for part in parts_of(changed, SPENT_MAX):
                self._send("spent", part)
            told = spent
            await asyncio.sleep(_SPENT_SECONDS)

    async def _follow_balances(self) -> None:
        """Tell what is left at providers; no end waits for a vendor that is slow."""
        poll = self._poll_balances
        if poll is None:
            return
        loop = asyncio.get_running_loop()
        while True:
            polled: asyncio.Future[tuple[float, dict[str, int]]] = loop.create_future()
            Thread(target=_give, args=(poll, loop, polled), daemon=True).start()
            pause_s, amounts = await polled
            if amounts:
                self._send("balances", amounts)
            await asyncio.sleep(pause_s)


def _give(
    poll: Callable[[], tuple[float, dict[str, int]]],
    loop: asyncio.AbstractEventLoop,
    polled: "asyncio.Future[tuple[float, dict[str, int]]]",
) -> None:
    found = poll()

    def give() -> None:
        if not polled.done():
            polled.set_result(found)

    with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
        loop.call_soon_threadsafe(give)
