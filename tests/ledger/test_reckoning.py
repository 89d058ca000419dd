"""The arithmetic of purses: nothing below zero, nothing leaves a window too early."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.ledger import reckoning

HOUR_NS = 3_600_000_000_000


def test_available_is_never_below_zero():
    assert reckoning.available(100, 30, 20) == 50
    assert reckoning.available(40, 30, 20) == 0


@pytest.mark.parametrize(
    ("amount", "settled", "posted", "back"),
    [(60, 0, 0, 60), (60, 50, 0, 10), (10, 50, 50, 10), (10, 40, 50, 10), (5, 90, 0, 0)],
)
def test_what_comes_back(amount: int, settled: int, posted: int, back: int):
    assert reckoning.coming_back(amount, settled, posted) == back


@pytest.mark.parametrize(
    ("maximum", "capacity", "spent", "drawn", "carried"),
    [(50, 100, 25, 35, 40), (30, 100, 25, 35, 30), (50, 100, 90, 20, 0), (0, 9, 0, 0, 0),
     (-1, 9, 0, 0, 0)],
)  # fmt: skip
def test_carry_over(maximum: int, capacity: int, spent: int, drawn: int, carried: int):
    assert reckoning.carried_over(maximum, capacity, spent, drawn) == carried


@given(st.integers(0, 2**62), st.sampled_from([1, 59, 60, 61, HOUR_NS, 24 * HOUR_NS]))
def test_spend_leaves_no_window_early_and_not_much_late(at_ns: int, rolling_ns: int):
    bucket_ns = reckoning.bucket_of(at_ns, rolling_ns)
    frees_ns = reckoning.frees_ns(bucket_ns, rolling_ns)
    width_ns = reckoning.bucket_width_ns(rolling_ns)
    assert bucket_ns <= at_ns < bucket_ns + width_ns
    assert at_ns + rolling_ns < frees_ns <= at_ns + rolling_ns + width_ns
    # It has left exactly from the moment on that was told.
    assert bucket_ns > reckoning.oldest_bucket_ns(frees_ns - 1, rolling_ns)
    assert bucket_ns <= reckoning.oldest_bucket_ns(frees_ns, rolling_ns)


def test_frees_are_in_order_and_of_the_window():
    width_ns = reckoning.bucket_width_ns(HOUR_NS)
    buckets = {9 * width_ns: 5, 0: 1, 3 * width_ns: 2, 4 * width_ns: 0}
    now_ns = HOUR_NS + width_ns  # the first bucket has just left
    frees = reckoning.frees(buckets, HOUR_NS, now_ns)
    assert frees == ((HOUR_NS + 4 * width_ns, 2), (HOUR_NS + 10 * width_ns, 5))


@pytest.mark.parametrize(
    ("spent", "capacity", "percents"),
    [(0, 100, []), (49, 100, []), (50, 100, [50]), (100, 100, [50, 80, 100]), (1, 3, []),
     (2, 3, [50]), (5, 0, [])],
)  # fmt: skip
def test_percentages_that_were_reached(spent: int, capacity: int, percents: list[int]):
    assert reckoning.reached((50, 80, 100), spent, capacity) == percents
