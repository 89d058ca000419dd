"""A call holds the most that it can cost, and a refusal's way out leads out."""

import asyncio
import inspect
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faregate.catalogue.prices import PriceRow, Tariff
from faregate.catalogue.rates import Rates, ServiceRates, UnitRates
from faregate.configuration.settings import CreditSettings, Settings
from faregate.core.clock import ManualClock
from faregate.core.money import parse_amount
from faregate.core.refusals import Change, Refusal
from faregate.dialects.openai_chat import Peek
from faregate.dialects.usage import Usage
from faregate.gate.credit_broker import CreditBroker
from faregate.identity.keys import KeyRecord
from faregate.ledger.memory import MemoryLedger
from faregate.ledger.purses import DrawRequest, Need, PurseSpec, Unit, wallet_spec
from faregate.ledger.slices import NOTHING, Slice, release
from faregate.policies.credit import CreditCheck
from faregate.policies.terms import Terms

NOW_NS = 1_700_000_000 * 10**9
HOUR_NS = 3_600 * 10**9
KEY = KeyRecord("id", "key", "fg_", b"h", None, 0, None, None)
TARIFF = Tariff(PriceRow("m", Rates.flat(1_000_000)))  # one nano-dollar a token
SETTINGS = Settings(credit=CreditSettings(wait_s=0.0))


@dataclass
class Call:
    """What the policy sees of a call."""

    terms: Terms
    peek: Peek | None
    input_bound: int = 100
    closer: int = 100
    most: Usage | None = None
    started_at: float = 1_000.0
    makes_output: bool = True
    choices: int = 1
    slices: tuple[Slice, ...] = ()
    need: Need = NOTHING
    tariff: Tariff | None = None
    output_sent: int = 0
    grows: bool = False

    def closer_input_bound(self) -> int:
        return self.closer


def asking(limit: int | None = None, *, stream: bool = False) -> Peek:
    return Peek("m", stream=stream, max_tokens=limit)


@dataclass
class Desk:
    """A worker on a ledger in memory, with its loop."""

    wait_s: float = 0.0
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW_NS))

    def __post_init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.ledger = MemoryLedger(self.clock)
        source = self.ledger.source("w")
        self.broker = CreditBroker(self.loop, source, self.clock.monotonic, SETTINGS)
        self.check = CreditCheck(self.broker, self.clock.wall_ns)

    def terms(self, *specs: PurseSpec, included: tuple[PurseSpec, ...] = (), **more: Any) -> Terms:
        terms = Terms(KEY)
        terms.slices = tuple(self.broker.slice(spec) for spec in specs)
        terms.included = tuple(self.broker.slice(spec) for spec in included)
        terms.cost = terms.charge = terms.overage = TARIFF
        for name, value in more.items():
            setattr(terms, name, value)
        terms.complete()
        return terms

    def ask(self, call: Call) -> Refusal | None:
        outcome = self.check(call)
        if inspect.isawaitable(outcome):
            return self.loop.run_until_complete(outcome)
        return outcome

    def dry(self, call: Call) -> Refusal | None:
        return self.loop.run_until_complete(self.check.dry(call, self.broker))

    def close(self) -> None:
        self.loop.run_until_complete(self.broker.close())
        self.loop.close()


@pytest.fixture
def desk() -> Any:
    place = Desk()
    yield place
    place.close()


WALLET = wallet_spec("main")


def test_nothing_is_asked_of_who_pays_nothing(desk: Desk) -> None:
    call = Call(desk.terms(), asking(10))
    assert desk.ask(call) is None
    assert (call.slices, call.need) == ((), NOTHING)


def test_the_most_that_a_call_can_cost_is_held(desk: Desk) -> None:
    desk.ledger.grant("main", 1_000)
    call = Call(desk.terms(WALLET), asking(50), choices=3)
    assert desk.ask(call) is None
    assert call.need == (250, 1, 100, 150, 250)
    assert [one.held for one in call.slices] == [250]
    assert call.output_sent == 0  # the caller's own


