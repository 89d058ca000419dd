"""No window holds more than the maximum; a wait that is obeyed suffices."""

from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.limits.oracles import ExactLog, sliding

from faregate.limits.counters import NEVER, TAKEN
from faregate.limits.sliding_window import SlidingWindow

MAXIMUM = 20


class Histories(RuleBasedStateMachine):
    """Any history, beside an exact log."""

    window_s = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.now = 12_345.678
        self.log = ExactLog()
        self.counter = SlidingWindow(sliding(MAXIMUM, self.window_s))

    @rule(part=st.floats(0, 1.3), hair=st.integers(-3, 3))
    def pass_time(self, part: float, hair: int) -> None:
        self.now = max(self.now, self.now + part * self.window_s + hair * 1e-12)

    @rule(cost=st.integers(1, MAXIMUM))
    def take(self, cost: int) -> None:
        checked = self.counter.check(cost, self.now)
        wait = self.counter.take(cost, self.now)
        assert wait == checked
        if wait == TAKEN:
            self.log.take(cost, self.now)
            return
        late = 2 * self.window_s / 128
        exact = self.log.most_in_a_window(self.window_s) + cost > MAXIMUM
        assert exact or wait <= late
        assert deepcopy(self.counter).check(cost, self.now + wait * 0.999 - 1e-6) > 0
        self.now += wait  # obeyed to the hair
        assert self.counter.take(cost, self.now) == TAKEN
        self.log.take(cost, self.now)

    @precondition(lambda self: self.log.taken)
    @rule(data=st.data(), cost=st.integers(1, MAXIMUM))
    def put_back(self, data: st.DataObject, cost: int) -> None:
        at, taken = data.draw(st.sampled_from(self.log.taken))
        back = min(cost, taken)
        self.counter.put_back(back, at, self.now)
        self.log.put_back(back, at)

    @invariant()
    def no_window_holds_more(self) -> None:
        assert self.log.most_in_a_window(self.window_s) <= MAXIMUM
        used = MAXIMUM - self.counter.left(self.now)
        recent = [cost for at, cost in self.log.taken if at > self.now - self.window_s]
        assert used >= sum(recent)
        waits = self.counter.resets_s(self.now)
        assert (waits == 0.0) == (used == 0)
        if used:
            assert deepcopy(self.counter).left(self.now + waits) > MAXIMUM - used


class MinuteHistories(Histories):
    window_s = 60.0


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestMinuteHistories = MinuteHistories.TestCase
TestMinuteHistories.settings = TestHistories.settings


@pytest.mark.parametrize("window_s", [1.0, 60.0])
def test_used_to_99_percent_when_always_asked_for(window_s: float):
    counter, now, taken = SlidingWindow(sliding(1_000, window_s)), 5_000.1, 0
    step = window_s / 3_000
    for _ in range(60_000):
        now += step
        taken += counter.take(1, now) == TAKEN
    assert taken >= 0.99 * 20 * 1_000


def test_more_than_the_maximum_never_fits():
    counter = SlidingWindow(sliding(5))
    assert counter.take(6, 1.0) == NEVER
    assert counter.left(1.0) == 5


def test_what_was_added_beyond_the_maximum_counts():
    counter = SlidingWindow(sliding(5))
    counter.add(9, 10.0)
    assert counter.left(10.0) == 0
    assert counter.take(1, 10.0 + counter.take(1, 10.0)) == TAKEN


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 30))
def test_another_maximum_keeps_the_count(before: int, taken: int, after: int):
    counter = SlidingWindow(sliding(before))
    took = counter.take(taken, 7.0) == TAKEN
    counter.adopt(sliding(after), 7.0)
    assert counter.left(7.0) == max(0, after - taken * took)


def test_a_clock_that_stands_or_lags_is_borne():
    counter = SlidingWindow(sliding(2))
    assert counter.take(1, 10.0) == TAKEN
    assert counter.take(1, 9.5) == TAKEN
    assert counter.take(1, 9.5) > 0.5
    counter.put_back(1, 9.5, 10.0)
    assert counter.left(10.0) <= 1
