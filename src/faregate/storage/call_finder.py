"""Finds calls where they are: in a journal, or in the call store.

The positions are read first, then the journals beyond them, then the store: what the clerk posts
and deletes meanwhile is found in the store. Which store it is, is the subclass's affair: a gate
reads with plain sqlite3, for the SQL layer would cost it half a second and its memory.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from faregate.calllog.frames import Body, CallRecord, Decided, Frame, decode_frame
from faregate.calllog.journal import START, Position
from faregate.calllog.records import (
    RecordChanges,
    WorkerCalls,
    attach_body,
    attach_decision,
    merge_records,
)
from faregate.storage.journal_reader import JournalFolders, JournalReader, is_alive


class PostedCalls(Protocol):
    """What is read of a call store to find one call."""

    def positions(self) -> dict[str, Position]:
        """How far each worker's journal was posted."""

    def open_calls(self, worker: str) -> list[CallRecord]:
        """The calls of `worker` that have no end yet."""

    def find(self, call_id: str, teams: frozenset[str] | None = None) -> CallRecord | None:
        """One posted call, with what belongs to it.

        Of `teams` alone, None is of anybody.
        """

    def attach(self, record: CallRecord) -> None:
        """Put what belongs to a call that isn't posted yet into its record."""


class Tail(NamedTuple):
    """A journal beyond what was posted of it."""

    reader: JournalReader
    calls: WorkerCalls

    def read(self) -> Iterator[RecordChanges]:
        """What is there now; frames that can't be read are the clerk's to report."""
        state = "more"
        while state == "more":
            reading = self.reader.read()
            state = reading.state
            yield self.calls.add(_decoded(reading.frames))


class CallFinder(ABC):
    """The base of all readers of calls, with journals below `journal`.

    Every method raises `StorageError` where they can't be read.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._folders = JournalFolders(journal)

    @abstractmethod
    def store(self) -> PostedCalls | None:
        """The call store, once the clerk has made it."""

    def find(self, call_id: str, teams: frozenset[str] | None = None) -> CallRecord | None:
        """One call, with its bodies and its decision.

        Of `teams` alone, None is of anybody.
        """
        extras: list[Body | Decided] = []
        unposted = [
            record
            for record in self.unposted(extras, call_id)
            if record.call_id == call_id and (teams is None or record.team in teams)
        ]
        store = self.store()
        posted = store.find(call_id, teams) if store is not None else None
        records = merge_records([posted] if posted is not None else [], unposted)
        if not records:
            return None
        record = records[0]
        if store is not None and record is not posted:
            store.attach(record)
        for extra in extras:
            if isinstance(extra, Decided):
                attach_decision(record, extra)
            else:
                attach_body(record, extra)
        return record

    def workers(self) -> list[str]:
        """Who has a journal now."""
        return self._folders.workers()

    def tails(self) -> Iterator[tuple[str, Tail]]:
        """Every worker's journal, from where the store stands."""
        store = self.store()
        positions = store.positions() if store is not None else {}
        for worker in self.workers():
            yield worker, self.tail(worker, positions.get(worker, START))

    def tail(self, worker: str, position: Position = START) -> Tail:
        """One worker's journal from `position`."""
        store = self.store()
        open_calls = store.open_calls(worker) if store is not None else []
        return Tail(self._folders.reader(worker, position), WorkerCalls(worker, open_calls))

    def unposted(
        self, extras: list[Body | Decided] | None = None, extras_of: str | None = None
    ) -> Iterator[CallRecord]:
        """What the journals hold beyond the store.

        What else is of the call `extras_of` goes to `extras`.
        """
        for worker, tail in self.tails():
            # Before reading, as the reader does: a worker that dies now may add a last frame.
            dead = not is_alive(self._journal / worker)
            for changes in tail.read():
                yield from changes.closed
                if extras is not None:
                    extras += [body for body in changes.bodies if body.call_id == extras_of]
                    extras += [each for each in changes.decisions if each.call_id == extras_of]
            if dead:
                yield from tail.calls.lose().closed
            yield from tail.calls.open_calls.values()
            tail.reader.close()


def _decoded(frames: list[bytes]) -> Iterator[Frame]:
    for frame in frames:
        try:
            yield decode_frame(frame)
        except msgspec.MsgspecError:
            continue
