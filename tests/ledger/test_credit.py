"""Charges spend what would be lost first; expiry takes what isn't drawn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.ledger.credit import Lot, consume, expire, expired_nano, in_order

NOW = 1_000
PAID = Lot(1, False, 10)
PAID_SOON = Lot(2, False, 10, NOW + 5)
GIFT = Lot(3, True, 10)
GIFT_SOON = Lot(4, True, 10, NOW + 1)
GIFT_LATE = Lot(5, True, 10, NOW + 9)
GONE = Lot(6, True, 10, NOW)
GONE_BEFORE = Lot(7, False, 10, NOW - 1)
ALL = [PAID, PAID_SOON, GIFT, GIFT_SOON, GIFT_LATE, GONE, GONE_BEFORE]


def amounts(taken):
    return [(part.number, part.amount_nano) for part in taken]


def test_the_order():
    assert [lot.number for lot in in_order(ALL, NOW)] == [6, 7, 4, 5, 3, 2, 1]


def test_of_equals_the_older_goes_first():
    lots = [Lot(9, True, 1), Lot(8, True, 1)]
    assert [lot.number for lot in in_order(lots, NOW)] == [8, 9]


@pytest.mark.parametrize(
    ("amount", "taken"),
    [
        (0, []),
        (4, [(6, 4)]),
        (25, [(6, 10), (7, 10), (4, 5)]),
        (70, [(6, 10), (7, 10), (4, 10), (5, 10), (3, 10), (2, 10), (1, 10)]),
    ],
)
def test_a_charge_goes_through_them(amount: int, taken: list[tuple[int, int]]):
    assert amounts(consume(ALL, amount, NOW)) == taken


def test_more_than_there_is_is_refused_before_anything():
    lots = [Lot(1, False, 10)]
    with pytest.raises(ValueError, match="above what is left"):
        consume(lots, 11, NOW)
    assert lots == [Lot(1, False, 10)]


@pytest.mark.parametrize(
    ("undrawn", "taken"),
    [(99, [(6, 10), (7, 10)]), (20, [(6, 10), (7, 10)]), (13, [(6, 10), (7, 3)]), (0, []),
     (-5, [])],
)  # fmt: skip
def test_expiry_leaves_what_is_drawn(undrawn: int, taken: list[tuple[int, int]]):
    assert amounts(expire(ALL, undrawn, NOW)) == taken
    assert expired_nano(ALL, undrawn, NOW) == sum(amount for _, amount in taken)


LOTS = st.lists(
    st.builds(
        Lot,
        number=st.integers(0, 99),
        promotional=st.booleans(),
        remaining_nano=st.integers(0, 50),
        expires_ns=st.none() | st.integers(NOW - 3, NOW + 3),
    ),
    unique_by=lambda lot: lot.number,
)


@given(LOTS, st.data())
def test_what_is_taken_adds_up(lots: list[Lot], data: st.DataObject):
    there = sum(lot.remaining_nano for lot in lots)
    amount = data.draw(st.integers(0, there))
    taken = dict(amounts(consume(lots, amount, NOW)))
    assert sum(taken.values()) == amount
    assert all(taken.get(lot.number, 0) <= lot.remaining_nano for lot in lots)
    # Nothing is touched while something that comes before it is left.
    left = [lot.remaining_nano - taken.get(lot.number, 0) for lot in in_order(lots, NOW)]
    used = [taken.get(lot.number, 0) for lot in in_order(lots, NOW)]
    assert not any(left[:at] and max(left[:at]) for at, part in enumerate(used) if part)
