"""Amounts are exact, and rounding happens where it is said and nowhere else."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from faregate.core.money import (
    AMOUNT_NANO_MAX,
    format_amount,
    parse_amount,
    round_nano,
    round_up_nano,
)

numerators = st.integers(0, 10**30)
denominators = st.integers(1, 10**18)


@given(numerators, denominators)
@example(1, 2)
@example(5, 10)
def test_rounding_is_to_the_nearest(numerator: int, denominator: int) -> None:
    exact = Fraction(numerator, denominator)
    rounded = round_nano(numerator, denominator)
    assert -Fraction(1, 2) < rounded - exact <= Fraction(1, 2)
    assert 0 <= round_up_nano(numerator, denominator) - exact < 1
    assert rounded <= round_up_nano(numerator, denominator)


@given(st.integers(0, AMOUNT_NANO_MAX))
def test_amounts_go_out_and_come_back(nano: int) -> None:
    text = format_amount(nano)
    assert parse_amount(text) == nano
    assert parse_amount(Decimal(text)) == nano
    assert 2 <= len(text.partition(".")[2]) <= 9


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "0.00"), (1, "0.000000001"), (12_500_000_000, "12.50"), (-1_500_000_000, "-1.50"),
        (10**18, "1000000000.00"),
    ],
)  # fmt: skip
def test_written(nano: int, text: str) -> None:
    assert format_amount(nano) == text


@pytest.mark.parametrize("value", [5, "5", "5.0", Decimal("5E0"), "5.000000000000000", "0.5E1"])
def test_read(value: str | int | Decimal) -> None:
    assert parse_amount(value) == 5_000_000_000


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "not an amount"), ("five", "not an amount"), ("nan", "not an amount"),
        ("sNaN", "not an amount"), ("-inf", "not an amount"), ("-0.01", "below zero"),
        ("1000000000.000000001", "above 1000000000"), (10**30, "above"), ("1e999999", "above"),
        ("0.0000000001", "nine decimals"), ("1e-999999", "nine decimals"),
        # Longer than what decimal arithmetic keeps by default: rounding would hide the rest.
        ("1." + "0" * 35 + "1", "nine decimals"), ("999999999." + "9" * 30, "nine decimals"),
    ],
)  # fmt: skip
def test_refused(value: str | int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_amount(value)
