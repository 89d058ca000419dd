"""Time as a value that is handed in, so that tests can turn it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks: one for dates, one for durations."""

    def wall_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC; may jump."""

    def monotonic(self) -> float:
        """Seconds from an unknown start; never goes back."""


class SystemClock:
    """The clocks of this machine."""

    wall_ns = staticmethod(time.time_ns)
    monotonic = staticmethod(time.monotonic)


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, wall_ns: int = 1_700_000_000_000_000_000, monotonic: float = 1000.0) -> None:
        self._wall_ns = wall_ns
        self._monotonic = monotonic

    def wall_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC, as set."""
        return self._wall_ns

    def monotonic(self) -> float:
        """Seconds, as moved."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move both clocks on by `seconds`."""
        self._wall_ns += int(seconds * 1e9)
        self._monotonic += seconds

    def jump_wall(self, seconds: float) -> None:
        """Move the wall clock alone, as a time server or an operator may do."""
        self._wall_ns += int(seconds * 1e9)
