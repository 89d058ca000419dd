"""What the gate needs from elsewhere; `app.py` hands it in."""

from typing import Protocol

from faregate.calllog.journal import JournalFull as JournalFull
from faregate.configuration.state import Changes as Changes
from faregate.configuration.state import ConfigurationState as ConfigurationState
from faregate.identity.keys import KeyRecord


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

    def close(self) -> None:
        """Let go of the store."""


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
