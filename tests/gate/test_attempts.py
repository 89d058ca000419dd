"""The caller gets its answer while any target can give it, whatever the others are."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from tests.gate.running import HELLO, STREAM, Place, running

from faregate.configuration.document import Document
from faregate.configuration.references import plain
from faregate.simulator.service import Simulator

TROUBLES = {
    "broke": "refusal=openai:payment_required",
    "invalid": "error=auth",
    "throttled": "error=rate_limit",
    "overloaded": "error=overloaded",
    "dead": "reset",
}
WELL = "well"


def account(name: str, url: str, script: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "vendor": "openai", "base_url": url, "proxy": "none",
        "keys": [{"name": "k", "secret": f"sk-sim:{script}" if script else "sk-well"}],
    } | more  # fmt: skip


def virtual(names: list[str], **more: Any) -> dict[str, Any]:
    return {"name": "any", "targets": [{"model": f"at-{name}"} for name in names]} | more


@asynccontextmanager
async def before(
    names: list[str], commerce: dict[str, Any] | None = None, **more: Any
) -> AsyncIterator[Place]:
    """A gate whose model "any" has a target for each of `names`, in this order."""
    async with Simulator(keep=5_000) as simulator:
        url = simulator.base_url
        settings = {"settings": {"routing": {"attempts_header": "all"}}}
        document = {
            "providers": [account(name, url, TROUBLES.get(name, "")) for name in names],
            "models": [
                {"name": f"at-{name}", "provider": name, "upstream_model": "sim"} for name in names
            ],
            "virtual_models": [virtual(names, **more)],
        }
        written = {**settings, **document, **(commerce or {})}
        async with running(url, commerce=written) as place:
            place.simulator = simulator
            yield place


ANY = HELLO | {"model": "any"}
ORDERS = [[*order, WELL] for order in itertools.permutations(TROUBLES, 2)]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("names", ORDERS, ids="-".join)
async def test_the_one_that_is_well_answers(names: list[str], stream: bool) -> None:
    async with before(names) as place:
        for _ in range(3):
            reply = await place.post(ANY | {"stream": stream})
            assert reply.status == 200, reply.body
        calls = await place.settled(3)
        first = calls[0].settled
        assert [attempt.provider for attempt in first.attempts] == names
        assert [attempt.result for attempt in first.attempts][-1] == "ok"
        assert all(call.settled.outcome == "answered" for call in calls)
        # What is broke or invalid is not asked again before its time.
        last = [attempt.provider for attempt in calls[-1].settled.attempts]
        assert not {"broke", "invalid", "throttled"} & set(last)


async def test_every_order_of_all_troubles_in_one_second() -> None:
    for names in itertools.islice(itertools.permutations(TROUBLES), 0, None, 24):
        async with before([*names, WELL]) as place:
            begun = time.monotonic()
            assert (await place.post(ANY)).status == 200
            assert time.monotonic() - begun < 2


async def test_where_nobody_can_the_refusal_is_no_bill_of_the_callers() -> None:
    async with before(["broke", "invalid"]) as place:
        for _ in range(2):
            reply = await place.post(ANY)
            assert reply.status == 503, reply.body
            assert reply.code in ("provider_unpaid", "no_healthy_upstream", "provider_key_invalid")
            assert reply["x-should-retry"] in (None, "false", "true")


async def test_a_key_comes_back_by_itself() -> None:
    async with before(["broke"]) as place:
        assert (await place.post(ANY)).status == 503
        place.sim.key_script(f"sk-sim:{TROUBLES['broke']}", "tokens=3")
        asked = len(place.sim.requests)
        assert (await place.post(ANY)).status == 503
        assert len(place.sim.requests) == asked, "a broke account was asked before its time"
        for one in place.gate.registry.accounts.values():
            for bench in one.health.troubled:
                bench.until = 0.0  # its rest is over
        assert (await place.post(ANY)).status == 200
        assert (await place.post(ANY)).status == 200


async def test_the_attempts_are_told_in_a_field() -> None:
    async with before(["throttled", WELL]) as place:
        told = (await place.post(ANY))["faregate-attempts"]
        assert told is not None
        assert "at-throttled throttled/k 429 rate_limited" in told
        assert told.endswith("at-well well/k ok")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_reply_of_200_that_is_an_error_counts_as_one(stream: bool) -> None:
    async with before([WELL]) as place:
        told = plain(place.source.latest().document)
        told["providers"].insert(
            0, account("odd", place.sim.base_url, "error_body_200,error=overloaded")
        )
        told["models"].append({"name": "at-odd", "provider": "odd", "upstream_model": "sim"})
        told["virtual_models"] = [virtual(["odd", WELL])]
        place.adopt(msgspec.convert(told, Document))
        reply = await place.post(ANY | {"stream": stream})
        assert reply.status == 200
        assert b"error" not in reply.body
        [call] = await place.settled()
        assert [one.provider for one in call.settled.attempts] == ["odd", WELL]


async def test_a_call_is_charged_by_who_served_it() -> None:
    commerce = {
        "applications": [{"name": "app", "wallet": "main"}],
        "wallets": [{"name": "main"}],
        "prices": [
            {"model": "at-broke", "input": "100", "output": "100"},
            {"model": "at-well", "input": "1", "output": "2"},
        ],
    }
    async with before(["broke", WELL], commerce) as place:
        place.ledger.grant("main", 10**9)
        assert (await place.post(ANY)).status == 200
        [call] = await place.settled()
        usage, charge = call.settled.usage, call.settled.charge
        assert usage is not None
        assert charge is not None
        tokens = (usage.input_tokens or 0) * 1_000 + (usage.output_tokens or 0) * 2_000
        assert charge.charge_nano == tokens
        assert charge.cost_nano == tokens


async def test_a_request_that_is_too_long_goes_to_its_own_list() -> None:
    async with before([WELL]) as place:
        told = plain(place.source.latest().document)
        url = place.sim.base_url
        told["providers"].append(account("small", url, "error=context_length"))
        told["models"].append({"name": "at-small", "provider": "small", "upstream_model": "sim"})
        long = {"context": ["at-well"]}
        told["virtual_models"] = [virtual(["small"], fallbacks=long)]
        place.adopt(msgspec.convert(told, Document))
        assert (await place.post(ANY)).status == 200
        told["virtual_models"] = [virtual(["small"], fallbacks={"failure": ["at-well"]})]
        place.adopt(msgspec.convert(told, Document))
        reply = await place.post(ANY)
        assert reply.status == 400
        assert json.loads(reply.body)["error"]["code"] == "context_length_exceeded"


async def test_a_deadline_ends_the_trying() -> None:
    async with before(["overloaded"], total_s=0.6) as place:
        begun = time.monotonic()
        reply = await place.post(ANY)
        # Between two attempts, or in one that this machine was slow at.
        assert reply.code in {"provider_overloaded", "upstream_timeout"}
        assert time.monotonic() - begun < 1.5


async def test_a_slow_target_is_left_at_the_deadline() -> None:
    async with before([WELL], total_s=0.5) as place:
        begun = time.monotonic()
        reply = await asyncio.wait_for(place.post(ANY, x_simulate="latency_ms=5000"), 4)
        assert reply.code == "upstream_timeout"
        assert time.monotonic() - begun < 2
        stream = await place.post(STREAM | {"model": "any"}, x_simulate="tokens=900,token_ms=20")
        assert b"upstream_timeout" in stream.body
