"""All limits of a call are taken or none, and what a refusal says of time is true."""

import asyncio
import inspect
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faregate.core.clock import ManualClock
from faregate.core.errors import StorageError
from faregate.core.refusals import Refusal
from faregate.identity.keys import KeyRecord
from faregate.ledger.purses import Need
from faregate.ledger.slices import NOTHING
from faregate.limits.counters import ASK, TAKEN, Counter, LimitSpec, LimitUnit
from faregate.limits.sliding_window import SlidingWindow
from faregate.policies.limits import NO_COSTS, Costs, LimitCheck, judge
from faregate.policies.terms import Terms
from faregate.tally.leased import CLOSED_PLACE, Asked, LeasedRate
from faregate.tally.memory import MemoryTally

KEY = KeyRecord("id", "key", "fg_", b"h", None, 0, None, None)


@dataclass
class Call:
    terms: Terms
    inputs: int = 10
    outputs: int = 20
    limited_at: float = 0.0
    costs: Costs = NO_COSTS

    def estimate(self) -> tuple[int, int]:
        return self.inputs, self.outputs


def a_limit(
    unit: LimitUnit = LimitUnit.REQUESTS, maximum: int = 2, window_s: float = 60.0,
    burst: int | None = None,
) -> LimitSpec:  # fmt: skip
    window_s = 0.0 if unit is LimitUnit.CONCURRENT else window_s
    return LimitSpec(f"{unit.name}:key", unit.name.lower(), "key", unit, maximum, window_s, burst)


class Desk:
    def __init__(self, *specs: LimitSpec) -> None:
        self.clock = ManualClock()
        self.tally = MemoryTally(self.clock.monotonic)
        self.check = LimitCheck(self.tally, self.clock.monotonic)
        self.terms = Terms(KEY)
        self.terms.counters = tuple(self.tally.counter(spec) for spec in specs)
        self.terms.complete()

    def call(self, inputs: int = 10, outputs: int = 20) -> Call:
        return Call(self.terms, inputs, outputs)

    def ask(self, call: Call) -> Refusal | None:
        outcome = self.check(call)
        assert not inspect.isawaitable(outcome)
        return outcome

    def left(self) -> list[int]:
        now = self.clock.monotonic()
        return [counter.left(now) for counter in self.terms.counters]


def test_a_call_without_limits_takes_nothing() -> None:
    desk = Desk()
    call = desk.call()
    assert desk.ask(call) is None
    assert (call.limited_at, call.costs) == (0.0, NO_COSTS)


@pytest.mark.parametrize(
    ("unit", "code", "cost"),
    [
        (LimitUnit.REQUESTS, "rate_limited", 1),
        (LimitUnit.INPUT_TOKENS, "tokens_limited", 10),
        (LimitUnit.OUTPUT_TOKENS, "tokens_limited", 20),
        (LimitUnit.TOKENS, "tokens_limited", 30),
        (LimitUnit.CONCURRENT, "concurrency_limited", 1),
    ],
)
def test_each_unit_counts_its_own(unit: LimitUnit, code: str, cost: int) -> None:
    desk = Desk(a_limit(unit, 2 * cost))
    assert [desk.ask(desk.call()) for _ in range(2)] == [None, None]
    assert desk.left() == [0]
    refusal = desk.ask(desk.call())
    assert refusal is not None
    assert (refusal.code, refusal.status, refusal.scope) == (code, 429, "limit")
    assert (refusal.subject, refusal.limit, refusal.used) == (unit.name.lower(), 2 * cost, 2 * cost)
    assert refusal.retry_after_s is not None
    assert refusal.fixes[0].change is not None
    assert refusal.fixes[0].change.seconds == refusal.retry_after_s


