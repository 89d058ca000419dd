"""A realtime session end to end: both directions, its ends, its timeouts, hostile callers."""

import asyncio
import json
import socket
from typing import Any

import pytest
from tests.gate.realtime import CREATE, REALTIME, done, message, say, session, until_event, vendor
from tests.gate.running import Place, running, until
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from faregate.configuration.document import ProviderTimeouts
from faregate.core import bounds
from faregate.wire.websocket import BINARY, CONTINUATION, TEXT, frame


async def echo(socket: ServerConnection) -> None:
    """A vendor that says back what it is told."""
    async for words in socket:
        await socket.send(words)


async def closed_with(client: Any) -> tuple[int, str]:
    """How the session was closed."""
    async with asyncio.timeout(5):
        await client.wait_closed()
    return client.close_code, client.close_reason


async def test_a_session_is_served_counted_and_recorded(place: Place) -> None:
    async with session(place) as client:
        assert (await until_event(client, "session.created"))["session"]["model"] == "sim"
        for _ in range(2):
            await say(client, message("hello"), CREATE)
            usage = (await until_event(client, "response.done"))["response"]["usage"]
    await place.settled()
    call = place.only_call()
    assert (call.started.path, call.started.model_asked) == ("/v1/realtime", "sim")
    assert (call.settled.outcome, call.settled.status) == ("answered", 101)
    assert call.settled.usage is not None
    assert call.settled.usage.output_tokens == 2 * usage["output_tokens"]
    assert call.settled.events > 10
    assert call.settled.reply_bytes > 1_000
    [attempt] = call.settled.attempts
    assert (attempt.status, attempt.result) == (101, "ok")
    assert place.pool.state.open == 0


async def test_frames_pass_both_ways_with_pings_and_close_codes() -> None:
    async with vendor(echo) as base_url, running(base_url) as place:
        async with session(place) as client:
            await say(client, {"type": "conversation.item.retrieve", "x": "ü"})
            assert json.loads(await client.recv())["x"] == "ü"
            latency = await asyncio.wait_for(await client.ping(b"are you there?"), 5)
            assert latency >= 0
            await client.send(['{"type":', '"output_audio_buffer.clear"', "}"])
            assert await client.recv() == '{"type":"output_audio_buffer.clear"}'
            await client.close(4000, "enough")
        assert await closed_with(client) == (4000, "enough")
        await place.settled()
        assert place.only_call().settled.outcome == "answered"


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(1000, "answered"), (1001, "answered"), (3999, "answered"), (1011, "failed")],
)
async def test_the_vendors_close_code_goes_to_the_caller(code: int, outcome: str) -> None:
    async def leave(socket: ServerConnection) -> None:
        await socket.close(code, "that was it")

    async with vendor(leave) as base_url, running(base_url) as place, session(place) as client:
        assert await closed_with(client) == (code, "that was it")
        await place.settled()
        assert place.only_call().settled.outcome == outcome


async def test_a_vendor_that_vanishes_is_told() -> None:
    async def vanish(socket: ServerConnection) -> None:
        await socket.recv()
        socket.transport.abort()

    async with vendor(vanish) as base_url, running(base_url) as place, session(place) as client:
        await say(client, {"type": "input_audio_buffer.clear"})
        error = (await until_event(client, "error"))["error"]
        assert error["code"] == "upstream_closed"
        assert (await closed_with(client))[0] == 1011
        await place.settled()
        assert place.only_call().settled.outcome == "failed"
        assert place.only_call().settled.refusal == "upstream_closed"


async def test_a_caller_that_vanishes_ends_the_vendors_side_at_once() -> None:
    ended = asyncio.Event()

    async def listen(socket: ServerConnection) -> None:
        await socket.send(json.dumps(done(100, 7)))
        await socket.wait_closed()
        ended.set()

    async with vendor(listen) as base_url, running(base_url) as place:
        async with session(place) as client:
            await until_event(client, "response.done")
            client.transport.abort()
            await asyncio.wait_for(ended.wait(), 2)
        await place.settled()
        settled = place.only_call().settled
        assert settled.outcome == "cancelled"
        assert settled.usage is not None
        assert (settled.usage.input_tokens, settled.usage.output_tokens) == (100, 7)
        await until(lambda: place.pool.state.open == 0)


async def test_a_worker_that_leaves_says_so(place: Place) -> None:
    async with session(place) as client:
        await until_event(client, "session.created")
        await say(client, CREATE)
        await until_event(client, "response.done")
        await place.gate.close(0.0)
        assert (await closed_with(client))[0] == 1001
        settled = place.only_call().settled
        assert settled.outcome == "cancelled"
        assert settled.usage is not None
        assert settled.usage.output_tokens


@pytest.mark.parametrize("limit", ["session_idle_s", "session_total_s"])
async def test_a_session_has_its_time(limit: str) -> None:
    timeouts = ProviderTimeouts(**{limit: 0.3})
    async with vendor(echo) as base_url, running(base_url, timeouts=timeouts) as place:
        async with session(place) as client:
            code, reason = await closed_with(client)
        assert code == 1001
        assert reason == (
            "nothing was said" if limit == "session_idle_s"
            else "the session has lasted as long as it may"
        )  # fmt: skip
        await place.settled()
        assert place.only_call().settled.outcome == "answered"


async def test_a_session_that_speaks_is_not_idle() -> None:
    timeouts = ProviderTimeouts(session_idle_s=0.5)
    async with (
        vendor(echo) as base_url,
        running(base_url, timeouts=timeouts) as place,
        session(place) as client,
    ):
        for _ in range(8):
            await asyncio.sleep(0.1)
            await say(client, {"type": "input_audio_buffer.clear"})
            assert await client.recv()


