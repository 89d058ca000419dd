"""A stream's hold grows ahead of it, pauses it, ends it cleanly; nothing stays held behind it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.gate.running import STREAM, Asked, Client, Place, running, until, upstream

from faregate.configuration.settings import CreditSettings, Settings
from faregate.core.money import parse_amount
from faregate.ledger.purses import DrawRequest, Return, wallet_spec
from faregate.ledger.slices import Slice, release

IMPATIENT = Settings(credit=CreditSettings(wait_s=0.3))
COMMERCE: dict[str, Any] = {
    "applications": [{"name": "app", "wallet": "main"}],
    "wallets": [{"name": "main"}],
    "prices": [{"model": "sim", "input": "0", "output": "10"}],
}
TOKEN = 10_000  # nano-dollars
BEGUN = b": begun\n\n"


class Source:
    """A provider that streams what it is told to."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue()

    async def __call__(self, asked: Asked) -> None:
        asked.begin_stream()
        asked.chunk(BEGUN)  # the head goes to the caller with what comes first
        while piece := await self.pieces.get():
            asked.chunk(piece)
            await asked.writer.drain()
        asked.write(b"0\r\n\r\n")

    def put_out(self, tokens: int, *, at_once: bool = False) -> None:
        """So many events of one token each, or one event of as many."""
        if at_once:
            self.pieces.put_nowait(event("abcd" * tokens))
        else:
            self.pieces.put_nowait(event("ab") * tokens)

    def end(self, usage: int | None = None) -> None:
        if usage is not None:
            stated = {"prompt_tokens": 1, "completion_tokens": usage}
            last = json.dumps({"choices": [], "usage": stated})
            self.pieces.put_nowait(f"data: {last}\n\n".encode())
        self.pieces.put_nowait(b"data: [DONE]\n\n")
        self.pieces.put_nowait(b"")


def event(text: str) -> bytes:
    return b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % text.encode()


@contextlib.asynccontextmanager
async def streaming(
    amount: str, settings: Settings = IMPATIENT, commerce: dict[str, Any] | None = None
) -> AsyncIterator[tuple[Place, Source]]:
    source = Source()
    async with (
        upstream(source) as base_url,
        running(base_url, commerce=COMMERCE | (commerce or {}), settings=settings) as place,
    ):
        place.ledger.grant("main", parse_amount(amount))
        yield place, source


async def begun(client: Client) -> None:
    """The stream has begun, with nothing in it."""
    await client.head()
    assert await client.chunk() == BEGUN


def wallet(place: Place) -> Slice:
    return place.gate.broker._slices["wallet:main"]


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_stream_of_any_length_is_served_and_charged(at_once: bool) -> None:
    async with streaming("5") as (place, source):
        source.put_out(20_000, at_once=at_once)
        source.end(20_000)
        reply = await asyncio.wait_for(place.post(STREAM), 10)
        assert reply.body.endswith(b"data: [DONE]\n\n")
        charge = place.only_call().settled.charge
        assert charge is not None
        assert (charge.charge_nano, charge.shortfall_nano) == (20_000 * TOKEN, 0)
        assert wallet(place).held == 0


async def test_a_stream_that_comes_in_leaps_is_not_stopped_for_ever() -> None:
    async with streaming("5") as (place, source):
        slices = (place.gate.broker.slice(wallet_spec("main")),)
        plenty = (100_000 * TOKEN, 0, 0, 0, 0)
        assert await place.gate.broker.obtain(slices, plenty) is None
        release(slices, plenty)
        source.put_out(20_000, at_once=True)
        asking = asyncio.create_task(place.post(STREAM))
        await asyncio.sleep(0.2)
        source.end(20_000)
        reply = await asyncio.wait_for(asking, 3)
        assert reply.body.endswith(b"data: [DONE]\n\n")
        assert wallet(place).settled == 20_000 * TOKEN


async def test_the_hold_is_ahead_of_the_stream() -> None:
    async with streaming("5") as (place, source):
        async with place.client() as client:
            client.ask(STREAM)
            await begun(client)
            first = wallet(place).held
            assert first == 256 * TOKEN
            for _ in range(6):
                source.put_out(100)
                await client.chunk()
            await until(lambda: wallet(place).held > 600 * TOKEN)
            source.end(600)
            await place.settled()
        assert wallet(place).settled == 600 * TOKEN


async def test_a_stream_waits_for_credit_that_comes_free() -> None:
    async with streaming("0.01", Settings(credit=CreditSettings(wait_s=5))) as (place, source):
        async with place.client() as client:
            client.ask(STREAM)
            await begun(client)
            others = place.ledger.source("other")
            others.draw([DrawRequest(wallet_spec("main"), 10**9, 0)])
            source.put_out(300)
            await until(lambda: place.gate.broker.waiting)
            others.give_back([Return("wallet:main", 10**9, 0)])
            source.end(300)
            await place.settled()
        settled = place.only_call().settled
        assert (settled.outcome, settled.refusal) == ("answered", None)
        assert settled.charge is not None
        assert settled.charge.charge_nano == 300 * TOKEN


