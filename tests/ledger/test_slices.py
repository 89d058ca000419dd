"""A slice never gives more than was drawn: taken is free, held and settled, always."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from faregate.ledger.purses import Need, PurseKind, PurseSpec, Standing, Unit
from faregate.ledger.slices import Slice, hold, release, room, settle, shortest

amounts = st.integers(0, 30)
needs = st.tuples(amounts, st.just(1), amounts, amounts, amounts)
units = st.lists(st.sampled_from(Unit), min_size=1, max_size=5)


def a_slice(
    unit: Unit = Unit.NANO, free: int = 0, *, available: int = 0, coming_back: int | None = None
) -> Slice:
    kind: PurseKind = "wallet" if unit is Unit.NANO else "quota"
    one = Slice(PurseSpec(f"{kind}:{unit}", kind, "name", "subject", unit, None))
    back = free if coming_back is None else coming_back
    one.draw(free, Standing(100, 0, free, available, back), 1.0)
    return one


def in_order(drawn: list[Unit]) -> list[Unit]:
    """Volumes stand before money."""
    return sorted(drawn, key=lambda unit: unit is Unit.NANO)


def is_sound(one: Slice) -> bool:
    whole = one.free + one.held + one.settled
    return one.taken == whole and one.free >= 0 and one.held >= 0 and one.settled >= 0


def facts(slices: tuple[Slice, ...]) -> list[tuple[int, int, int]]:
    return [(one.free, one.held, one.settled) for one in slices]


def need(nano: int = 0, requests: int = 1, inputs: int = 0, outputs: int = 0) -> Need:
    return (nano, requests, inputs, outputs, inputs + outputs)


def test_a_hold_takes_of_each_slice_what_it_counts() -> None:
    quota, wallet = a_slice(Unit.TOKENS, 10), a_slice(Unit.NANO, 100)
    assert hold((quota, wallet), need(60, inputs=3, outputs=4))
    assert facts((quota, wallet)) == [(3, 7, 0), (40, 60, 0)]


@given(st.lists(st.tuples(st.sampled_from(Unit), amounts), min_size=1, max_size=5), needs)
def test_all_is_held_or_nothing_has_changed(drawn: list[tuple[Unit, int]], wanted: Need) -> None:
    slices = tuple(a_slice(unit, free) for unit, free in drawn)
    before = facts(slices)
    fits = all(free >= wanted[unit] for unit, free in drawn)
    assert hold(slices, wanted) is fits
    if not fits:
        assert facts(slices) == before
    else:
        release(slices, wanted)
        assert facts(slices) == before
    assert all(map(is_sound, slices))


@pytest.mark.parametrize(
    ("held", "used", "settled", "free"),
    [
        (60, 0, 0, 100),
        (60, 40, 40, 60),
        (60, 60, 60, 40),
        (60, 90, 90, 10),  # beyond the hold, of what is free
        (60, 150, 100, 0),  # beyond all: the purse stays whole
        (0, 7, 7, 93),
    ],
)
def test_what_was_used_replaces_the_hold(held: int, used: int, settled: int, free: int) -> None:
    one = a_slice(free=100)
    assert hold((one,), need(held))
    assert settle((one,), need(held), need(used)) == (settled,)
    assert facts((one,)) == [(free, 0, settled)]


def test_money_is_settled_alike_in_wallet_and_budgets() -> None:
    quota, budget, wallet = a_slice(Unit.TOKENS, 50), a_slice(free=70), a_slice(free=200)
    slices = (quota, budget, wallet)
    assert hold(slices, need(60, inputs=10, outputs=10))
    # The budget has 10 left beside the hold, so the wallet is spared what is beyond that as well.
    assert settle(slices, need(60, inputs=10, outputs=10), need(90, inputs=10, outputs=70)) == (
        50,
        70,
        70,
    )
    assert facts(slices) == [(0, 0, 50), (0, 0, 70), (130, 0, 70)]


@given(units, st.data())
def test_a_settlement_leaves_every_slice_sound(drawn: list[Unit], data: st.DataObject) -> None:
    slices = tuple(a_slice(unit, data.draw(amounts) + 30) for unit in in_order(drawn))
    wanted, used = data.draw(needs), data.draw(needs)
    assert hold(slices, wanted)
    free = {id(one): one.free for one in slices}
    settled = settle(slices, wanted, used)
    money = {one for one, unit in zip(settled, slices, strict=True) if unit.unit == Unit.NANO}
    assert len(money) <= 1
    for one, amount in zip(slices, settled, strict=True):
        assert is_sound(one)
        assert one.held == 0
        assert amount == one.settled <= used[one.unit]
        if used[one.unit] <= wanted[one.unit]:
            assert amount == used[one.unit]
        elif one.unit != Unit.NANO:
            assert amount == min(used[one.unit], wanted[one.unit] + free[id(one)])


def test_room_is_that_of_the_slice_with_least() -> None:
    slices = (a_slice(Unit.TOKENS, 3), a_slice(free=9), a_slice(free=5))
    assert room(slices, Unit.NANO) == 5
    assert room(slices, Unit.TOKENS) == 3
    assert room(slices, Unit.REQUESTS) == 0


def test_what_may_ever_be_free_is_what_can_be_drawn_or_comes_back() -> None:
    assert a_slice(free=10, available=5, coming_back=30).total == 35
    unknown = Slice(PurseSpec("wallet:w", "wallet", "w", "w", Unit.NANO, None))
    assert unknown.total == 0


def test_the_first_that_is_short_for_good_is_told_and_else_the_first_that_is_held() -> None:
    enough, held = a_slice(free=100), a_slice(free=10, coming_back=100)
    empty, emptier = a_slice(free=10), a_slice(free=0)
    wanted = need(60)
    assert shortest((enough,), wanted) is None
    assert shortest((enough, held), wanted) is held
    assert shortest((held, enough, empty, emptier), wanted) is empty


def test_what_is_given_is_no_longer_taken() -> None:
    one = a_slice(free=100)
    assert hold((one,), need(30))
    one.give(one.free)
    assert (one.taken, one.free, one.held) == (30, 0, 30)
    assert not hold((one,), need(1))


class Life(RuleBasedStateMachine):
    """One worker's slices of a wallet, a budget and a quota, and the calls that they hold."""

    def __init__(self) -> None:
        super().__init__()
        units = (Unit.TOKENS, Unit.NANO, Unit.NANO)
        self.slices = tuple(a_slice(unit) for unit in units)
        self.drawn = [0, 0, 0]
        self.settled = [0, 0, 0]
        self.calls: list[Need] = []

    @rule(at=st.integers(0, 2), amount=amounts)
    def draw(self, at: int, amount: int) -> None:
        standing = Standing(100, 0, amount, 0, amount)
        self.slices[at].draw(amount, standing, 0.0)
        self.drawn[at] += amount

    @rule(at=st.integers(0, 2), share=st.integers(0, 3))
    def give(self, at: int, share: int) -> None:
        amount = self.slices[at].free * share // 3
        self.slices[at].give(amount)
        self.drawn[at] -= amount

    @rule(wanted=needs)
    def hold(self, wanted: Need) -> None:
        if hold(self.slices, wanted):
            self.calls.append(wanted)

    @precondition(lambda self: self.calls)
    @rule(used=needs, data=st.data())
    def settle(self, used: Need, data: st.DataObject) -> None:
        call = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        settled = settle(self.slices, call, used)
        self.settled = [was + more for was, more in zip(self.settled, settled, strict=True)]

    @precondition(lambda self: self.calls)
    @rule()
    def release(self) -> None:
        release(self.slices, self.calls.pop())

    @invariant()
    def nothing_is_lost_or_made(self) -> None:
        held = [sum(call[one.unit] for call in self.calls) for one in self.slices]
        told = [(one.taken, one.held, one.settled) for one in self.slices]
        assert told == list(zip(self.drawn, held, self.settled, strict=True))
        assert all(map(is_sound, self.slices))


TestLife = Life.TestCase
