"""A sliding window: never more than the maximum in any of its length.

Strategy: time is cut into buckets of a 128th of the window, and a bucket's usage leaves when the
whole bucket has left the window. Usage so leaves late, never early: by at most one bucket, so that
of a limit that is always asked for, 128/129 are used. The current bucket's usage is what was added
to the total since it began, so that a take is one addition.

Warning: bucket edges are exact in floating point because a 128th of whole seconds is; a window
that is not whole seconds would need care here.
"""

from typing import Final

from faregate.limits.counters import NEVER, TAKEN, LimitSpec
from faregate.limits.moments import wait_until

BUCKETS: Final = 128


class SlidingWindow:
    """One sliding window, in memory."""

    __slots__ = (
        "__weakref__", "_before", "_bucket", "_edge", "_maximum", "_past", "_used", "_width",
        "spec",
    )  # fmt: skip

    def __init__(self, spec: LimitSpec) -> None:
        self.spec = spec
        self._maximum = spec.maximum
        self._width = spec.window_s / BUCKETS
        self._used = 0  # in all buckets that count
        self._before = 0  # of which in those before the current one
        self._bucket = 0
        self._edge = 0.0  # where the current bucket ends
        self._past: list[tuple[int, int]] = []  # bucket, usage; oldest first

    def adopt(self, spec: LimitSpec, now: float) -> None:
        """Go on under another maximum."""
        self.spec = spec
        self._maximum = spec.maximum

    def take(self, cost: int, now: float) -> float:
        """Count `cost`, or say the seconds until it would fit."""
        if now >= self._edge:
            self._turn(now)
        used = self._used + cost
        if used > self._maximum:
            return self._wait(cost, now)
        self._used = used
        return TAKEN

    def check(self, cost: int, now: float) -> float:
        """What `take` would give."""
        if now >= self._edge:
            self._turn(now)
        if self._used + cost > self._maximum:
            return self._wait(cost, now)
        return TAKEN

    def put_back(self, cost: int, taken_at: float, now: float) -> None:
        """Take `cost` out of the bucket of `taken_at`, where that still counts."""
        if now >= self._edge:
            self._turn(now)
        bucket = self._bucket_of(taken_at)
        if bucket >= self._bucket:
            self._used -= min(cost, self._used - self._before)
            return
        for place, (past, usage) in enumerate(self._past):
            if past == bucket:
                back = min(cost, usage)
                self._past[place] = (past, usage - back)
                self._before -= back
                self._used -= back
                return

    def add(self, cost: int, now: float) -> None:
        """Count `cost` whether it fits or not."""
        if now >= self._edge:
            self._turn(now)
        self._used += cost

    def left(self, now: float) -> int:
        """How much fits now."""
        if now >= self._edge:
            self._turn(now)
        return max(0, self._maximum - self._used)

    @property
    def is_unknown(self) -> bool:
        """Never: what it counted is lost only with all else of its worker."""
        return False

    def resets_s(self, now: float) -> float:
        """Seconds until the oldest usage leaves; 0.0 without any."""
        if now >= self._edge:
            self._turn(now)
        for bucket, usage in self._past:
            if usage:
                return wait_until(self._leaves_at(bucket), now)
        if self._used:
            return wait_until(self._leaves_at(self._bucket), now)
        return 0.0

    def _bucket_of(self, moment: float) -> int:
        bucket = int(moment // self._width)
        return bucket - 1 if bucket * self._width > moment else bucket

    def _leaves_at(self, bucket: int) -> float:
        return (bucket + BUCKETS + 1) * self._width

    def _turn(self, now: float) -> None:
        """Begin the bucket of `now` and drop those that left."""
        past = self._past
        if self._used > self._before:
            past.append((self._bucket, self._used - self._before))
        bucket = self._bucket_of(now)
        oldest = bucket - BUCKETS
        gone = 0
        for old, usage in past:
            if old >= oldest:
                break
            self._used -= usage
            gone += 1
        if gone:
            del past[:gone]
        self._before = self._used
        self._bucket = bucket
        self._edge = (bucket + 1) * self._width

    def _wait(self, cost: int, now: float) -> float:
        excess = self._used + cost - self._maximum
        if cost > self._maximum:
            return NEVER
        for bucket, usage in self._past:
            excess -= usage
            if excess <= 0:
                return wait_until(self._leaves_at(bucket), now)
        return wait_until(self._leaves_at(self._bucket), now)
