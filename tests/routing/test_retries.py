"""Retries have a budget; waits are honest and jittered."""

from random import Random

import pytest
from tests.routing.worlds import NOW, OVERLOADED, THROTTLED

from faregate.routing.retries import Retries, RetryBudget, wait_s
from faregate.routing.troubles import Trouble


def test_the_budget_is_a_share_of_calls_and_a_rate():
    budget = RetryBudget(Retries(budget_share=0.2, budget_per_s=3.0))
    granted = 0
    for calls in range(10_000):  # 1,000 calls a second for 10 seconds, all of which ask
        granted += budget.take(calls, NOW + calls / 1_000)
    assert granted == pytest.approx(30 + 10_000 * 0.2 + 3 * 10, rel=0.01)


def test_a_quiet_route_may_always_repeat():
    budget = RetryBudget(Retries())
    assert all(budget.take(number, NOW + number) for number in range(1_000))


def test_what_is_saved_up_has_an_end():
    budget = RetryBudget(Retries(budget_per_s=3.0))
    budget.take(0, NOW)
    granted = sum(budget.take(10**6, NOW + 10**6) for _ in range(1_000))
    assert granted == 30


def test_without_a_budget_there_are_no_repeats():
    budget = RetryBudget(Retries(budget_share=0.0, budget_per_s=0.0))
    assert not budget.take(10, NOW)
    assert not budget.take(10_000, NOW + 10_000)


def test_waits_double_and_are_shortened_by_chance():
    retries, random = Retries(), Random(1)
    for repeats, most in [(0, 0.25), (1, 0.5), (2, 1.0), (10, 8.0)]:
        waits = [wait_s(retries, OVERLOADED, repeats, random) for _ in range(200)]
        assert all(wait is not None and most / 2 <= wait <= most for wait in waits)
        assert len(set(waits)) > 100


def test_a_named_wait_counts_where_it_is_short():
    retries, random = Retries(), Random(1)
    wait = wait_s(retries, THROTTLED, 0, random)
    assert wait is not None
    assert 2.0 <= wait <= 2.25
    assert wait_s(retries, Trouble("rate_limited", "key", 60.0), 0, random) is None