def test_units_and_the_tier_that_is_asked_for_are_held(desk: Desk) -> None:
    desk.ledger.grant("main", 1_000)
    row = PriceRow(
        "m",
        Rates.flat(1_000_000),
        units=UnitRates(image=100),
        services=(ServiceRates(name="priority", rates=Rates.flat(2_000_000)),),
    )
    terms = desk.terms(WALLET)
    terms.charge = Tariff(row)
    call = Call(terms, asking(50), most=Usage(images=3))
    assert desk.ask(call) is None
    assert call.need[Unit.NANO] == 100 + 50 + 300
    call = Call(terms, asking(50), most=Usage(service_tier="priority"))
    assert desk.ask(call) is None
    assert call.need[Unit.NANO] == 2 * (100 + 50)
    call = Call(terms, asking(50), most=Usage(images=6))
    refusal = desk.ask(call)
    assert refusal is not None
    assert refusal.code == "credit_held"


def test_a_models_own_limit_bounds_what_is_held(desk: Desk) -> None:
    desk.ledger.grant("main", 1_000)
    call = Call(desk.terms(WALLET, output_tokens_max=20), asking(10**9))
    assert desk.ask(call) is None
    assert call.need[Unit.OUTPUT_TOKENS] == 20


def test_what_puts_out_nothing_holds_its_input(desk: Desk) -> None:
    desk.ledger.grant("main", 1_000)
    call = Call(desk.terms(WALLET), asking(), makes_output=False)
    assert desk.ask(call) is None
    assert call.need == (100, 1, 100, 0, 100)


def test_a_stream_without_a_limit_holds_a_first_part_and_grows(desk: Desk) -> None:
    desk.ledger.grant("main", 1_000)
    call = Call(desk.terms(WALLET), asking(stream=True))
    assert desk.ask(call) is None
    assert (call.grows, call.need[Unit.OUTPUT_TOKENS], call.output_sent) == (True, 256, 0)


def test_a_stream_that_thinks_unseen_is_limited_instead(desk: Desk) -> None:
    desk.ledger.grant("main", 10_000)
    call = Call(desk.terms(WALLET, hidden_reasoning=True), asking(stream=True))
    assert desk.ask(call) is None
    assert not call.grows
    assert call.output_sent == call.need[Unit.OUTPUT_TOKENS] >= 1_024


def test_a_call_without_a_limit_gets_an_eighth_of_what_is_free(desk: Desk) -> None:
    desk.ledger.grant("main", 80_000)
    terms = desk.terms(WALLET)
    assert desk.ask(Call(terms, asking(1))) is None  # so that numbers are known
    call = Call(terms, asking())
    free = terms.slices[0].free + terms.slices[0].standing.available  # type: ignore[union-attr]
    assert desk.ask(call) is None
    assert call.output_sent == free // 8 - 100
    assert call.need[Unit.NANO] == free // 8


def test_numbers_that_are_unknown_or_old_cut_no_answer(desk: Desk) -> None:
    desk.ledger.grant("main", 2_000)
    terms = desk.terms(WALLET)
    supposed = Call(terms, asking())
    assert desk.dry(supposed) is None
    first = Call(terms, asking())
    assert desk.ask(first) is None
    assert first.output_sent == supposed.output_sent == 1_024  # little is free
    release(first.slices, first.need)
    desk.clock.advance(5)
    desk.ledger.grant("main", 10**9)
    second = Call(terms, asking(), input_bound=1_000, closer=1_000, started_at=1_005.0)
    assert desk.ask(second) is None
    assert second.output_sent == second.need[Unit.OUTPUT_TOKENS] == 16_384
    cold = Desk()
    try:
        cold.ledger.grant("main", 10**9)
        third = Call(cold.terms(WALLET), asking())
        assert cold.ask(third) is None
        assert third.output_sent == 16_384  # the very first that this worker serves
    finally:
        cold.close()


def test_the_plans_limit_is_taken_and_sent_where_the_caller_gives_none(desk: Desk) -> None:
    desk.ledger.grant("main", 1_000)
    call = Call(desk.terms(WALLET, default_output_tokens=30), asking())
    assert desk.ask(call) is None
    assert (call.output_sent, call.need[Unit.OUTPUT_TOKENS]) == (30, 30)


