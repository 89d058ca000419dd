"""One process that is kept alive: started, listened to, replaced.

Contract: a child is a program of ours, started by exec in a session of its own (so that Ctrl-C
in the terminal reaches the supervisor alone). It has one end of a socket pair, its control
channel, over which both sides send JSON objects, one a line:

    child to supervisor   {"type": "ready"}, {"type": "metrics", "data": {...}},
                          {"type": "providers", "data": {...}}, {"type": "drained"},
                          {"type": "balances", "data": {...}}, {"type": "spent", "data": {...}}
    supervisor to child   {"type": "drain"}, {"type": "reload"}, {"type": "metrics"},
                          {"type": "providers"}, {"type": "reset", "data": {...}},
                          {"type": "balances", "data": {...}}, {"type": "spent", "data": {...}}

When the channel ends, the supervisor is gone, and the child leaves by itself. Listening sockets
belong to the supervisor; a child inherits one and so does its replacement.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from faregate.monitor.metrics import Snapshot, merge, retire
from faregate.supervisor.log import EventLog
from faregate.supervisor.restart import RestartPolicy

Role = Literal["gate", "clerk", "batches", "control", "model", "valkey"]
State = Literal["starting", "ready", "draining", "restarting", "stopped"]

MESSAGE_BYTES_MAX: Final = 4 * 1024 * 1024  # metrics of one worker at their bounds: under 1 MiB
PROVIDERS_WAIT_S: Final = 1.0  # for a busy worker's view of its accounts
METRICS_WAIT_S: Final = 0.25  # for fresh counts; a busy worker's last ones are a second old
SILENCE_S_MAX: Final = 30.0  # of a ready gate, which reports every second: it hangs
TERMINATE_S: Final = 2.0  # from SIGTERM to SIGKILL


@dataclass(frozen=True)
class ChildPlan:
    """What to run: a command, to which the supervisor adds arguments.

    Those are `--listen-fd N` where there is a listening socket, a gate's `--worker I`, and
    `--control-fd M`.
    """

    role: Role
    command: tuple[str, ...]
    worker: int = 0
    listener: socket.socket | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def is_needed(self) -> bool:
        """Whether no call is answered without it; the others catch up."""
        return self.role not in ("clerk", "batches", "control")

    @property
    def name(self) -> str:
        """Role and number, for people."""
        return f"{self.role} {self.worker}" if self.role == "gate" else self.role


class Child:
    """A process and its successors; `changed` tells of every new state."""

    def __init__(self, plan: ChildPlan, log: EventLog, changed: Callable[[], None]) -> None:
        # For the life of the service.
        self.plan = plan
        self.restarts = 0
        self.policy = RestartPolicy(gives_up=plan.is_needed)
        self.state: State = "starting"
        self.on_balances: Callable[[dict[str, int]], None] = lambda _: None
        self.on_spent: Callable[[dict[str, Any]], None] = lambda _: None
        self.on_ready: Callable[[], None] = lambda: None
        self._log = log
        self._changed = changed
        self._stopping = asyncio.Event()
        self._spawning = asyncio.Lock()
        self._retired: Snapshot = {}
        # Of the process that runs now.
        self.pid: int | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._drained = asyncio.Event()
        self._metrics: Snapshot = {}
        self._metrics_arrived = asyncio.Event()
        self._providers: dict[str, Any] | None = None
        self._providers_arrived = asyncio.Event()
        self._heard_at = 0.0

    async def run(self) -> None:
        """Keep one process alive until `stop()`, or until it is hopeless."""
        while not self._stopping.is_set():
            begun = time.monotonic()
            status = await self._live()
            if self._stopping.is_set():
                break
            pause_s = self.policy.died(time.monotonic() - begun)
            self._report_death(status, pause_s)
            if self.policy.hopeless():
                break
            self.restarts += 1
            self._be("restarting")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_s)
        self._be("stopped")

    async def stop(self, patience_s: float, hasten: asyncio.Event) -> None:
        """Drain it for at most `patience_s`, then end it; `hasten` skips that."""
        self._stopping.set()
        async with self._spawning:
            process = self._process
        if process is None:
            return
        self._be("draining")
        self.send("drain")
        await _ends(process, patience_s, self._drained, hasten)
        if self._drained.is_set():
            await _ends(process, TERMINATE_S, hasten)
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        if not await _ends(process, TERMINATE_S):
            self._log("warning", f"{self.plan.role}.killed", worker=self._worker, pid=self.pid)
            self._kill()
            await process.wait()

    def send(self, kind: str, data: Any = None) -> None:
        """Send a message; a process that is gone hears nothing."""
        if self._writer is not None and not self._writer.is_closing():
            message = {"type": kind} if data is None else {"type": kind, "data": data}
            self._writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")

    async def ask_providers(self) -> dict[str, Any] | None:
        """What a gate knows of its accounts; None: it doesn't say soon."""
        self._providers = None
        self._providers_arrived.clear()
        self.send("providers")
        if self._writer is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._providers_arrived.wait(), PROVIDERS_WAIT_S)
        return self._providers

    def metrics(self) -> Snapshot:
        """The counts of this process and of all before it."""
        return merge([self._retired, self._metrics])

    async def refresh_metrics(self) -> None:
        """Ask for fresh counts and wait for them a moment."""
        self._metrics_arrived.clear()
        self.send("metrics")
        if self._writer is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._metrics_arrived.wait(), METRICS_WAIT_S)

    def end_if_silent(self, now: float) -> None:
        """Kill a ready gate that is silent for too long; it is replaced."""
        silent_s = now - self._heard_at
        if self.plan.role == "gate" and self.state == "ready" and silent_s > SILENCE_S_MAX:
            self._log("error", "gate.hangs", worker=self._worker, pid=self.pid, silent_s=silent_s)
            self._kill()

    @property
    def _worker(self) -> int | None:
        return self.plan.worker if self.plan.role == "gate" else None

    def _be(self, state: State) -> None:
        self.state = state
        self._changed()

    async def _live(self) -> int:
        """Start a process and follow it to its end; returns its exit status."""
        async with self._spawning:
            if self._stopping.is_set():
                return 0
            try:
                process, reader = await self._spawn()
            except OSError as error:
                self._log("error", f"{self.plan.role}.start_failed", reason=error.strerror)
                return 127
        self._log("info", f"{self.plan.role}.started", worker=self._worker, pid=self.pid)
        listening = asyncio.create_task(self._listen(reader))
        try:
            status = await process.wait()
            await asyncio.wait([listening], timeout=1.0)  # what it said last counts
            return status
        finally:
            listening.cancel()
            if self._writer is not None:
                self._writer.close()
            self._process = self._writer = self.pid = None
            self._retired = merge([self._retired, retire(self._metrics)])
            self._metrics = {}

    async def _spawn(self) -> tuple[asyncio.subprocess.Process, asyncio.StreamReader]:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            process = await self._execute(theirs)
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._process, self.pid = process, process.pid
        self._drained.clear()
        self._be("starting")
        reader, self._writer = await asyncio.open_connection(sock=ours, limit=MESSAGE_BYTES_MAX)
        return process, reader

    async def _execute(self, control: socket.socket) -> asyncio.subprocess.Process:
        inherited = [control.fileno()]
        arguments = ["--control-fd", str(control.fileno())]
        if self.plan.listener is not None:
            inherited.append(self.plan.listener.fileno())
            if self.plan.role == "gate":
                arguments += ["--worker", str(self.plan.worker)]
            arguments += ["--listen-fd", str(self.plan.listener.fileno())]
        return await asyncio.create_subprocess_exec(
            *self.plan.command,
            *arguments,
            pass_fds=inherited,
            env=dict(self.plan.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=2,  # standard error: a log line is no part of what our own output promises
            start_new_session=True,
        )

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                text = await reader.readline()
            except ConnectionError:  # it died with words of ours unread
                return
            except ValueError as error:  # a line without end
                self._log("error", f"{self.plan.role}.channel_broken", reason=error)
                self._kill()
                return
            if not text:
                return
            self._heard_at = time.monotonic()
            try:
                message = json.loads(text)
                self._take(message["type"], message)
            except (ValueError, KeyError, TypeError):
                self._log("warning", f"{self.plan.role}.message_unknown", message=text[:200])

    def _take(self, kind: str, message: dict[str, Any]) -> None:
        if kind == "metrics":
            self._metrics = message["data"]
            self._metrics_arrived.set()
        elif kind == "providers":
            self._providers = message["data"]
            self._providers_arrived.set()
        elif kind == "balances":
            self.on_balances(message["data"])
        elif kind == "spent":
            self.on_spent(message["data"])
        elif kind == "drained":
            self._drained.set()
        elif kind == "ready":
            self.policy.ready()
            self._log("info", f"{self.plan.role}.ready", worker=self._worker, pid=self.pid)
            self.on_ready()
            if self.state == "starting":
                self._be("ready")
        else:
            raise ValueError(kind)

    def _report_death(self, status: int, pause_s: float) -> None:
        reason = f"exit status {status}" if status >= 0 else f"signal {-status}"
        in_a_row = self.policy.deaths_in_a_row
        self._log(
            "error",
            f"{self.plan.role}.died",
            worker=self._worker,
            reason=reason,
            next_start_s=None if self.policy.hopeless() else pause_s,
            in_a_row=in_a_row if in_a_row > 1 else None,
        )

    def _kill(self) -> None:
        """SIGKILL to the process and whatever it started: it leads its own group."""
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)


async def _ends(
    process: asyncio.subprocess.Process, timeout_s: float, *sooner: asyncio.Event
) -> bool:
    """Whether the process ended in time, or before one of the events happened."""
    waits = [asyncio.ensure_future(event.wait()) for event in sooner]
    ended = asyncio.ensure_future(process.wait())
    await asyncio.wait([ended, *waits], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    for wait in (ended, *waits):
        wait.cancel()
    return process.returncode is not None
