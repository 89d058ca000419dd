"""A journal that is a list: for tests, and for a gate without records."""

from faregate.calllog.frames import ends_call
from faregate.calllog.journal import JournalFull


class MemoryJournal:
    """Keeps `frames` in the order they came.

    `full` acts as a full disk does: no call begins, while the ends of started calls are kept.
    """

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.full = False
        self.closed = False

    def append(self, frame: bytes) -> None:
        """Keep `frame`, or raise `JournalFull`."""
        if self.full and not ends_call(frame):
            raise JournalFull
        self.frames.append(bytes(frame))

    def close(self) -> None:
        """Nothing is kept after this."""
        self.closed = True
