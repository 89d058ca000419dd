"""Statements: what moved a wallet's balance, folded into lines.

A statement begins with the balance before its time and ends with the balance after it; the
amounts of its lines are the difference, whatever they are grouped by. Lines that follow one
another in time carry the balance after each.
"""

from collections.abc import Iterable
from itertools import accumulate
from typing import Final, Literal, get_args

import msgspec

Movement = Literal["grant", "charge", "refund", "adjustment", "expiry"]
Grouping = Literal["entry", "call", "hour", "day", "key", "model", "application", "customer"]

GROUPINGS: Final[tuple[Grouping, ...]] = get_args(Grouping)
IN_TIME: Final[frozenset[Grouping]] = frozenset({"entry", "hour", "day"})
PERIODS_NS: Final[dict[str, int]] = {"hour": 3_600_000_000_000, "day": 86_400_000_000_000}


class Line(msgspec.Struct, frozen=True):
    """One line: what came, what went, and what was there after it.

    `amount_nano` is the sum of the five others, each below zero where it left the wallet.
    `balance_nano` is None where lines don't follow one another in time. Of a single movement
    `movement` says which it was.
    """

    name: str
    at_ns: int
    granted_nano: int = 0
    charged_nano: int = 0
    refunded_nano: int = 0
    adjusted_nano: int = 0
    expired_nano: int = 0
    calls: int = 0
    balance_nano: int | None = None
    movement: str = ""
    author: str = ""
    reason: str = ""
    call_id: str = ""

    @property
    def amount_nano(self) -> int:
        """What the balance changed by."""
        return (
            self.granted_nano
            + self.charged_nano
            + self.refunded_nano
            + self.adjusted_nano
            + self.expired_nano
        )


class Statement(msgspec.Struct, frozen=True):
    """A wallet's lines in a time, or one page of them.

    `opening_nano` and `closing_nano` are the balances at the two ends of the time, whatever page
    this is; `next_page` is None on the last.
    """

    wallet: str
    by: Grouping
    since_ns: int
    until_ns: int
    opening_nano: int
    closing_nano: int
    lines: tuple[Line, ...]
    next_page: str | None = None


def with_balances(lines: Iterable[Line], before_nano: int) -> tuple[Line, ...]:
    """The lines, in the order of time, each with the balance after it."""
    lines = tuple(lines)
    balances = accumulate((line.amount_nano for line in lines), initial=before_nano)
    next(balances)
    return tuple(
        msgspec.structs.replace(line, balance_nano=balance)
        for line, balance in zip(lines, balances, strict=True)
    )
