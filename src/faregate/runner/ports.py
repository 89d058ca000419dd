"""What the runner of batches needs from elsewhere; `app.py` hands it in."""

from collections.abc import Callable, Sequence
from typing import Protocol

from faregate.batches.facts import (
    BatchFacts,
    BegunLine,
    Ending,
    LineError,
    LineFacts,
    LineOutcome,
)
from faregate.calllog.frames import CallRecord


class BatchDesk(Protocol):
    """The batches of this node, line by line.

    Methods may be called by several threads, may block, and raise `StorageError`. Each is whole
    or not done at all, and what is done survives a kill.
    """

    def cursor(self) -> int | None:
        """Something that differs once others have written; None: no store."""

    def open_batches(self) -> list[BatchFacts]:
        """Batches that have their end to come, the oldest first."""

    def read(self, name: str, start: int, length: int) -> bytes:
        """A part of a batch's input."""

    def begin(self, batch_id: str, lines: Sequence[LineFacts], now_s: int) -> None:
        """The input was read and is right: these are its lines."""

    def fail(self, batch_id: str, errors: Sequence[LineError], now_s: int) -> None:
        """The input was read and is wrong: nothing of it is called."""

    def take(
        self,
        batch_id: str,
        most: int,
        without_models: Sequence[str],
        new_call_id: Callable[[], str],
        now_ns: int,
    ) -> list[BegunLine]:
        """Mark the next lines as begun, each with the id of its call."""

    def put_back(self, line: BegunLine, *, same_call: bool) -> None:
        """A begun line was not called, or is to be called again.

        `same_call`: under the same id, so that it counts once whatever happens.
        """

    def keep_result(self, line: BegunLine, outcome: LineOutcome, result: bytes) -> None:
        """A line is done: its result and its mark at once."""

    def begun(self, batch_id: str) -> list[BegunLine]:
        """The lines that were begun and are not done."""

    def pending(self, batch_id: str) -> int:
        """How many lines have not been begun; a hundred may stand for more."""

    def stop(self, batch_id: str, error: LineError) -> None:
        """Begin no further line of a batch; the first error stays."""

    def finish(
        self,
        batch_id: str,
        ending: Ending,
        render: Callable[[BatchFacts, int, str, LineOutcome], bytes],
    ) -> None:
        """End a batch of which no line is begun; `render` tells of the rest."""

    def sweep(self, now_s: int, keep_batches_s: int) -> None:
        """Delete what has expired."""

    def close(self) -> None:
        """Let go of the files."""


class CallSource(Protocol):
    """All calls that are on record, for those whose reply was lost."""

    def find(self, call_id: str) -> CallRecord | None:
        """One call; raises `StorageError`."""

    def close(self) -> None:
        """Let go of the files."""
