"""How often a call is tried again, and a budget against retry storms."""

from random import Random
from typing import Final

import msgspec

from faregate.routing.troubles import Trouble


class Retries(msgspec.Struct, frozen=True):
    """How a route tries again.

    `repeats_max` counts attempts at a target that failed in this call already; `attempts_max`
    counts all. A wait doubles from `wait_first_s` to `wait_most_s` and is shortened by chance; a
    provider's Retry-After counts instead, unless it is above `wait_most_s`. The budget: repeats may
    be `budget_share` of the route's calls, and `budget_per_s` beside that.
    """

    repeats_max: int = 2
    attempts_max: int = 8
    wait_first_s: float = 0.25
    wait_most_s: float = 8.0
    budget_share: float = 0.2
    budget_per_s: float = 3.0


_SAVED_S: Final = 10.0  # of the budget's rate that may be saved up


class RetryBudget:
    """Repeats that a route may make: a token bucket that its calls fill."""

    __slots__ = ("_at", "_calls", "_retries", "_tokens")

    def __init__(self, retries: Retries) -> None:
        self._retries = retries
        self._tokens = retries.budget_per_s * _SAVED_S
        self._calls = 0
        self._at: float | None = None

    def take(self, calls: int, now: float) -> bool:
        """Whether one more repeat may be made.

        `calls` are all that the route ever had.
        """
        retries = self._retries
        if self._at is not None:
            earned = (calls - self._calls) * retries.budget_share
            earned += max(0.0, now - self._at) * retries.budget_per_s
            most = max(retries.budget_per_s * _SAVED_S, 1.0)
            self._tokens = min(self._tokens + earned, most)
        self._calls = calls
        self._at = now if self._at is None else max(now, self._at)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


def wait_s(retries: Retries, trouble: Trouble, repeats: int, random: Random) -> float | None:
    """How long to wait before the same target is tried again; None: too long."""
    named = trouble.retry_after_s
    if named is not None:
        if named > retries.wait_most_s:
            return None
        # A little later than asked: those who were told the same time don't come back at once.
        return named + random.random() * retries.wait_first_s
    most = min(retries.wait_first_s * 2.0**repeats, retries.wait_most_s)
    return most * (0.5 + random.random() / 2)
