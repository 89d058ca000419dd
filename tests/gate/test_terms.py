"""The terms of a call are those that the document selects for it, and counts outlive documents."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from faregate.catalogue.models import Offer
from faregate.configuration.document import Document
from faregate.configuration.settings import Settings
from faregate.core import bounds
from faregate.core.clock import ManualClock
from faregate.core.errors import StorageError
from faregate.dialects.usage import Usage
from faregate.gate.credit_broker import CreditBroker
from faregate.gate.terms import TermsBook
from faregate.identity.keys import KeyRecord
from faregate.ledger.memory import MemoryLedger
from faregate.ledger.purses import Unit
from faregate.policies.terms import Terms
from faregate.tally.memory import MemoryTally

CHAT = "/v1/chat/completions"
NOON_NS = 1_767_268_800 * 10**9  # 2026-01-01T12:00:00Z
DAY_NS = 86_400 * 10**9
BASE: dict[str, Any] = {
    "providers": [
        {"name": "one", "base_url": "http://one.test/v1"},
        {"name": "two", "base_url": "http://two.test/v1"},
    ],
    "models": [
        {"name": "small", "provider": "one"},
        {"name": "large", "provider": "two", "output_tokens_max": 4_000},
    ],
    "teams": [{"name": "team", "wallet": "shared"}],
    "applications": [
        {"name": "shop", "team": "team", "plan": "basic"},
        {"name": "lab", "wallet": "own", "team": "team"},
        {"name": "free"},
    ],
    "wallets": [{"name": "shared"}, {"name": "own"}],
    "plans": [{"name": "basic"}],
    "prices": [
        {"model": "small", "input": "1", "output": "2"},
        {"model": "large", "input": "10", "output": "20"},
    ],
}
SMALL = Offer("small", "one", "small")
LARGE = Offer("large", "two", "large")


def a_key(application: str | None = "shop", name: str = "key") -> KeyRecord:
    return KeyRecord(
        key_id=f"id-{name}-{application}", name=name, prefix="fg_", hash=name.encode(),
        models=frozenset(), created_ns=0, expires_ns=None, revoked_ns=None,
        application=application,
    )  # fmt: skip


class Desk:
    """What books are opened with."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOON_NS)
        self.loop = asyncio.new_event_loop()
        self.tally = MemoryTally(self.clock.monotonic)
        source = MemoryLedger(self.clock).source("w")
        self.broker = CreditBroker(self.loop, source, self.clock.monotonic, Settings())

    def book(self, **more: Any) -> TermsBook:
        return TermsBook(msgspec.convert(BASE | more, Document), self.tally, self.broker)

    def terms(
        self, key: KeyRecord | None = None, offer: Offer = SMALL, route: str = CHAT, **more: Any
    ) -> Terms:
        return self.book(**more).find(key or a_key(), offer, route, "", "", NOON_NS)


@pytest.fixture
def desk() -> Iterator[Desk]:
    place = Desk()
    yield place
    place.loop.run_until_complete(place.broker.close())
    place.loop.close()


def names(terms: Terms) -> list[str]:
    return [counter.spec.name for counter in terms.counters]


LIMIT = {"name": "l", "each": "key", "max": 5, "per": "minute"}


@pytest.mark.parametrize(
    ("selection", "applies"),
    [
        ({}, True),
        ({"keys": ["key"]}, True),
        ({"keys": ["other"]}, False),
        ({"applications": ["lab", "shop"]}, True),
        ({"applications": ["lab"]}, False),
        ({"teams": ["team"]}, True),
        ({"plans": ["basic"]}, True),
        ({"models": ["small"]}, True),
        ({"models": ["large"]}, False),
        ({"providers": ["one"]}, True),
        ({"providers": ["two"]}, False),
        ({"routes": [CHAT]}, True),
        ({"routes": ["/v1/embeddings"]}, False),
        ({"models": ["small"], "keys": ["other"]}, False),
        ({"models": ["small"], "teams": ["team"]}, True),
    ],
)
def test_a_rule_applies_where_all_that_it_selects_fits(
    desk: Desk, selection: dict[str, Any], applies: bool
) -> None:
    budget = {"name": "b", "each": "key", "amount": "1"} | selection
    terms = desk.terms(limits=[LIMIT | selection], budgets=[budget])
    assert names(terms) == (["l"] if applies else [])
    assert ("budget:b:key" in terms.purse_ids) is applies


