"""What is left is told typed, by a real gate, for callers of both kinds."""

import asyncio
from decimal import Decimal

import pytest
from tests.client.refused_world import poor_gate, url_of
from tests.gate.running import HELLO, Asked, upstream

from faregate import client
from faregate.client.allowances import Credit, RefusedError, credit, credit_async
from faregate.core.errors import FaregateError


async def test_all_that_applies() -> None:
    async with poor_gate() as place:
        url = url_of(place)
        before = await credit_async(url, place.key, run="a")
        assert (await place.post(HELLO | {"max_tokens": 20})).status == 200
        await place.settled()
        after = await asyncio.to_thread(credit, f"{url}/v1/", place.key)
    assert before.key.application == "app"
    assert [model.id for model in before.models] == ["alias", "renamed", "sim"]
    assert before.wallet is not None
    assert (before.wallet.name, before.wallet.balance) == ("main", Decimal("0.5"))
    assert before.left == Decimal("0.001")  # the run's budget
    [limit] = before.limits
    assert (limit.name, limit.unit, limit.cap, limit.left) == ("steady", "requests", 5, 5)
    assert before.budgets is not None
    assert [(one.name, one.of, one.cap) for one in before.budgets] == [
        ("runs", "a", Decimal("0.001"))
    ]
    assert after.limits[0].used == 1
    assert after.limits[0].resets_at is not None
    assert after.wallet is not None
    assert after.left == after.wallet.left
    assert after.left is not None
    assert after.left < Decimal("0.5")


async def test_refused_and_out_of_reach() -> None:
    async with poor_gate() as place:
        url = url_of(place)
        with pytest.raises(RefusedError) as caught:
            await credit_async(url, "fg_wrong")
        assert caught.value.refusal.code == "key_unknown"
        assert client.Refusal.from_exception(caught.value) is not None
        with pytest.raises(RefusedError, match="route_unknown"):
            await credit_async(f"{url}/nowhere", place.key)
    with pytest.raises(FaregateError, match="can't be reached"):
        await credit_async(url, place.key)
    with pytest.raises(FaregateError, match="can't be reached"):
        await asyncio.to_thread(credit, url, place.key)


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found"])
async def test_what_is_no_gate(status: str) -> None:
    async def answer(asked: Asked) -> None:
        asked.reply(b"hello", status)

    async with upstream(answer) as base_url:
        with pytest.raises(FaregateError, match="as a gate does"):
            await credit_async(base_url, "fg_any")


def test_a_ledger_that_is_away_is_not_taken_for_no_bound() -> None:
    told = Credit(key=client.allowances.KeyFacts("k", "n"), ledger="unavailable")
    assert not told.is_known
    with pytest.raises(FaregateError, match="can't be read"):
        _ = told.left
    assert Credit(key=told.key).left is None


def test_what_needs_http_is_loaded_when_it_is_asked_for() -> None:
    assert client.credit is credit
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = client.nothing_such
