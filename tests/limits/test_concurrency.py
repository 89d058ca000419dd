"""Calls at once go up and down and are never more than the maximum."""

from tests.limits.oracles import at_once

from faregate.limits.concurrency import RETRY_S, Concurrency
from faregate.limits.counters import NEVER, TAKEN


def test_a_call_that_ends_makes_room():
    counter = Concurrency(at_once(2))
    assert [counter.take(1, 0.0) for _ in range(3)] == [TAKEN, TAKEN, RETRY_S]
    assert counter.left(0.0) == 0
    counter.put_back(1, 0.0, 5.0)
    assert counter.check(1, 5.0) == TAKEN
    assert counter.take(1, 5.0) == TAKEN
    assert counter.resets_s(5.0) == RETRY_S


def test_more_than_the_maximum_never_fits():
    counter = Concurrency(at_once(2))
    assert counter.take(3, 0.0) == NEVER
    assert counter.resets_s(0.0) == 0.0


def test_a_lower_maximum_waits_for_those_that_run():
    counter = Concurrency(at_once(3))
    for _ in range(3):
        counter.take(1, 0.0)
    counter.adopt(at_once(1), 0.5)
    counter.put_back(2, 0.0, 1.0)
    assert counter.take(1, 1.0) == RETRY_S
    counter.put_back(1, 0.0, 1.0)
    assert counter.take(1, 1.0) == TAKEN


def test_more_ends_than_calls_do_not_make_more_room():
    counter = Concurrency(at_once(1))
    counter.put_back(5, 0.0, 0.0)
    counter.add(1, 0.0)
    assert counter.left(0.0) == 0