async def test_where_credit_ends_the_stream_ends_with_a_reason() -> None:
    async with streaming("0.004") as (place, source):
        source.put_out(3_000)
        reply = await asyncio.wait_for(place.post(STREAM), 5)
        last = json.loads(reply.body.split(b"\n\n")[-3].removeprefix(b"data: "))
        assert last["choices"] == [{"index": 0, "finish_reason": "length", "delta": {}}]
        assert last["faregate"]["refusal"]["code"] == "credit_exhausted"
        await until(lambda: place.pool.state.open == 0)  # the provider is stopped
        settled = place.only_call().settled
        assert (settled.outcome, settled.refusal) == ("answered", "credit_exhausted")
        assert settled.charge is not None
        assert settled.charge.charge_nano <= 400 * TOKEN
        assert wallet(place).held == 0
        said = "The stream needed 0.00256 USD more to go on; the wallet"
        assert (settled.detail or "").startswith(said)
        decision = place.gate.explaining.recent.find(place.only_call().started.call_id)
        assert decision is not None
        *before, last_finding = decision.findings or ()
        assert {one.verdict for one in before} == {"passed"}
        assert [one.phase for one in before][-3:] == ["RESERVE", "CHOOSE", "SEND"]
        assert (last_finding.phase, last_finding.verdict) == ("RELAY", "refused")
        assert last_finding.detail == settled.detail


async def test_all_that_there_is_is_used_to_the_last_token() -> None:
    async with streaming("0.004") as (place, source):
        async with place.client() as client:
            client.ask(STREAM)
            await begun(client)
            for _ in range(100):
                source.put_out(5)
                await asyncio.sleep(0.001)
            reply = await place.settled()
        assert reply[0].settled.charge is not None
        assert reply[0].settled.charge.charge_nano == 400 * TOKEN


async def test_every_choice_is_ended() -> None:
    async with streaming("0.008") as (place, source):
        source.put_out(3_000)
        reply = await asyncio.wait_for(place.post(STREAM | {"n": 2}), 5)
        last = json.loads(reply.body.split(b"\n\n")[-3].removeprefix(b"data: "))
        assert [one["index"] for one in last["choices"]] == [0, 1]


async def test_a_ledger_that_goes_away_ends_a_stream_that_must_be_paid_on() -> None:
    async with streaming("5") as (place, source):
        async with place.client() as client:
            client.ask(STREAM)
            await begun(client)
            place.ledger.away = True
            source.put_out(5_000)
            reply = b"".join([chunk async for chunk in client.chunks()])
        assert b"ledger_unavailable" in reply
        assert reply.endswith(b"data: [DONE]\n\n")
        assert wallet(place).held == 0


async def test_a_worker_that_was_silent_too_long_grows_no_hold() -> None:
    async with streaming("5") as (place, source):
        async with place.client() as client:
            client.ask(STREAM)
            await begun(client)
            wallet(place).free += 10**9
            place.gate.broker._contact_at -= 10**6  # long ago
            place.gate.broker._beat_at += 10**6
            await place.gate.broker.keep_house()
            assert place.gate.broker.stale
            source.put_out(5_000)
            reply = b"".join([chunk async for chunk in client.chunks()])
        assert b"ledger_unavailable" in reply


@pytest.mark.parametrize("waits", [False, True])
async def test_a_caller_that_leaves_a_growing_stream_leaves_nothing_held(waits: bool) -> None:
    settings = Settings(credit=CreditSettings(wait_s=5))
    async with streaming("0.005", settings) as (place, source):
        async with place.client() as client:
            client.ask(STREAM)
            await begun(client)
            if waits:
                wallet(place).free = 0
                wallet(place).taken = wallet(place).held + wallet(place).settled
            source.put_out(200)
            await asyncio.sleep(0.1)
            client.leave()
            await place.settled()
        await asyncio.sleep(0.2)
        assert wallet(place).held == 0
        assert place.gate.broker.waiting == 0
        assert wallet(place).settled > 0


async def test_a_quota_of_output_ends_a_stream_as_well() -> None:
    quotas = [{"name": "q", "unit": "output_tokens", "max": 300, "period": "day"}]
    plan = {
        "applications": [{"name": "app", "wallet": "main", "plan": "p"}],
        "plans": [{"name": "p", "quotas": quotas}],
    }
    async with streaming("5", commerce=plan) as (place, source):
        source.put_out(1_000)
        reply = await asyncio.wait_for(place.post(STREAM), 5)
        assert b"quota_exhausted" in reply.body
        [quota] = [one for one in place.gate.broker._slices.values() if one.spec.kind == "quota"]
        assert (quota.settled, quota.held) == (300, 0)
        assert b"The stream needed 256 output tokens more to go on; the quota" in reply.body


async def test_a_slow_caller_is_not_flooded_when_its_hold_has_grown() -> None:
    async with streaming("5") as (place, source), place.client() as client:
        client.ask(STREAM)
        await begun(client)
        connection = next(iter(place.gate.listener.connections))
        connection.pause_writing()
        [call] = [connection._exchange]
        assert call is not None
        call.growth.paused = True  # type: ignore[attr-defined]
        call.growth._resume()  # type: ignore[attr-defined]
        assert call.sending._paused  # type: ignore[attr-defined]
        connection.resume_writing()
        assert not call.sending._paused  # type: ignore[attr-defined]
        source.end(1)
        await place.settled()