async def test_a_caller_that_never_answers_a_closing_frame_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("faregate.gate.realtime_session._CLOSING_S", 0.3)
    timeouts = ProviderTimeouts(session_total_s=0.2)
    async with (
        vendor(echo) as base_url,
        running(base_url, timeouts=timeouts) as place,
        session(place) as client,
    ):
        client.transport.pause_reading()
        await place.settled()
        await until(lambda: not place.gate.listener.connections)
        client.transport.abort()
        assert place.only_call().settled.outcome == "answered"


# -- hostile callers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xc1\x80" + bytes(4), 1002),
        (b"\x81\x02{}", 1002),  # without a mask
        (b"\x09\x80" + bytes(4), 1002),
        (frame(CONTINUATION, b"{}", masked=True), 1002),
        (frame(BINARY, b"{}", masked=True), 1003),
        (frame(TEXT, b'{"type":"\xff"}', masked=True), 1007),
        (b"\x81\xff" + (bounds.REALTIME_MESSAGE_BYTES_MAX + 1).to_bytes(8), 1009),
    ],
)
async def test_what_is_no_message_closes_the_session(data: bytes, code: int) -> None:
    heard: list[Any] = []

    async def listen(socket: ServerConnection) -> None:
        async for words in socket:
            heard.append(words)

    async with vendor(listen) as base_url, running(base_url) as place, session(place) as client:
        client.transport.write(data)
        assert (await closed_with(client))[0] == code
        await place.settled()
        assert place.only_call().settled.outcome == "cancelled"
        assert heard == []


@pytest.mark.parametrize("text", ["{", "[]", '{"type":7}', "{}", "[" * 5_000, "nothing"])
async def test_what_is_no_event_is_answered_and_not_passed_on(text: str) -> None:
    async with vendor(echo) as base_url, running(base_url) as place, session(place) as client:
        await client.send(text)
        event = await until_event(client, "error")
        assert event["error"]["code"] == "request_invalid"
        assert event["faregate"]["refusal"]["code"] == "request_invalid"
        await say(client, {"type": "input_audio_buffer.clear"})
        assert json.loads(await client.recv())["type"] == "input_audio_buffer.clear"


async def test_a_session_keeps_its_model() -> None:
    heard: list[Any] = []

    async def listen(socket: ServerConnection) -> None:
        async for words in socket:
            heard.append(json.loads(words))

    async with vendor(listen) as base_url, running(base_url) as place:
        async with session(place, "/v1/realtime?model=renamed") as client:
            for name in ("renamed", "another"):
                await say(client, {"type": "session.update", "session": {"model": name}})
            error = (await until_event(client, "error"))["error"]
            assert (error["code"], error["param"]) == ("model_not_allowed", "session.model")
        await place.settled()
    assert heard == [{"type": "session.update", "session": {"model": "sim:tokens=4"}}]


async def test_bytes_before_the_answer_end_it(place: Place) -> None:
    async with place.client() as client:
        client.send(
            b"GET /v1/realtime?model=sim HTTP/1.1\r\nhost: gate\r\nconnection: upgrade\r\n"
            b"upgrade: websocket\r\nsec-websocket-version: 13\r\n"
            b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nauthorization: Bearer %b\r\n\r\n"
            % place.key.encode() + frame(TEXT, b"{}", masked=True)
        )  # fmt: skip
        data = await asyncio.wait_for(client.reader.read(), 5)
        assert b"101" not in data[:20]
        await place.settled()
        assert place.only_call().end.outcome in ("cancelled", "refused")


# -- back-pressure --------------------------------------------------------------------------------


async def test_a_caller_that_does_not_read_slows_the_vendor() -> None:
    sent = 0

    async def pour(socket: ServerConnection) -> None:
        nonlocal sent
        for _ in range(2_000):
            await socket.send(
                json.dumps({"type": "response.output_audio.delta", "delta": "a" * 60_000})
            )
            sent += 1

    async with vendor(pour) as base_url, running(base_url) as place:
        slow = socket.create_connection(("127.0.0.1", place.port))
        slow.setblocking(False)
        async with session(place, sock=slow, max_queue=1) as client:
            client.transport.pause_reading()
            await asyncio.sleep(0.5)
            before = sent
            await asyncio.sleep(0.3)
            assert sent == before < 1_000
            client.transport.resume_reading()
            for _ in range(before + 20):
                await client.recv()
            assert sent > before
            client.transport.abort()


async def test_a_vendor_that_does_not_read_slows_the_caller() -> None:
    async def ignore(socket: ServerConnection) -> None:
        socket.transport.pause_reading()
        await asyncio.sleep(1.5)
        socket.transport.resume_reading()
        async for _ in socket:
            pass

    async with vendor(ignore) as base_url, running(base_url) as place, session(place) as client:
        event = json.dumps({"type": "input_audio_buffer.append", "audio": "A" * 60_000})
        await client.send(event)
        passed = 0

        async def pour() -> None:
            nonlocal passed
            for _ in range(500):
                await client.send(event)
                passed += 1

        pouring = asyncio.create_task(pour())
        await asyncio.sleep(0.8)
        assert passed < 450
        await asyncio.wait_for(pouring, 20)


# -- usage of other models ------------------------------------------------------------------------


async def test_a_subprotocol_is_chosen_where_the_vendor_chooses_none() -> None:
    async with vendor(echo) as base_url, running(base_url) as place:
        names = [Subprotocol("realtime")]
        async with session(place, REALTIME, subprotocols=names) as client:
            assert client.subprotocol == "realtime"
        with pytest.raises(ConnectionClosed):
            await client.recv()
