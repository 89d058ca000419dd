"""Each kind of limit has its arithmetic."""

from tests.limits.oracles import at_once, sliding, steady

from faregate.limits.concurrency import Concurrency
from faregate.limits.gcra import SteadyRate
from faregate.limits.making import kind_of
from faregate.limits.sliding_window import SlidingWindow


def test_the_kind_follows_unit_and_burst():
    specs = (sliding(5), steady(5, 0), at_once(5))
    assert [kind_of(spec) for spec in specs] == [SlidingWindow, SteadyRate, Concurrency]
