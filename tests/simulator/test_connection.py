"""A connection answers in order, keeps to its script, and notices at once who leaves."""

import asyncio
import contextlib
import json
import struct

import pytest

from faregate.simulator.connection import REQUEST_HEAD_BYTES_MAX
from faregate.simulator.service import Simulator


@pytest.fixture
async def simulator():
    async with Simulator() as running:
        yield running


@contextlib.asynccontextmanager
async def connect(simulator):
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    async with asyncio.timeout(10):
        yield reader, writer
    writer.close()


def request(model="sim", *headers, path="/v1/chat/completions", **members):
    body = json.dumps({"model": model, "messages": [], **members}).encode()
    fields = "".join(f"{field}\r\n" for field in headers)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{fields}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def read_reply(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return int(head.split()[1]), await reader.readexactly(length)


async def test_pipelined_requests_are_answered_in_order(simulator):
    async with connect(simulator) as (reader, writer):
        writer.write(request("sim:text=one,latency_ms=20") + request("sim:text=two"))
        writer.write(request("sim:text=three") + request("sim:text=four,close"))
        texts = [json.loads((await read_reply(reader))[1]) for _ in range(4)]
        assert [t["choices"][0]["message"]["content"] for t in texts] == [
            "one",
            "two",
            "three",
            "four",
        ]
        assert await reader.read() == b""
    states = [record.state for record in simulator.requests]
    assert states == ["served", "served", "served", "closed"]


async def test_requests_are_recorded_as_they_came(simulator):
    async with connect(simulator) as (reader, writer):
        writer.write(request("sim", "Authorization: Bearer sk-1", "x-odd:  a b"))
        await read_reply(reader)
    (record,) = simulator.requests
    assert (record.method, record.target) == (b"POST", b"/v1/chat/completions")
    assert record.header("authorization") == "Bearer sk-1"
    assert (b"x-odd", b"a b") in record.headers
    assert record.json()["model"] == "sim"


async def test_a_body_in_pieces_and_in_chunks(simulator):
    async with connect(simulator) as (reader, writer):
        for byte in request("sim:text=bytes"):
            writer.write(bytes([byte]))
            await writer.drain()
        assert b"bytes" in (await read_reply(reader))[1]
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(
            b'1b\r\n{"model":"sim:text=chunks",\r\nd\r\n"messages":[]\r\n1\r\n}\r\n0\r\n\r\n'
        )
        assert b"chunks" in (await read_reply(reader))[1]


async def test_a_caller_that_leaves_a_stalled_stream_is_noticed(simulator):
    async with connect(simulator) as (reader, writer):
        writer.write(request("sim:stall_after=2", stream=True))
        await reader.readuntil(b"The")
        assert simulator.requests[0].state == "in_flight"
        writer.close()
        await simulator.wait(cancelled=1, open_connections=0)
    (record,) = simulator.requests
    assert (record.state, record.events_sent) == ("cancelled", 2)


async def test_a_caller_that_leaves_before_its_answer_is_noticed(simulator):
    async with connect(simulator) as (_, writer):
        writer.write(request("sim:latency_ms=60000") + request())
        await simulator.wait(requests=2)
        writer.close()
        await simulator.wait(cancelled=2)
    assert simulator.cancelled == 2


async def test_a_caller_that_leaves_in_its_body_is_noticed(simulator):
    async with connect(simulator) as (_, writer):
        writer.write(request()[:-3])
        await simulator.wait(requests=1)
        writer.close()
        await simulator.wait(cancelled=1)
    assert simulator.requests[0].state == "cancelled"


async def test_a_cut_ends_without_the_last_chunk(simulator):
    async with connect(simulator) as (reader, writer):
        writer.write(request("sim:cut_after=2", stream=True))
        data = await reader.read()
        assert data.count(b"data: ") == 2
        assert not data.endswith(b"0\r\n\r\n")
    assert simulator.requests[0].state == "cut"


@pytest.mark.parametrize("script", ["reset", "cut_after=1,reset"])
async def test_a_reset_is_a_reset(simulator, script):
    async with connect(simulator) as (reader, writer):
        writer.write(request(f"sim:{script}", stream=True))
        with pytest.raises(ConnectionResetError):
            await reader.readuntil(b"[DONE]")
    assert simulator.requests[0].state == "reset"


async def test_an_early_answer_does_not_wait_for_the_body(simulator):
    sent = request("sim", "X-Simulate: early,text=soon")
    async with connect(simulator) as (reader, writer):
        writer.write(sent[:-5])
        assert b"soon" in (await read_reply(reader))[1]
        writer.write(sent[-5:] + request("sim:text=next"))
        assert b"next" in (await read_reply(reader))[1]
    assert [record.body_bytes for record in simulator.requests] == [len(r) for r in BODIES]


BODIES = [b'{"model": "sim", "messages": []}', b'{"model": "sim:text=next", "messages": []}']


async def test_tokens_come_one_by_one(simulator):
    loop = asyncio.get_running_loop()
    async with connect(simulator) as (reader, writer):
        started = loop.time()
        writer.write(request("sim:tokens=5,token_ms=20", stream=True))
        await reader.readuntil(b'"role"')
        first = loop.time() - started
        await reader.readuntil(b"0\r\n\r\n")
        assert first < 0.09
        assert 0.09 < loop.time() - started < 2
    await simulator.wait(finished=1)
    assert simulator.requests[0].events_sent == 7


async def test_a_large_stream_waits_for_its_reader(simulator):
    async with connect(simulator) as (reader, writer):
        writer.write(request("sim:reply_bytes=40000000", stream=True))
        await reader.readuntil(b"data: ")
        await asyncio.sleep(0.05)
        assert simulator.requests[0].events_sent < 20_000
        read = 0
        while (data := await reader.read(1 << 20)) and not data.endswith(b"0\r\n\r\n"):
            read += len(data)
        assert read > 39_000_000
    assert simulator.requests[0].state == "served"


async def test_expectations_are_met(simulator):
    async with connect(simulator) as (reader, writer):
        sent = request("sim", "Expect: 100-continue")
        writer.write(sent[:-5])
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(sent[-5:])
        assert (await read_reply(reader))[0] == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * REQUEST_HEAD_BYTES_MAX + b"\r\n\r\n", b"431"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", b"4"),
    ],
    ids=["garbage", "head", "lengths", "upgrade"],
)
async def test_what_is_no_request_is_refused(simulator, sent, status):
    async with connect(simulator) as (reader, writer):
        writer.write(sent)
        assert (await reader.read(100)).startswith(b"HTTP/1.1 " + status)


