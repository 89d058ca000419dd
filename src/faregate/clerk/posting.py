"""One worker's journal, posted batch by batch.

A step reads, posts charges to the ledger, posts calls to the store with the position, and only
then deletes. Killed in between, it is done again: a batch whose position is not in the store is
read again, perhaps cut differently, and the ledger ignores the calls that it has; files that were
not deleted are found read, and deleted. When the worker is gone, what it had drawn goes back only
after all its charges are posted. What this object remembers is only right as long as every post
succeeds: after a failure it is thrown away and made anew from the store.
"""

import logging
from collections.abc import Iterable, Iterator
from itertools import chain

import msgspec

from faregate.calllog.frames import CallRecord, Frame, decode_frame
from faregate.calllog.journal import Damage, Position, Reading
from faregate.calllog.records import WorkerCalls
from faregate.clerk.charging import Charging
from faregate.clerk.counters import Counters
from faregate.clerk.ports import CallStore, Journals

_log = logging.getLogger(__name__)


class WorkerPosting:
    """Posts the journal of `worker` from `position` on."""

    def __init__(
        self,
        worker: str,
        journals: Journals,
        store: CallStore,
        charging: Charging,
        counters: Counters,
        position: Position,
        open_calls: Iterable[CallRecord],
    ) -> None:
        self.worker = worker
        self.ended = False
        self._journals = journals
        self._store = store
        self._charging = charging
        self._counters = counters
        self._posted = position
        self._calls = WorkerCalls(worker, open_calls)
        self._reader = journals.reader(worker, position)
        self._behind = False

    @property
    def open_calls(self) -> int:
        """How many calls have no end yet."""
        return len(self._calls.open_calls)

    def step(self) -> bool:
        """Post the next batch; whether there is more already. May block; bounded."""
        self._behind = True
        reading = self._reader.read()
        if reading.frames or reading.position != self._posted:
            self._post(reading)
        for damage in reading.damage:
            self._report(damage)
        if reading.state == "ended":
            self._end(reading.position)
        self._behind = reading.state == "more"
        return self._behind

    def backlog_bytes(self) -> int:
        """An upper bound of what is unread; 0 once all was read."""
        return self._reader.backlog_bytes() if self._behind else 0

    def close(self) -> None:
        """Let go of the journal."""
        self._reader.close()

    def _post(self, reading: Reading) -> None:
        changes = self._calls.add(self._decode(reading))
        self._charging.post(self.worker, chain(changes.closed, changes.copies))
        self._charging.note(self.worker, changes.happened)
        self._store.post(self.worker, reading.position, changes)
        if reading.position.segment > self._posted.segment:
            self._journals.delete_before(self.worker, reading.position.segment)
        self._posted = reading.position
        self._counters.frames += len(reading.frames)
        self._counters.count_calls(changes.closed)

    def _end(self, position: Position) -> None:
        """The worker is gone and all of it was read: close its calls, draws and folder."""
        lost = self._calls.lose()
        if lost.closed:
            self._store.post(self.worker, position, lost)
            self._counters.count_calls(lost.closed)
            self._counters.lost_calls += len(lost.closed)
            _log.warning("worker %s died with %d calls open", self.worker, len(lost.closed))
        self._charging.close_draws(self.worker)
        # The position is kept as long as there is something that it applies to.
        if self._journals.delete(self.worker):
            self._store.forget(self.worker)
        self.ended = True

    def _decode(self, reading: Reading) -> Iterator[Frame]:
        for frame in reading.frames:
            try:
                yield decode_frame(frame)
            except msgspec.MsgspecError as error:
                self._counters.corrupt_frames += 1
                _log.error("journal %s: a frame that can't be understood: %s", self.worker, error)

    def _report(self, damage: Damage) -> None:
        place = f"segment {damage.position.segment}, offset {damage.position.offset}"
        if damage.kind == "torn":
            self._counters.torn_tails += 1
            _log.warning("journal %s ends within a frame at %s", self.worker, place)
        elif damage.kind == "corrupt":
            self._counters.corrupt_frames += 1
            _log.error("journal %s is damaged at %s", self.worker, place)
        else:
            self._counters.missing_segments += 1
            _log.error("journal %s lacks segment %d", self.worker, damage.position.segment)
