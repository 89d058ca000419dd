"""Amounts and times are taken exactly, or refused with a way out."""

import pytest

from faregate.cli.amounts import coming_time, past_time, positive_amount, signed_amount
from faregate.core.errors import FaregateError
from faregate.core.money import NANO

_NOW_NS = 1_700_000_000_000_000_000
_HOUR_NS = 3_600_000_000_000


def test_amounts_are_exact() -> None:
    assert positive_amount("12.50") == 12_500_000_000
    assert positive_amount("0.000000001") == 1
    assert signed_amount("+5") == 5 * NANO
    assert signed_amount("-0.25") == -NANO // 4


@pytest.mark.parametrize("text", ["", "5", "+", "-", "+-5", "--5", "+nan", "+0"])
def test_signs_must_be_there_once(text: str) -> None:
    with pytest.raises(FaregateError) as caught:
        signed_amount(text)
    assert caught.value.fix


def test_times_to_come_and_gone() -> None:
    assert coming_time("2h", _NOW_NS) == _NOW_NS + 2 * _HOUR_NS
    assert past_time("2h", _NOW_NS) == _NOW_NS - 2 * _HOUR_NS
    assert past_time("1970-01-02", _NOW_NS) == 24 * _HOUR_NS
    assert past_time("999999w", _NOW_NS) == 0
    for text, message in (
        ("1999-01-01", "is over"),
        ("9999-01-01", "too far"),
        ("x", "not a time"),
    ):
        with pytest.raises(FaregateError, match=message):
            coming_time(text, _NOW_NS)
