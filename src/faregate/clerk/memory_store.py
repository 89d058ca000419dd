"""A call store in memory: for tests."""

from faregate.calllog.frames import Body, CallRecord, Decided
from faregate.calllog.journal import Position
from faregate.calllog.records import (
    RecordChanges,
    attach_body,
    attach_decision,
    decode_record,
    encode_record,
)
from faregate.core.errors import StorageError


class MemoryCallStore:
    """Keeps calls in a dictionary; `full` acts as a full disk does."""

    def __init__(self) -> None:
        self.full = False
        self._calls: dict[str, bytes] = {}
        self._bodies: dict[tuple[str, str], Body] = {}
        self._decisions: dict[str, Decided] = {}
        self._positions: dict[str, Position] = {}

    def positions(self) -> dict[str, Position]:
        """How far each worker's journal was posted."""
        return dict(self._positions)

    def open_calls(self, worker: str) -> list[CallRecord]:
        """The calls of `worker` that have no end yet."""
        records = map(decode_record, self._calls.values())
        return [record for record in records if (record.state, record.worker) == ("open", worker)]

    def post(self, worker: str, position: Position, changes: RecordChanges) -> None:
        """Keep the changes and the position, both or neither."""
        if self.full:
            raise StorageError("the call store is full")
        for call_id in changes.completed:
            known = self.find(call_id)
            if known is not None and known.state == "open":
                del self._calls[call_id]
        for record in (*changes.opened, *changes.closed):
            self._calls.setdefault(record.call_id, encode_record(record))
        for body in changes.bodies:
            self._bodies.setdefault((body.call_id, body.part), body)
        for decided in changes.decisions:
            self._decisions.setdefault(decided.call_id, decided)
        self._positions[worker] = position

    def forget(self, worker: str) -> None:
        """Drop a worker's position."""
        self._positions.pop(worker, None)

    def prune(self, before_ns: int, keep_calls: int) -> int:
        """Delete closed calls that are too old or too many."""
        records = sorted(map(decode_record, self._calls.values()), key=lambda r: -r.started_ns)
        gone = [
            record.call_id
            for rank, record in enumerate(records)
            if record.state == "closed" and (rank >= keep_calls or record.started_ns < before_ns)
        ]
        for call_id in gone:
            del self._calls[call_id]
            self._decisions.pop(call_id, None)
            for part in ("request", "reply"):
                self._bodies.pop((call_id, part), None)
        return len(gone)

    def find(self, call_id: str) -> CallRecord | None:
        """One call, with its bodies and its decision."""
        data = self._calls.get(call_id)
        if data is None:
            return None
        record = decode_record(data)
        for (owner, _), body in self._bodies.items():
            if owner == call_id:
                attach_body(record, body)
        if call_id in self._decisions:
            attach_decision(record, self._decisions[call_id])
        return record
