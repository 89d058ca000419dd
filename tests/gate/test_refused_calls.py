"""A refused call changes nothing: no credit, no volume, no limit, no call to the provider."""

import asyncio
from typing import Any

import pytest
from tests.gate.running import CHAT, HELLO, Place, running, until

from faregate.configuration.settings import CreditSettings, GateSettings, Settings
from faregate.core.money import parse_amount
from faregate.ledger.purses import DrawRequest

SETTINGS = Settings(credit=CreditSettings(wait_s=0.1), gate=GateSettings(body_bytes_max=4_000))
COMMERCE: dict[str, Any] = {
    "applications": [{"name": "app", "wallet": "main", "plan": "basic"}],
    "wallets": [{"name": "main"}],
    "prices": [
        {"model": "sim", "input": "2.50", "output": "10"},
        {"model": "renamed", "input": "2.50", "output": "10"},
    ],
    "plans": [
        {
            "name": "basic",
            "quotas": [{"name": "calls", "unit": "requests", "max": 50, "period": "year"}],
            "limits": [{"name": "steady", "each": "key", "max": 40, "per": "minute"}],
        }
    ],
    "limits": [
        {"name": "tokens", "each": "application", "unit": "tokens", "max": 90_000, "per": "hour"},
        {"name": "pace", "each": "application", "unit": "tokens", "max": 80_000, "per": "minute"},
        {"name": "at-once", "each": "key", "unit": "concurrent", "max": 2},
    ],
    "budgets": [
        {"name": "day", "each": "key", "amount": "0.9", "window": "day"},
        {"name": "customers", "each": "customer", "amount": "0.001", "window": "month"},
        {"name": "runs", "each": "run", "amount": "0.001"},
    ],
}
LIMITED = HELLO | {"max_tokens": 20}
# What is sent, and how it is refused.
REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "no key": ({"authorization": ""}, 401, "key_missing"),
    "a key that nobody made": ({"authorization": "Bearer fg-unknown"}, 401, "key_unknown"),
    "no JSON": ({"body": b"{"}, 400, "request_invalid"),
    "a limit twice": (
        {"body": b'{"model":"sim","max_tokens":1,"max_tokens":9,"messages":[]}'},
        400,
        "request_invalid",
    ),
    "an unknown model": ({"body": LIMITED | {"model": "other"}}, 404, "model_unknown"),
    "an unknown path": ({"path": "/v1/nothing"}, 404, "route_unknown"),
    "too many bytes": ({"body": LIMITED | {"user": "x" * 5_000}}, 413, "body_too_large"),
    "too large for its limit": (
        {"body": LIMITED | {"max_tokens": 85_000}},
        413,
        "request_exceeds_limit",
    ),
    "too large for the wallet": (
        {"body": LIMITED | {"max_tokens": 60_000}},
        402,
        "call_too_large",
    ),
    "a run without money": (
        {"body": LIMITED | {"max_tokens": 500}, "faregate-run": "a"},
        402,
        "call_too_large",
    ),
    "a customer without money": (
        {"body": LIMITED | {"max_tokens": 500}, "faregate-customer": "a"},
        402,
        "call_too_large",
    ),
}


async def _told(place: Place) -> dict[str, Any]:
    """All that is counted, as its caller sees it, without the moments that it renews."""
    async with place.client() as client:
        reply = await client.get("/v1/me")
    assert reply.status == 200
    told: dict[str, Any] = _timeless(reply.json)
    return told


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        moments = ("resets_at", "call_id", "at", "now")
        return {name: _timeless(one) for name, one in value.items() if name not in moments}
    return [_timeless(one) for one in value] if isinstance(value, list) else value


async def _state(place: Place) -> tuple[Any, ...]:
    """What a refused call must not move."""
    books = place.ledger.books
    tally: Any = place.gate.tally
    slices = place.gate.broker._slices.values()
    return (
        dict(books.accounts),
        len(books.transfers),
        {name: purse.spent for name, purse in books.purses.items() if purse.spent},
        {one.spec.purse_id: (one.held, one.settled) for one in slices if one.held or one.settled},
        {
            limit_id: counter.left(place.gate.now())
            for limit_id, counter in tally._counters.items()
            if counter.left(place.gate.now()) != counter.spec.maximum
        },
        len(place.sim.requests),
        await _told(place),
    )


