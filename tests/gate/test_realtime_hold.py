"""A session never uses more than is held: before it begins, ahead of responses, to its end."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.gate.realtime import (
    COMMERCE,
    CREATE,
    IN_NANO,
    OUT_NANO,
    done,
    message,
    say,
    session,
    until_event,
    vendor,
)
from tests.gate.running import Place, running, until
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import InvalidStatus

from faregate.catalogue.prices import PriceRow, Rates, Tariff
from faregate.configuration.settings import CreditSettings, Settings
from faregate.core.money import parse_amount
from faregate.dialects.usage import Usage
from faregate.gate.realtime_hold import RunningTariff, session_bounds
from faregate.ledger.slices import Slice

IMPATIENT = Settings(credit=CreditSettings(wait_s=0.3))
LIMITED = {"type": "session.update", "session": {"max_output_tokens": 100}}
UPDATED = {"type": "session.updated", "session": {"max_output_tokens": 100}}


class Vendor:
    """Answers each response.create with `usages`, one after the other."""

    def __init__(self, *usages: tuple[int, int]) -> None:
        self.usages = list(usages)
        self.heard: list[dict[str, Any]] = []

    async def __call__(self, socket: ServerConnection) -> None:
        async for words in socket:
            event = json.loads(words)
            self.heard.append(event)
            if event["type"] == "session.update":
                await socket.send(json.dumps(UPDATED))
            elif event["type"] == "response.create":
                await socket.send(json.dumps({"type": "response.created", "response": {}}))
                await socket.send(json.dumps(done(*self.usages.pop(0))))

    @property
    def responses(self) -> int:
        return sum(event["type"] == "response.create" for event in self.heard)


def wallet(place: Place) -> Slice:
    return place.gate.broker._slices["wallet:main"]


async def within(
    amount: str, handler: Callable[[ServerConnection], Awaitable[None]],
    work: Callable[[Place], Awaitable[None]], **commerce: Any,
) -> None:  # fmt: skip
    async with (
        vendor(handler) as base_url,
        running(base_url, commerce=COMMERCE | commerce, settings=IMPATIENT) as place,
    ):
        place.ledger.grant("main", parse_amount(amount))
        await work(place)


async def test_a_session_is_charged_once_for_all_of_its_responses() -> None:
    source = Vendor((50, 20), (120, 30))

    async def work(place: Place) -> None:
        async with session(place) as client:
            for _ in range(2):
                await say(client, message("hello"), CREATE)
                await until_event(client, "response.done")
        await place.settled()
        charge = place.only_call().settled.charge
        assert charge is not None
        expected = 170 * IN_NANO + 50 * OUT_NANO
        assert (charge.charge_nano, charge.cost_nano) == (expected, expected)
        assert (charge.shortfall_nano, charge.basis) == (0, "stated")
        assert (wallet(place).held, wallet(place).settled) == (0, expected)

    await within("5", source, work)


async def test_without_credit_there_is_no_session() -> None:
    source = Vendor()

    async def work(place: Place) -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with session(place):
                pass
        body = json.loads(refused.value.response.body or b"")
        assert refused.value.response.status_code == 402
        assert body["error"]["code"] == "credit_exhausted"
        assert place.only_call().closed.outcome == "refused"

    await within("0.000001", source, work)
    assert source.heard == []


async def test_the_hold_is_that_of_a_whole_response() -> None:
    source = Vendor((50, 20))

    async def work(place: Place) -> None:
        async with session(place) as client:
            await until(lambda: wallet(place).held)
            first = wallet(place).held
            await say(client, LIMITED)
            await until_event(client, "session.updated")
            await say(client, CREATE)
            await until_event(client, "response.done")
            held = wallet(place).held
            assert held >= first
            assert 100 * OUT_NANO + 2_000 * IN_NANO < held < 100 * OUT_NANO + 10_000 * IN_NANO
        await place.settled()
        assert wallet(place).held == 0

    await within("5", source, work)


@pytest.mark.parametrize("leaves", [False, True])
async def test_where_credit_ends_the_session_ends_and_nothing_more_is_passed_on(
    leaves: bool,
) -> None:
    source = Vendor((50, 20), (3_000, 100), (100, 100))

    async def work(place: Place) -> None:
        async with session(place) as client:
            await say(client, LIMITED)
            await until_event(client, "session.updated")
            await say(client, CREATE)
            await until_event(client, "response.done")
            await say(client, message("x" * 3_000), CREATE)
            await until_event(client, "response.done")
            again = CREATE | {"event_id": "mine"}
            await say(client, message("x" * 3_000), again, message("later"))
            if leaves:
                client.transport.abort()
            else:
                event = await until_event(client, "error")
                assert event["error"]["event_id"] == "mine"
                assert event["error"]["code"] in ("credit_exhausted", "call_too_large")
                assert event["faregate"]["refusal"]["fixes"]
                async with asyncio.timeout(5):
                    await client.wait_closed()
                assert client.close_code == 1008
        await place.settled()
        settled = place.only_call().settled
        assert settled.charge is not None
        assert settled.charge.charge_nano == 3_050 * IN_NANO + 120 * OUT_NANO
        assert settled.charge.shortfall_nano == 0
        if not leaves:
            assert settled.refusal == event["error"]["code"]
        assert wallet(place).held == 0

    await within("0.012", source, work)
    assert source.responses == 2
    assert source.heard[-1]["type"] == "conversation.item.create"


async def test_a_vendor_that_answers_by_itself_is_not_let_hear_more_than_is_paid_for() -> None:
    heard: list[str] = []

    async def listens(socket: ServerConnection) -> None:
        """As with server VAD: every third piece of audio makes a response."""
        async for words in socket:
            event = json.loads(words)
            heard.append(event["type"])
            if event["type"] == "session.update":
                await socket.send(json.dumps(UPDATED))
            elif len(heard) % 3 == 0:
                await socket.send(json.dumps({"type": "response.created", "response": {}}))
                await socket.send(json.dumps(done(1_000, 100)))

    async def work(place: Place) -> None:
        audio = {"type": "input_audio_buffer.append", "audio": "A" * 3_200}
        async with session(place) as client:
            await say(client, LIMITED)
            await until_event(client, "session.updated")

            async def talk() -> None:
                while True:
                    await say(client, audio)
                    await asyncio.sleep(0.005)

            talking = asyncio.create_task(talk())
            talking.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            event = await until_event(client, "error")
            assert event["error"]["code"] in ("credit_exhausted", "call_too_large")
            async with asyncio.timeout(5):
                await client.wait_closed()
            assert client.close_code == 1008
            talking.cancel()
        await place.settled()
        settled = place.only_call().settled
        assert settled.charge is not None
        assert settled.charge.shortfall_nano == 0
        assert 0 < settled.charge.charge_nano <= parse_amount("0.02")
        assert wallet(place).free + wallet(place).settled <= parse_amount("0.02")

    await within("0.02", listens, work)


async def test_what_was_put_out_without_a_word_of_usage_is_estimated() -> None:
    async def breaks(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(json.dumps({"type": "response.created", "response": {}}))
        delta = {"type": "response.output_text.delta", "event_id": "e" * 200, "delta": "word " * 40}
        await socket.send(json.dumps(delta))
        await asyncio.sleep(0.1)
        socket.transport.abort()

    async def work(place: Place) -> None:
        async with session(place) as client:
            await say(client, CREATE)
            await until_event(client, "error")
        await place.settled()
        settled = place.only_call().settled
        assert settled.outcome == "failed"
        assert settled.charge is not None
        assert settled.charge.basis == "estimated"
        assert settled.usage is not None
        assert 50 * OUT_NANO < settled.charge.charge_nano < 5_000 * IN_NANO + 200 * OUT_NANO

    await within("5", breaks, work)


async def test_a_transcription_has_the_price_of_its_own_model() -> None:
    async def transcribes(socket: ServerConnection) -> None:
        heard = {"input": {"transcription": {"model": "heard"}}}
        await socket.send(json.dumps({"type": "session.created", "session": {"audio": heard}}))
        usage = {"type": "tokens", "input_tokens": 100, "output_tokens": 10, "total_tokens": 110}
        kind = "conversation.item.input_audio_transcription.completed"
        await socket.send(json.dumps({"type": kind, "usage": usage, "transcript": "hello"}))
        await socket.send(json.dumps(done(10, 1)))
        await socket.wait_closed()

    async def work(place: Place) -> None:
        async with session(place) as client:
            await until_event(client, "response.done")
        await place.settled()
        settled = place.only_call().settled
        assert settled.charge is not None
        own = 10 * IN_NANO + OUT_NANO
        assert settled.charge.charge_nano == own + 100 * 2_000 + 10 * 20_000
        assert settled.usage is not None
        assert settled.usage.input_tokens == 110

    models = [
        {"name": "sim", "provider": "simulated"}, {"name": "heard", "provider": "simulated"},
    ]  # fmt: skip
    prices = [*COMMERCE["prices"], {"model": "heard", "input": "2", "output": "20"}]
    await within("5", transcribes, work, models=models, prices=prices)


async def test_short_limits_count_responses_as_they_come() -> None:
    source = Vendor((50, 2_000), (120, 30))
    limit = {"name": "tokens", "unit": "tokens", "per": "minute", "max": 10_000, "each": "key"}

    async def work(place: Place) -> None:
        async with session(place) as client:
            counter = place.gate.snapshot.terms
            [terms] = [one for one in counter._known.values() if one.counters]
            await say(client, CREATE)
            await until_event(client, "response.done")
            now = place.gate.now()
            assert terms.counters[0].left(now) == 10_000 - 2_050
        await place.settled()
        assert terms.counters[0].left(place.gate.now()) == 10_000 - 2_050

    await within("5", source, work, limits=[limit])


# -- arithmetic -----------------------------------------------------------------------------------


def tariff(request_nano: int = 0) -> Tariff:
    return Tariff(PriceRow("m", Rates.of(input=10**9, output=2 * 10**9), request_nano))


def test_a_running_tariff_adds_up_and_counts_the_price_of_a_call_once() -> None:
    running_one, plain = RunningTariff(tariff(7)), tariff(7)
    assert running_one.price(Usage()) == 7
    for _ in range(3):
        running_one.add(Usage(10, 5))
    assert running_one.price(Usage()) == 3 * (plain.price(Usage(10, 5)) - 7) + 7
    assert running_one.bound(10, 5) == running_one.price(Usage()) + plain.bound(10, 5)
    most = running_one.affordable_output(10**9, 100)
    assert running_one.bound(100, most) <= 10**9 < running_one.bound(100, most + 1)
    running_one.add(Usage(10, 5), tariff())
    assert running_one.price(Usage()) == 4 * tariff().price(Usage(10, 5)) + 7


@pytest.mark.parametrize(
    ("known", "sizes"),
    [
        ((None, None), (128_000, 32_000)),
        ((32_000, None), (32_000, 4_096)),
        ((128_000, None), (128_000, 32_000)),
        ((None, 500), (128_000, 500)),
    ],
)
def test_sizes_that_nobody_states_are_the_largest(
    known: tuple[int | None, int | None], sizes: tuple[int, int]
) -> None:
    assert session_bounds(*known) == sizes


async def test_too_many_responses_at_once_end_the_session() -> None:
    async def never(socket: ServerConnection) -> None:
        async for _ in socket:
            pass

    async with vendor(never) as base_url, running(base_url) as place, session(place) as client:
        await say(client, *[CREATE] * 70)
        assert (await until_event(client, "error"))["error"]["code"] == "request_invalid"
        async with asyncio.timeout(5):
            await client.wait_closed()
        assert client.close_code == 1008


async def test_a_vendor_that_says_only_the_end_of_responses_holds_one_at_a_time() -> None:
    async def ends(socket: ServerConnection) -> None:
        async for _ in socket:
            await socket.send(json.dumps(done(10, 1)))

    async def work(place: Place) -> None:
        async with session(place) as client:
            held = []
            for _ in range(5):
                await say(client, CREATE)
                await until_event(client, "response.done")
                held.append(wallet(place).held)
            assert held[-1] < held[0] * 1.1

    await within("5", ends, work)


async def test_audio_that_is_transcribed_is_held_for_twice() -> None:
    async def hears(socket: ServerConnection) -> None:
        heard = {"input": {"transcription": {"model": "heard"}}}
        await socket.send(json.dumps({"type": "session.created", "session": {"audio": heard}}))
        async for _ in socket:
            await socket.send(json.dumps({"type": "input_audio_buffer.cleared"}))

    async def work(place: Place) -> None:
        async with session(place) as client:
            await until_event(client, "session.created")
            await say(client, {"type": "input_audio_buffer.append", "audio": "A" * 64_000})
            await until_event(client, "input_audio_buffer.cleared")
            assert wallet(place).held > 32_000 * OUT_NANO + 1_024 * (IN_NANO + OUT_NANO)

    await within("5", hears, work)
