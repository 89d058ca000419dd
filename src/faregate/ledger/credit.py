"""Credit in lots: which of them a charge consumes, and what expires.

A lot is what is left of one grant. Charges consume credit that has expired but was held first,
then presents before what was paid for, and of each what expires soonest, so that as little as
possible is ever taken back.
"""

import math
from collections.abc import Iterable

import msgspec


class Lot(msgspec.Struct):
    """What is left of a grant; `number` grows with each."""

    number: int
    promotional: bool
    remaining_nano: int
    expires_ns: int | None = None

    def expired(self, now_ns: int) -> bool:
        """Whether its time has come."""
        return self.expires_ns is not None and self.expires_ns <= now_ns


class Taken(msgspec.Struct, frozen=True):
    """So much of a lot."""

    number: int
    amount_nano: int


def in_order(lots: Iterable[Lot], now_ns: int) -> list[Lot]:
    """The lots in the order that they are spent in."""

    def rank(lot: Lot) -> tuple[bool, bool, float, int]:
        expires = math.inf if lot.expires_ns is None else lot.expires_ns
        return not lot.expired(now_ns), not lot.promotional, expires, lot.number

    return sorted(lots, key=rank)


def consume(lots: Iterable[Lot], amount_nano: int, now_ns: int) -> list[Taken]:
    """What a charge takes of each lot; `ValueError` where they don't suffice."""
    lots = in_order(lots, now_ns)
    if amount_nano > sum(lot.remaining_nano for lot in lots):
        raise ValueError("the charge is above what is left")
    return _take(lots, amount_nano)


def expire(lots: Iterable[Lot], undrawn_nano: int, now_ns: int) -> list[Taken]:
    """What is taken back of expired lots: at most what isn't drawn."""
    gone = [lot for lot in lots if lot.expired(now_ns)]
    return _take(in_order(gone, now_ns), max(0, undrawn_nano))


def expired_nano(lots: Iterable[Lot], undrawn_nano: int, now_ns: int) -> int:
    """How much `expire` would take back."""
    return sum(taken.amount_nano for taken in expire(lots, undrawn_nano, now_ns))


def _take(lots: list[Lot], amount_nano: int) -> list[Taken]:
    taken = []
    for lot in lots:
        part = min(lot.remaining_nano, amount_nano)
        if part > 0:
            taken.append(Taken(lot.number, part))
            amount_nano -= part
    return taken
