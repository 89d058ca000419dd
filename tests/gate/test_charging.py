"""What a call costs is held before it is sent, and charged once by what it used."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from tests.gate.running import (
    HELLO,
    STREAM,
    Asked,
    BrokenReplyError,
    Place,
    running,
    until,
    upstream,
)
from tests.storage.ledgers import record

from faregate.calllog.frames import CallRecord, Charge, Settled
from faregate.configuration.settings import CreditSettings, Settings
from faregate.core.money import parse_amount
from faregate.dialects.usage import Usage
from faregate.limits.concurrency import Concurrency
from faregate.limits.counters import ASK, LimitSpec, LimitUnit

COMMERCE: dict[str, Any] = {
    "applications": [{"name": "app", "wallet": "main"}],
    "wallets": [{"name": "main"}],
    "prices": [
        {"model": "sim", "input": "2.50", "output": "10"},
        {"model": "renamed", "input": "2.50", "output": "10"},
    ],
}
IMPATIENT = Settings(credit=CreditSettings(wait_s=0.2))
LIMITED = HELLO | {"max_tokens": 20}


def balance(place: Place) -> int:
    return place.ledger.balance("main")


def only_charge(place: Place) -> Charge:
    charge = place.only_call().settled.charge
    assert charge is not None
    return charge


@pytest.mark.parametrize("body", [LIMITED, HELLO, STREAM, STREAM | {"max_tokens": 20}])
async def test_a_call_is_charged_by_its_usage(body: dict[str, Any]) -> None:
    async with running(commerce=COMMERCE) as place:
        place.ledger.grant("main", parse_amount("5"))
        assert (await place.post(body)).status == 200
        call = place.only_call()
        usage, charge = call.settled.usage, only_charge(place)
        assert usage is not None
        expected = (usage.input_tokens or 0) * 2_500 + (usage.output_tokens or 0) * 10_000
        assert (charge.charge_nano, charge.cost_nano) == (expected, expected)
        assert charge.purses == ("wallet:main",)
        assert charge.used == (expected,)
        assert (charge.wallet, charge.basis, charge.shortfall_nano) == ("main", "stated", 0)
        [one] = place.gate.broker._slices.values()
        assert one.held == 0
        assert one.settled == expected


async def test_an_empty_wallet_is_refused_with_402_and_nothing_happens() -> None:
    async with running(commerce=COMMERCE) as place:
        reply = await place.post(LIMITED)
        assert (reply.status, reply.code) == (402, "credit_exhausted")
        assert place.sim.requests == []


async def test_a_call_too_large_says_what_would_fit_and_that_fits() -> None:
    async with running(commerce=COMMERCE, settings=IMPATIENT) as place:
        place.ledger.grant("main", parse_amount("0.001"))
        reply = await place.post(HELLO | {"max_tokens": 1_000})
        assert (reply.status, reply.code) == (402, "call_too_large")
        fits = reply.json["affordable_max_tokens"]
        assert fits > 0
        assert (await place.post(HELLO | {"max_tokens": fits + 1})).status == 402
        assert (await place.post(HELLO | {"max_tokens": fits})).status == 200


async def test_credit_that_is_only_held_is_waited_for() -> None:
    async with running(commerce=COMMERCE) as place:
        # Enough for the bound of one such call, and for the charges of many.
        place.ledger.grant("main", parse_amount("0.0018"))
        replies = await asyncio.gather(
            *(place.post(LIMITED, x_simulate="latency_ms=20") for _ in range(4))
        )
        assert [reply.status for reply in replies] == [200] * 4


async def test_credit_that_stays_held_is_429() -> None:
    async with running(commerce=COMMERCE, settings=IMPATIENT) as place:
        place.ledger.grant("main", parse_amount("0.0008"))
        slow = asyncio.create_task(place.post(LIMITED, x_simulate="latency_ms=900"))
        await asyncio.sleep(0.1)
        reply = await place.post(LIMITED)
        assert (reply.status, reply.code) == (429, "credit_held")
        assert reply["retry-after"] == "1"
        assert (await slow).status == 200


async def test_a_stream_ends_cleanly_where_credit_ends() -> None:
    async with running(commerce=COMMERCE, settings=IMPATIENT) as place:
        place.ledger.grant("main", parse_amount("0.006"))
        async with place.client() as client:
            reply = await client.post(STREAM, x_simulate="tokens=4000")
        assert reply.status == 200
        text = reply.body.decode()
        assert '"finish_reason":"length"' in text
        assert "credit_exhausted" in text
        assert text.endswith("data: [DONE]\n\n")
        charge = only_charge(place)
        assert 0 < charge.charge_nano <= parse_amount("0.006")
        assert charge.basis == "estimated"


# -- what is charged ------------------------------------------------------------------------------


def a_reply(usage: dict[str, Any] | None, text: str = "hi") -> bytes:
    reply: dict[str, Any] = {"id": "x", "choices": [{"message": {"content": text}}]}
    return msgspec.json.encode(reply | ({"usage": usage} if usage is not None else {}))


@contextlib.asynccontextmanager
async def answering(
    body: bytes, status: str = "200 OK", commerce: dict[str, Any] | None = None
) -> AsyncIterator[Place]:
    """A gate before a provider that always says the same."""

    async def answer(asked: Asked) -> None:
        asked.reply(body, status, content_type="application/json", retry_after_ms="10")

    async with (
        upstream(answer) as base_url,
        running(base_url, commerce=COMMERCE | (commerce or {})) as place,
    ):
        place.ledger.grant("main", parse_amount("5"))
        yield place


def used(place: Place) -> int:
    """What the only slice has settled; nothing of it is still held."""
    [one] = place.gate.broker._slices.values()
    assert one.held == 0
    return one.settled


async def test_without_a_stated_usage_an_estimate_is_charged() -> None:
    async with answering(a_reply(None)) as place:
        assert (await place.post(LIMITED)).status == 200
        charge = only_charge(place)
        assert charge.basis == "estimated"
        assert 0 < charge.charge_nano < 20 * 10_000 + 100 * 2_500


async def test_of_a_usage_that_is_half_stated_the_rest_is_estimated() -> None:
    async with answering(a_reply({"prompt_tokens": 7})) as place:
        await place.post(LIMITED)
        charge = only_charge(place)
        assert charge.basis == "estimated"
        assert charge.charge_nano > 7 * 2_500
        assert (charge.charge_nano - 7 * 2_500) % 10_000 == 0


async def test_parts_of_a_usage_cost_their_own() -> None:
    prices = [
        {"model": "sim", "input": "2", "cached_input": "0.5", "output": "10", "reasoning": "4"}
    ]
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 8,
        "prompt_tokens_details": {"cached_tokens": 6},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    async with answering(a_reply(usage), commerce={"prices": prices}) as place:
        await place.post(LIMITED)
        assert only_charge(place).charge_nano == 4 * 2_000 + 6 * 500 + 3 * 10_000 + 5 * 4_000


async def test_usage_beyond_the_hold_is_taken_of_what_is_free() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 1_000}
    async with answering(a_reply(usage)) as place:
        await place.post(LIMITED)
        charge = only_charge(place)
        cost = 10 * 2_500 + 1_000 * 10_000
        assert charge.charge_nano + charge.shortfall_nano == charge.cost_nano == cost
        assert charge.charge_nano == charge.used[0] == used(place)


async def test_a_wallet_is_never_below_zero_whatever_was_used() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 10**9}
    async with answering(a_reply(usage)) as place:
        await place.post(LIMITED)
        charge = only_charge(place)
        assert charge.shortfall_nano > 0
        assert charge.charge_nano <= parse_amount("5")
        posting = place.ledger.posting()
        posting.post("w", [closed(place)])
        posting.close_draws("w")
        assert place.ledger.balance("main") == parse_amount("5") - charge.charge_nano


def closed(place: Place) -> CallRecord:
    """The only call as the clerk posts it."""
    call = place.only_call()
    charge, call_id = call.settled.charge, call.started.call_id
    return record(1, charge=charge, call_id=call_id, started_ns=call.started.started_ns)


async def test_a_free_call_touches_no_wallet() -> None:
    prices = [{"model": "sim", "input": "0", "output": "0"}]
    async with running(commerce=COMMERCE | {"prices": prices}) as place:
        assert (await place.post(LIMITED)).status == 200  # the wallet is empty
        assert place.only_call().settled.charge is None
        assert place.ledger.books.draws == {}


async def test_a_model_without_a_price_is_refused() -> None:
    async with running(commerce=COMMERCE | {"prices": []}) as place:
        reply = await place.post(LIMITED)
        assert (reply.status, reply.code) == (500, "price_unknown")
        assert place.sim.requests == []


async def test_a_markup_is_charged_and_the_cost_is_kept() -> None:
    plan = {
        "applications": [{"name": "app", "wallet": "main", "plan": "p"}],
        "plans": [{"name": "p", "markup": "1.5"}],
    }
    usage = {"prompt_tokens": 10, "completion_tokens": 4}
    async with answering(a_reply(usage), commerce=plan) as place:
        await place.post(LIMITED)
        charge = only_charge(place)
        assert (charge.charge_nano, charge.cost_nano) == (97_500, 65_000)


@pytest.mark.parametrize("error", ["429 Slow", "400 Bad", "500 Failed", "401 No", "302 Elsewhere"])
async def test_an_error_of_the_providers_costs_nothing(error: str) -> None:
    async with answering(b'{"error":{"message":"no"}}', error) as place:
        assert (await place.post(LIMITED)).status >= 400
        assert place.only_call().settled.charge is None
        assert used(place) == 0


async def test_a_provider_that_is_not_there_costs_nothing() -> None:
    async with running("http://127.0.0.1:9/v1", commerce=COMMERCE) as place:
        place.ledger.grant("main", parse_amount("5"))
        assert (await place.post(LIMITED)).status == 502
        assert place.only_call().settled.charge is None
        assert used(place) == 0


@pytest.mark.parametrize(("events", "costs"), [(0, False), (1, False), (6, True)])
async def test_a_cut_stream_costs_what_was_seen(events: int, costs: bool) -> None:
    async with running(commerce=COMMERCE) as place:
        place.ledger.grant("main", parse_amount("5"))
        with contextlib.suppress(BrokenReplyError):
            await place.post(STREAM, x_simulate=f"tokens=50,cut_after={events}")
        [call] = await place.settled()
        charge = call.settled.charge
        assert call.settled.outcome == ("failed" if costs else "refused")
        assert (charge is not None) is costs, charge
        if charge is not None:
            assert charge.basis == "estimated"
            assert 0 < charge.charge_nano < 100 * 2_500 + 50 * 10_000
        assert used(place) == (charge.charge_nano if charge is not None else 0)


@pytest.mark.parametrize("script", ["latency_ms=2000", "tokens=40,token_ms=50"])
async def test_a_caller_that_leaves_pays_for_what_was_seen(script: str) -> None:
    async with running(commerce=COMMERCE) as place:
        place.ledger.grant("main", parse_amount("5"))
        async with place.client() as client:
            client.ask(STREAM | {"max_tokens": 40}, x_simulate=script)
            await until(lambda: place.sim.requests)
            if "token_ms" in script:
                await client.head()
                await asyncio.sleep(0.3)
            client.leave()
            [call] = await place.settled()
        assert call.settled.outcome == "cancelled"
        charge = call.settled.charge
        assert charge is not None
        assert charge.charge_nano == used(place) > 0
        assert (charge.charge_nano > 40_000) is ("token_ms" in script)


async def test_a_caller_that_leaves_while_a_provider_fails_pays_nothing() -> None:
    async def fail(asked: Asked) -> None:
        asked.write(b"HTTP/1.1 500 Failed\r\ncontent-length: 100\r\n\r\n{")
        await asyncio.sleep(5)

    async with upstream(fail) as base_url, running(base_url, commerce=COMMERCE) as place:
        place.ledger.grant("main", parse_amount("5"))
        async with place.client() as client:
            client.ask(LIMITED)
            await asyncio.sleep(0.2)
            client.leave()
            [call] = await place.settled()
        assert call.settled.charge is None
        assert used(place) == 0


async def test_a_caller_that_leaves_while_it_waits_for_credit_leaves_nothing_held() -> None:
    limits = [{"name": "few", "each": "key", "unit": "concurrent", "max": 2}]
    async with running(commerce=COMMERCE | {"limits": limits}) as place:
        place.ledger.grant("main", parse_amount("0.001"))
        slow = asyncio.create_task(place.post(LIMITED, x_simulate="latency_ms=400"))
        await asyncio.sleep(0.1)
        async with place.client() as client:
            client.ask(LIMITED)
            await until(lambda: place.gate.broker.waiting)
            client.leave()
            await asyncio.sleep(0.05)
        assert (await slow).status == 200
        await until(lambda: not place.gate.broker.waiting)
        assert used(place) == only_settled(place).charge_nano
        [counter] = place.gate.tally._counters.values()  # type: ignore[attr-defined]
        assert counter.left(time.monotonic()) == 2


async def test_a_caller_that_leaves_while_limits_are_asked_for_takes_nothing() -> None:
    limits = [{"name": "few", "each": "key", "unit": "concurrent", "max": 2}]
    async with running(commerce=COMMERCE | {"limits": limits}) as place:
        place.ledger.grant("main", parse_amount("5"))
        answered = asyncio.Event()
        counter = Asking(LimitSpec("few:test", "few", "test", LimitUnit.CONCURRENT, 2, 0.0))

        async def ask(_: object) -> None:
            counter.asks = True
            await answered.wait()

        tally: Any = place.gate.tally
        tally.counter, tally.ask = (lambda _: counter), ask
        async with place.client() as client:
            client.ask(LIMITED)
            await until(lambda: counter.asks)
            client.leave()
            await until(lambda: not place.gate.listener.active)
        answered.set()
        await until(lambda: not place.gate.tasks)
        assert counter.left(0.0) == 2
        assert place.sim.requests == []
        assert (await place.post(LIMITED)).status == 200


class Asking(Concurrency):
    """A counter that must be asked for first."""

    asks = False

    def take(self, cost: int, now: float) -> float:
        return super().take(cost, now) if self.asks else ASK


def only_settled(place: Place) -> Charge:
    [call] = [call for call in place.calls().values() if isinstance(call.end, Settled)]
    assert call.settled.charge is not None
    return call.settled.charge


async def test_a_refusal_behind_the_hold_puts_everything_back() -> None:
    limits = [{"name": "few", "each": "key", "unit": "tokens", "max": 10_000, "per": "minute"}]
    async with running(commerce=COMMERCE | {"limits": limits}) as place:
        place.ledger.grant("main", parse_amount("5"))
        place.journal.full = True
        reply = await place.post(LIMITED)
        assert (reply.status, reply.code) == (503, "journal_unavailable")
        assert used(place) == 0
        [counter] = place.gate.tally._counters.values()  # type: ignore[attr-defined]
        assert counter.left(time.monotonic()) == 10_000
        assert place.sim.requests == []


async def test_a_refused_call_takes_nothing_of_any_limit() -> None:
    limits = [
        {"name": "all", "each": "key", "max": 10, "per": "minute"},
        {"name": "tokens", "each": "key", "unit": "tokens", "max": 10_000, "per": "minute"},
        {"name": "at-once", "each": "key", "unit": "concurrent", "max": 3},
        {"name": "long", "each": "key", "max": 7, "per": "day"},
    ]
    async with running(commerce=COMMERCE | {"limits": limits}) as place:
        assert (await place.post(LIMITED)).code == "credit_exhausted"
        counters = list(place.gate.tally._counters.values())  # type: ignore[attr-defined]
        assert sorted(one.left(time.monotonic()) for one in counters) == [3, 10, 10_000]
        assert all(one.held == one.settled == 0 for one in place.gate.broker._slices.values())


async def test_embeddings_cost_their_input() -> None:
    usage = {"prompt_tokens": 8, "total_tokens": 8}
    async with answering(msgspec.json.encode({"data": [], "usage": usage})) as place:
        body = {"model": "sim", "input": "hello there"}
        assert (await place.post(body, "/v1/embeddings")).status == 200
        charge = only_charge(place)
        assert (charge.charge_nano, charge.basis) == (20_000, "stated")
        assert place.only_call().settled.usage == Usage(8)


@pytest.mark.parametrize(
    ("path", "more", "answers"),
    [
        ("/v1/chat/completions", {"n": 3}, 3),
        ("/v1/completions", {"prompt": ["a", "b"], "best_of": 2, "n": 2}, 4),
        ("/v1/completions", {"prompt": [1, 2, 3]}, 1),
    ],
)
async def test_every_answer_is_held_for(path: str, more: dict[str, Any], answers: int) -> None:
    held: list[int] = []

    async def answer(asked: Asked) -> None:
        held.extend(one.held for one in place.gate.broker._slices.values())
        asked.reply(a_reply({"prompt_tokens": 1, "completion_tokens": 1}))

    async with upstream(answer) as base_url, running(base_url, commerce=COMMERCE) as place:
        place.ledger.grant("main", parse_amount("5"))
        assert (await place.post({"model": "sim", "max_tokens": 100} | more, path)).status == 200
        assert held[0] // (100 * 10_000) == answers
        assert used(place) == 12_500
