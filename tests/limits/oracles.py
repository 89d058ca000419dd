"""Slow and plain counts of limits, beside which the fast ones are tested."""

from fractions import Fraction

from faregate.limits.counters import LimitSpec, LimitUnit


def sliding(maximum: int, window_s: float = 1.0) -> LimitSpec:
    """A sliding window of requests."""
    return LimitSpec("rate/a", "rate", "a", LimitUnit.REQUESTS, maximum, window_s)


def steady(maximum: int, burst: int, window_s: float = 1.0) -> LimitSpec:
    """A steady rate of requests."""
    return LimitSpec("steady/a", "steady", "a", LimitUnit.REQUESTS, maximum, window_s, burst)


def at_once(maximum: int) -> LimitSpec:
    """Calls at once."""
    return LimitSpec("calls/a", "calls", "a", LimitUnit.CONCURRENT, maximum, 0.0)


class ExactLog:
    """All that was taken, with its moment."""

    def __init__(self) -> None:
        self.taken: list[list] = []

    def take(self, cost: int, now: float) -> None:
        self.taken.append([now, cost])

    def put_back(self, cost: int, taken_at: float) -> None:
        for entry in self.taken:
            if entry[0] == taken_at and cost:
                back = min(cost, entry[1])
                entry[1] -= back
                cost -= back

    def most_in_a_window(self, window_s: float) -> int:
        """The most in any window, its first nanosecond counted and its last one not."""
        taken = [(int(at * 1e9), cost) for at, cost in self.taken]
        return most_in_a_window(taken, int(window_s * 1e9))

    def backlog(self, maximum: int, window_s: float, now: float) -> Fraction:
        """Units that are not worked off at `now` at a steady rate, exactly."""
        rate = Fraction(maximum) / Fraction(window_s)
        owed, last = Fraction(0), Fraction(0)
        for at, cost in self.taken:
            moment = Fraction(int(at * 1e9), 1_000_000_000)
            owed = max(Fraction(0), owed - (moment - last) * rate) + cost
            last = moment
        moment = Fraction(int(now * 1e9), 1_000_000_000)
        return max(Fraction(0), owed - (moment - last) * rate)


def most_in_a_window(taken: list[tuple[int, int]], window_ns: int) -> int:
    """The most of `taken`, in order of time, within any [t, t + window)."""
    most = total = first = 0
    for at, cost in taken:
        total += cost
        while at - taken[first][0] >= window_ns:
            total -= taken[first][1]
            first += 1
        most = max(most, total)
    return most