def test_a_refused_call_has_taken_nothing_of_any_limit() -> None:
    desk = Desk(
        a_limit(LimitUnit.REQUESTS, 100),
        a_limit(LimitUnit.CONCURRENT, 9),
        a_limit(LimitUnit.TOKENS, 31),
    )
    assert desk.ask(desk.call()) is None
    before = desk.left()
    refused = desk.call()
    assert desk.ask(refused) is not None
    assert (desk.left(), refused.limited_at) == (before, 0.0)


def test_what_waits_longest_is_told() -> None:
    desk = Desk(a_limit(LimitUnit.REQUESTS, 1, 1.0), a_limit(LimitUnit.TOKENS, 30, 60.0))
    assert desk.ask(desk.call()) is None
    refusal = desk.ask(desk.call())
    assert refusal is not None
    assert refusal.code == "tokens_limited"
    assert refusal.retry_after_s is not None
    assert refusal.retry_after_s > 50


def test_a_limit_whose_counts_were_lost_says_so_and_not_that_it_was_used_up() -> None:
    counter = LeasedRate(a_limit(LimitUnit.REQUESTS, 5), b"key", lambda _: None)
    counter.question(Asked(1, 1), 100.0)
    for place, is_told in ((CLOSED_PLACE, True), (7, False)):
        counter.accept([0, 0, place, 1, 0, 0, [[40_000_000, 5]]], 100.0, 100.0)
        refusal = judge((counter,), (0, 1, 0, 0, 0, 1), 100.0)
        assert refusal is not None
        assert (refusal.code, refusal.retry_after_s) == ("rate_limited", 40)
        assert ("What was used before isn't known" in refusal.detail) is is_told
        assert ("kept closed for another 40 s" in refusal.detail) is is_told


def test_what_no_waiting_helps_is_not_429() -> None:
    desk = Desk(a_limit(LimitUnit.TOKENS, 25), a_limit(LimitUnit.REQUESTS, 5))
    refusal = desk.ask(desk.call())
    assert refusal is not None
    assert (refusal.code, refusal.status) == ("request_exceeds_limit", 413)
    assert refusal.retry_after_s is None
    assert desk.left() == [25, 5]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.builds(
            a_limit,
            st.sampled_from([unit for unit in LimitUnit if unit is not LimitUnit.CONCURRENT]),
            st.integers(30, 90),
            st.sampled_from([1.0, 60.0]),
            st.none() | st.integers(29, 60),
        ),
        min_size=1,
        max_size=3,
        unique_by=lambda spec: spec.limit_id,
    ),
    st.lists(st.tuples(st.integers(0, 10), st.integers(0, 20), st.floats(0, 20)), max_size=30),
)
def test_who_waits_as_told_gets_through(
    specs: list[LimitSpec], calls: list[tuple[int, int, float]]
) -> None:
    desk = Desk(*specs)
    for inputs, outputs, pause_s in calls:
        refusal = desk.ask(desk.call(inputs, outputs))
        if refusal is not None:
            assert refusal.retry_after_s is not None
            desk.clock.advance(refusal.retry_after_s)
            assert desk.ask(desk.call(inputs, outputs)) is None
        desk.clock.advance(pause_s)


# -- afterwards -----------------------------------------------------------------------------------


def test_a_later_refusal_puts_everything_back_once() -> None:
    desk = Desk(a_limit(maximum=5), a_limit(LimitUnit.TOKENS, 90), a_limit(LimitUnit.CONCURRENT, 3))
    call = desk.call()
    assert desk.ask(call) is None
    assert desk.left() == [4, 60, 2]
    desk.check.undo(call)
    desk.check.undo(call)
    assert desk.left() == [5, 90, 3]


@pytest.mark.parametrize(
    ("used", "left"),
    [
        ((0, 1, 10, 20, 30), [4, 60, 3]),
        ((0, 1, 4, 5, 9), [4, 81, 3]),
        ((0, 1, 40, 30, 70), [4, 20, 3]),
        ((0, 1, 400, 300, 700), [4, 0, 3]),
        (NOTHING, [4, 90, 3]),
    ],
)
def test_the_end_corrects_tokens_and_frees_the_place(used: Need, left: list[int]) -> None:
    desk = Desk(a_limit(maximum=5), a_limit(LimitUnit.TOKENS, 90), a_limit(LimitUnit.CONCURRENT, 3))
    call = desk.call()
    assert desk.ask(call) is None
    desk.check.correct(call, used)
    assert desk.left() == left


