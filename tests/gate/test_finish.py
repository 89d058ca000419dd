"""Every call leaves the frames that tell all of it, the first before the upstream hears of it."""

import asyncio
import time
from typing import Any

import pytest
from tests.gate.running import (
    CHAT,
    HELLO,
    STREAM,
    Asked,
    Place,
    document,
    running,
    until,
    upstream,
)

from faregate.calllog.frames import Closed, Settled, Started, Usage, decode_frame
from faregate.configuration.settings import JournalSettings, Settings
from faregate.gate.finish import CLIENT_CLOSED_STATUS

MASKED = Settings(journal=JournalSettings(bodies="masked"))


async def test_the_start_is_recorded_before_the_upstream_hears_of_the_call() -> None:
    seen: list[list[type]] = []

    async def answer(asked: Asked) -> None:
        seen.append([type(decode_frame(frame)) for frame in places[0].journal.frames])
        asked.reply(b'{"usage":{"prompt_tokens":3,"completion_tokens":4}}')

    places: list[Place] = []
    async with upstream(answer) as base_url, running(base_url) as place:
        places.append(place)
        await place.post()
        await place.post()
    assert seen == [[Started], [Started, Settled, Started]]


async def test_a_served_call_is_told_whole(place: Place) -> None:
    before_ns = time.time_ns()
    async with place.client() as client:
        await client.post(HELLO)
        reply = await client.post(
            HELLO | {"model": "renamed"}, user_agent="test/" + "x" * 300, x_simulate="latency_ms=30"
        )
    call = place.calls()[reply["faregate-call-id"] or ""]
    started, settled = call.started, call.settled
    assert before_ns <= started.started_ns <= time.time_ns()
    assert started == Started(
        reply["faregate-call-id"] or "",
        started.started_ns,
        1,
        "key_" + "1".zfill(16),
        "test",
        "POST",
        CHAT,
        "127.0.0.1",
        ("test/" + "x" * 300)[:200],
        "renamed",
        "sim:tokens=4",
        "simulated",
        False,
        len(place.sim.requests[1].body) - len("sim:tokens=4") + len("renamed"),
    )
    assert (settled.outcome, settled.status, settled.refusal) == ("answered", 200, None)
    assert settled.reply_bytes == len(reply.body)
    assert settled.usage == Usage(9, 16, 0, 0, None, 0, None, 0)
    assert settled.events == 0
    [attempt] = settled.attempts
    assert (attempt.provider, attempt.upstream_model) == ("simulated", "sim:tokens=4")
    assert attempt.upstream == place.base_url.removeprefix("http://").removesuffix("/v1")
    assert (attempt.status, attempt.result, attempt.connection_reused) == (200, "ok", True)
    assert 0 <= attempt.begun_us < 30_000
    assert attempt.first_byte_us is not None
    assert 28_000 <= attempt.first_byte_us <= attempt.ended_us <= settled.total_us < 2_000_000
    assert settled.first_byte_us == attempt.first_byte_us
    assert 0 <= settled.queue_us < 30_000


async def test_waiting_in_line_is_counted_as_such() -> None:
    async with running(connections_max=1) as place, place.client() as first:
        first.ask(HELLO, x_simulate="latency_ms=60")
        await place.sim.wait(arrived=1)
        reply = await place.post()
        settled = place.calls()[reply["faregate-call-id"] or ""].settled
    assert 20_000 < settled.queue_us < settled.total_us
    assert settled.attempts[0].begun_us >= settled.queue_us


async def test_a_call_without_upstream_is_one_frame(place: Place) -> None:
    async with place.client() as client:
        models = await client.get("/v1/models?x=1", user_agent="test/1")
        wrong = await client.post(HELLO | {"model": "m" * 250})
    calls = place.calls()
    closed = calls[models["faregate-call-id"] or ""].closed
    assert (closed.outcome, closed.status, closed.refusal) == ("answered", 200, None)
    assert (closed.method, closed.path, closed.key_name) == ("GET", "/v1/models", "test")
    assert closed.user_agent == "test/1"
    assert closed.reply_bytes == len(models.body)
    refused = calls[wrong["faregate-call-id"] or ""].closed
    assert (refused.outcome, refused.refusal) == ("refused", "request_invalid")
    assert refused.detail == wrong.json["detail"]
    assert len(refused.model_asked) == 200
    assert refused.total_us > 0