async def _send(place: Place, sent: dict[str, Any]) -> Any:
    headers = dict(sent)
    body, path = headers.pop("body", LIMITED), headers.pop("path", CHAT)
    async with place.client() as client:
        client.ask(body, path, **headers)
        return await client.reply()


@pytest.mark.parametrize("why", REFUSED)
async def test_a_refused_call_changes_nothing(why: str) -> None:
    sent, status, code = REFUSED[why]
    async with running(commerce=COMMERCE, settings=SETTINGS) as place:
        place.ledger.grant("main", parse_amount("0.5"))
        assert (await place.post(LIMITED)).status == 200  # there is something to be changed
        await place.settled()
        before = await _state(place)
        for _ in range(3):
            reply = await _send(place, sent)
            assert (reply.status, reply.code) == (status, code)
        assert await _state(place) == before


async def test_nor_does_one_that_its_key_is_not_for() -> None:
    async with running(commerce=COMMERCE, settings=SETTINGS) as place:
        place.ledger.grant("main", parse_amount("0.5"))
        narrow = place.source.add_key("narrow", application="app", models=frozenset({"renamed"}))
        before = await _state(place)
        async with place.client(narrow) as client:
            reply = await client.post(LIMITED)
        assert (reply.status, reply.code) == (403, "model_not_allowed")
        assert await _state(place) == before


async def test_nor_does_one_beyond_a_rate_or_beyond_calls_at_once() -> None:
    async with running(commerce=COMMERCE, settings=SETTINGS) as place:
        place.ledger.grant("main", parse_amount("0.5"))
        slow = [
            asyncio.create_task(place.post(LIMITED, x_simulate="latency_ms=600")) for _ in range(2)
        ]
        await until(lambda: len(place.sim.requests) == 2)
        before = await _state(place)
        for _ in range(3):
            reply = await place.post(LIMITED)
            assert (reply.status, reply.code) == (429, "concurrency_limited")
        assert await _state(place) == before
        assert [reply.status for reply in await asyncio.gather(*slow)] == [200, 200]
        await place.settled(5)
        while (await place.post(LIMITED)).status == 200:
            continue
        before = await _state(place)
        reply = await place.post(LIMITED)
        assert (reply.status, reply.code) == (429, "rate_limited")
        assert await _state(place) == before


async def test_what_was_drawn_for_one_that_no_target_serves_is_free_for_all() -> None:
    streaming = {"name": "streaming", "targets": [{"model": "sim", "when": "stream"}]}
    commerce = COMMERCE | {"virtual_models": [streaming]}
    async with running(commerce=commerce, settings=SETTINGS) as place:
        place.ledger.grant("main", parse_amount("0.5"))
        before = await _state(place)
        drawn = []
        for _ in range(3):
            reply = await place.post(HELLO | {"model": "streaming"})
            assert (reply.status, reply.code) == (503, "no_healthy_upstream")
            assert await _state(place) == before
            purses = place.ledger.books.purses.items()
            drawn.append({name: purse.drawn for name, purse in purses})
        assert drawn[0] == drawn[1] == drawn[2]  # judged alike each time, with what is there
        # Another worker needs all that there is, and asks for what lies idle here.
        ledger, broker = place.ledger.source("other"), place.gate.broker
        await broker.keep_house()
        ledger.ask_back(list(drawn[0]))
        await broker.keep_house()
        specs = [one.spec for one in broker._slices.values()]
        whole = ledger.standings(specs)
        assert [one.drawn for one in whole] == [0] * len(specs)
        got = ledger.draw([DrawRequest(spec, 10**12, 0) for spec in specs])
        assert [one.granted for one in got] == [one.cap for one in whole]


async def test_nor_does_one_that_waits_for_held_credit_in_vain() -> None:
    async with running(commerce=COMMERCE, settings=SETTINGS) as place:
        place.ledger.grant("main", parse_amount("0.001"))
        slow = asyncio.create_task(place.post(LIMITED, x_simulate="latency_ms=900"))
        await until(lambda: place.sim.requests)
        before = await _state(place)
        reply = await place.post(LIMITED | {"max_tokens": 40})
        assert (reply.status, reply.code) == (429, "credit_held")
        assert await _state(place) == before
        assert (await slow).status == 200
