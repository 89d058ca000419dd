"""Calls at once: a count that goes up with a call and down with its end."""

from typing import Final

from faregate.limits.counters import NEVER, TAKEN, LimitSpec

RETRY_S: Final = 1.0  # when a call will end can't be known


class Concurrency:
    """Calls at once of one limit, in memory."""

    __slots__ = ("__weakref__", "_maximum", "_used", "spec")

    def __init__(self, spec: LimitSpec) -> None:
        self.spec = spec
        self._maximum = spec.maximum
        self._used = 0

    def adopt(self, spec: LimitSpec, now: float) -> None:
        """Go on under another maximum."""
        self.spec = spec
        self._maximum = spec.maximum

    def take(self, cost: int, now: float) -> float:
        """Count `cost` calls, or say when to try again."""
        used = self._used + cost
        if used > self._maximum:
            return self.check(cost, now)
        self._used = used
        return TAKEN

    def check(self, cost: int, now: float) -> float:
        """What `take` would give."""
        if self._used + cost <= self._maximum:
            return TAKEN
        return NEVER if cost > self._maximum else RETRY_S

    def put_back(self, cost: int, taken_at: float, now: float) -> None:
        """`cost` calls have ended."""
        self._used = max(0, self._used - cost)

    def add(self, cost: int, now: float) -> None:
        """Count `cost` calls whether they fit or not."""
        self._used += cost

    def left(self, now: float) -> int:
        """How many more calls fit now."""
        return max(0, self._maximum - self._used)

    @property
    def is_unknown(self) -> bool:
        """Never: what it counted is lost only with all else of its worker."""
        return False

    def resets_s(self, now: float) -> float:
        """A guess while there are calls, for their ends can't be known."""
        return RETRY_S if self._used else 0.0
