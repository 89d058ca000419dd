"""Which arithmetic counts a limit."""

from faregate.limits.concurrency import Concurrency
from faregate.limits.counters import LimitSpec, LimitUnit
from faregate.limits.gcra import SteadyRate
from faregate.limits.sliding_window import SlidingWindow

LocalCounter = SlidingWindow | SteadyRate | Concurrency


def kind_of(spec: LimitSpec) -> type[LocalCounter]:
    """A steady rate where it has a burst allowance, else a window."""
    if spec.unit is LimitUnit.CONCURRENT:
        return Concurrency
    return SlidingWindow if spec.burst is None else SteadyRate
