"""The hostile upstream does each step, in order, and records what came and how it ended."""

import asyncio
import socket
import struct

import pytest
from tests.hostile import (
    Close,
    HalfClose,
    HostileUpstream,
    Read,
    ReadHead,
    ReadRequest,
    ReadToEnd,
    Reset,
    SendBytes,
    Sleep,
    Stall,
)


async def open_to(upstream: HostileUpstream):
    return await asyncio.open_connection("127.0.0.1", upstream.port)


async def test_it_reads_a_sized_request_and_answers():
    script = [ReadRequest(), SendBytes(b"HTTP/1.1 204 No Content\r\n\r\n")]
    async with HostileUpstream(script) as upstream:
        reader, writer = await open_to(upstream)
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nab")
        writer.write(b"cd")
        assert await reader.read() == b"HTTP/1.1 204 No Content\r\n\r\n"
        connection = await upstream.connection(0)
        await connection.closed()
        assert connection.received.endswith(b"\r\n\r\nabcd")
        assert not connection.peer_ended
        writer.close()


async def test_it_reads_a_chunked_request():
    async with HostileUpstream([ReadRequest(), SendBytes(b"done")]) as upstream:
        reader, writer = await open_to(upstream)
        writer.write(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        assert await reader.read() == b"done"
        writer.close()


async def test_a_reset_is_a_reset():
    async with HostileUpstream([ReadHead(), Reset()]) as upstream:
        reader, writer = await open_to(upstream)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_a_half_close_goes_on_reading():
    async with HostileUpstream([HalfClose(), ReadToEnd(), Close()]) as upstream:
        reader, writer = await open_to(upstream)
        assert await reader.read() == b""
        writer.write(b"still here")
        writer.close()
        connection = await upstream.connection(0)
        await connection.closed()
        assert connection.received == b"still here"
        assert connection.peer_ended


async def test_a_stall_ends_when_the_other_side_resets():
    async with HostileUpstream([Read(2), Stall()]) as upstream:
        peer = socket.create_connection(("127.0.0.1", upstream.port))
        peer.sendall(b"abc")
        connection = await upstream.connection(0)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert await connection.arrived(3) == b"abc"
        peer.close()
        await connection.closed()
        assert connection.peer_reset
        assert connection.step == 1


async def test_connections_take_scripts_in_turn_and_the_last_is_repeated():
    async with HostileUpstream([SendBytes(b"one")], [SendBytes(b"two")]) as upstream:
        seen = []
        for _ in range(3):
            reader, writer = await open_to(upstream)
            seen.append(await reader.read())
            writer.close()
        assert seen == [b"one", b"two", b"two"]


async def test_bytes_can_be_sent_in_pieces_and_many_times():
    script = [SendBytes(b"abcd", piece=1, pause_s=0.001), Sleep(0.001), SendBytes(b"xy", times=3)]
    async with HostileUpstream(script) as upstream:
        reader, writer = await open_to(upstream)
        assert await reader.read() == b"abcdxyxyxy"
        writer.close()


async def test_leaving_the_context_ends_every_connection():
    async with HostileUpstream([Stall()]) as upstream:
        reader, writer = await open_to(upstream)
        connection = await upstream.connection(0)
    assert await reader.read() == b""
    assert connection.closed_s is not None
    writer.close()
