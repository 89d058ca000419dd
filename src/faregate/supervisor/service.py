"""The service of one machine: processes, signals, operations, end.

SIGTERM and SIGINT drain: the listening sockets close, gates finish the calls they have, then the
clerk reads what is left of the journals, then the local model and the shared counters go. A second
signal stops the waiting. SIGHUP has the gates read their certificates again.
"""

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import faregate
from faregate.core.errors import FaregateError
from faregate.monitor.metrics import Snapshot, merge
from faregate.net.control import SPENT_MAX, parts_of
from faregate.supervisor.child import Child, ChildPlan
from faregate.supervisor.log import EventLog
from faregate.supervisor.operations import Answer, OperationsServer, json_answer

CLERK_STOP_S: Final = 5.0  # to read the last frames; what it leaves it finds at the next start
CONTROL_STOP_S: Final = 6.0  # for requests under way
MODEL_STOP_S: Final = 1.0
VALKEY_STOP_S: Final = 1.0
WATCH_S: Final = 5.0  # between two looks at silent gates
ROLES_IN_ORDER_OF_END: Final = ("control", "batches", "gate", "clerk", "model", "valkey")


@dataclass(frozen=True)
class ServicePlan:
    """What runs; the sockets listen already and become the service's.

    `facts` are shown by /status: home, address and the like. `operator_hash` is that of the
    operator's token.
    """

    children: Sequence[ChildPlan]
    operations: socket.socket
    drain_timeout_s: float
    facts: dict[str, Any] = field(default_factory=dict)
    operator_hash: bytes | None = None


