"""What a vendor tells of the credit that is left.

Replies come from strangers: what is no amount is an error that says so, and lists and numbers
are bounded.
"""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from faregate.core.money import AMOUNT_NANO_MAX, NANO
from faregate.providers.rules import look_up, paths_of
from faregate.providers.vendors import Balance

BALANCE_BODY_BYTES_MAX: Final = 64 * 1024
_AMOUNT_CHARACTERS_MAX: Final = 40
_AMOUNT_MAX: Final = AMOUNT_NANO_MAX // NANO
_CURRENCY_CHARACTERS_MAX: Final = 8
# Numbers keep their decimals: a float would not be what the vendor wrote.
_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)


class Remaining(msgspec.Struct, frozen=True):
    """What is left, in billionths of `currency`; below zero: owed."""

    amount_nano: int
    currency: str


def read_balance(balance: Balance, body: bytes, region: str = "") -> list[Remaining]:
    """The amounts of a reply, one a currency.

    What is finer than a billionth is left off.
    `region` is the account's option. Raises ValueError where the reply is not as the row says.
    """
    if len(body) > BALANCE_BODY_BYTES_MAX:
        raise ValueError("the reply is larger than any balance")
    try:
        document = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, InvalidOperation, RecursionError):
        raise ValueError("the reply is not JSON") from None
    amounts = [_amount(value) for value in _values(document, balance.amount)]
    if not amounts:
        raise ValueError(f"the reply has no {balance.amount}")
    if balance.spent is not None:
        spent = [_amount(value) for value in _values(document, balance.spent)]
        if len(spent) != len(amounts):
            raise ValueError(f"the reply has no {balance.spent}")
        amounts = [left - gone for left, gone in zip(amounts, spent, strict=True)]
    if balance.currency_path is not None:
        currencies = [_currency(value) for value in _values(document, balance.currency_path)]
    else:
        usual = balance.currencies.get(region, balance.currency)
        currencies = [usual] * len(amounts) if usual is not None else []
    if len(currencies) != len(amounts):
        raise ValueError("the reply does not say the currency of each amount")
    return [
        Remaining(int(amount * NANO / balance.parts), currency)
        for amount, currency in zip(amounts, currencies, strict=True)
    ]


def _values(document: object, path: str) -> Iterator[object]:
    for each in paths_of(path):
        yield from look_up(document, each)


def _amount(value: object) -> Decimal:
    text = str(value) if isinstance(value, str | int | Decimal) else ""
    try:
        amount = Decimal(text if len(text) <= _AMOUNT_CHARACTERS_MAX else "NaN")
    except InvalidOperation:  # so is True
        amount = Decimal("NaN")
    if not amount.is_finite() or not -_AMOUNT_MAX <= amount <= _AMOUNT_MAX:
        raise ValueError("the reply has something else for an amount")
    return amount


def _currency(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _CURRENCY_CHARACTERS_MAX:
        raise ValueError("the reply has something else for a currency")
    return value.upper()
