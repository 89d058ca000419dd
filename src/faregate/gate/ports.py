"""What the gate needs from elsewhere; `app.py` hands it in."""

from collections.abc import Sequence
from typing import Protocol

from faregate.batches.facts import BatchFacts, Dialect, FileFacts, Page
from faregate.calllog.frames import CallRecord
from faregate.calllog.journal import JournalFull as JournalFull
from faregate.configuration.state import Changes as Changes
from faregate.configuration.state import ConfigurationState as ConfigurationState
from faregate.identity.keys import KeyRecord
from faregate.ledger.purses import Drawn, DrawRequest, PurseSpec, Return, Standing
from faregate.limits.counters import Counter, LimitSpec


class ConfigurationSource(Protocol):
    """Where the configuration and the keys are kept.

    Every method may block and is called in a thread of its own, one call at a time. Each raises
    `StorageError` when the store can't be read.
    """

    def latest(self) -> ConfigurationState:
        """The newest revision."""

    def cursor(self) -> int:
        """Where the changes stand now."""

    def changes_since(self, cursor: int) -> Changes:
        """What changed after `cursor`; cheap enough for four times a second."""

    def find_key(self, key_hash: bytes) -> KeyRecord | None:
        """The key of this hash."""

    def find_named_key(self, name: str) -> KeyRecord | None:
        """The key of this name or id; of several the newest that wasn't revoked."""

    def close(self) -> None:
        """Let go of the store."""


class LedgerSource(Protocol):
    """One worker's side of the ledger.

    Every method may block and is called in a thread of its own, one call at a time. Each is one
    transaction and raises `StorageError` when it can't be done; then nothing of it was.
    """

    def draw(self, requests: Sequence[DrawRequest]) -> list[Drawn]:
        """Take slices: of each purse what there is, at most what is wanted.

        A purse that isn't there yet is opened; an unknown wallet is empty. Credit that has
        expired is taken back before.
        """

    def give_back(self, returns: Sequence[Return]) -> None:
        """Put unused parts of slices back."""

    def ask_back(self, purse_ids: Sequence[str]) -> None:
        """Ask all other workers to give back what they don't use of these purses."""

    def asked_back(self, cursor: int) -> tuple[int, list[str]]:
        """Purses that others asked for after `cursor`, and where to go on from.

        Cheap enough for ten times a second.
        """

    def standings(self, specs: Sequence[PurseSpec]) -> list[Standing]:
        """How purses stand; changes nothing."""

    def beat(self) -> bool:
        """Say that this worker lives; False: it counted as vanished.

        Its slices are void then.
        """

    def close(self) -> None:
        """Let go of the ledger."""


class Tally(Protocol):
    """The counters of short limits, of one worker or shared by several.

    `is_degraded` while shared counters can't be reached.
    """

    @property
    def is_degraded(self) -> bool:
        """Whether limits are not counted as they should be."""

    def counter(self, spec: LimitSpec) -> Counter:
        """The counter of `spec.limit_id`, which goes on counting.

        Its other facts are as given now.
        """

    async def ask(self, wanted: Sequence[tuple[Counter, int]]) -> None:
        """After an answer of `ASK`: get so much for these, where there is.

        What then can't be taken is refused with the seconds it takes. Raises `StorageError` when
        the shared counters can't be reached and nothing can be said.
        """

    async def keep_house(self) -> None:
        """Called about once a second: renew, give back, forget what lies idle."""

    async def close(self) -> None:
        """Give everything back."""


class DecisionSource(Protocol):
    """All calls that are on record, to explain one afterwards.

    Every method may block and is called in a thread of its own, one call at a time.
    """

    def find(self, call_id: str) -> CallRecord | None:
        """One call with its decision, where that was kept; raises `StorageError`."""

    def close(self) -> None:
        """Let go of the files."""


class Journal(Protocol):
    """An append-only file of frames that outlives the process.

    Called from the event loop for every call: no system call on the usual way.
    """

    def append(self, frame: bytes) -> None:
        """Keep `frame`; it survives a kill of this process once this returns.

        Raises `JournalFull` where it can't be kept.
        """

    def close(self) -> None:
        """Sync and close."""


class FileShelf(Protocol):
    """Files and batches of callers.

    Every method may block and is called in a thread of its own, one call at a time. Each raises
    `StorageError` where the files can't be used. An owner of None is the operator.
    """

    def keep(self, file: FileFacts, data: bytes, total_bytes_max: int, count_max: int) -> bool:
        """Keep a file; False where its owner has no room for it."""

    def file(self, owner: str | None, file_id: str) -> FileFacts | None:
        """A file of that owner that has not expired."""

    def files(self, owner: str | None, page: Page, purpose: str | None = None) -> list[FileFacts]:
        """A page of an owner's files, the newest first unless asked otherwise."""

    def delete(self, owner: str | None, file_id: str) -> bool:
        """Delete a file; batches that were made of it go on."""

    def read(self, name: str, start: int, length: int) -> bytes:
        """A part of a file's bytes, or of a batch's results."""

    def size(self, name: str) -> int:
        """How many bytes that has."""

    def keep_batch(self, batch: BatchFacts, requests: bytes | None, open_max: int) -> bool:
        """Keep a batch with its requests, or with those of its input file.

        False where its owner has as many open ones as it may.
        """

    def batch(self, owner: str | None, batch_id: str) -> BatchFacts | None:
        """A batch of that owner."""

    def batches(self, owner: str | None, dialect: Dialect | None, page: Page) -> list[BatchFacts]:
        """A page of an owner's batches, the newest first."""

    def cancel(self, owner: str | None, batch_id: str) -> BatchFacts | None:
        """Ask for a batch's end; its calls under way end before."""

    def delete_batch(self, owner: str | None, batch_id: str) -> bool:
        """Delete a batch that has ended, with its results."""

    def close(self) -> None:
        """Let go of the files."""
