"""An account at a limit of its own is skipped until it has room."""

import pytest
from tests.routing.worlds import NOW, WALL_NS

from faregate.routing.budgets import Budgets, BudgetSpec
from faregate.routing.rates import AccountLimits, Rates


def test_requests_a_minute():
    rates = Rates(AccountLimits(requests_per_minute=2))
    assert rates.wait_s(0, 0, NOW) == 0.0
    rates.take(0, NOW)
    rates.take(0, NOW)
    wait = rates.wait_s(0, 0, NOW)
    assert 59 < wait < 62
    assert rates.wait_s(0, 0, NOW + wait) == 0.0


def test_tokens_a_minute_are_corrected_by_what_was_used():
    rates = Rates(AccountLimits(tokens_per_minute=1_000))
    rates.take(900, NOW)
    assert rates.wait_s(200, 0, NOW) > 0
    rates.correct(900, 100, NOW, NOW + 1)
    assert rates.wait_s(200, 0, NOW + 1) == 0.0
    rates.correct(100, 950, NOW, NOW + 1)
    assert rates.describe(NOW + 1) == {"tokens_left": 50}
    assert rates.wait_s(5_000, 0, NOW) == 3_600.0


def test_calls_at_once():
    rates = Rates(AccountLimits(concurrent=2))
    assert rates.wait_s(0, 1, NOW) == 0.0
    assert rates.wait_s(0, 2, NOW) > 0
    assert rates.describe(NOW) == {"concurrent_max": 2}


def test_other_limits_keep_what_was_counted():
    rates = Rates(AccountLimits(requests_per_minute=10))
    for _ in range(5):
        rates.take(10, NOW)
    rates.adopt(AccountLimits(requests_per_minute=6, tokens_per_minute=100), NOW)
    assert rates.describe(NOW) == {"requests_left": 1, "tokens_left": 100}
    rates.adopt(AccountLimits(), NOW)
    assert rates.wait_s(10**9, 10**9, NOW) == pytest.approx(0.0)


def test_a_budget_that_is_used_up_is_a_limit():
    rates = Rates(AccountLimits(requests_per_minute=1))
    budgets = rates.budgets = Budgets()
    budgets.adopt((BudgetSpec("hour", 5),), {}, NOW, WALL_NS)
    assert rates.wait_s(0, 0, NOW) == 0.0
    budgets.spend(5, NOW, WALL_NS)
    rates.take(0, NOW)
    assert rates.wait_s(0, 0, NOW + 600) == 3_000.0
    assert rates.wait_s(0, 0, NOW + 3_601) == 0.0
