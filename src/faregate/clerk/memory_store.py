"""A call store in memory: for tests."""

from faregate.calllog.frames import Body, CallRecord
from faregate.calllog.journal import Position
from faregate.calllog.records import RecordChanges, attach_body, decode_record, encode_record
from faregate.core.errors import StorageError


class MemoryCallStore:
    """Keeps calls in a dictionary; `full` acts as a full disk does."""

    def __init__(self) -> None:
        self.full = False
        self._calls: dict[str, bytes] = {}
        self._bodies: dict[tuple[str, str], Body] = {}
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
            for part in ("request", "reply"):
                self._bodies.pop((call_id, part), None)
        return len(gone)

    def find(self, call_id: str) -> CallRecord | None:
        """One call, with its bodies."""
        data = self._calls.get(call_id)
        if data is None:
            return None
        record = decode_record(data)
        for (owner, _), body in self._bodies.items():
            if owner == call_id:
                attach_body(record, body)
        return record
