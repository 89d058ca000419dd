"""`GET /v1/me` tells a caller what applies to it, in true numbers, and nothing else."""

import json
from typing import Any

import pytest
from tests.gate.running import Place, running

from faregate.core.money import NANO

COMMERCE: dict[str, Any] = {
    "wallets": [{"name": "purse"}, {"name": "foreign-wallet"}],
    "teams": [{"name": "team", "wallet": "purse"}],
    "applications": [
        {"name": "app", "team": "team", "plan": "basic"},
        {"name": "foreign-app", "wallet": "foreign-wallet"},
    ],
    "prices": [{"model": "sim", "input": "2.50", "output": "10", "cached_input": "1.25"}],
    "plans": [
        {
            "name": "basic",
            "markup": "1.2",
            "quotas": [
                {"name": "monthly", "max": 1000},
                {"name": "starter", "max": 2, "included": True, "each": "key"},
            ],
        },
        {"name": "foreign-plan", "quotas": [{"name": "foreign-quota", "max": 1}]},
    ],
    "limits": [
        {"name": "fast", "each": "key", "max": 60, "per": "minute"},
        {"name": "daily", "each": "key", "max": 500, "per": "day"},
        {"name": "at-once", "each": "application", "unit": "concurrent", "max": 5},
        {"name": "foreign-limit", "each": "key", "max": 1, "per": "second",
         "applications": ["foreign-app"]},
    ],
    "budgets": [
        {"name": "spend", "each": "key", "amount": "5", "window": "day"},
        {"name": "people", "each": "customer", "amount": "1"},
        {"name": "foreign-budget", "each": "key", "amount": "9", "keys": ["foreign-key"]},
    ],
}  # fmt: skip


async def me(place: Place, **more: str) -> Any:
    async with place.client() as client:
        reply = await client.get("/v1/me", **more)
    assert (reply.status, reply["cache-control"]) == (200, "no-store")
    return reply.json


def named(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in rows}


async def test_everything_that_applies_is_told_with_what_is_left():
    async with running(commerce=COMMERCE) as place:
        place.ledger.grant("purse", 12 * NANO)
        for _ in range(3):
            reply = await place.post({"model": "sim", "messages": [], "max_tokens": 5})
            assert reply.status == 200, reply.body
        told = await me(place)
        assert told["key"]["name"] == "test"
        assert (told["key"]["application"], told["key"]["team"]) == ("app", "team")
        assert (told["key"]["plan"], told["key"]["expires_at"]) == ("basic", None)
        limits, quotas = named(told["limits"]), named(told["quotas"])
        assert set(limits) == {"fast", "daily", "at-once"}
        fast = limits["fast"]
        assert (fast["cap"], fast["used"], fast["left"], fast["of"]) == (60, 3, 57, "test")
        assert fast["resets_at"] > "2020"
        assert (limits["daily"]["cap"], limits["at-once"]["left"]) == (500, 5)
        assert set(quotas) == {"basic/monthly", "basic/starter"}
        assert (quotas["basic/starter"]["included"], quotas["basic/monthly"]["included"]) == (
            True, False,
        )  # fmt: skip
        assert quotas["basic/monthly"]["resets_at"] > "2020"
        assert set(named(told["budgets"])) == {"spend"}
        assert named(told["budgets"])["spend"]["cap"] == "5.00"
        wallet = told["wallet"]
        assert (wallet["name"], wallet["balance"], wallet["unit"]) == ("purse", "12.00", "USD")
        assert 0 < float(wallet["left"]) <= 12


async def test_prices_are_those_of_the_caller():
    async with running(commerce=COMMERCE) as place:
        models = {row["id"]: row["prices"] for row in (await me(place))["models"]}
        assert set(models) == {"sim", "alias", "renamed"}
        assert models["sim"] == models["alias"] == {
            "input": "3.00", "cached_input": "1.50", "output": "12.00", "request": "0.00",
        }  # fmt: skip
        assert models["renamed"] is None


async def test_nothing_of_others_is_told():
    async with running(commerce=COMMERCE) as place:
        assert "foreign" not in json.dumps(await me(place))


async def test_a_customer_sees_its_own_budget():
    async with running(commerce=COMMERCE) as place:
        budgets = named((await me(place, faregate_customer="ada"))["budgets"])
        assert (budgets["people"]["of"], budgets["people"]["left"]) == ("ada", "1.00")
        async with place.client() as client:
            assert (await client.get("/v1/me", faregate_customer="x" * 200)).status == 400


async def test_a_key_without_an_application(place: Place):
    told = await me(place)
    assert (told["limits"], told["quotas"], told["budgets"], told["wallet"]) == ([], [], [], None)
    assert {row["id"] for row in told["models"]} == {"sim", "alias", "renamed"}


async def test_asking_takes_nothing():
    async with running(commerce=COMMERCE) as place:
        place.ledger.grant("purse", NANO)
        await me(place)
        before = str(vars(place.ledger.books))
        first, second = await me(place), await me(place)
        assert first == second
        assert str(vars(place.ledger.books)) == before
        assert place.sim.requests == []


async def test_a_ledger_that_is_away_is_said():
    async with running(commerce=COMMERCE) as place:
        place.ledger.away = True
        told = await me(place)
        assert told["ledger"] == "unavailable"
        assert (told["quotas"], told["budgets"], told["wallet"]) == (None, None, None)
        assert told["key"]["name"] == "test"
        assert {row["id"] for row in told["models"]} == {"sim", "alias", "renamed"}
        assert set(named(told["limits"])) == {"fast", "at-once"}  # of a day's the ledger knows
        place.ledger.away = False
        assert "ledger" not in await me(place)


@pytest.mark.parametrize("key", ["", "fg_wrong"])
async def test_it_needs_a_key(place: Place, key: str):
    async with place.client(key) as client:
        assert (await client.get("/v1/me")).status == 401