def test_a_closer_count_of_the_input_is_taken_where_it_is_tight(desk: Desk) -> None:
    desk.ledger.grant("main", 60)
    call = Call(desk.terms(WALLET), asking(20), closer=40)
    assert desk.ask(call) is None
    assert call.need == (60, 1, 40, 20, 60)


def test_a_plan_may_lower_the_limit_to_what_fits(desk: Desk) -> None:
    desk.ledger.grant("main", 130)
    call = Call(desk.terms(WALLET, fits=True), asking(500))
    assert desk.ask(call) is None
    assert (call.output_sent, call.need[Unit.NANO]) == (30, 130)


def test_it_never_raises_the_limit_of_the_caller(desk: Desk) -> None:
    spec = PurseSpec("quota:q", "quota", "q", "k", Unit.REQUESTS, 1)
    terms = desk.terms(spec, fits=True)
    assert desk.ask(Call(terms, asking(5))) is None
    call = Call(terms, asking(5))
    assert isinstance(desk.ask(call), Refusal)
    assert call.output_sent <= 5


def test_a_missing_price_is_said_where_money_counts(desk: Desk) -> None:
    refusal = desk.ask(Call(desk.terms(WALLET, charge=None), asking(5)))
    assert refusal is not None
    assert refusal.code == "price_unknown"
    quota = PurseSpec("quota:q", "quota", "q", "k", Unit.REQUESTS, 1)
    assert desk.ask(Call(desk.terms(quota, charge=None), asking(5))) is None


@pytest.mark.parametrize("specs", [(), (WALLET,)])
def test_a_missing_customer_is_said_whatever_applies(
    desk: Desk, specs: tuple[PurseSpec, ...]
) -> None:
    terms = desk.terms(*specs, missing_subject="customer")
    for refusal in (desk.ask(Call(terms, asking(5))), desk.dry(Call(terms, asking(5)))):
        assert refusal is not None
        assert (refusal.code, refusal.param) == ("request_invalid", "faregate-customer")


def test_where_the_ledger_is_away_it_is_503(desk: Desk) -> None:
    desk.ledger.grant("main", 1_000)
    desk.ledger.away = True
    terms = desk.terms(WALLET)
    for refusal in (desk.ask(Call(terms, asking(5))), desk.dry(Call(terms, asking(5)))):
        assert refusal is not None
        assert (refusal.code, refusal.status) == ("ledger_unavailable", 503)
    desk.ledger.away = False
    assert desk.ask(Call(terms, asking(5))) is None
    desk.broker.stale = True
    refusal = desk.ask(Call(terms, asking(0)))
    assert refusal is not None
    assert refusal.code == "ledger_unavailable"


INCLUDED = PurseSpec("quota:i", "quota", "i", "k", Unit.TOKENS, 500)


def test_an_included_volume_is_used_before_money(desk: Desk) -> None:
    terms = desk.terms(WALLET, included=(INCLUDED,))
    call = Call(terms, asking(50))
    assert desk.ask(call) is None
    assert (call.tariff, call.need[Unit.NANO]) == (None, 0)
    assert [one.spec for one in call.slices] == [INCLUDED]
    beyond = Call(terms, asking(450))
    refusal = desk.ask(beyond)
    assert refusal is not None
    assert refusal.scope == "wallet"
    desk.ledger.grant("main", 1_000)
    desk.clock.advance(1)
    assert desk.ask(beyond) is None
    assert [one.spec for one in beyond.slices] == [WALLET]


def test_the_limit_of_an_included_volume_is_sent(desk: Desk) -> None:
    call = Call(desk.terms(WALLET, included=(INCLUDED,), default_output_tokens=44), asking())
    assert desk.ask(call) is None
    assert call.output_sent == 44
    calls = PurseSpec("quota:c", "quota", "c", "k", Unit.REQUESTS, 5)
    call = Call(desk.terms(WALLET, included=(calls,), default_output_tokens=44), asking())
    assert desk.ask(call) is None
    assert call.output_sent == 0  # only money had need of one


# -- refusals and their ways out ------------------------------------------------------------------


@dataclass
class Situation:
    """What is in the purses, who holds it, and what is asked."""

    balance: int
    held: int
    budget: int
    spent: int
    rolling: bool
    quota: int
    inputs: int
    limit: int
    choices: int


