"""All calls, posted or still in the journals: read only.

The positions are read first, then the journals beyond them, then the store: what the clerk posts
and deletes meanwhile is found in the store. So it works with the clerk at work, behind, or gone.
"""

import heapq
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from faregate.calllog.frames import CallRecord
from faregate.calllog.query import EVERY_CALL, CallFilter
from faregate.calllog.records import decode_record, merge_records
from faregate.storage.call_finder import CallFinder, Tail
from faregate.storage.call_store import CallStore

_PAGE_CALLS: Final = 5_000  # of the store, in one query of a follower
_PAGES_MAX: Final = 10  # in one look
_REMEMBERED_MAX: Final = 200_000  # calls that a follower told and the store hasn't yet


class CallLog(CallFinder):
    """The calls of the installation whose journals and call store these are.

    Every method raises `StorageError` where they can't be read.
    """

    def __init__(self, journal: Path, calls_database: Path) -> None:
        super().__init__(journal)
        self._database = calls_database
        self._opened: CallStore | None = None

    def close(self) -> None:
        """Let go of the files."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def recent(self, count: int, chosen: CallFilter = EVERY_CALL) -> list[CallRecord]:
        """The newest `count` calls that `chosen` asks for, the oldest first."""
        return self._newest(count, chosen, None)

    def page(
        self,
        count: int,
        chosen: CallFilter = EVERY_CALL,
        before: tuple[int, str] | None = None,
    ) -> list[CallRecord]:
        """The newest `count` calls, the newest first, behind `before`.

        `before` is the start and the id of the last call of the page before.
        """
        return self._newest(count, chosen, before)[::-1]

    def _newest(
        self, count: int, chosen: CallFilter, before: tuple[int, str] | None
    ) -> list[CallRecord]:
        if count <= 0:
            return []
        unposted = (
            record
            for record in self.unposted()
            if chosen.matches(record) and (before is None or _place(record) < before)
        )
        waiting = heapq.nlargest(count, unposted, key=_place)
        store = self.store()
        if store is None:
            return sorted(merge_records(waiting), key=_place)
        posted = store.recent(count, chosen, before)
        # A call that is open in a journal may have closed in the store meanwhile.
        current = [
            store.find(record.call_id) or record if record.state == "open" else record
            for record in waiting
        ]
        merged = sorted(merge_records(posted, current), key=_place)
        return [record for record in merged if chosen.matches(record)][-count:]

    def find_near(self, call_id: str, teams: frozenset[str] | None = None) -> str | None:
        """The id of a posted call that begins like `call_id`.

        Of `teams` alone, None is of all.
        """
        store = self.store()
        return store.find_near(call_id, teams) if store is not None else None

    def follow(self, chosen: CallFilter = EVERY_CALL) -> "Follower":
        """Calls as they close from now on."""
        return Follower(self, chosen)

    # -- parts that a follower shares ------------------------------------------------------------

    def store(self) -> CallStore | None:
        """The call store, once the clerk has made it."""
        if self._opened is None and self._database.exists():
            self._opened = CallStore(self._database, writable=False)
        return self._opened


def _place(record: CallRecord) -> tuple[int, str]:
    """Where a call stands in time."""
    return record.started_ns, record.call_id


class Follower:
    """Tells each call that closes, once.

    Calls are told from the journals, where they are first. The store tells what was never seen
    in a journal: of workers that were gone too soon, and of calls that were lost.
    """

    def __init__(self, log: CallLog, chosen: CallFilter) -> None:
        self._log = log
        self._chosen = msgspec.structs.replace(chosen, closed=True)
        self._told: OrderedDict[str, None] = OrderedDict()
        self._tails: dict[str, Tail] = {}
        # The store's place first: what is posted from here on is told, if only a moment early.
        store = log.store()
        self._sequence = store.last_sequence() if store is not None else 0
        for worker, tail in log.tails():
            self._tails[worker] = tail
            for changes in tail.read():
                for record in changes.closed:
                    self._remember(record.call_id)

    def poll(self) -> list[CallRecord]:
        """Calls that closed since the last time."""
        present = self._log.workers()
        for worker in present:
            if worker not in self._tails:
                self._tails[worker] = self._log.tail(worker)
        told = [record for record in self._read_tails(present) if self._is_news(record)]
        for record in told:
            self._remember(record.call_id)
        return told + [record for record in self._posted() if self._chosen.matches(record)]

    def close(self) -> None:
        """Let go of the journals."""
        for tail in self._tails.values():
            tail.reader.close()
        self._tails.clear()

    def _read_tails(self, present: list[str]) -> Iterator[CallRecord]:
        for worker, tail in list(self._tails.items()):
            for changes in tail.read():
                yield from changes.closed
            if worker not in present:
                tail.reader.close()
                del self._tails[worker]

    def _is_news(self, record: CallRecord) -> bool:
        return record.call_id not in self._told and self._chosen.matches(record)

    def _remember(self, call_id: str) -> None:
        self._told[call_id] = None
        if len(self._told) > _REMEMBERED_MAX:
            self._told.popitem(last=False)

    def _posted(self) -> Iterator[CallRecord]:
        """What the store took since the last time and no journal told."""
        store = self._log.store()
        if store is None:
            return
        for _ in range(_PAGES_MAX):
            page = store.posted_after(self._sequence, _PAGE_CALLS)
            for call in page:
                self._sequence = call.sequence
                if call.call_id in self._told:
                    del self._told[call.call_id]
                else:
                    yield decode_record(call.data)
            if len(page) < _PAGE_CALLS:
                return
