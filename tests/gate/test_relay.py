"""What an upstream sends reaches the caller as it is, and at once.

A good reply is the upstream's, byte for byte, but for what belongs to a connection or an account.
"""

import asyncio
import statistics
import time
from typing import Any

import msgspec
import pytest
from tests.gate.running import (
    CHAT,
    HELLO,
    STREAM,
    Asked,
    connect,
    running,
    upstream,
)

from faregate.calllog.frames import Usage
from faregate.core import bounds

ASK_USAGE = {"stream_options": {"include_usage": True}}

# -- identity -------------------------------------------------------------------------------------

ROUTES = [
    (CHAT, HELLO),
    (CHAT, STREAM),
    (CHAT, STREAM | ASK_USAGE),
    (CHAT, HELLO | {"n": 3, "x-unknown": {"é": [1.0, 2e3]}}),
    ("/v1/completions", {"model": "sim", "prompt": "hello"}),
    ("/v1/completions", {"model": "sim", "prompt": "hello", "stream": True}),
    ("/v1/embeddings", {"model": "sim", "input": ["a", "b"]}),
]


@pytest.mark.parametrize(("path", "body"), ROUTES)
async def test_a_reply_is_the_upstreams_byte_for_byte(
    place: Any, path: str, body: dict[str, Any]
) -> None:
    async with await connect(place.sim.port) as client:
        direct = await client.post(body, path, authorization="")
    relayed = await place.post(body, path)
    assert relayed.body == direct.body
    assert relayed.status == direct.status
    assert [f for f in relayed.fields if f[0] != "faregate-call-id"] == direct.fields
    assert relayed["faregate-call-id"] in place.calls()
    usage = place.only_call().settled.usage
    assert usage is not None
    assert usage.input_tokens


@pytest.mark.parametrize("size", [0, 1, 1_000, 70_000, bounds.REPLY_KEPT_BYTES_MAX, 3_000_000])
async def test_a_reply_of_any_size_is_whole(place: Any, size: int) -> None:
    script = f"reply_bytes={size}"
    async with await connect(place.sim.port) as client:
        direct = await client.post(HELLO, x_simulate=script, authorization="")
    relayed = await place.post(HELLO, x_simulate=script)
    assert relayed.body == direct.body
    settled = place.only_call().settled
    assert settled.reply_bytes == len(direct.body)
    assert settled.usage is not None


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 Fine Indeed\r\nX-Odd:  a\tb \r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 201 \r\ncontent-length: 2\r\nx: 1\r\nx: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        b"1\r\n{\r\n1;x=y\r\n}\r\n0\r\nt: 1\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nlink: </a>\r\n\r\n"
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}",
    ],
)
async def test_any_framing_of_a_reply_is_understood(raw: bytes) -> None:
    async def answer(asked: Asked) -> None:
        asked.write(raw)
        if b"HTTP/1.0" in raw or b"close" in raw:
            asked.writer.close()

    async with upstream(answer) as base_url, running(base_url) as place, place.client() as client:
        for _ in range(2):
            reply = await client.post()
            assert reply.body == b"{}"
            assert reply.status in (200, 201)
            assert reply["connection"] is None
            assert reply["link"] is None


async def test_what_belongs_to_the_connection_or_the_account_stays_here() -> None:
    async def answer(asked: Asked) -> None:
        asked.reply(
            b"{}",
            connection="keep-alive, X-Private",
            keep_alive="timeout=20",
            x_private="canary",
            set_cookie="canary=1",
            openai_organization="canary",
            openai_project="canary",
            alt_svc="canary",
            proxy_authenticate="canary",
            via="1.1 canary",
            faregate_call_id="canary",
            upgrade="canary",
            trailer="canary",
            x_request_id="req_1",
            openai_processing_ms="5",
            server="nginx",
        )

    async with upstream(answer) as base_url, running(base_url) as place:
        reply = await place.post()
    assert b"canary" not in reply.head.lower()
    assert [name for name, _ in reply.fields] == [
        "x-request-id",
        "openai-processing-ms",
        "server",
        "content-length",
        "faregate-call-id",
    ]


async def test_no_content_is_relayed() -> None:
    async def answer(asked: Asked) -> None:
        asked.write(b"HTTP/1.1 204 No Content\r\nx-a: 1\r\n\r\n")

    async with upstream(answer) as base_url, running(base_url) as place, place.client() as client:
        for _ in range(2):
            reply = await client.post()
            assert (reply.status, reply["x-a"], reply["transfer-encoding"]) == (204, "1", None)


# -- usage of streams -----------------------------------------------------------------------------


async def test_a_usage_that_was_not_asked_for_is_recorded_and_hidden(place: Any) -> None:
    for script in ("tokens=5", "tokens=5,usage_in_last_chunk"):
        reply = await place.post(STREAM, x_simulate=script)
        async with await connect(place.sim.port) as client:
            direct = await client.post(STREAM, x_simulate="tokens=5", authorization="")
        assert reply.body == direct.body
        assert b"usage" not in reply.body
    calls = list(place.calls().values())
    assert {call.settled.usage for call in calls} == {Usage(9, 5, 0, 0, None, 0, None, 0)}
    assert {call.settled.events for call in calls} == {9, 8}
    asked = place.sim.requests[0].json()
    assert asked["stream_options"] == {"include_usage": True}