situations = st.builds(
    Situation,
    balance=st.integers(0, 1_000), held=st.integers(0, 300), budget=st.integers(1, 900),
    spent=st.integers(0, 900), rolling=st.booleans(), quota=st.integers(1, 900),
    inputs=st.integers(0, 400), limit=st.integers(1, 700), choices=st.integers(1, 3),
)  # fmt: skip


def specs_of(one: Situation, budget: int) -> tuple[PurseSpec, ...]:
    window = (None, None, HOUR_NS) if one.rolling else (NOW_NS, NOW_NS + HOUR_NS, None)
    return (
        PurseSpec("quota:q", "quota", "q", "k", Unit.TOKENS, one.quota, NOW_NS, NOW_NS + HOUR_NS),
        PurseSpec("budget:b", "budget", "b", "k", Unit.NANO, budget, *window),
        WALLET,
    )


def set_the_scene(place: Desk, one: Situation) -> tuple[PurseSpec, ...]:
    """Another worker holds some of the wallet; some of the budget was spent a while ago."""
    specs = specs_of(one, one.budget)
    if one.balance:
        place.ledger.grant("main", one.balance)
    others = place.ledger.source("other")
    others.draw([DrawRequest(WALLET, one.held, 0)])
    others.draw([DrawRequest(specs[1], 0, 0)])
    purse = place.ledger.books.purses["budget:b"]
    spent = min(one.spent, one.budget)
    if one.rolling:
        purse.buckets[NOW_NS - 1_800 * 10**9] = spent
    else:
        purse.spent = spent
    return specs


def make(place: Desk, one: Situation, specs: tuple[PurseSpec, ...], limit: int) -> Call:
    inputs = one.inputs
    return Call(place.terms(*specs), asking(limit), inputs, inputs, choices=one.choices)


def apply(place: Desk, one: Situation, change: Change) -> tuple[tuple[PurseSpec, ...], int]:
    """Do what is proposed; the purses and the limit of the next try."""
    specs, limit = specs_of(one, one.budget), one.limit
    if change.kind == "set":
        assert isinstance(change.value, int)
        limit = change.value
    elif change.kind == "top_up":
        place.ledger.grant("main", parse_amount(change.amount or ""))
    elif change.kind == "raise":
        specs = specs_of(one, parse_amount(change.amount or ""))
    else:
        place.clock.advance(float(change.seconds or 0))
        if place.clock.wall_ns() >= NOW_NS + HOUR_NS:  # a new period has purses of its own
            specs = tuple(
                PurseSpec(f"{s.purse_id}:2", s.kind, s.name, s.subject, s.unit, s.cap)
                if s.ends_ns is not None
                else s
                for s in specs
            )
    return specs, limit


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(situations)
def test_a_refusals_way_out_leads_out(one: Situation) -> None:
    place = Desk()
    try:
        specs = set_the_scene(place, one)
        dry = place.dry(make(place, one, specs, one.limit))
        first = make(place, one, specs, one.limit)
        refusal = place.ask(first)
        assert (dry.code if dry else None) == (refusal.code if refusal else None)
        if refusal is None:
            assert first.need[0] == one.inputs + one.limit * one.choices
            return
        assert first.slices == ()
        assert [one.held for one in first.terms.slices] == [0, 0, 0]
        changes = [fix.change for fix in refusal.fixes if fix.change is not None]
    finally:
        place.close()
    for change in changes:
        leads_out(one, refusal, change)


def leads_out(one: Situation, refusal: Refusal, change: Change) -> None:
    """After a change the same purse refuses no longer, unless others hold of it."""
    place = Desk()
    try:
        specs = set_the_scene(place, one)
        assert place.ask(make(place, one, specs, one.limit)) is not None
        place.clock.advance(0.2)  # numbers so old are asked anew
        specs, limit = apply(place, one, change)
        if refusal.code == "credit_held":
            place.ledger.posting("node-1").close_draws("other")
        again = make(place, one, specs, limit)
        after = place.ask(again)
        if change.kind == "set":
            assert after is None
        elif after is not None and after.subject == refusal.subject:
            assert after.code == "credit_held"
        if after is None:
            release(again.slices, again.need)
    finally:
        place.close()
