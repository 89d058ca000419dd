"""What the gate needs from elsewhere; `app.py` hands in what implements it."""

from typing import Protocol

import msgspec

from faregate.configuration.document import Document
from faregate.identity.keys import KeyRecord


class ConfigurationState(msgspec.Struct, frozen=True):
    """A revision of the configuration, complete, with secrets in the clear.

    In `document` every provider's `api_key` is the key itself; `document.keys` is empty: keys
    are looked up one by one.
    """

    revision: int
    document: Document


class Changes(msgspec.Struct, frozen=True):
    """What happened since a cursor: the newest revision, and the hashes of changed keys.

    `revision` is None where the configuration did not change.
    """

    cursor: int
    revision: int | None
    key_hashes: tuple[bytes, ...]


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
        """What changed after `cursor`; cheap enough to be asked four times a second."""

    def find_key(self, key_hash: bytes) -> KeyRecord | None:
        """The key of this hash."""

    def close(self) -> None:
        """Let go of the store."""


class JournalFull(Exception):  # noqa: N818 - a state of the disk, and the port's only answer
    """There is no room for the frame."""


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
