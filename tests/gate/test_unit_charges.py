"""What isn't billed by text: nothing is overspent, and nothing refused that can be paid."""

import asyncio
import json
from typing import Any

import pytest
from tests.dialects.audio.sounds import wav
from tests.gate.running import Asked, Place, Reply, running, until, upstream

from faregate.calllog.frames import Settled
from faregate.configuration.settings import CreditSettings, Settings
from faregate.wire import multipart

IMAGES = "/v1/images/generations"
WHISPER = {"audio_hour": "0.36"}
TRANSCRIBE = {"input": "2.5", "audio_input": "6", "output": "10"}
CENT = 10_000_000
# What waits for credit gives up soon.
IMPATIENT = Settings(credit=CreditSettings(wait_s=0.05))


def priced(**price: Any) -> dict[str, Any]:
    return {
        "applications": [{"name": "app", "wallet": "main"}],
        "wallets": [{"name": "main"}],
        "prices": [{"model": "sim", **price}],
    }


async def drawn(place: Place, n: int, **more: Any) -> Reply:
    return await place.post({"model": "sim", "prompt": "a cat", "n": n, **more}, IMAGES)


async def written_down(place: Place, sound: bytes, name: str = "a.wav", **fields: str) -> Reply:
    parts = [multipart.Field("model", b"sim")]
    parts += [multipart.Field(key, value.encode()) for key, value in fields.items()]
    data, kind = multipart.write([*parts, multipart.Field("file", sound, name)])
    return await place.post(data, "/v1/audio/transcriptions", content_type=kind)


async def test_a_wallet_that_can_pay_a_part_of_the_images_pays_for_none() -> None:
    async with running(commerce=priced(image="0.04"), settings=IMPATIENT) as place:
        place.ledger.grant("main", 10 * CENT)
        reply = await drawn(place, 3)
        assert (reply.status, reply.code) == (402, "credit_exhausted")
        assert "up to 0.12 USD; the wallet 'main' has 0.10 USD" in reply.json["detail"]
        assert place.sim.requests == []
        assert (await drawn(place, 2)).status == 200
        await place.settled(2)
        await until(lambda: place.gate.broker.waiting == 0)
        reply = await drawn(place, 1)
        assert reply.status == 402
        ends = [call.end for call in place.calls().values()]
        charges = [one.charge for one in ends if isinstance(one, Settled)]
        assert [one.charge_nano for one in charges if one is not None] == [8 * CENT]


async def test_images_that_are_asked_for_at_once_are_not_overspent() -> None:
    async with running(commerce=priced(image="0.04"), settings=IMPATIENT) as place:
        place.ledger.grant("main", 10 * CENT)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(drawn(place, 1)) for _ in range(6)]
        paid = [task.result().status for task in tasks].count(200)
        assert paid == 2
        assert len(place.sim.requests) == 2


async def test_the_dearest_image_is_held_where_the_vendor_chooses() -> None:
    prices = priced(image="0.02", images={"low/1024x1024": "0.01", "high/1024x1024": "0.16"})
    async with running(commerce=prices, settings=IMPATIENT) as place:
        place.ledger.grant("main", 15 * CENT)
        assert (await drawn(place, 1)).status == 402
        assert (await drawn(place, 1, quality="low", size="1024x1024")).status == 200
        reply = await drawn(place, 15, quality="low", size="1024x1024")
        assert reply.status == 402


@pytest.mark.parametrize("fit", ["refuse", "lower"])
async def test_no_output_limit_makes_an_image_cheaper(fit: str) -> None:
    """One of a square is held with 1,800 tokens and 1,154 more, by the bound of medium ones."""
    commerce = priced(output="40") | {"plans": [{"name": "p", "fit": fit}]}
    commerce["applications"] = [{"name": "app", "wallet": "main", "plan": "p"}]
    square = {"quality": "medium", "size": "1024x1024"}
    for cents, status in ((11, 402), (12, 200)):
        async with running(commerce=commerce, settings=IMPATIENT) as place:
            place.ledger.grant("main", cents * CENT)
            reply = await drawn(place, 1, **square)
            assert reply.status == status
            assert b"affordable_max_tokens" not in reply.body
            assert len(place.sim.requests) == (status == 200)


@pytest.mark.parametrize(
    ("price", "cents"), [(WHISPER, 2), (TRANSCRIBE, 7)], ids=["length", "tokens"]
)
async def test_five_megabytes_of_sound_take_a_few_cents(price: dict[str, str], cents: int) -> None:
    sound = wav(156_000)
    assert len(sound) > 4_990_000
    async with running(commerce=priced(**price), settings=IMPATIENT) as place:
        place.ledger.grant("main", cents * CENT)
        reply = await written_down(place, sound, response_format="text")
        assert reply.status == 200, reply.body
        sent = len(place.sim.requests)
        reply = await written_down(place, wav(900_000), response_format="text")
        assert reply.status == 402
        assert len(place.sim.requests) == sent


async def test_pictures_of_megabytes_are_no_text() -> None:
    async with running(commerce=priced(input="5", output="40"), settings=IMPATIENT) as place:
        place.ledger.grant("main", 40 * CENT)
        data, kind = multipart.write(
            [
                multipart.Field("model", b"sim"),
                multipart.Field("prompt", b"a cat"),
                multipart.Field("quality", b"low"),
                multipart.Field("image", bytes(5_000_000), "a.png"),
            ]
        )
        reply = await place.post(data, "/v1/images/edits", content_type=kind)
        assert reply.status == 200, reply.body
        charge = place.only_call().settled.charge
        assert charge is not None
        assert charge.charge_nano == (194 + 2) * 5_000 + 1_056 * 40_000


