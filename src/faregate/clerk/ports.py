"""What the clerk needs from elsewhere; `app.py` hands it in."""

from typing import Protocol

from faregate.calllog.frames import CallRecord
from faregate.calllog.journal import START, Position, Reading
from faregate.calllog.records import RecordChanges


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