class Service:
    """Runs a plan until it is told to stop."""

    def __init__(self, plan: ServicePlan, log: EventLog) -> None:
        self._plan = plan
        self._log = log
        self._started = time.time()
        self._change = asyncio.Event()
        self._stop = asyncio.Event()
        self._hasten = asyncio.Event()
        self._children = [Child(child, log, self._change.set) for child in plan.children]
        self._operations = OperationsServer(
            {
                "/healthz": self._healthz,
                "/readyz": self._readyz,
                "/metrics": self._metrics,
                "/status": self._status,
                "/providers": self._providers,
            },
            {
                "/providers/reset": self._reset,
                "/providers/balance": self._balance,
                "/reload": self._order_reload,
            },
            plan.operator_hash,
        )
        self._balances: dict[str, int] = {}
        self._spent: dict[str, Any] = {}
        for child in self._children:
            child.on_balances = self._tell_balances
            child.on_spent = self._tell_spent
            if child.plan.role == "gate":
                child.on_ready = partial(self._tell_anew, child)

    async def run(
        self,
        on_ready: Callable[[], None] = lambda: None,
        on_stop: Callable[[], None] = lambda: None,
    ) -> None:
        """Serve until a signal; `on_ready` once, when calls can be answered.

        The clerk starts only then: it comes after the calls, and would slow the others' start.

        Raises `FaregateError` when a process can't be brought to life.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        await self._operations.start(self._plan.operations)
        needed = [child for child in self._children if child.plan.is_needed]
        later = [child for child in self._children if not child.plan.is_needed]
        lives = [asyncio.create_task(child.run()) for child in needed]
        watch = asyncio.create_task(self._watch())
        try:
            if await self._until_ready(needed):
                on_ready()
                lives += [asyncio.create_task(child.run()) for child in later]
            await self._until_stop()
            if not self._hopeless():
                on_stop()
        finally:
            watch.cancel()
            await self._end(lives)
            self._operations.close()
        self._raise_if_hopeless()

    def stop(self) -> None:
        """Drain and end; called again, without waiting for calls in flight."""
        if self._stop.is_set():
            self._hasten.set()
        self._stop.set()
        self._change.set()

    def reload(self) -> None:
        """Have the gates read their certificates again."""
        self._log("info", "service.reload")
        for child in self._children:
            if child.plan.role == "gate":
                child.send("reload")

    async def _until_ready(self, needed: Sequence[Child]) -> bool:
        while not all(child.state == "ready" for child in needed):
            if not await self._goes_on():
                return False
        return True

    async def _until_stop(self) -> None:
        while await self._goes_on():
            pass

    async def _goes_on(self) -> bool:
        """Wait for a change; whether the service goes on after it."""
        if not self._stop.is_set() and not self._hopeless():
            await self._change.wait()
            self._change.clear()
        return not self._stop.is_set() and not self._hopeless()

    def _hopeless(self) -> Child | None:
        return next((child for child in self._children if child.policy.hopeless()), None)

    def _raise_if_hopeless(self) -> None:
        child = self._hopeless()
        if child is not None:
            raise FaregateError(
                f"the {child.plan.name} process ends at its start, "
                f"{child.policy.deaths_in_a_row} times in a row",
                fix="the lines above say why; mend that and start again",
            )

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            for child in self._children:
                child.end_if_silent(time.monotonic())

    async def _end(self, lives: list[asyncio.Task[None]]) -> None:
        self._stop.set()
        self._log("info", "service.draining", wait_s_max=self._plan.drain_timeout_s)
        # Our copies of the sockets too, or the kernel would go on taking connections.
        for child in self._children:
            if child.plan.listener is not None:
                child.plan.listener.close()
        patience_s = {
            "control": CONTROL_STOP_S,
            "batches": self._plan.drain_timeout_s,  # its calls under way are the gates'
            "gate": self._plan.drain_timeout_s,
            "clerk": CLERK_STOP_S,
            "model": MODEL_STOP_S,
            "valkey": VALKEY_STOP_S,
        }
        for role in ROLES_IN_ORDER_OF_END:
            await asyncio.gather(
                *(
                    child.stop(patience_s[role], self._hasten)
                    for child in self._children
                    if child.plan.role == role
                )
            )
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*lives)
        self._log("info", "service.stopped")

    # -- the operations port ---------------------------------------------------------------------

    async def _healthz(self, _accept: str) -> Answer:
        return json_answer(200, {"status": "alive"})

    async def _readyz(self, _accept: str) -> Answer:
        reasons = self._unready()
        if reasons:
            return json_answer(503, {"status": "not ready", "reasons": reasons})
        return json_answer(200, {"status": "ready"})

    def _unready(self) -> list[str]:
        if self._stop.is_set():
            return ["the service is draining"]
        gates = [child for child in self._children if child.plan.role == "gate"]
        if any(gate.state == "ready" for gate in gates):
            return []
        return [f"{gate.plan.name} is {gate.state}" for gate in gates]

    async def _metrics(self, accept: str) -> Answer:
        await asyncio.gather(*(child.refresh_metrics() for child in self._children))
        from faregate.monitor import exposition  # here, so that only a scrape pays its import

        body, content_type = exposition.render(self._snapshot(), accept)
        return Answer(200, body, content_type)

    def _snapshot(self) -> Snapshot:
        states = Counter((child.plan.role, child.state) for child in self._children)
        restarts = Counter[str]()
        for child in self._children:
            restarts[child.plan.role] += child.restarts
        own: Snapshot = {
            "counters": {
                "faregate_worker_restarts_total": [[[role], n] for role, n in restarts.items()]
            },
            "gauges": {
                "faregate_workers": [[list(key), count] for key, count in states.items()],
                "faregate_build_info": [[[faregate.__version__], 1]],
            },
        }
        return merge([own, *(child.metrics() for child in self._children)])

    async def _providers(self, _accept: str) -> Answer:
        gates = [child for child in self._children if child.plan.role == "gate"]
        told = await asyncio.gather(*(gate.ask_providers() for gate in gates))
        workers = [
            {"worker": gate.plan.worker, **views}
            for gate, views in zip(gates, told, strict=True)
            if views is not None
        ]
        return json_answer(200, {"workers": workers, "silent": len(gates) - len(workers)})

    def _order_reload(self, _query: dict[str, str]) -> Answer:
        self.reload()
        return json_answer(200, {"reload": "ordered"})

    def _reset(self, query: dict[str, str]) -> Answer:
        """Clear what is benched at a provider."""
        if "provider" not in query:
            return json_answer(400, {"error": "provider is missing"})
        self._to_gates("reset", {"provider": query["provider"], "key": query.get("key")})
        return json_answer(200, {"reset": query["provider"], "key": query.get("key")})

    def _balance(self, query: dict[str, str]) -> Answer:
        """Take what the operator says is left at a provider."""
        try:
            amounts = {query["provider"]: int(query["amount_nano"])}
        except (KeyError, ValueError):
            return json_answer(400, {"error": "provider or amount_nano is missing"})
        self._tell_balances(amounts)
        return json_answer(200, {"balance_nano": amounts})

    def _tell_balances(self, amounts: dict[str, int]) -> None:
        self._balances.update(amounts)
        self._to_gates("balances", amounts)

    def _tell_spent(self, spent: dict[str, Any]) -> None:
        self._spent.update(spent)
        self._to_gates("spent", spent)

    def _tell_anew(self, gate: Child) -> None:
        if self._balances:
            gate.send("balances", self._balances)
        for part in parts_of(self._spent, SPENT_MAX):
            gate.send("spent", part)

    def _to_gates(self, kind: str, data: Any) -> None:
        for child in self._children:
            if child.plan.role == "gate":
                child.send(kind, data)

    async def _status(self, _accept: str) -> Answer:
        gauges = self._snapshot()["gauges"]
        reasons = self._unready()
        return json_answer(
            200,
            {
                "version": faregate.__version__,
                "pid": os.getpid(),
                "uptime_s": round(time.time() - self._started, 1),
                "ready": not reasons,
                "reasons": reasons,
                **self._plan.facts,
                "revision": _single(gauges, "faregate_configuration_revision"),
                "journal_backlog_bytes": _single(gauges, "faregate_journal_backlog_bytes"),
                "ledger_lag_s": _single(gauges, "faregate_clerk_ledger_lag_seconds"),
                "processes": [
                    {
                        "role": child.plan.role,
                        "worker": child.plan.worker,
                        "pid": child.pid,
                        "state": child.state,
                        "restarts": child.restarts,
                    }
                    for child in self._children
                ],
            },
        )


def _single(gauges: dict[str, list[list[Any]]], name: str) -> float | None:
    rows = gauges.get(name)
    return rows[0][1] if rows else None
