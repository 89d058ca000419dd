"""The process around a gate: loop, control channel, housekeeping, end."""

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from faregate.configuration.settings import Settings
from faregate.core.clock import Clock
from faregate.core.errors import FaregateError
from faregate.gate.accounts import (
    describe_providers,
    reset_benches,
    tell_balances,
    tell_spent,
)
from faregate.gate.credit_broker import TICK_S
from faregate.gate.explaining import Explaining
from faregate.gate.filing import Filing
from faregate.gate.follower import Follower
from faregate.gate.gate import Gate
from faregate.gate.ports import ConfigurationSource, Journal, LedgerSource, Tally
from faregate.identity.keys import KeyRecord
from faregate.net.control import ControlChannel
from faregate.net.tls import ServerCertificates
from faregate.policies.acting import Acting
from faregate.policies.keys import KeyCheck

_log = logging.getLogger(__name__)

_HOUSEKEEPING_SECONDS: Final = 1.0
# Calls leave no cycles behind, so looking for them often is waste; connections leave few.
_GC_THRESHOLDS: Final = (50_000, 20, 50)


class Openers(NamedTuple):
    """How a worker opens what it writes to, once it knows the settings."""

    journal: Callable[[Settings], Journal]
    ledger: Callable[[Settings], LedgerSource]
    tally: Callable[[Settings], Tally]


class GateWorker:
    """Runs a gate on `listening` until the supervisor ends it, or is gone.

    `inside` is where it makes a second socket, for calls of batches.
    """

    def __init__(
        self,
        source: ConfigurationSource,
        openers: Openers,
        clock: Clock,
        listening: socket.socket,
        control_fd: int | None,
        explaining: Explaining | None = None,
        filing: Filing | None = None,
        inside: Path | None = None,
        token_secret: bytes | None = None,
    ) -> None:
        self._filing = filing
        self._token_secret = token_secret
        self._inside = inside
        self._follower = Follower(source)
        self._openers = openers
        self._clock = clock
        self._listening = listening
        self._control_fd = control_fd
        self._explaining = explaining
        self._stopping = asyncio.Event()
        self._certificates: ServerCertificates | None = None
        self._control: ControlChannel | None = None
        self._gate: Gate | None = None

    async def run(self) -> None:
        """Serve until stopped, then drain.

        Raises `FaregateError` where it can't begin.
        """
        _raise_file_limit()
        state = self._follower.read_first()
        settings = state.document.settings
        if settings.gate.tls is not None:
            self._certificates = ServerCertificates(settings.gate.tls)
        loop = asyncio.get_running_loop()
        key_check = KeyCheck(self._follower.find_key, self._clock)
        explaining = self._explaining
        if explaining is not None:
            explaining.find_named_key = find = self._find_named
            if explaining.operator_hash is not None:
                token = explaining.operator_hash
                key_check.acting = Acting(token, find, key_check.judge, self._clock)
        openers = self._openers
        # The journal first: draws of a worker that has none count as left behind.
        journal = openers.journal(settings)
        ledger, tally = openers.ledger(settings), openers.tally(settings)
        gate = self._gate = Gate(
            loop, self._clock, journal, key_check, state, ledger, tally, explaining, self._filing,
            self._token_secret,
        )  # fmt: skip
        await gate.listener.serve(self._listening, self._certificates)
        if self._inside is not None and settings.batches.enabled:
            await self._listen_inside(gate, self._inside)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        await self._open_control()
        tasks = [
            loop.create_task(self._follower.follow(gate.adopt, key_check.forget)),
            loop.create_task(self._keep_house(gate)),
            loop.create_task(_repeat(TICK_S, gate.broker.keep_house)),
            loop.create_task(_repeat(_HOUSEKEEPING_SECONDS, gate.tally.keep_house)),
        ]
        _settle_memory()
        self._send_metrics()  # whoever is told that it is ready can ask what it runs
        self._send("ready")
        await self._stopping.wait()
        for task in tasks:
            task.cancel()
        await self._end(gate)

    async def _find_named(self, name: str) -> KeyRecord | None:
        """A key by its name or id, or other callers by their id; raises `FaregateError`."""
        find = self._follower.find_named_key
        return await (find(name) if self._gate is None else self._gate.callers.find(name, find))

    async def _listen_inside(self, gate: Gate, path: Path) -> None:
        """Listen on a socket that only the batches of this installation use."""
        try:
            await gate.listener.serve_inside(path)
        except OSError as error:
            _log.warning("batches can't reach this worker: %s: %s", path, error)

    async def _open_control(self) -> None:
        if self._control_fd is not None:
            self._control = ControlChannel(self._control_fd, self._told, self._stopping.set)
            await self._control.open()

    def _told(self, kind: str, data: Any) -> None:
        if kind == "drain":
            self._stopping.set()
        elif kind == "metrics":
            self._send_metrics()
        elif kind == "reload":
            self._reload_certificates()
        elif kind == "providers":
            self._send_providers()
        elif kind == "reset" and self._gate is not None:
            reset_benches(self._gate.registry, str(data["provider"]), data.get("key"))
        elif kind == "balances" and self._gate is not None:
            tell_balances(self._gate.registry, data, self._clock.monotonic())
        elif kind == "spent" and self._gate is not None:
            tell_spent(self._gate, data, self._clock.monotonic())

    def _reload_certificates(self) -> None:
        if self._certificates is None:
            return
        try:
            self._certificates.reload()
            _log.info("the certificates were read again")
        except FaregateError as error:
            _log.error("the old certificates stay in use: %s", error)

    def _send_providers(self) -> None:
        if self._gate is not None:
            self._send("providers", describe_providers(self._gate, self._clock.monotonic()))

    def _send(self, kind: str, data: object = None) -> None:
        if self._control is not None:
            self._control.send(kind, data)

    def _send_metrics(self) -> None:
        if self._gate is not None:
            self._gate.update_metrics()
            self._send("metrics", self._gate.metrics.snapshot())

    async def _keep_house(self, gate: Gate) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING_SECONDS)
            gate.recorder.retry()
            gate.registry.settle(gate.now(), gate.wall_ns())
            self._send_metrics()
            if self._certificates is not None and self._certificates.changed():
                self._reload_certificates()

    async def _end(self, gate: Gate) -> None:
        await gate.close(gate.settings.drain_timeout_s)
        self._send_metrics()
        self._send("drained")
        if self._control is not None:
            await self._control.close()
        self._follower.close()


async def _repeat(pause_s: float, keep_house: Callable[[], Awaitable[None]]) -> None:
    """No failure ends the housekeeping: slices would lie with this worker for ever."""
    while True:
        await asyncio.sleep(pause_s)
        try:
            await keep_house()
        except Exception:
            _log.exception("the housekeeping failed; it goes on")


def _raise_file_limit() -> None:
    """Take as many descriptors as the system gives: every call needs two."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _settle_memory() -> None:
    """What has been loaded by now stays for ever: never look through it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
