"""The counters of one worker that shares its limits with nobody."""

import time
from collections.abc import Callable, Sequence

from faregate.core import bounds
from faregate.core.errors import StorageError
from faregate.limits.counters import Counter, LimitSpec
from faregate.limits.making import LocalCounter, kind_of
from faregate.tally.idle import forget_idle


class MemoryTally:
    """Counters by limit; one that is empty and not held is forgotten."""

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        counters_max: int = bounds.LIMIT_COUNTERS_MAX,
    ) -> None:
        self._now = now
        self._counters_max = counters_max
        self._counters: dict[str, LocalCounter] = {}

    def counter(self, spec: LimitSpec) -> Counter:
        """The counter of `spec.limit_id`, which goes on counting.

        One whose window or manner is new begins anew. Raises `StorageError` where there are too
        many that still count: forgetting one would let its limit be exceeded.
        """
        counter = self._counters.get(spec.limit_id)
        if counter is None:
            return self._make(spec)
        known = counter.spec
        if known is spec or known == spec:
            return counter
        if type(counter) is kind_of(spec) and known.window_s == spec.window_s:
            counter.adopt(spec, self._now())
            return counter
        return self._make(spec)

    @property
    def is_degraded(self) -> bool:
        """Never: nothing is shared."""
        return False

    async def ask(self, wanted: Sequence[tuple[Counter, int]]) -> None:
        """Nothing to get elsewhere."""

    async def keep_house(self) -> None:
        """Forget what lies idle."""
        self.forget_idle(self._now())

    async def close(self) -> None:
        """Nothing to give back."""

    def forget_idle(self, now: float) -> None:
        """Look at those that were not looked at for longest."""
        forget_idle(self._counters, lambda counter: counter.resets_s(now) == 0.0)

    def __len__(self) -> int:
        return len(self._counters)

    def _make(self, spec: LimitSpec) -> LocalCounter:
        if len(self._counters) >= self._counters_max and spec.limit_id not in self._counters:
            self.forget_idle(self._now())
            if len(self._counters) >= self._counters_max:
                raise StorageError(
                    f"{self._counters_max:,} limits count at once, and more are not kept",
                    fix="let limits be for fewer subjects, such as keys instead of customers",
                )
        counter = self._counters[spec.limit_id] = kind_of(spec)(spec)
        return counter
