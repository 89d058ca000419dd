"""A steady rate is exact for ever, whatever is put back."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.limits.oracles import ExactLog, steady

from faregate.limits.counters import NEVER, TAKEN
from faregate.limits.gcra import SteadyRate

MAXIMUM, BURST = 7, 11  # a seventh of a second is no whole number of nanoseconds


class Histories(RuleBasedStateMachine):
    """Any history, beside an exact log."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 98_765.4321
        self.log = ExactLog()
        self.counter = SteadyRate(steady(MAXIMUM, BURST))

    @rule(part=st.floats(0, 0.6))
    def pass_time(self, part: float) -> None:
        self.now += part

    @rule(cost=st.integers(1, BURST + 1))
    def take(self, cost: int) -> None:
        checked = self.counter.check(cost, self.now)
        wait = self.counter.take(cost, self.now)
        assert wait == checked
        if wait != TAKEN:
            assert self.counter.check(cost, self.now + wait - 1e-6) > 0
            self.now += wait
            assert self.counter.take(cost, self.now) == TAKEN
        self.log.take(cost, self.now)

    @rule(cost=st.integers(1, BURST + 1))
    def take_and_put_back_at_once(self, cost: int) -> None:
        left = self.counter.left(self.now)
        resets = self.counter.resets_s(self.now)
        if self.counter.take(cost, self.now) == TAKEN:
            self.counter.put_back(cost, self.now, self.now)
        assert (self.counter.left(self.now), self.counter.resets_s(self.now)) == (left, resets)

    @precondition(lambda self: self.log.taken)
    @rule(data=st.data(), cost=st.integers(1, BURST + 1))
    def put_back(self, data: st.DataObject, cost: int) -> None:
        at, taken = data.draw(st.sampled_from(self.log.taken))
        back = min(cost, taken)
        self.counter.put_back(back, at, self.now)
        self.log.put_back(back, at)

    @invariant()
    def never_more_than_the_rate_and_its_burst(self) -> None:
        backlog = self.log.backlog(MAXIMUM, 1.0, self.now)
        assert BURST + 1 - self.counter.left(self.now) >= backlog
        assert self.log.most_in_a_window(1.0) <= MAXIMUM + BURST

    @invariant()
    def more_is_free_when_it_says(self) -> None:
        left, wait = self.counter.left(self.now), self.counter.resets_s(self.now)
        if wait:
            assert self.counter.left(self.now + wait) > left
        else:
            assert left == BURST + 1


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_third_of_a_second_never_drifts():
    counter, now, taken = SteadyRate(steady(3, 0)), 1_000.0, 0
    for _ in range(30_000):
        assert counter.take(1, now) == TAKEN
        taken += 1
        now += counter.check(1, now)
    assert abs((now - 1_000.0) - taken / 3) < 1e-4


def test_estimates_that_are_corrected_late_still_use_the_whole_rate():
    counter, now, used, running = SteadyRate(steady(1_000, 900)), 50.0, 0, []
    for _ in range(20_000):  # each call is thought to take 10 and takes 3, known 0.2 s later
        now += 0.001
        if counter.take(10, now) == TAKEN:
            used += 3
            running.append(now)
        while running and running[0] < now - 0.2:
            counter.put_back(7, running.pop(0), now)
    assert 20 * 1_000 * 0.97 <= used <= 20 * 1_000 + 900


def test_more_than_the_burst_never_fits():
    counter = SteadyRate(steady(5, 3))
    assert counter.take(5, 1.0) == NEVER
    assert counter.take(4, 1.0) == TAKEN
    assert counter.take(1, 1.0) > 0


def test_what_was_added_counts_beyond_the_burst():
    counter = SteadyRate(steady(10, 1))
    counter.add(12, 1.0)
    assert counter.left(1.0) == 0
    assert 1.0 < counter.take(1, 1.0) < 1.2


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 20))
def test_another_maximum_keeps_what_is_owed(before: int, after: int, burst: int):
    counter = SteadyRate(steady(before, 20))
    assert counter.take(20, 3.0) == TAKEN
    counter.adopt(steady(after, burst), 3.0)
    assert counter.left(3.0) == max(0, burst + 1 - 20)