HEARD = {
    "language_code": "eng",
    "text": "Well then.",
    "audio_duration_secs": 1.5,
    "words": [
        {"text": "Well", "start": 0.0, "end": 0.4, "type": "word"},
        {"text": " ", "start": 0.4, "end": 0.5, "type": "spacing"},
        {"text": "then.", "start": 0.5, "end": 1.25, "type": "word"},
    ],
}


async def test_scribe_writes_down_what_openai_s_callers_send() -> None:
    seen: list[Asked] = []

    async def answering(asked: Asked) -> None:
        seen.append(asked)
        asked.reply(json.dumps(HEARD).encode(), content_type="application/json")

    commerce = priced(audio_hour="0.36")
    async with (
        upstream(answering) as url,
        running(url, commerce=commerce, vendor="elevenlabs") as place,
    ):
        place.ledger.grant("main", CENT)
        reply = await written_down(place, wav(2_000), response_format="srt")
        assert reply.status == 200, reply.body
        assert reply["content-type"] == "text/plain; charset=utf-8"
        assert reply.body.startswith(b"1\n00:00:00,000 --> 00:00:01,250\nWell then.")
        charge = place.only_call().settled.charge
        assert charge is not None
        assert (charge.basis, charge.charge_nano) == ("stated", 150_000)
    [asked] = seen
    assert asked.head.startswith(b"POST /v1/speech-to-text HTTP/1.1\r\n")
    fields = dict(asked.fields)
    assert fields["xi-api-key"]
    assert fields["content-type"].startswith("multipart/form-data; boundary=")
    assert asked.fields.count(("content-type", fields["content-type"])) == 1
    parts = multipart.parts(asked.body, fields["content-type"].encode())
    assert {part.name for part in parts} >= {"model_id", "file"}


@pytest.mark.parametrize(
    "body", [b"[]", b'{"text": 1}', b"nothing", b'{"text":"a"}'], ids=["list", "no", "not", "when"]
)
async def test_a_transcript_that_can_t_be_made_is_an_upstream_s_mistake(body: bytes) -> None:
    async def answering(asked: Asked) -> None:
        asked.reply(body, content_type="application/json")

    async with (
        upstream(answering) as url,
        running(url, commerce=priced(**WHISPER), vendor="elevenlabs") as place,
    ):
        place.ledger.grant("main", CENT)
        reply = await written_down(place, wav(2_000), response_format="srt")
        assert (reply.status, reply.code) == (502, "upstream_malformed")
        assert place.only_call().settled.charge is None


async def test_a_form_that_is_none_is_refused() -> None:
    async with running() as place:
        for body, kind in (
            (b"--x\r\n", "multipart/form-data; boundary=x"),
            (b"--x--\r\n", "multipart/form-data"),
            (b'{"model": "sim"', "application/json"),
        ):
            reply = await place.post(body, "/v1/audio/transcriptions", content_type=kind)
            assert (reply.status, reply.code) == (400, "request_invalid")
        assert place.sim.requests == []


async def test_sound_goes_on_as_it_comes() -> None:
    heard = asyncio.Event()

    async def speaking(asked: Asked) -> None:
        asked.write(b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 6\r\n\r\nabc")
        await heard.wait()
        asked.write(b"def")

    commerce = priced(characters="15")
    async with (
        upstream(speaking) as url,
        running(url, commerce=commerce, vendor="elevenlabs") as place,
        place.client() as client,
    ):
        place.ledger.grant("main", CENT)
        body = {"model": "sim", "input": "four", "voice": "v"}
        client.ask(body, "/v1/audio/speech")
        head = await client.head()
        assert b"content-type: audio/mpeg\r\n" in head
        assert await client.chunk() == b"abc"
        heard.set()
        assert [chunk async for chunk in client.chunks()] == [b"def"]
        [call] = await place.settled()
        charge = call.settled.charge
        assert charge is not None
        assert (charge.basis, charge.charge_nano) == ("estimated", 4 * 15_000)


@pytest.mark.parametrize("body", [b"", b'{"detail": "no"}'])
async def test_what_is_no_sound_is_an_upstream_s_mistake(body: bytes) -> None:
    async def speaking(asked: Asked) -> None:
        asked.reply(body, content_type="audio/mpeg" if not body else "application/json")

    async with (
        upstream(speaking) as url,
        running(url, commerce=priced(characters="15"), vendor="elevenlabs") as place,
    ):
        place.ledger.grant("main", CENT)
        asked = {"model": "sim", "input": "four", "voice": "v"}
        reply = await place.post(asked, "/v1/audio/speech")
        assert (reply.status, reply.code) == (502, "upstream_malformed")
        assert place.only_call().settled.charge is None


@pytest.mark.parametrize(
    ("price", "nano"),
    [({"search_unit": "0.002"}, 2_000_000), ({"input": "1"}, 29_000), ({"request": "1"}, 10**9)],
    ids=["units", "tokens", "request"],
)
async def test_a_ranking_that_states_nothing(price: dict[str, str], nano: int) -> None:
    async def ranking(asked: Asked) -> None:
        ranked = b'{"results":[{"index":0,"relevance_score":0.5}]}'
        asked.reply(ranked, content_type="application/json")

    asked = {"model": "sim", "query": "where", "documents": ["document number 1"]}
    async with (
        upstream(ranking) as url,
        running(url, commerce=priced(**price), vendor="cohere") as place,
    ):
        place.ledger.grant("main", 2 * 10**9)
        assert (await place.post(asked, "/v2/rerank")).status == 200
        charge = place.only_call().settled.charge
        assert charge is not None
        assert (charge.basis, charge.charge_nano) == ("estimated", nano)
