"""What is left is estimated from what calls cost; its end is foreseen."""

import pytest

from faregate.routing.balance import BUCKET_S, BUCKETS, RUNS_OUT_SOON_S, Balance

USD = 10**9


def test_nothing_is_said_of_a_balance_that_was_never_known():
    balance = Balance((5 * USD,))
    assert balance.spend(3 * USD, 0.0) == ()
    assert balance.left_nano is None
    assert balance.runs_out_s(100.0) is None
    assert balance.describe(1.0) == {"left_nano": None, "spent_nano": 3 * USD}


def test_spend_lowers_what_was_known():
    balance = Balance()
    balance.known(10 * USD, 0.0)
    balance.spend(4 * USD, 1.0)
    balance.spend(-5, 2.0)  # nothing ever costs less than nothing
    assert balance.left_nano == 6 * USD
    balance.known(7 * USD, 3.0)
    assert balance.left_nano == 7 * USD


def test_the_forecast_is_linear():
    balance = Balance()
    balance.known(100 * USD, 0.0)
    for second in range(0, 600, 10):
        balance.spend(USD // 100, float(second))
    left = balance.left_nano
    assert left == 100 * USD - 60 * USD // 100
    assert balance.runs_out_s(600.0) == pytest.approx(left / (USD / 1000), rel=0.02)


def test_old_spend_leaves_the_forecast():
    balance = Balance()
    balance.known(100 * USD, 0.0)
    balance.spend(50 * USD, 0.0)
    later = BUCKET_S * (BUCKETS + 2)
    assert balance.runs_out_s(later) is None
    balance.spend(1, later)
    assert balance.runs_out_s(later + 100) > 1e10


def test_thresholds_are_told_once_until_it_was_above_again():
    balance = Balance((5 * USD, 2 * USD))
    assert balance.known(10 * USD, 0.0) == ()
    told = []
    for second in range(11):
        told += [each.kind for each in balance.spend(USD, second / 100)]
    assert told == ["balance_low", "balance_low", "balance_out"]
    assert balance.known(10 * USD, 1.0) == ()
    assert [each.kind for each in balance.spend(6 * USD, 2.0)] == ["balance_low"]
    assert balance.runs_out_s(3.0) is None  # too short a time to judge by


def test_its_end_within_a_day_is_told_once():
    balance = Balance()
    balance.known(1_000 * USD, 0.0)
    told = []
    for minute in range(60):
        told += [each.kind for each in balance.spend(USD, minute * 60.0)]
    assert told == ["balance_runs_out"]
    assert balance.runs_out_s(3_600.0) < RUNS_OUT_SOON_S
    assert balance.describe(3_600.0)["runs_out_s"] == pytest.approx(940 * 60, rel=0.1)


def test_it_keeps_no_more_than_its_buckets():
    balance = Balance()
    for hour in range(1_000):
        balance.spend(1, hour * BUCKET_S * 1.5)
    assert len(balance._buckets) <= BUCKETS