async def test_http_1_0_and_close_are_closed(simulator):
    async with connect(simulator) as (reader, writer):
        writer.write(request("sim", "Connection: close"))
        assert (await reader.read()).endswith(b"}")
    async with connect(simulator) as (reader, writer):
        writer.write(request().replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert (await reader.read()).endswith(b"}")


async def test_tests_can_ask_over_http(simulator):
    async with connect(simulator) as (reader, writer):
        writer.write(request() + b"GET /v1/_simulator/requests?last=5 HTTP/1.1\r\n\r\n")
        await read_reply(reader)
        shown = json.loads((await read_reply(reader))[1])
        assert (shown["requests"], len(shown["received"])) == (1, 1)
        writer.write(b"POST /v1/_simulator/reset HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        assert await read_reply(reader) == (200, b'{"reset":true}')
        assert simulator.requests == []
        writer.write(b"GET /v1/_simulator/nothing HTTP/1.1\r\n\r\n")
        assert (await read_reply(reader))[0] == 404


async def test_waiting_over_http_ends_with_the_count(simulator):
    async with connect(simulator) as (reader, writer), connect(simulator) as (other, asking):
        writer.write(b"GET /v1/_simulator/wait?requests=1&timeout_ms=9000 HTTP/1.1\r\n\r\n")
        asking.write(request())
        await read_reply(other)
        assert json.loads((await read_reply(reader))[1])["requests"] == 1


async def test_the_end_of_a_reset_connection_is_a_cancellation(simulator):
    async with connect(simulator) as (_, writer):
        writer.write(request("sim:stall_after=0"))
        await simulator.wait(requests=1)
        raw = writer.get_extra_info("socket")
        raw.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SOL_SOCKET, SO_LINGER
        writer.transport.abort()
        await simulator.wait(cancelled=1)
    assert simulator.requests[0].ended_s is not None


async def test_a_key_is_broken_and_repaired_over_its_own_address(simulator):
    async def give(writer, reader, body):
        head = f"POST /v1/_simulator/key HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        return (await read_reply(reader))[0]

    async with connect(simulator) as (reader, writer):

        async def status():
            writer.write(request("sim", "Authorization: Bearer k"))
            return (await read_reply(reader))[0]

        assert await status() == 200
        assert await give(writer, reader, b'{"key":"k","script":"error=quota"}') == 200
        assert await status() == 429
        assert await give(writer, reader, b'{"key":"k","script":"nonsense"}') == 400
        assert await give(writer, reader, b"[]") == 400
        assert await give(writer, reader, b'{"key":"k","script":null}') == 200
        assert await status() == 200
    assert len(simulator.requests) == 3
