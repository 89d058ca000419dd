"""A realtime session runs over a WebSocket, and ends as its script says."""

import asyncio
import contextlib
import json

import pytest
from tests.simulator.test_websocket import masked

from faregate.simulator.service import Simulator
from faregate.simulator.websocket import CLOSE, PING, TEXT, frame

CREATE = b'{"type":"response.create","response":{"output_modalities":["text"]}}'


@contextlib.asynccontextmanager
async def connected(simulator, model="sim", *fields):
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    lines = (
        f"GET /v1/realtime?model={model} HTTP/1.1",
        "Host: x",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *fields,
    )
    async with asyncio.timeout(10):
        writer.write("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        yield reader, writer, head
    writer.close()


async def message(reader):
    """The opcode and payload of one frame of the server."""
    first, second = await reader.readexactly(2)
    size = second
    if size > 125:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8))
    return first & 15, await reader.readexactly(size)


async def events(reader, last):
    """The types of events until one of type `last`."""
    found = []
    while not found or found[-1] != last:
        opcode, payload = await message(reader)
        assert opcode == TEXT
        found.append(json.loads(payload)["type"])
    return found


async def test_a_session():
    async with Simulator(key="k") as simulator:
        shown = ("Authorization: Bearer k", "Sec-WebSocket-Protocol: realtime, x")
        async with connected(simulator, "sim:tokens=2", *shown) as (reader, writer, head):
            assert head.startswith(b"HTTP/1.1 101 ")
            assert b"Sec-WebSocket-Protocol: realtime\r\n" in head
            writer.write(masked(TEXT, CREATE) + masked(PING, b"?"))
            found = await events(reader, "session.created")
            assert found == ["session.created"]
            opcode, payload = await message(reader)
            if opcode == TEXT:
                assert json.loads(payload)["type"] == "response.created"
            assert simulator.records.counts.arrived == 1
            writer.write(masked(CLOSE, b"\x03\xe8"))
            rest = await reader.read()
            assert rest.endswith(frame(CLOSE, b"\x03\xe8"))
        await simulator.wait(finished=1)
        (record,) = simulator.requests
        assert (record.state, record.body) == ("served", CREATE + b"\n")


async def test_responses_in_order():
    async with (
        Simulator() as simulator,
        connected(simulator, "sim:tokens=2") as (
            reader,
            writer,
            _,
        ),
    ):
        writer.write(masked(TEXT, CREATE) * 2)
        for _ in range(2):
            assert (await events(reader, "response.done")).count("response.output_text.delta") == 2


@pytest.mark.parametrize(
    ("model", "key", "status"),
    [
        ("sim:error=auth", "k", 401),
        ("sim", "wrong", 401),
        ("sim", "sk-sim:refusal=openai:payment_required", 402),
        ("sim:nonsense=1", "k", 400),
        ("", "k", 400),
    ],
)
async def test_a_session_is_refused_before_the_switch(model, key, status):
    async with Simulator(key="k") as simulator:
        shown = f"Authorization: Bearer {key}"
        async with connected(simulator, model, shown) as (_, _, head):
            assert int(head.split()[1]) == status


async def test_a_session_is_cut_or_broken_off():
    async with Simulator() as simulator:
        async with connected(simulator, "sim:cut_after=2") as (reader, writer, _):
            writer.write(masked(TEXT, CREATE))
            rest = await reader.read()
            assert rest.count(b'"event_id"') == 3
        async with connected(simulator, "sim:error_in_stream_after=2") as (reader, writer, _):
            writer.write(masked(TEXT, CREATE))
            assert len(await events(reader, "error")) == 4
        await simulator.wait(finished=2)
        assert [record.state for record in simulator.requests] == ["cut", "cancelled"]


async def test_a_response_is_cancelled():
    async with (
        Simulator() as simulator,
        connected(simulator, "sim:token_ms=50,tokens=100") as (
            reader,
            writer,
            _,
        ),
    ):
        writer.write(masked(TEXT, CREATE))
        await events(reader, "response.output_text.delta")
        writer.write(masked(TEXT, b'{"type":"response.cancel"}'))
        found = await events(reader, "response.done")
        assert found.count("response.output_text.delta") < 100


async def test_broken_frames_close_the_session():
    async with Simulator() as simulator, connected(simulator) as (reader, writer, _):
        await events(reader, "session.created")
        writer.write(frame(TEXT, b"unmasked"))
        assert await message(reader) == (CLOSE, b"\x03\xea")


async def test_a_plain_request_is_refused():
    async with Simulator() as simulator:
        reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
        writer.write(b"GET /v1/realtime?model=sim HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 426 ")
        writer.close()
