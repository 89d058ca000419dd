"""Money: whole numbers of nano-dollars, and the one function that rounds.

An amount is an integer of nano-dollars (10⁻⁹ USD) that fits 64 bits. A price is nano-dollars for
a million units. Amounts are written as decimal strings, never as floats.
"""

from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Final

NANO: Final = 1_000_000_000
AMOUNT_NANO_MAX: Final = 10**18  # a thousand million dollars: sums of nine still fit 64 bits
CURRENCY: Final = "USD"
_EXACT: Final = Context(prec=40, traps=[Inexact])  # the default would round what is longer


def round_nano(numerator: int, denominator: int) -> int:
    """`numerator / denominator` to the nearest whole number, halves upwards.

    The only rounding of money: once a call. Both are positive, or the numerator is 0.
    """
    return (2 * numerator + denominator) // (2 * denominator)


def round_up_nano(numerator: int, denominator: int) -> int:
    """The least whole number that is not below `numerator / denominator`.

    For bounds: what is held may be more than what is charged, never less.
    """
    return -(-numerator // denominator)


def parse_amount(value: str | int | Decimal) -> int:
    """Nano-dollars of an amount in dollars, such as "12.50".

    Raises `ValueError` with the reason: not a number, below zero, too large, or finer than a
    nano-dollar.
    """
    try:
        amount = Decimal(value)
    except (InvalidOperation, TypeError):
        raise ValueError("it is not an amount; write it as 12.50") from None
    if not amount.is_finite():
        raise ValueError("it is not an amount; write it as 12.50")
    if amount < 0:
        raise ValueError("it is below zero")
    if amount > AMOUNT_NANO_MAX // NANO:
        raise ValueError(f"it is above {AMOUNT_NANO_MAX // NANO}")
    try:
        nano = amount.scaleb(9, _EXACT)
    except Inexact:
        nano = Decimal("0.1")
    if nano != nano.to_integral_value():
        raise ValueError("it has more than nine decimals")
    return int(nano)


def format_amount(nano: int) -> str:
    """An amount in dollars as a decimal string of two to nine decimals."""
    sign = "-" if nano < 0 else ""
    whole, part = divmod(abs(nano), NANO)
    decimals = f"{part:09d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{decimals}"
