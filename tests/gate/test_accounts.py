"""A worker tells what it knows of its accounts, and takes what it is told."""

from decimal import Decimal

from tests.gate.running import running

from faregate.calllog.frames import Happened, decode_frame
from faregate.configuration.document import ProviderBudget
from faregate.gate.accounts import (
    describe_providers,
    reset_benches,
    tell_balances,
    tell_spent,
)
from faregate.ledger.windows import period
from faregate.routing.troubles import Trouble


async def test_accounts_are_told_with_keys_and_models() -> None:
    async with running() as place:
        assert (await place.post()).status == 200
        told = describe_providers(place.gate, place.gate.now())
    [account] = told["accounts"]
    assert (account["name"], account["state"], account["served"]) == ("simulated", "active", 1)
    assert [key["name"] for key in account["keys"]] == ["default"]
    assert {model["name"]: model["served"] for model in account["models"]} == {
        "sim": 1,
        "renamed": 0,
    }
    assert told["routes"] == []


async def test_benches_are_cleared() -> None:
    async with running() as place:
        registry, now = place.gate.registry, place.gate.now()
        account = registry.accounts["simulated"]
        [key] = account.keys
        for health in (key.health, account.health):
            health.bench.rest(Trouble("auth", "key"), False, None, now)
        reset_benches(registry, "other", None)
        reset_benches(registry, "simulated", "other")
        assert key.health.bench.kind == "auth"
        reset_benches(registry, "simulated", "default")
        assert key.health.bench.kind is None
        assert account.health.bench.kind == "auth"
        reset_benches(registry, "simulated", None)
        assert not account.health.troubled
        assert (await place.post()).status == 200


async def test_balances_are_taken() -> None:
    async with running() as place:
        tell_balances(place.gate.registry, {"simulated": 7_000_000_000, "other": 1}, 1.0)
        account = place.gate.registry.accounts["simulated"]
        assert account.balance.left_nano == 7_000_000_000


async def test_events_are_in_the_journal() -> None:
    async with running() as place:
        account = place.gate.registry.accounts["simulated"]
        account.on_event("broken", "simulated", "default", "auth: " + "x" * 9_000)
        [frame] = [decode_frame(data) for data in place.journal.frames]
    assert isinstance(frame, Happened)
    assert (frame.kind, frame.provider, frame.key) == ("broken", "simulated", "default")
    assert frame.detail.startswith("auth: x")
    assert len(frame.detail) == 500


async def test_a_threshold_that_is_crossed_is_an_event() -> None:
    async with running(balance_alert_at=(Decimal("5"),)) as place:
        registry = place.gate.registry
        tell_balances(registry, {"simulated": 6_000_000_000}, 1.0)
        assert place.journal.frames == []
        tell_balances(registry, {"simulated": 4_000_000_000}, 2.0)
        tell_balances(registry, {"simulated": 3_000_000_000}, 3.0)
        frames = [decode_frame(data) for data in place.journal.frames]
    assert [frame.kind for frame in frames if isinstance(frame, Happened)] == ["balance_low"]


async def test_what_is_spent_counts_and_rests_an_account() -> None:
    budgets = (ProviderBudget(amount=Decimal("0.01"), window="year"),)
    async with running(budgets=budgets) as place:
        gate, registry = place.gate, place.gate.registry
        assert (await place.post()).status == 200
        starts_ns = period("year", "UTC", gate.wall_ns()).starts_ns
        told = {"simulated": {"year": [starts_ns, 9_000_000]}, "other": {"day": [0, 1]}}
        tell_spent(gate, told, gate.now())
        assert (await place.post()).status == 200
        registry.accounts["simulated"].balance.unsettled_nano += 1_000_000
        [account] = describe_providers(gate, gate.now())["accounts"]
        assert (account["state"], account["reason"]) == ("benched", "budget_exhausted")
        reply = await place.post()
        assert (reply.status, reply.json["code"]) == (503, "provider_budget_exhausted")
        assert int(dict(reply.fields)["retry-after"]) > 0
        kinds = [
            frame.kind
            for frame in map(decode_frame, place.journal.frames)
            if isinstance(frame, Happened)
        ]
        assert kinds == ["budget_low", "budget_low", "budget_out"]
