"""What a limit is, and what counts it.

A limit is a cap on a rate in short windows (second, minute) or on calls at once. Longer windows
are purses of the ledger (`ledger.purses`), for they must survive a restart.
"""

from enum import IntEnum
from typing import Final, Protocol

import msgspec


class LimitUnit(IntEnum):
    """What a limit counts; but for the last as `ledger.purses.Unit`."""

    REQUESTS = 1
    INPUT_TOKENS = 2
    OUTPUT_TOKENS = 3
    TOKENS = 4
    CONCURRENT = 5


class LimitSpec(msgspec.Struct, frozen=True):
    """Which limit, of whom, and how much.

    `limit_id` is unique for name and subject. Without `burst`: a sliding window, never more than
    `maximum` in any `window_s`. With it: a steady rate of `maximum` each `window_s` (GCRA), of
    which so many more may come at once. `window_s` is 0 for calls at once.
    """

    limit_id: str
    name: str
    subject: str
    unit: LimitUnit
    maximum: int
    window_s: float
    burst: int | None = None


TAKEN: Final = 0.0
ASK: Final = -1.0  # can't be said here: ask the tally for more, then try again
NEVER: Final = float("inf")  # the cost is above what the limit ever lets through


class Counter(Protocol):
    """One limit's count, as one worker sees it.

    Times are monotonic seconds; nothing blocks.
    """

    spec: LimitSpec

    def take(self, cost: int, now: float) -> float:
        """Count `cost`: `TAKEN`, `ASK`, or the seconds until it would fit."""

    def check(self, cost: int, now: float) -> float:
        """What `take` would give; takes nothing."""

    def put_back(self, cost: int, taken_at: float, now: float) -> None:
        """`cost` of what was taken then was not used; or a call has ended."""

    def add(self, cost: int, now: float) -> None:
        """More was used than was taken; it counts, even beyond the maximum."""

    def left(self, now: float) -> int:
        """How much could be taken now."""

    def resets_s(self, now: float) -> float:
        """Seconds until more of it is free; 0.0 when all of it is."""

    @property
    def is_unknown(self) -> bool:
        """Whether it is kept closed because what was counted before was lost."""
