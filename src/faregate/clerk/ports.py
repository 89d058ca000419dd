"""What the clerk needs from elsewhere; `app.py` hands it in."""

from collections.abc import Sequence
from typing import Protocol

from faregate.calllog.frames import CallRecord
from faregate.calllog.journal import START, Position, Reading
from faregate.calllog.records import RecordChanges
from faregate.ledger.events import LedgerEvent
from faregate.ledger.spending import Spent


class Reader(Protocol):
    """One worker's journal, read from a place on."""

    def read(self) -> Reading:
        """The next frames, a bounded number of them."""

    def backlog_bytes(self) -> int:
        """An upper bound of what is unread."""

    def close(self) -> None:
        """Let go of the file."""


class Journals(Protocol):
    """The journals of all workers. Every method may block."""

    def claim(self) -> bool:
        """Be the only one who deletes; False while another process is."""

    def release(self) -> None:
        """Give that up."""

    def workers(self) -> list[str]:
        """Who left a journal, the oldest first."""

    def reader(self, worker: str, position: Position = START) -> Reader:
        """A reader of a worker's journal."""

    def delete_before(self, worker: str, segment: int) -> None:
        """Delete segments that were posted."""

    def delete(self, worker: str) -> bool:
        """Delete all that a dead worker left; whether it is gone."""

    def sweep(self) -> None:
        """Delete what workers left that died while they started."""


class CallStore(Protocol):
    """Where records are kept.

    Every method may block; each raises `StorageError` when it can't be done, and then nothing
    of it was.
    """

    def positions(self) -> dict[str, Position]:
        """How far each worker's journal was posted."""

    def open_calls(self, worker: str) -> list[CallRecord]:
        """The calls of a worker that have no end yet."""

    def post(self, worker: str, position: Position, changes: RecordChanges) -> None:
        """Keep the changes and the position; closed calls never change."""

    def forget(self, worker: str) -> None:
        """Drop a worker's position."""

    def prune(self, before_ns: int, keep_calls: int) -> int:
        """Delete some closed calls that are too old or too many; gives how many."""


class Ledger(Protocol):
    """Where charges are posted.

    Every method may block and is one transaction; each raises `StorageError` when it can't be
    done, and then nothing of it was.
    """

    def post(self, worker: str, records: Sequence[CallRecord]) -> list[LedgerEvent]:
        """Post the charges of closed calls of `worker`.

        Each call is posted once, however often it comes. What was drawn goes down by what was
        used. Gives the events that this brought about.
        """

    def spent(self) -> Spent:
        """What was spent at providers' accounts in the windows of now.

        By all nodes.
        """

    def note(self, events: Sequence[tuple[str, LedgerEvent]]) -> list[LedgerEvent]:
        """Keep events that happened elsewhere, each once by the name beside it.

        Gives those that were new.
        """

    def close_draws(self, worker: str) -> None:
        """The worker is gone and all its calls are posted: its slices go back."""

    def drawing_workers(self) -> list[str]:
        """Workers of this node that have slices."""

    def close_vanished(self, before_ns: int) -> list[LedgerEvent]:
        """Close the draws of workers of any node last seen before then."""

    def expire(self, now_ns: int) -> list[LedgerEvent]:
        """Take back credit that has expired; drop purses of periods long over."""
