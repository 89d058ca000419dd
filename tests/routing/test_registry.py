"""What was learnt outlives a document, while it is of the same thing."""

import pytest
from tests.routing.worlds import INVALID, NOW, OVERLOADED, UNPAID, WALL_NS

from faregate.routing.budgets import BudgetSpec
from faregate.routing.health import FAILURES_MIN
from faregate.routing.rates import AccountLimits
from faregate.routing.registry import NO_KEY, AccountSpec, KeySpec, Prepared, Registry
from faregate.routing.targets import Choice, begin, ended, record

OLD = AccountSpec("acme", "openai", "address", keys=(KeySpec("one", 1, "s1"), KeySpec("two")))


def take(registry: Registry, *specs: AccountSpec) -> Prepared:
    """Adopt a document of these accounts, each with one model."""
    prepared = registry.prepare(specs)
    for spec in specs:
        prepared.target("model", spec.name)
    registry.adopt(prepared, NOW, WALL_NS)
    return prepared


def choices(prepared: Prepared) -> tuple[Choice, ...]:
    """Those of acme's model."""
    return prepared.target("model", "acme").choices


def state(registry: Registry, number: int = 0) -> str:
    """Of one key of acme."""
    return str(registry.accounts["acme"].describe(NOW)["keys"][number]["state"])


def test_a_document_that_changes_nothing_changes_nothing():
    registry = Registry()
    before = choices(take(registry, OLD))[0]
    begin(before, NOW)
    record(before, INVALID, NOW)
    after = choices(take(registry, OLD))[0]
    assert after is not before
    assert state(registry) == "broken"
    assert after.key.in_flight == 1
    ended(before)  # a call that began under the old document
    assert after.key.in_flight == 0
    assert after.account_health.troubled == {after.key_health.bench}


@pytest.mark.parametrize(
    "spec",
    [
        AccountSpec("acme", "openai", "address", keys=(KeySpec("one", 1, "s2"), KeySpec("two"))),
        AccountSpec("acme", "openai", "elsewhere", keys=OLD.keys),
        AccountSpec("acme", "anthropic", "address", keys=OLD.keys),
    ],
)
def test_another_secret_or_address_starts_fresh(spec: AccountSpec):
    registry = Registry()
    before = choices(take(registry, OLD))[0]
    record(before, INVALID, NOW)
    after = choices(take(registry, spec))[0]
    assert state(registry) == "active"
    assert not after.account_health.troubled


def test_what_a_model_suffered_elsewhere_is_forgotten():
    registry = Registry()
    before = choices(take(registry, OLD))[0]
    for _ in range(FAILURES_MIN):
        record(before, OVERLOADED, NOW)
    moved = AccountSpec("acme", "openai", "elsewhere", keys=OLD.keys)
    after = choices(take(registry, moved))[0]
    assert after.target_health is not before.target_health
    assert after.target_health.bench.is_open(NOW)
    assert not after.account_health.troubled


def test_weights_and_limits_are_the_new_document_s():
    registry = Registry()
    limited = AccountSpec("acme", "openai", "address", limits=AccountLimits(requests_per_minute=9))
    before = take(registry, limited)
    begin(choices(before)[0], NOW)
    more = AccountSpec(
        "acme",
        "openai",
        "address",
        tags=("eu",),
        keys=(KeySpec("one", 5),),
        limits=AccountLimits(requests_per_minute=20),
        thresholds_nano=(7,),
    )
    prepared = registry.prepare([more])
    assert before.accounts["acme"].describe(NOW)["requests_left"] == 8  # nothing changed yet
    registry.adopt(prepared, NOW, WALL_NS)
    told = registry.describe(NOW)[0]
    assert (told["requests_left"], told["tags"], told["keys"][0]["weight"]) == (19, ["eu"], 5)
    assert registry.accounts["acme"].balance.thresholds_nano == (7,)
    take(registry, OLD)
    assert "requests_left" not in registry.describe(NOW)[0]


def budgeted(amount_nano: int, address: str = "address") -> AccountSpec:
    return AccountSpec("acme", "openai", address, budgets=(BudgetSpec("day", amount_nano),))


