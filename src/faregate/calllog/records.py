"""Frames of a worker, added up to records of calls.

A record is open from `Started` to `Settled`. Order is the worker's; a frame that was damaged is
simply not there, so an end without its start makes a record of what the end tells.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from faregate.calllog.frames import (
    Body,
    CallRecord,
    Charge,
    Closed,
    Copied,
    Decided,
    Frame,
    Happened,
    Settled,
    Started,
)

_START_DAMAGED = "the journal's frame of this call's start was damaged"
_WORKER_DIED = "the worker ended before the call did"


class RecordChanges(NamedTuple):
    """What a batch of frames changed.

    `completed` are the ids, among `closed`, of calls that were open before the batch. Bodies and
    decisions may come before, with or after the end of their call. What `happened` is of no call;
    `copies` are of calls that are kept without them, and only their cost counts.
    """

    opened: list[CallRecord]
    closed: list[CallRecord]
    completed: list[str]
    bodies: list[Body]
    decisions: list[Decided]
    happened: Sequence[Happened] = ()
    copies: Sequence[CallRecord] = ()


class WorkerCalls:
    """The calls of one worker, of which only the open ones are kept."""

    def __init__(self, worker: str, open_calls: Iterable[CallRecord] = ()) -> None:
        self._worker = worker
        self._open = {record.call_id: record for record in open_calls}
        self._last_started_ns = 0

    @property
    def open_calls(self) -> Mapping[str, CallRecord]:
        """Calls that have no end yet, by id."""
        return self._open

    def add(self, frames: Iterable[Frame]) -> RecordChanges:
        """Take frames in the order they were written."""
        begun: dict[str, CallRecord] = {}
        happened: list[Happened] = []
        copies: list[CallRecord] = []
        changes = RecordChanges([], [], [], [], [], happened, copies)
        for frame in frames:
            if isinstance(frame, Started):
                self._last_started_ns = frame.started_ns
                begun[frame.call_id] = _open_record(self._worker, frame)
            elif isinstance(frame, Settled):
                changes.closed.append(self._settle(frame, begun, changes.completed))
            elif isinstance(frame, Closed):
                self._last_started_ns = frame.started_ns
                # The gate may refuse a call although its start was kept: when a sync fails.
                known = begun.pop(frame.call_id, None) is not None
                if not known and self._open.pop(frame.call_id, None) is not None:
                    changes.completed.append(frame.call_id)
                changes.closed.append(_closed_record(self._worker, frame))
            elif isinstance(frame, Decided):
                changes.decisions.append(frame)
            elif isinstance(frame, Happened):
                happened.append(frame)
            elif isinstance(frame, Copied):
                copies.append(_copy_record(self._worker, frame))
            else:
                changes.bodies.append(frame)
        self._open.update(begun)
        changes.opened.extend(begun.values())
        return changes

    def lose(self) -> RecordChanges:
        """The worker is gone: close what is open as lost."""
        lost = list(self._open.values())
        self._open.clear()
        for record in lost:
            record.state = "closed"
            record.outcome = "lost"
            record.detail = _WORKER_DIED
        return RecordChanges([], lost, [record.call_id for record in lost], [], [])

    def _settle(
        self, end: Settled, begun: dict[str, CallRecord], completed: list[str]
    ) -> CallRecord:
        record = begun.pop(end.call_id, None)
        if record is None:
            record = self._open.pop(end.call_id, None)
            if record is None:
                return _settled_record(self._unknown(end.call_id), end, damaged=True)
            completed.append(end.call_id)
        return _settled_record(record, end)

    def _unknown(self, call_id: str) -> CallRecord:
        return _bare_record(self._worker, call_id, self._last_started_ns)


def _open_record(worker: str, start: Started) -> CallRecord:
    return CallRecord(
        call_id=start.call_id,
        worker=worker,
        state="open",
        started_ns=start.started_ns,
        revision=start.revision,
        key_id=start.key_id,
        key_name=start.key_name,
        method=start.method,
        path=start.path,
        client_address=start.client_address,
        user_agent=start.user_agent,
        model_asked=start.model_asked,
        model_served=start.model_served,
        provider=start.provider,
        streamed=start.streamed,
        request_bytes=start.request_bytes,
        application=start.application,
        team=start.team,
        customer=start.customer,
        run=start.run,
        acting=start.acting,
    )


def _settled_record(record: CallRecord, end: Settled, *, damaged: bool = False) -> CallRecord:
    record.state = "closed"
    record.outcome = end.outcome
    record.status = end.status
    record.refusal = end.refusal
    record.detail = (end.detail or _START_DAMAGED) if damaged else end.detail
    record.queue_us = end.queue_us
    record.first_byte_us = end.first_byte_us
    record.total_us = end.total_us
    record.reply_bytes = end.reply_bytes
    record.events = end.events
    record.usage = end.usage
    record.attempts = end.attempts
    record.charge = end.charge
    # A call may have ended at another target than the one that it began with.
    if end.attempts:
        last = end.attempts[-1]
        record.provider = last.provider
        record.model_served = last.upstream_model or record.model_served
    return record


def _bare_record(worker: str, call_id: str, started_ns: int) -> CallRecord:
    """A call of which no more is known."""
    return CallRecord(
        call_id=call_id,
        worker=worker,
        state="open",
        started_ns=started_ns,
        revision=0,
        key_id="",
        key_name="",
        method="",
        path="",
        client_address="",
        user_agent="",
        model_asked="",
    )


def _copy_record(worker: str, frame: Copied) -> CallRecord:
    """A copy as the ledger takes it: of nobody, with a cost and no price."""
    return msgspec.structs.replace(
        _bare_record(worker, frame.copy_id, frame.at_ns),
        state="closed",
        model_asked=frame.model,
        model_served=frame.model,
        provider=frame.provider,
        charge=Charge("", (), (), 0, frame.cost_nano, 0, "stated"),
    )


def _closed_record(worker: str, frame: Closed) -> CallRecord:
    return CallRecord(
        call_id=frame.call_id,
        worker=worker,
        state="closed",
        started_ns=frame.started_ns,
        revision=frame.revision,
        key_id=frame.key_id,
        key_name=frame.key_name,
        method=frame.method,
        path=frame.path,
        client_address=frame.client_address,
        user_agent=frame.user_agent,
        model_asked=frame.model_asked,
        outcome=frame.outcome,
        status=frame.status,
        refusal=frame.refusal,
        detail=frame.detail,
        total_us=frame.total_us,
        request_bytes=frame.request_bytes,
        reply_bytes=frame.reply_bytes,
        application=frame.application,
        team=frame.team,
        customer=frame.customer,
        run=frame.run,
        acting=frame.acting,
    )


def attach_body(record: CallRecord, body: Body) -> None:
    """Put a kept body into its call's record, as text."""
    text = body.data.decode("utf-8", "replace")
    if body.part == "request":
        record.request_body, record.request_body_bytes = text, body.whole_bytes
    else:
        record.reply_body, record.reply_body_bytes = text, body.whole_bytes


def attach_decision(record: CallRecord, decided: Decided) -> None:
    """Put what was decided of a call into its record."""
    record.decision = decided.findings


def merge_records(*groups: Sequence[CallRecord]) -> list[CallRecord]:
    """One record a call, rather closed than open, by the time of their start."""
    merged: dict[str, CallRecord] = {}
    for record in (record for group in groups for record in group):
        known = merged.get(record.call_id)
        if known is None or known.state == "open":
            merged[record.call_id] = record
    return sorted(merged.values(), key=lambda record: record.started_ns)


encode_record = msgspec.msgpack.Encoder().encode
decode_record = msgspec.msgpack.Decoder(CallRecord).decode