@pytest.mark.parametrize(
    ("each", "subject"),
    [
        ("key", "key"),
        ("application", "shop"),
        ("team", "team"),
        ("model", "small"),
        ("route", CHAT),
        ("provider", "one"),
    ],
)
def test_whose_count_it_is(desk: Desk, each: str, subject: str) -> None:
    [counter] = desk.terms(limits=[LIMIT | {"each": each}]).counters
    assert (counter.spec.subject, counter.spec.limit_id) == (subject, f"l:{subject}")


@pytest.mark.parametrize("each", ["application", "team"])
def test_who_has_no_such_thing_is_not_bound_by_it(desk: Desk, each: str) -> None:
    budgets = [{"name": "b", "each": each, "amount": "1"}]
    terms = desk.terms(a_key(None), limits=[LIMIT | {"each": each}], budgets=budgets)
    assert (terms.counters, terms.slices) == ((), ())


def test_a_key_without_an_application_pays_nothing(desk: Desk) -> None:
    terms = desk.terms(a_key(None))
    assert (terms.wallet, terms.slices, terms.measures, terms.needs_price) == ("", (), False, False)
    assert desk.terms(a_key("gone")).slices == ()


@pytest.mark.parametrize(("application", "wallet"), [("shop", "shared"), ("lab", "own")])
def test_an_applications_own_wallet_goes_before_its_teams(
    desk: Desk, application: str, wallet: str
) -> None:
    terms = desk.terms(a_key(application))
    assert (terms.wallet, terms.purse_ids, terms.team) == (wallet, (f"wallet:{wallet}",), "team")


def test_slices_stand_in_the_order_of_their_refusals(desk: Desk) -> None:
    terms = desk.terms(
        limits=[LIMIT, {"name": "long", "each": "key", "max": 9, "per": "day", "unit": "tokens"}],
        budgets=[{"name": "b", "each": "key", "amount": "1"}],
        plans=[{"name": "basic", "quotas": [{"name": "q", "max": 9}]}],
    )
    assert [one.spec.kind for one in terms.slices] == ["limit", "quota", "budget", "wallet"]
    assert [one.unit for one in terms.slices] == [Unit.TOKENS, Unit.REQUESTS, Unit.NANO, Unit.NANO]
    assert terms.slices[0].spec.rolling_ns == DAY_NS
    assert terms.bounds_output
    assert terms.needs_price


def test_a_plans_limits_bind_those_on_it_and_have_its_name(desk: Desk) -> None:
    plans = [{"name": "basic", "limits": [LIMIT]}]
    assert names(desk.terms(plans=plans)) == ["basic/l"]
    assert names(desk.terms(a_key("lab"), plans=plans)) == []
    assert names(desk.terms(plans=plans, limits=[LIMIT])) == ["l", "basic/l"]


def test_what_the_plan_and_the_model_say(desk: Desk) -> None:
    plans = [{"name": "basic", "fit": "lower", "default_output_tokens": 77}]
    terms = desk.terms(offer=LARGE, plans=plans)
    assert (terms.fits, terms.default_output_tokens, terms.output_tokens_max) == (True, 77, 4_000)
    assert not desk.terms(a_key("lab"), plans=plans).fits


def test_a_markup_changes_the_charge_and_not_the_cost(desk: Desk) -> None:
    usage = Usage(1_000_000, 0)
    terms = desk.terms(plans=[{"name": "basic", "markup": "1.5"}])
    assert terms.cost is not None
    assert terms.charge is not None
    assert (terms.cost.price(usage), terms.charge.price(usage)) == (10**9, 15 * 10**8)
    plain = desk.terms()
    assert plain.charge is plain.cost  # priced once