def test_what_was_spent_outlives_a_change_of_budgets():
    events: list[str] = []
    registry = Registry(lambda kind, *_: events.append(kind))
    take(registry, OLD)
    day_ns = WALL_NS - 10 * 3_600 * 10**9
    registry.spend_told({"acme": {"day": (day_ns, 5)}, "gone": {}}, NOW, WALL_NS)
    registry.accounts["acme"].balance.unsettled_nano = 2
    assert registry.describe(NOW)[0]["budgets"] == []
    before = registry.prepare([budgeted(5)])
    registry.adopt(before, NOW, WALL_NS)
    told = registry.describe(NOW)[0]
    assert (told["state"], told["reason"], told["until_s"]) == (
        "benched",
        "budget_exhausted",
        14 * 3_600,
    )
    assert told["budgets"] == [
        {
            "window": "day",
            "period": "2026-11-22",
            "amount_nano": 5,
            "spent_nano": 5,
            "renews_s": 14 * 3_600,
        }
    ]
    take(registry, budgeted(8))
    assert registry.describe(NOW)[0]["state"] == "active"
    # What calls of the document before cost counts, and so it does at another address.
    before.accounts["acme"].balance.unsettled_nano += 3
    take(registry, budgeted(8, "another"))
    assert registry.describe(NOW)[0]["state"] == "benched"
    assert events == ["budget_out", "budget_back", "budget_out"]
    take(registry, AccountSpec("acme", "openai", "another", limits=OLD.limits))
    assert registry.accounts["acme"].rates is None
    assert registry.describe(NOW)[0]["state"] == "active"


def test_a_budget_that_is_gone_limits_nothing():
    registry = Registry()
    limits = AccountLimits(requests_per_minute=9)
    take(registry, AccountSpec("acme", "openai", limits=limits, budgets=(BudgetSpec("day", 1),)))
    account = registry.accounts["acme"]
    account.balance.unsettled_nano = 1
    registry.settle(NOW, WALL_NS)
    assert account.rates is not None
    assert account.rates.wait_s(0, 0, NOW) > 0
    take(registry, AccountSpec("acme", "openai", limits=limits))
    assert account.rates.wait_s(0, 0, NOW) == 0.0


def test_a_document_that_is_dropped_leaves_no_trace():
    registry = Registry()
    take(registry, OLD)
    registry.prepare([AccountSpec("other", "openai")])
    assert list(registry.accounts) == ["acme"]


def test_what_is_gone_is_forgotten():
    registry = Registry()
    before = choices(take(registry, OLD))
    record(before[1], INVALID, NOW)
    for _ in range(FAILURES_MIN):
        record(before[0], OVERLOADED, NOW)
    one = AccountSpec("acme", "openai", "address", keys=OLD.keys[:1])
    prepared = registry.prepare([one])
    registry.adopt(prepared, NOW, WALL_NS)
    assert not registry.accounts["acme"].health.troubled
    for number in range(50):
        take(registry, AccountSpec(f"account{number}", "openai", keys=(KeySpec(f"key{number}"),)))
    assert [len(known.keys) + len(known.targets) for known in registry._known.values()] == [2]
    assert list(registry.accounts) == ["account49"]


def test_routes_share_what_is_learnt_of_a_model():
    registry = Registry()
    prepared = take(registry, OLD)
    one, two = prepared.target("model", "acme", weight=3), prepared.target("model", "acme")
    assert one is not two
    assert one.health is two.health
    assert prepared.target("another", "acme").health is not one.health


def test_an_account_without_keys_has_a_nameless_one():
    registry = Registry()
    prepared = take(registry, AccountSpec("local", "ollama"))
    assert [key.name for key in prepared.accounts["local"].keys] == [NO_KEY.name]


def test_events_are_told():
    heard: list[tuple[str, str, str, str]] = []
    registry = Registry(lambda *event: heard.append(event))
    record(choices(take(registry, OLD))[0], UNPAID, NOW)
    assert heard == [("broken", "acme", "", "payment_required: no money")]
    assert registry.describe(NOW)[0]["models"][0]["name"] == "model"