def test_a_call_that_took_nothing_gives_nothing_back() -> None:
    desk = Desk(a_limit(LimitUnit.CONCURRENT, 1))
    call, second = desk.call(), desk.call()
    assert desk.ask(call) is None
    assert desk.ask(second) is not None
    desk.check.correct(second, NOTHING)
    desk.check.undo(second)
    assert desk.left() == [0]


def test_a_dry_run_takes_nothing_and_says_the_same() -> None:
    desk = Desk(a_limit(maximum=1), a_limit(LimitUnit.TOKENS, 40))
    assert desk.check.dry(desk.call()) is None
    assert desk.left() == [1, 40]
    assert desk.ask(desk.call()) is None
    real = desk.ask(desk.call())
    assert desk.check.dry(desk.call()) == real is not None


# -- counters that are shared ---------------------------------------------------------------------


class Leased(SlidingWindow):
    """A counter that gets its part elsewhere."""

    def __init__(self, spec: LimitSpec) -> None:
        super().__init__(spec)
        self.lease = 0

    def take(self, cost: int, now: float) -> float:
        if cost > self.lease:
            return ASK
        self.lease -= cost
        return TAKEN

    def check(self, cost: int, now: float) -> float:
        return ASK if cost > self.lease else TAKEN

    def put_back(self, cost: int, taken_at: float, now: float) -> None:
        self.lease += cost


class SharedTally:
    """Gives so much for each question, or is away."""

    def __init__(self, gives: int, *, away: bool = False) -> None:
        self.gives = gives
        self.away = away

    async def ask(self, wanted: Sequence[tuple[Counter, int]]) -> None:
        if self.away:
            raise StorageError("away")
        for counter, cost in wanted:
            assert isinstance(counter, Leased)
            counter.lease += min(cost, self.gives)


async def ask_shared(tally: SharedTally, *, dry: bool = False) -> tuple[Refusal | None, list[int]]:
    clock = ManualClock()
    check = LimitCheck(tally, clock.monotonic)
    terms = Terms(KEY)
    counters = [Leased(a_limit(maximum=9)), Leased(a_limit(LimitUnit.TOKENS, 90))]
    counters[0].lease = 1
    terms.counters = tuple(counters)
    terms.complete()
    call = Call(terms)
    outcome = (check.dry if dry else check)(call)
    assert inspect.isawaitable(outcome)
    refusal = await outcome
    assert (call.limited_at > 0) is (refusal is None and not dry)
    return refusal, [counter.lease for counter in counters]


@pytest.mark.parametrize(("gives", "leases"), [(30, [1, 0]), (7, [2, 7])])
def test_more_is_asked_for_and_all_is_taken_or_nothing(gives: int, leases: list[int]) -> None:
    refusal, left = asyncio.run(ask_shared(SharedTally(gives)))
    assert (refusal is None) is (gives == 30)
    assert left == leases
    if refusal is not None:
        assert (refusal.code, refusal.retry_after_s) == ("tokens_limited", 1)


@pytest.mark.parametrize("dry", [False, True])
def test_counters_that_do_not_answer_refuse_with_503(dry: bool) -> None:
    refusal, left = asyncio.run(ask_shared(SharedTally(30, away=True), dry=dry))
    assert refusal is not None
    assert (refusal.code, refusal.status) == ("limits_unavailable", 503)
    assert left == [1, 0]


def test_a_dry_run_asks_and_leaves_what_it_got() -> None:
    refusal, left = asyncio.run(ask_shared(SharedTally(30), dry=True))
    assert refusal is None
    assert left == [2, 30]
