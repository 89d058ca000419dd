"""A steady rate with a burst allowance: the generic cell rate algorithm.

Theory: each unit takes `window / maximum` of time; `_due` is when all that was taken would have
been worked off at that rate (the theoretical arrival time of ITU-T I.371, annex A). A cost fits
while that is at most `burst + 1` units ahead of now. So no stretch of the window's length ever has
more than `maximum + burst`.

Arithmetic: whole numbers in units of 1/maximum nanoseconds, so that a unit is exactly the window's
nanoseconds and nothing ever drifts.

What is put back: without a cost, all that came later would have found that much less backlog, and
where there was less the rate would have stood idle; that time is gone. So no more comes back than
the least backlog that a later take found. It is kept for 32 buckets over one window; what was
taken before that does not come back.
"""

from typing import Final

from faregate.limits.counters import NEVER, TAKEN, LimitSpec
from faregate.limits.moments import NS_A_SECOND, from_ns, to_ns, wait_until

BUCKETS: Final = 32


class SteadyRate:
    """One rate with its burst allowance, in memory."""

    __slots__ = (
        "__weakref__", "_bucket", "_due", "_edge_ns", "_last_at", "_low", "_lows", "_maximum",
        "_room", "_unit", "_width_ns", "spec",
    )  # fmt: skip

    def __init__(self, spec: LimitSpec) -> None:
        self.spec = spec
        self._maximum = spec.maximum
        self._unit = int(spec.window_s * NS_A_SECOND)
        self._room = ((spec.burst or 0) + 1) * self._unit
        self._width_ns = max(1, self._unit // BUCKETS)
        self._due = 0
        self._last_at = -1.0
        self._low = 0  # least backlog that a take of the current bucket found
        self._lows: list[tuple[int, int]] = []  # bucket, least backlog; oldest first
        self._bucket = 0
        self._edge_ns = 0  # where the current bucket ends

    def adopt(self, spec: LimitSpec, now: float) -> None:
        """Go on under another maximum or burst; units that are owed stay owed."""
        self._due = to_ns(now) * spec.maximum + self._backlog(now)
        self._low = 0
        self._lows.clear()
        self._last_at = -1.0
        self.spec = spec
        self._maximum = spec.maximum
        self._room = ((spec.burst or 0) + 1) * self._unit

    def take(self, cost: int, now: float) -> float:
        """Count `cost`, or say the seconds until it would fit."""
        now_ns = int(now * 1e9)
        moment = now_ns * self._maximum
        due = self._due
        if due < moment:
            due = moment
        backlog = due - moment
        if backlog + cost * self._unit > self._room:
            return self._wait(cost, now)
        if now_ns >= self._edge_ns:
            self._turn(now_ns, backlog)
        elif backlog < self._low:
            self._low = backlog
        self._due = due + cost * self._unit
        self._last_at = now
        return TAKEN

    def check(self, cost: int, now: float) -> float:
        """What `take` would give."""
        if self._backlog(now) + cost * self._unit > self._room:
            return self._wait(cost, now)
        return TAKEN

    def put_back(self, cost: int, taken_at: float, now: float) -> None:
        """Give back what of `cost` the rate would not have stood idle for."""
        back = min(cost * self._unit, self._backlog(now))
        if taken_at == self._last_at:  # all that came since found at least `cost`
            self._due -= back
            return
        bucket = to_ns(taken_at) // self._width_ns
        if bucket < to_ns(now) // self._width_ns - BUCKETS or self._last_at < 0:
            return
        back = min(back, self._low, *(low for past, low in self._lows if past >= bucket))
        self._due -= back
        self._low -= back
        self._lows = [(past, low - back if past >= bucket else low) for past, low in self._lows]

    def add(self, cost: int, now: float) -> None:
        """Count `cost` whether it fits or not."""
        now_ns = to_ns(now)
        backlog = self._backlog(now)
        if now_ns >= self._edge_ns:
            self._turn(now_ns, backlog)
        self._low = min(self._low, backlog)
        self._due = now_ns * self._maximum + backlog + cost * self._unit
        self._last_at = now

    def left(self, now: float) -> int:
        """How much fits now."""
        return max(0, (self._room - self._backlog(now)) // self._unit)

    @property
    def is_unknown(self) -> bool:
        """Never: what it counted is lost only with all else of its worker."""
        return False

    def resets_s(self, now: float) -> float:
        """Seconds until one more fits; 0.0 when nothing is owed."""
        if self._backlog(now) == 0:
            return 0.0
        return self._until_backlog(self._room - (self.left(now) + 1) * self._unit, now)

    def _backlog(self, now: float) -> int:
        return max(0, self._due - to_ns(now) * self._maximum)

    def _turn(self, now_ns: int, backlog: int) -> None:
        """Begin the bucket of `now_ns`, whose first take finds `backlog`."""
        bucket = now_ns // self._width_ns
        self._lows.append((self._bucket, self._low))
        if self._lows[0][0] < bucket - BUCKETS:
            self._lows = [(past, low) for past, low in self._lows if past >= bucket - BUCKETS]
        self._bucket = bucket
        self._low = backlog
        self._edge_ns = (bucket + 1) * self._width_ns

    def _wait(self, cost: int, now: float) -> float:
        target = self._room - cost * self._unit
        return NEVER if target < 0 else self._until_backlog(target, now)

    def _until_backlog(self, target: int, now: float) -> float:
        moment_ns = -((target - self._due) // self._maximum)
        return wait_until(from_ns(moment_ns), now)
