"""Amounts and times as people type them on the command line."""

import re
from typing import Final

from faregate.cli.keys import parse_expiry
from faregate.core.errors import FaregateError
from faregate.core.money import parse_amount

_UNITS_S: Final = {"h": 3_600, "d": 86_400, "w": 7 * 86_400}
_NS: Final = 1_000_000_000
_TIME_NS_MAX: Final = 2**63 - 1
_AMOUNT_FIX: Final = "write dollars as 12.50, with at most nine decimals"


def positive_amount(text: str) -> int:
    """Nano-dollars of "12.50"; nothing, less and other texts are refused."""
    try:
        nano = parse_amount(text)
    except ValueError as error:
        raise FaregateError(f"{text!r} can't be taken: {error}", fix=_AMOUNT_FIX) from None
    if nano == 0:
        raise FaregateError(f"{text!r} would move nothing", fix=_AMOUNT_FIX)
    return nano


def signed_amount(text: str) -> int:
    """Nano-dollars of "+5" or "-0.25"; the sign must be there."""
    if text[:1] not in {"+", "-"}:
        raise FaregateError(f"{text!r} has no sign", fix="write +5.00 to add, -5.00 to take away")
    nano = positive_amount(text[1:])
    return nano if text[0] == "+" else -nano


def coming_time(text: str, now_ns: int) -> int:
    """A time that is still to come: a duration from now, or a date."""
    time_ns = parse_expiry(text, now_ns)
    if time_ns > _TIME_NS_MAX:
        raise FaregateError(f"{text!r} is too far away", fix="name a time before the year 2262")
    if time_ns <= now_ns:
        raise FaregateError(f"{text!r} is over", fix="name a time that is still to come")
    return time_ns


def past_time(text: str, now_ns: int) -> int:
    """A time to look back to: so long ago, as 12h, 30d or 8w, or a date."""
    if found := re.fullmatch(r"([1-9]\d{0,5})([hdw])", text):
        return max(0, now_ns - int(found[1]) * _UNITS_S[found[2]] * _NS)
    return min(max(0, parse_expiry(text, now_ns)), _TIME_NS_MAX)
