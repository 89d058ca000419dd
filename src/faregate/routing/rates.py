"""What an account may be asked for by limits of its own.

Requests and tokens a minute, and calls at once, as one worker counts them; and budgets. A target
whose account is at one of these is skipped, not failed.
"""

from typing import Any, Final

import msgspec

from faregate.limits.counters import NEVER, LimitSpec, LimitUnit
from faregate.limits.sliding_window import SlidingWindow
from faregate.routing.budgets import Budgets

_MINUTE_S: Final = 60.0
# A call too large for its account's limit is never let through; it isn't worth a precise time.
_LATER_S: Final = 3_600.0
_CONCURRENT_S: Final = 1.0


class AccountLimits(msgspec.Struct, frozen=True):
    """Most requests and tokens a minute and calls at once; None: no limit."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent: int | None = None


class Rates:
    """The counts behind an account's limits."""

    __slots__ = ("_requests", "_tokens", "budgets", "limits")

    def __init__(self, limits: AccountLimits) -> None:
        self.limits = limits
        self.budgets: Budgets | None = None
        self._requests = _window(limits.requests_per_minute, LimitUnit.REQUESTS)
        self._tokens = _window(limits.tokens_per_minute, LimitUnit.TOKENS)

    def adopt(self, limits: AccountLimits, now: float) -> None:
        """Go on under other limits; what was counted stays counted."""
        self._requests = _adopted(
            self._requests, limits.requests_per_minute, LimitUnit.REQUESTS, now
        )
        self._tokens = _adopted(self._tokens, limits.tokens_per_minute, LimitUnit.TOKENS, now)
        self.limits = limits

    def wait_s(self, tokens: int, in_flight: int, now: float) -> float:
        """Seconds until a call of `tokens` fits; 0.0: it fits now."""
        concurrent = self.limits.concurrent
        wait = _CONCURRENT_S if concurrent is not None and in_flight >= concurrent else 0.0
        if self.budgets is not None:
            wait = max(wait, self.budgets.rests_until - now)
        if self._requests is not None:
            wait = max(wait, self._requests.check(1, now))
        if self._tokens is not None:
            wait = max(wait, self._tokens.check(tokens, now))
        return _LATER_S if wait == NEVER else wait

    def take(self, tokens: int, now: float) -> None:
        """Count a call."""
        if self._requests is not None:
            self._requests.add(1, now)
        if self._tokens is not None and tokens:
            self._tokens.add(tokens, now)

    def correct(self, estimated: int, used: int, taken_at: float, now: float) -> None:
        """Count the tokens that were used instead of those estimated."""
        if self._tokens is None or used == estimated:
            return
        if used > estimated:
            self._tokens.add(used - estimated, now)
        else:
            self._tokens.put_back(estimated - used, taken_at, now)

    def describe(self, now: float) -> dict[str, Any]:
        """What is left of each limit."""
        told: dict[str, Any] = {}
        if self._requests is not None:
            told["requests_left"] = self._requests.left(now)
        if self._tokens is not None:
            told["tokens_left"] = self._tokens.left(now)
        if self.limits.concurrent is not None:
            told["concurrent_max"] = self.limits.concurrent
        return told


def _spec(maximum: int, unit: LimitUnit) -> LimitSpec:
    return LimitSpec(f"account:{unit.name}", unit.name, "account", unit, maximum, _MINUTE_S)


def _window(maximum: int | None, unit: LimitUnit) -> SlidingWindow | None:
    return None if maximum is None else SlidingWindow(_spec(maximum, unit))


def _adopted(
    window: SlidingWindow | None, maximum: int | None, unit: LimitUnit, now: float
) -> SlidingWindow | None:
    if window is None or maximum is None:
        return _window(maximum, unit)
    window.adopt(_spec(maximum, unit), now)
    return window
