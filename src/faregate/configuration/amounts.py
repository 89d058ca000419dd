"""Amounts and factors as they are written: exact decimals.

What `core.money` can't hold is refused, so every number of a document is money or a factor that
nothing rounds unseen.
"""

import re
from decimal import Decimal
from typing import Final

from faregate.core.money import NANO, parse_amount

TAKES: Final = "an amount such as 12.50, from 0, with at most nine decimals"
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_TEXT_CHARACTERS_MAX: Final = 64
_PLAIN_EXPONENT_MAX: Final = 64  # beyond it, digits alone would fill a screen, or the memory


def read_amount(text: str) -> Decimal:
    """The decimal that `text` says, in its shortest form.

    Raises `ValueError` with the reason, which never repeats the text.
    """
    text = text.strip()
    if len(text) > _TEXT_CHARACTERS_MAX or not _NUMBER.fullmatch(text):
        raise ValueError("it is not an amount; write it as 12.50")
    whole, part = divmod(parse_amount(text), NANO)
    return Decimal(_short(f"{whole}.{part:09d}"))


def amount_text(amount: Decimal) -> str:
    """`amount` in plain digits, without zeros that say nothing."""
    if not amount.is_finite() or abs(amount.adjusted()) > _PLAIN_EXPONENT_MAX:
        return str(amount)
    text = f"{amount:f}"
    return _short(text.removeprefix("-")) if amount == 0 else _short(text)


def _short(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