def test_included_volumes_stand_apart_and_make_the_rest_dearer(desk: Desk) -> None:
    quota = {"name": "q", "max": 9, "included": True, "overage_multiplier": "3"}
    terms = desk.terms(plans=[{"name": "basic", "quotas": [quota]}])
    assert [one.spec.name for one in terms.included] == ["basic/q"]
    assert terms.purse_ids == ("wallet:shared",)
    assert terms.unusual
    assert terms.overage is not None
    assert terms.overage.price(Usage(1_000_000, 0)) == 3 * 10**9


# -- customers and runs ---------------------------------------------------------------------------

OF_CUSTOMERS: dict[str, Any] = {
    "limits": [LIMIT | {"each": "customer"}],
    "budgets": [{"name": "r", "each": "run", "amount": "1"}],
}


def test_customers_and_runs_count_for_themselves(desk: Desk) -> None:
    book, key = desk.book(**OF_CUSTOMERS), a_key()
    nobody = book.find(key, SMALL, CHAT, "", "", NOON_NS)
    ann = book.find(key, SMALL, CHAT, "ann", "", NOON_NS)
    run = book.find(key, SMALL, CHAT, "ann", "7", NOON_NS)
    assert (nobody.counters, nobody.purse_ids) == ((), ("wallet:shared",))
    assert [one.spec.subject for one in ann.counters] == ["ann"]
    assert run.purse_ids == ("budget:r:7", "wallet:shared")
    assert run.counters[0] is ann.counters[0]
    assert book.find(key, SMALL, CHAT, "ann", "", NOON_NS) is ann
    assert book.find(key, SMALL, CHAT, "", "", NOON_NS) is nobody


def test_where_no_rule_is_for_customers_all_have_the_same_terms(desk: Desk) -> None:
    book, key = desk.book(), a_key()
    assert book.find(key, SMALL, CHAT, "ann", "7", NOON_NS) is book.find(
        key, SMALL, CHAT, "bob", "", NOON_NS
    )


def test_a_customer_that_must_be_named(desk: Desk) -> None:
    budgets = [{"name": "b", "each": "customer", "amount": "1", "required": True}]
    book, key = desk.book(budgets=budgets), a_key("free")
    missing = book.find(key, SMALL, CHAT, "", "", NOON_NS)
    assert (missing.missing_subject, missing.slices, missing.unusual) == ("customer", (), True)
    assert book.find(key, SMALL, CHAT, "ann", "", NOON_NS).missing_subject is None


def test_the_terms_of_so_many_customers_are_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "SUBJECTS_KEPT_MAX", 3)
    book, key = desk.book(**OF_CUSTOMERS), a_key()
    first = book.find(key, SMALL, CHAT, "c0", "", NOON_NS)
    for number in range(1, 10):
        book.find(key, SMALL, CHAT, f"c{number}", "", NOON_NS)
    assert len(book._of_subjects) == 3
    again = book.find(key, SMALL, CHAT, "c0", "", NOON_NS)
    assert again is not first
    assert again.counters[0] is first.counters[0]  # while somebody holds it, its count goes on


def test_more_counters_than_are_kept_is_an_error(desk: Desk) -> None:
    desk.tally = MemoryTally(desk.clock.monotonic, counters_max=2)
    book, key = desk.book(**OF_CUSTOMERS), a_key()
    for customer in ("a", "b"):
        [counter] = book.find(key, SMALL, CHAT, customer, "", NOON_NS).counters
        counter.take(1, desk.clock.monotonic())
    with pytest.raises(StorageError):
        book.find(key, SMALL, CHAT, "c", "", NOON_NS)


# -- time and change ------------------------------------------------------------------------------