async def test_a_usage_that_was_asked_for_is_shown(place: Any) -> None:
    reply = await place.post(STREAM | ASK_USAGE)
    assert b'"prompt_tokens":9' in reply.body
    assert place.only_call().settled.usage == Usage(9, 16, 0, 0, None, 0, None, 0)


async def test_a_provider_that_refuses_stream_options_is_not_asked() -> None:
    async with running(ask_stream_usage=False) as place:
        reply = await place.post(STREAM)
        assert "stream_options" not in place.sim.requests[0].json()
        assert reply.status == 200
        assert place.only_call().settled.usage is None


async def test_a_sized_stream_is_relayed_whole() -> None:
    event = b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\ndata: [DONE]\n\n'

    async def answer(asked: Asked) -> None:
        asked.reply(event, content_type="text/event-stream; charset=utf-8")

    async with upstream(answer) as base_url, running(base_url) as place, place.client() as client:
        hidden = await client.post(STREAM)
        assert hidden.body == b"data: [DONE]\n\n"
        assert (await client.post(STREAM | ASK_USAGE)).body == event


# -- a stream leaves as it comes ------------------------------------------------------------------


async def test_every_event_arrives_before_the_next_is_sent() -> None:
    step = asyncio.Event()

    async def answer(asked: Asked) -> None:
        asked.begin_stream()
        for number in range(20):
            await step.wait()
            step.clear()
            asked.chunk(b'data: {"choices":[%d]}\n\n' % number)
        asked.write(b"0\r\n\r\n")

    async with upstream(answer) as base_url, running(base_url) as place, place.client() as client:
        client.ask(STREAM)
        step.set()  # the head goes with the first event, for that may be an error
        assert b"200 OK" in await asyncio.wait_for(client.head(), 2)
        for number in range(20):
            if number:
                step.set()
            chunk = await asyncio.wait_for(client.chunk(), 2)
            assert chunk == b'data: {"choices":[%d]}\n\n' % number
        assert await client.chunk() == b""


async def test_parts_of_an_event_leave_at_once_where_nothing_is_hidden() -> None:
    step = asyncio.Event()

    async def answer(asked: Asked) -> None:
        asked.begin_stream()
        for part in (b"data: {", b'"choices"', b":[1]}", b"\n\n"):
            asked.chunk(part)
            await step.wait()
            step.clear()
        asked.write(b"0\r\n\r\n")

    async with upstream(answer) as base_url, running(base_url) as place, place.client() as client:
        client.ask(STREAM | ASK_USAGE)
        await client.head()
        for part in (b"data: {", b'"choices"', b":[1]}", b"\n\n"):
            assert await asyncio.wait_for(client.chunk(), 2) == part
            step.set()
        assert await client.chunk() == b""


@pytest.mark.alone
async def test_an_event_leaves_within_a_millisecond_of_its_arrival() -> None:
    """Compared with the same events over a direct connection."""
    step = asyncio.Event()
    sent_at = 0.0

    async def answer(asked: Asked) -> None:
        nonlocal sent_at
        asked.begin_stream()
        for _ in range(301):
            await step.wait()
            step.clear()
            sent_at = time.perf_counter()
            asked.chunk(b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n')
        asked.write(b"0\r\n\r\n")

    async def measure(port: int, key: str, path: str) -> list[float]:
        delays = []
        async with await connect(port, key) as client:
            client.ask(STREAM, path)
            step.set()
            await client.head()
            for number in range(301):
                if number:
                    step.set()
                await client.chunk()
                delays.append(time.perf_counter() - sent_at)
        return sorted(delays[1:])

    async with upstream(answer) as base_url, running(base_url) as place:
        direct = await measure(int(base_url.split(":")[2].split("/")[0]), "", CHAT)
        through = await measure(place.port, place.key, CHAT)
    added_ms = (statistics.median(through) - statistics.median(direct)) * 1e3
    print(f"added: {added_ms:.3f} ms at the median; p99 {through[296] * 1e3:.3f} ms in all")
    assert added_ms < 1.0
    assert through[296] < 0.02  # on a busy machine


# -- HTTP/1.0 -------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [HELLO, STREAM, STREAM | ASK_USAGE])
async def test_an_old_client_gets_the_same_body_and_no_chunks(
    place: Any, body: dict[str, Any]
) -> None:
    whole = await place.post(body)
    data = msgspec.json.encode(body)
    async with place.client() as client:
        client.send(
            b"POST %b HTTP/1.0\r\nauthorization: Bearer %b\r\ncontent-length: %d\r\n\r\n%b"
            % (CHAT.encode(), place.key.encode(), len(data), data)
        )
        reply = await client.reply()
        assert reply.head.startswith(b"HTTP/1.1 200 ")
        assert reply["transfer-encoding"] is None
        assert reply.body == whole.body
        assert await client.ended()
