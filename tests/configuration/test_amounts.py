"""What is written is the amount, to the last digit; what can't be kept exactly is refused."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from faregate.configuration.amounts import amount_text, read_amount
from faregate.configuration.commerce import Plan
from faregate.configuration.document import Document
from faregate.configuration.export import export
from faregate.configuration.load import load
from faregate.core.errors import ConfigurationError
from faregate.core.money import parse_amount

nanos = st.integers(0, 10**18)


@given(nanos)
def test_every_amount_is_read_and_written_exactly(nano: int) -> None:
    amount = Decimal(nano).scaleb(-9)
    text = amount_text(amount)
    assert read_amount(text) == amount
    assert parse_amount(read_amount(text)) == nano
    assert "E" not in text
    assert text == amount_text(read_amount(text))


@given(st.integers(1, 10**18))
@example(150_000_000)
@example(123_456_789_123_456_789)
def test_numbers_of_a_file_pass_no_float(nano: int) -> None:
    text = amount_text(Decimal(nano).scaleb(-9))
    for written in (text, f"'{text}'"):
        document = load(f"budgets: [{{name: b, each: key, amount: {written}}}]", environment={})
        assert document.budgets[0].amount == Decimal(text)
        assert load(export(document), environment={}) == document


@given(st.text(max_size=12) | st.floats().map(str) | st.decimals().map(str))
def test_any_text_is_read_exactly_or_refused(text: str) -> None:
    with suppress(ValueError):
        amount = read_amount(text)
        assert amount == Decimal(text)
        assert parse_amount(amount) >= 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0", "0"), ("12.50", "12.5"), ("+1", "1"), (".5", "0.5"), ("5.", "5"), ("1e3", "1000"),
        ("1E-9", "0.000000001"), ("-0", "0"), ("007", "7"), (" 1 ", "1"),
        ("1000000000", "1000000000"), ("0.1500000000000", "0.15"),
    ],
)  # fmt: skip
def test_shortest_forms(text: str, shown: str) -> None:
    assert amount_text(read_amount(text)) == shown


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not an amount"), ("nan", "not an amount"), ("inf", "not an amount"),
        ("1,5", "not an amount"), ("1_0", "not an amount"), ("٣", "not an amount"),
        ("0x10", "not an amount"), ("1:30", "not an amount"), ("1e99999", "not an amount"),
        ("1" * 65, "not an amount"), ("-0.01", "below zero"), ("1000000000.1", "above 1000000000"),
        ("1e9999", "above 1000000000"), ("0.0000000001", "nine decimals"),
        ("1e-9999", "nine decimals"), ("1.000000000000000000000000000000001", "nine decimals"),
    ],
)  # fmt: skip
def test_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_amount(text)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (".nan", "it is not an amount: .nan"), (".inf", "it is not an amount: .inf"),
        ("-1", "it is below zero: -1"), ("-0.5", "it is below zero: -0.5"),
        ("'-0.5'", "it is below zero: '-0.5'"),
        ("0.0000000001", "it has more than nine decimals: 0.0000000001"),
        ("123456789.1234567891", "it has more than nine decimals: 123456789.1234567891"),
        ("2000000000", "it is above 1000000000: 2000000000"),
        ("0x10", "it is not an amount: 0x10"), ("1:30", "it is not an amount: 1:30"),
        ("two", "it is not an amount: 'two'"),
        ("true", "expected an amount such as 12.50"), ("", "found nothing"),
        ("[1]", "found a list"), ("2027-01-01", "expected an amount such as 12.50"),
    ],
)  # fmt: skip
def test_refused_in_a_file(written: str, found: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(f"plans:\n  - name: p\n    markup: {written}\n", environment={})
    assert caught.value.line == 3
    assert caught.value.message.startswith("plans[p].markup: ")
    assert found in caught.value.message
    assert caught.value.others == ()
    assert "an amount such as 12.50" in f"{caught.value.message} {caught.value.fix}"


def test_numbers_as_people_write_them() -> None:
    for written, amount in (
        ("0.15", "0.15"),
        ("1_000", "1000"),
        ("1_000.5", "1000.5"),
        ("010", 10),
    ):
        document = load(f"budgets: [{{name: b, each: key, amount: {written}}}]", environment={})
        assert document.budgets[0].amount == Decimal(amount)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("NaN", "NaN"), ("Infinity", "Infinity"), ("1E+3", "1000"), ("1E+999999", "1E+999999"),
        ("-0.50", "-0.5"), ("-0", "0"), ("0E-7", "0"), ("0E+7", "0"),
    ],
)  # fmt: skip
def test_anything_can_be_shown(amount: str, shown: str) -> None:
    assert amount_text(Decimal(amount)) == shown


def test_equal_amounts_are_written_alike() -> None:
    forms = [Document(plans=(Plan(name="p", markup=Decimal(one)),)) for one in ("2", "2.0", "2E0")]
    assert len({export(document) for document in forms}) == 1
