"""What a worker keeps and reaches to explain its calls afterwards.

Decisions of the newest calls are in memory; older ones, and those of other workers, are read
through a port in a thread of its own, one at a time, for a bounded time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from faregate.calllog.frames import CallRecord, Charge, Outcome
from faregate.core import bounds
from faregate.core.findings import Finding
from faregate.core.refusals import Refusal
from faregate.gate.findings import findings_of
from faregate.gate.ports import DecisionSource
from faregate.gate.state import CallState
from faregate.identity.keys import KeyRecord

if TYPE_CHECKING:
    from faregate.gate.phases import Plan

READ_TIMEOUT_S: Final = 5.0


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What is kept of one call; `findings` of None were not kept."""

    call_id: str
    started_ns: int
    key_id: str
    outcome: Outcome | None
    status: int | None
    refusal: str | None
    detail: str | None
    findings: tuple[Finding, ...] | None
    charge: Charge | None = None


class _Ended(NamedTuple):
    """A call as it ended; what was decided of it is put into words when somebody asks."""

    started_ns: int
    key_id: str
    outcome: Outcome
    status: int
    refusal: Refusal | None
    plan: "Plan"
    charge: Charge | None
    started: bool


class RecentDecisions:
    """The newest explained calls of this worker, a bounded number."""

    def __init__(self, most: int = bounds.DECISIONS_KEPT_MAX) -> None:
        self._most = most
        self._kept: dict[str, _Ended] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def add(
        self,
        call: CallState,
        outcome: Outcome,
        status: int,
        refusal: Refusal | None,
        charge: Charge | None = None,
    ) -> None:
        """Keep a call that has ended; the oldest leaves."""
        kept = self._kept
        if len(kept) >= self._most:
            del kept[next(iter(kept))]
        key = call.key
        kept[call.call_id] = _Ended(
            call.started_ns,
            key.key_id if key is not None else "",
            outcome,
            status,
            refusal,
            call.plan,
            charge,
            call.started,
        )

    def find(self, call_id: str) -> Decision | None:
        """The decision of one call."""
        ended = self._kept.get(call_id)
        if ended is None:
            return None
        refusal = ended.refusal
        return Decision(
            call_id,
            ended.started_ns,
            ended.key_id,
            ended.outcome,
            ended.status,
            refusal.kind.code if refusal is not None else None,
            refusal.detail if refusal is not None else None,
            findings_of(ended.plan, refusal, ended.started),
            ended.charge,
        )


class TooManyReadersError(Exception):
    """As many look-ups wait as may."""


class Explaining:
    """A worker's memory of its decisions, and its way to all others.

    `operator_hash` is that of the operator's token. `open_decisions` is called once, in the
    thread that reads. `find_named_key` finds a key for the operator; it may raise `StorageError`.
    """

    def __init__(
        self,
        operator_hash: bytes | None = None,
        open_decisions: Callable[[], DecisionSource] | None = None,
        find_named_key: Callable[[str], Awaitable[KeyRecord | None]] | None = None,
    ) -> None:
        self.operator_hash = operator_hash
        self.recent = RecentDecisions()
        self.find_named_key = find_named_key
        self._open_decisions = open_decisions
        self._source: DecisionSource | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._waiting = 0

    async def find(self, call_id: str) -> Decision | None:
        """What is known of a call.

        Raises `StorageError`, `TimeoutError` and `TooManyReadersError`.
        """
        known = self.recent.find(call_id)
        if known is not None or self._open_decisions is None:
            return known
        if self._waiting >= bounds.DECISION_LOOKUPS_WAITING_MAX:
            raise TooManyReadersError
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="decisions")
        self._waiting += 1
        reading = asyncio.get_running_loop().run_in_executor(self._thread, self._read, call_id)
        reading.add_done_callback(self._has_read)
        record = await asyncio.wait_for(asyncio.shield(reading), READ_TIMEOUT_S)
        return None if record is None else _decision(record)

    def _has_read(self, reading: "asyncio.Future[CallRecord | None]") -> None:
        self._waiting -= 1
        if not reading.cancelled():
            reading.exception()  # whoever waited for it may have left

    def _read(self, call_id: str) -> CallRecord | None:
        if self._source is None:
            assert self._open_decisions is not None
            self._source = self._open_decisions()
        return self._source.find(call_id)

    def close(self) -> None:
        """Let go of the store."""
        if self._thread is None:
            return
        if self._source is not None:
            self._thread.submit(self._source.close)
        self._thread.shutdown(wait=False)


def _decision(record: CallRecord) -> Decision:
    return Decision(
        record.call_id,
        record.started_ns,
        record.key_id,
        record.outcome,
        record.status,
        record.refusal,
        record.detail,
        record.decision,
        record.charge,
    )
