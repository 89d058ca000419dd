"""The process around the runner: channel, signals, when it looks."""

import contextlib
import json
import logging
import signal
import socket
import threading
from collections.abc import Callable
from typing import Final

from faregate.configuration.settings import Settings
from faregate.core.clock import Clock
from faregate.core.errors import FaregateError
from faregate.runner.gates import Gates
from faregate.runner.ports import BatchDesk, CallSource
from faregate.runner.runner import Runner

_log = logging.getLogger(__name__)

LOOK_S: Final = 0.25  # between two looks whether others have written
TICK_S: Final = 0.5  # between two ticks while batches are open
SETTINGS_S: Final = 10.0
SWEEP_S: Final = 3_600.0
TROUBLE_S: Final = 2.0  # before the next look, where the files can't be used


class RunnerProcess:
    """Runs batches until the supervisor says otherwise, or is gone.

    `read_settings` may block and may raise `FaregateError`, and then the ones before stay.
    """

    def __init__(
        self,
        desk: BatchDesk,
        calls: CallSource,
        gates: Gates,
        clock: Clock,
        read_settings: Callable[[], Settings],
        control_fd: int | None,
    ) -> None:
        self._desk = desk
        self._calls = calls
        self._gates = gates
        self._clock = clock
        self._read_settings = read_settings
        self._control = None if control_fd is None else socket.socket(fileno=control_fd)
        self._woken = threading.Event()
        self._stopping = threading.Event()

    def run(self) -> None:
        """Work until stopped. Raises `FaregateError` where it can't begin."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop())
        settings = self._read_settings()
        runner = Runner(
            self._desk, self._calls, self._gates, self._clock, settings, self._woken.set
        )
        if self._control is not None:
            threading.Thread(target=self._listen, args=(self._control,), daemon=True).start()
        self._send("ready")
        self._work(runner)
        # What is called now ends by itself, or is looked up at the next start.
        until = self._clock.monotonic() + runner.settings.gate.drain_timeout_s
        while runner.flying and (left := until - self._clock.monotonic()) > 0:
            self._woken.clear()
            self._woken.wait(min(left, TICK_S))
        self._send("drained")

    def _work(self, runner: Runner) -> None:
        now = self._clock.monotonic
        seen: int | None = None
        busy, ticked_at, read_at, swept_at = True, 0.0, now(), 0.0
        while not self._stopping.is_set():
            woken = self._woken.is_set()
            self._woken.clear()
            pause_s = LOOK_S
            try:
                cursor = self._desk.cursor()
                due = cursor is not None and (
                    woken or cursor != seen or (busy and now() - ticked_at >= TICK_S)
                )
                if due:
                    if now() - read_at >= SETTINGS_S:
                        read_at = now()
                        with contextlib.suppress(FaregateError):
                            runner.settings = self._read_settings()
                    seen, ticked_at = cursor, now()
                    busy = runner.tick()
                if cursor is not None and now() - swept_at >= SWEEP_S:
                    swept_at = now()
                    runner.sweep()
            except FaregateError as error:
                _log.error("%s", error)
                pause_s = TROUBLE_S
                self._stopping.wait(pause_s)
            self._woken.wait(pause_s)

    def _stop(self) -> None:
        self._stopping.set()
        self._woken.set()

    def _listen(self, control: socket.socket) -> None:
        """Stop at a drain, or when the supervisor is gone."""
        with contextlib.suppress(OSError, ValueError), control.makefile("rb") as messages:
            for line in messages:
                if json.loads(line).get("type") == "drain":
                    break
        self._stop()

    def _send(self, kind: str) -> None:
        if self._control is not None:
            with contextlib.suppress(OSError):
                self._control.sendall(b'{"type":"%s"}\n' % kind.encode())