def test_counts_go_on_over_documents(desk: Desk) -> None:
    first = desk.terms(limits=[LIMIT], budgets=[{"name": "b", "each": "key", "amount": "1"}])
    now = desk.clock.monotonic()
    assert [first.counters[0].take(1, now) for _ in range(5)] == [0.0] * 5
    budgets = [{"name": "b", "each": "key", "amount": "7"}]
    second = desk.terms(limits=[LIMIT | {"max": 6}], budgets=budgets)
    assert second.counters[0].left(now) == 1
    assert second.slices[0] is first.slices[0]
    assert second.slices[0].spec.cap == 7 * 10**9


def test_a_new_period_has_a_purse_of_its_own_that_takes_over_what_was_left(desk: Desk) -> None:
    book = desk.book(
        budgets=[{"name": "b", "each": "key", "amount": "1", "window": "day"}],
        plans=[{"name": "basic", "quotas": [{"name": "q", "max": 9, "carry_over_max": 2}]}],
    )
    key = a_key()
    today = book.find(key, SMALL, CHAT, "", "", NOON_NS)
    assert today.until_ns == NOON_NS + DAY_NS // 2
    assert book.find(key, SMALL, CHAT, "", "", today.until_ns - 1) is today
    tomorrow = book.find(key, SMALL, CHAT, "", "", today.until_ns)
    assert tomorrow is not today
    assert tomorrow.purse_ids[1] != today.purse_ids[1]
    assert tomorrow.purse_ids[0] == today.purse_ids[0]
    next_month = book.find(key, SMALL, CHAT, "", "", NOON_NS + 31 * DAY_NS)
    assert next_month.slices[0].spec.carry_from == today.purse_ids[0]


def test_a_price_changes_at_its_moment(desk: Desk) -> None:
    later = {"model": "small", "input": "5", "output": "2", "from_time": "2026-01-01T18:00:00Z"}
    book, key = desk.book(prices=[*BASE["prices"], later]), a_key()
    before = book.find(key, SMALL, CHAT, "", "", NOON_NS)
    changes_ns = NOON_NS + 6 * 3_600 * 10**9
    assert before.until_ns == changes_ns
    after = book.find(key, SMALL, CHAT, "", "", changes_ns)
    usage = Usage(1_000_000, 0)
    assert before.charge is not None
    assert after.charge is not None
    assert (before.charge.price(usage), after.charge.price(usage)) == (10**9, 5 * 10**9)


def test_another_record_of_a_key_has_terms_of_its_own(desk: Desk) -> None:
    book = desk.book()
    assert book.find(a_key(), SMALL, CHAT, "", "", NOON_NS).key is not a_key()
    moved = msgspec.structs.replace(a_key(), application="lab")
    assert book.find(moved, SMALL, CHAT, "", "", NOON_NS).wallet == "own"


def test_what_is_forgotten_is_compiled_again(desk: Desk) -> None:
    book, key = desk.book(**OF_CUSTOMERS), a_key()
    asked = book.asked(CHAT)  # the step keeps this one
    first = asked[key.key_id, "small"] = book.find(key, SMALL, CHAT, "", "", NOON_NS)
    ann = book.find(key, SMALL, CHAT, "ann", "", NOON_NS)
    book.forget()
    assert book.asked(CHAT) is asked
    assert asked == {}
    assert book.find(key, SMALL, CHAT, "", "", NOON_NS) is not first
    assert book.find(key, SMALL, CHAT, "ann", "", NOON_NS) is not ann


def test_limits_are_told_in_the_fields_that_are_chosen(desk: Desk) -> None:
    assert desk.terms(limits=[LIMIT]).rate_fields is not None
    steady = desk.terms(limits=[LIMIT | {"name": "s", "burst": 20}])
    assert steady.rate_fields is not None
    [counter] = steady.counters
    left = counter.left(0.0)
    assert left == 21
    told = dict(steady.rate_fields.pairs([(left, 0.0)]))
    assert told["ratelimit-policy"] == '"s";q=25;w=60'
    assert told["ratelimit"] == '"s";r=21;t=0'
    silent = {"limits": {"headers": "none"}}
    assert desk.terms(limits=[LIMIT], settings=silent).rate_fields is None