async def test_a_caller_that_leaves_is_recorded_with_what_was(place: Place) -> None:
    async with place.client() as client:
        client.ask(STREAM, x_simulate="stall_after=4")
        await client.head()
        for _ in range(3):  # the first has two events
            await client.chunk()
    [call] = await place.settled()
    settled = call.settled
    assert (settled.outcome, settled.status, settled.refusal) == ("cancelled", 200, None)
    assert settled.events == 4
    assert settled.reply_bytes > 400
    assert [attempt.result for attempt in settled.attempts] == ["cancelled"]


async def test_a_caller_that_leaves_before_a_reply_has_its_status(place: Place) -> None:
    async with place.client() as client:
        client.ask(HELLO, x_simulate="latency_ms=5000")
        await place.sim.wait(arrived=1)
    [call] = await place.settled()
    assert (call.settled.status, call.settled.first_byte_us) == (CLIENT_CLOSED_STATUS, None)


async def test_a_call_ends_once_whatever_happens_at_once(place: Place) -> None:
    async def one(number: int) -> None:
        script = ("cut_after=2", "reset", "stall_after=2", "error=auth", "tokens=1")[number % 5]
        async with place.client() as client:
            client.ask(STREAM, x_simulate=f"{script},latency_ms=1")
            await asyncio.sleep(number % 7 / 2000)

    await asyncio.gather(*(one(number) for number in range(200)))
    await until(lambda: not place.gate.listener.connections)
    for call in place.calls().values():
        assert isinstance(call.end, Settled | Closed)
        assert isinstance(call.end, Settled) == any(isinstance(f, Started) for f in call.frames)


# -- bodies ---------------------------------------------------------------------------------------


async def test_bodies_are_not_kept_unless_asked_for(place: Place) -> None:
    await place.post(HELLO | {"x": "canary"})
    assert place.only_call().bodies == {}
    assert b"canary" not in b"".join(place.journal.frames)


@pytest.mark.parametrize("body", [HELLO, STREAM])
async def test_bodies_are_kept_masked(body: dict[str, Any]) -> None:
    secret = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD"
    async with running(settings=MASKED) as place:
        asked = body | {"messages": [{"role": "user", "content": f"my key is {secret}"}]}
        reply = await place.post(asked, x_simulate="text=Paris")
        call = place.only_call()
    assert set(call.bodies) == {"request", "reply"}
    assert b"my key is" in call.bodies["request"].data
    assert secret.encode() not in b"".join(place.journal.frames)
    kept = call.bodies["reply"]
    assert kept.data == reply.body
    assert kept.whole_bytes == len(reply.body)


@pytest.mark.parametrize("limit", [1, 100, 5_000])
@pytest.mark.parametrize("stream", [False, True])
async def test_bodies_are_kept_up_to_their_limit(limit: int, stream: bool) -> None:
    settings = Settings(journal=JournalSettings(bodies="masked", body_bytes_max=limit))
    async with running(settings=settings) as place:
        body = HELLO | {"stream": stream, "x": "y" * 9_000}
        reply = await place.post(body, x_simulate="reply_bytes=2000000")
        kept = place.only_call().bodies
        assert kept["request"].whole_bytes > 9_000
        assert kept["reply"].whole_bytes == len(reply.body)
        assert all(0 < len(each.data) <= limit for each in kept.values())


async def test_of_a_long_stream_little_more_than_the_limit_is_held() -> None:
    settings = Settings(journal=JournalSettings(bodies="masked", body_bytes_max=1))
    async with running(settings=settings) as place, place.client() as client:
        client.ask(STREAM, x_simulate="stall_after=400,tokens=500")
        await client.head()
        for _ in range(399):  # the first two pieces come as one
            await client.chunk()
        [connection] = place.gate.listener.connections
        call: Any = connection._exchange
        assert call.reply_bytes > 70_000
        assert sum(map(len, call.kept)) < 20_000


async def test_switching_bodies_on_counts_from_the_next_call(place: Place) -> None:
    await place.post()
    place.adopt(document(place.base_url, MASKED))
    await place.post()
    assert [len(call.bodies) for call in place.calls().values()] == [0, 2]
