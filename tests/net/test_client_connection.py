"""A client is answered in order, in time and within bounds, and its leaving is known at once."""

import asyncio
import time

import pytest
from tests.net.listening import Client, get, listening, post

CHUNKED = (
    b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n"
)
EXPECT = b"POST %b HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"


# -- requests and replies --------------------------------------------------------------------------


async def test_requests_follow_each_other_on_one_connection():
    async with listening() as server, await server.client() as client:
        for number in range(20):
            reply = await client.ask(post(b"x" * number * 1_000))
            assert (reply.status, reply.body, reply.closes) == (200, b"x" * number * 1_000, False)
        assert (await client.ask(CHUNKED)).body == b"hello world"
        assert (await client.ask(get())).body == b"OK"
        assert server.listener.accepted == 1


@pytest.mark.parametrize("data", [post(b"hello"), CHUNKED], ids=["sized", "chunked"])
async def test_a_request_may_come_in_any_pieces(data: bytes):
    async with listening() as server, await server.client() as client:
        for point in range(1, len(data)):
            client.send(data[:point])
            await asyncio.sleep(0.001)
            reply = await client.ask(data[point:])
            assert reply.body in (b"hello", b"hello world")


async def test_a_body_may_take_its_time():
    async with listening() as server, await server.client() as client:
        # Longer than deadlines need to notice: the body's time begins with the body.
        client.send(post(b"hello")[:-3])
        await asyncio.sleep(0.5)
        assert (await client.ask(b"llo")).body == b"hello"
        assert not [line for line in server.application.log if "refused" in line]


async def test_a_large_body_arrives_whole():
    body = bytes(range(256)) * 40_000
    async with listening() as server, await server.client() as client:
        assert (await client.ask(post(body))).body == body
        assert server.listener.buffered_bytes == 0


async def test_pipelined_requests_are_answered_in_order():
    async with listening() as server, await server.client() as client:
        client.send(b"".join(post(b"%d" % number) for number in range(100)))
        assert [(await client.reply()).body for _ in range(100)] == [
            b"%d" % number for number in range(100)
        ]


async def test_pipelined_requests_wait_for_the_answer_before_them():
    async with listening() as server, await server.client() as client:
        client.send(get("/hold") + post(b"two") + get("/hold") + post(b"four") + get("/five")[:9])
        await server.application.said("/hold whole")
        assert server.application.log == ["/hold head", "/hold whole"]
        (await server.application.next_held()).answer(200, b"one")
        assert [(await client.reply()).body for _ in range(2)] == [b"one", b"two"]
        (await server.application.next_held()).answer(200, b"three")
        assert [(await client.reply()).body for _ in range(2)] == [b"three", b"four"]
        client.send(get("/five")[9:])
        assert (await client.reply()).body == b"OK"


async def test_a_body_split_across_pipelined_reads_is_whole():
    async with listening() as server, await server.client() as client:
        data = get("/hold") + post(b"x" * 300_000) + post(b"end")
        client.send(data[:100_000])
        await server.application.said("/hold whole")
        client.send(data[100_000:])
        server.application.held.pop().answer(200, b"")
        assert [len((await client.reply()).body) for _ in range(3)] == [0, 300_000, 3]


async def test_a_client_that_pipelines_without_end_is_not_read_without_end():
    async with listening() as server, await server.client() as client:
        client.send(get("/hold"))
        await server.application.said("/hold whole")
        filler = get("/", "X-Filler: " + "x" * 4_000 + "\r\n") * 100
        writing = asyncio.ensure_future(_write_all(client, filler * 200))
        _, waiting = await asyncio.wait([writing], timeout=0.3)
        assert waiting
        writing.cancel()
        assert len(server.application.heads) == 1


async def _write_all(client: Client, data: bytes) -> None:
    client.writer.transport.set_write_buffer_limits(0)
    client.send(data)
    await client.writer.drain()


# -- Expect: 100-continue --------------------------------------------------------------------------


async def test_a_client_that_waits_is_told_to_continue():
    async with listening() as server, await server.client() as client:
        client.send(EXPECT % b"/echo")
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await client.ask(b"hello")).body == b"hello"


@pytest.mark.parametrize("length", [1, 5])
async def test_a_client_that_does_not_wait_is_not(length: int):
    async with listening() as server, await server.client() as client:
        client.send(EXPECT % b"/echo" + b"hello"[:length])
        if length < 5:
            await server.application.said("/echo head")
            client.send(b"hello"[length:])
        reply = await client.reply()
        assert (reply.status, reply.body) == (200, b"hello")


async def test_a_refused_client_is_not_told_to_continue():
    async with listening() as server, await server.client() as client:
        reply = await client.ask(EXPECT % b"/refuse")
        assert (reply.status, reply.closes) == (401, True)
        assert await client.end() == b""


# -- refusals --------------------------------------------------------------------------------------


async def test_a_refused_request_in_one_piece_keeps_the_connection():
    async with listening() as server, await server.client() as client:
        for _ in range(3):
            reply = await client.ask(post(b"hello", "/refuse"))
            assert (reply.status, reply.closes) == (401, False)
        assert (await client.ask(post(b"hello"))).body == b"hello"


@pytest.mark.parametrize("framing", ["sized", "chunked"])
async def test_a_refusal_is_readable_while_the_body_still_comes(framing: str):
    fields = "Content-Length: 3000000" if framing == "sized" else "Transfer-Encoding: chunked"
    async with listening() as server, await server.client() as client:
        client.send(f"POST /refuse HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n".encode())
        reply = await client.reply()
        assert (reply.status, reply.closes) == (401, True)
        # More than any socket buffer holds: an early close would have reset the connection.
        for _ in range(20):
            client.send(b"x" * 100_000)
            await client.writer.drain()
        assert await client.end() == b""


async def test_a_client_that_never_stops_sending_is_cut():
    async with listening() as server, await server.client() as client:
        client.send(b"POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 900000000\r\n\r\n")
        assert (await client.reply()).status == 401
        with pytest.raises(ConnectionError):
            await _send_for_ever(client)


async def _send_for_ever(client: Client) -> None:
    while True:
        client.send(b"x" * 100_000)
        await client.writer.drain()


LIMIT = 1_000


@pytest.mark.parametrize(
    "data",
    [
        post(b"x" * (LIMIT + 1)),
        post(b"x" * (LIMIT + 1))[:200],
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n"
        + b"x" * 2_000,
        EXPECT.replace(b"Content-Length: 5", b"Content-Length: 1001") % b"/echo",
    ],
    ids=["whole", "in part", "chunked", "announced"],
)
async def test_a_body_beyond_the_limit_is_refused(data: bytes):
    async with listening(body_bytes_max=LIMIT) as server, await server.client() as client:
        reply = await client.ask(data)
        assert (reply.status, reply.body) == (413, b"body_too_large")


async def test_a_body_within_the_limit_is_taken_after_one_beyond_it():
    # Their heads differ in the length alone, so the second is known by the first.
    async with listening(body_bytes_max=LIMIT) as server, await server.client() as client:
        for number in range(4):
            assert (await client.ask(post(b"x" * (LIMIT + 1)))).status == 413, number
            assert (await client.ask(post(b"x" * 1_000))).status == 200, number
        client.send(post(b"y" * (LIMIT + 1)) + post(b"x" * 1_000) * 2)
        assert [(await client.reply()).status for _ in range(3)] == [413, 200, 200]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00", 501),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (get("/", "X: " + "a" * 40_000 + "\r\n"), 431),
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    ],
)
async def test_what_is_no_request_is_answered_and_ended(data: bytes, status: int):
    async with listening() as server, await server.client() as client:
        reply = await client.ask(data + get() * 3)
        assert (reply.status, reply.closes) == (status, True)
        assert await client.end() == b""
        assert server.application.heads == []


async def test_garbage_behind_a_request_is_answered_after_it():
    async with listening() as server, await server.client() as client:
        client.send(get("/hold") + b"\0\0\0\0" + get())
        await server.application.said("/hold whole")
        server.application.held.pop().answer(200, b"one")
        assert (await client.reply()).body == b"one"
        assert (await client.reply()).status == 501
        assert await client.end() == b""


async def test_a_connection_closes_when_the_client_asks_for_it():
    async with listening() as server, await server.client() as client:
        reply = await client.ask(get("/", "Connection: close\r\n") + get())
        assert reply.closes
        assert await client.end() == b""


# -- time ------------------------------------------------------------------------------------------

SHORT_S = 0.3


def _took(began: float) -> bool:
    """Whether it took as long as it should: never early, two ticks and some slack late."""
    return SHORT_S - 0.01 <= time.monotonic() - began <= SHORT_S + 0.6


async def test_a_client_that_says_nothing_is_left():
    async with listening(first_byte_timeout_s=SHORT_S) as server, await server.client() as client:
        began = time.monotonic()
        assert await client.end() == b""
        assert _took(began)


async def test_a_client_that_dribbles_its_head_is_cut_in_time():
    async with listening(head_timeout_s=SHORT_S) as server, await server.client() as client:
        began = time.monotonic()
        dribbling = asyncio.ensure_future(_dribble(client, get("/", "X: " + "x" * 1_000)))
        reply = await client.reply()
        assert (reply.status, reply.body) == (408, b"request_timeout")
        assert _took(began)
        dribbling.cancel()


async def _dribble(client: Client, data: bytes) -> None:
    for at in range(len(data)):
        client.send(data[at : at + 1])
        await asyncio.sleep(0.02)


async def test_a_client_that_dribbles_its_second_head_is_cut_too():
    async with listening(head_timeout_s=SHORT_S) as server, await server.client() as client:
        client.send(get() + get()[:5])
        assert (await client.reply()).status == 200
        began = time.monotonic()
        assert (await client.reply()).status == 408
        assert _took(began)


async def test_a_body_that_stops_is_refused():
    async with (
        listening(body_idle_timeout_s=SHORT_S) as server,
        await server.client() as client,
    ):
        client.send(post(b"hello")[:-1])
        began = time.monotonic()
        reply = await client.reply()
        assert (reply.status, reply.closes) == (408, True)
        assert _took(began)
        assert "/echo refused request_timeout" in server.application.log


async def test_a_body_that_dribbles_is_refused():
    async with listening(body_timeout_s=SHORT_S) as server, await server.client() as client:
        began = time.monotonic()
        head, _, body = post(b"x" * 1_000).partition(b"\r\n\r\n")
        client.send(head + b"\r\n\r\n")
        dribbling = asyncio.ensure_future(_dribble(client, body))
        assert (await client.reply()).status == 408
        assert _took(began)
        dribbling.cancel()


async def test_every_body_has_its_own_time():
    async with listening(body_timeout_s=SHORT_S) as server, await server.client() as client:
        for _ in range(4):
            client.send(post(b"hello")[:-1])
            await asyncio.sleep(SHORT_S / 2)
            assert (await client.ask(b"o")).status == 200


async def test_an_idle_connection_is_closed():
    async with listening(keep_alive_timeout_s=SHORT_S) as server, await server.client() as client:
        await client.ask(get())
        began = time.monotonic()
        assert await client.end() == b""
        assert _took(began)


async def test_a_call_under_way_is_not_cut():
    short = {
        "first_byte_timeout_s": 0.1,
        "head_timeout_s": 0.1,
        "body_timeout_s": 0.1,
        "keep_alive_timeout_s": 0.1,
    }
    async with listening(**short) as server, await server.client() as client:
        client.send(get("/hold"))
        await asyncio.sleep(0.5)
        server.application.held.pop().answer(200, b"late")
        assert (await client.reply()).body == b"late"


# -- leaving ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["half-close", "close", "reset"])
@pytest.mark.parametrize("pipelined", [1, 2], ids=["alone", "pipelined"])
@pytest.mark.alone
async def test_a_client_that_leaves_is_noticed_at_once(how: str, pipelined: int):
    async with listening() as server, await server.client() as client:
        client.send(get("/hold") * pipelined)
        await server.application.said("/hold whole")
        if pipelined == 2:
            (await server.application.next_held()).answer(200, b"")
            await client.reply()
        await server.application.next_held()
        began = time.monotonic()
        if how == "half-close":
            client.writer.write_eof()
        elif how == "close":
            client.writer.close()
        else:
            client.reset()
        await server.application.said("/hold gone")
        assert time.monotonic() - began < 0.05
        await server.empty()


async def test_a_client_that_leaves_within_its_body_is_forgotten():
    async with listening() as server:
        async with await server.client() as client:
            client.send(post(b"x" * 1_000_000)[:-1])
            await server.application.said("/echo head")
        await server.application.said("/echo gone")
        await server.empty()
        assert server.listener.buffered_bytes == 0


# -- slowness --------------------------------------------------------------------------------------


async def test_a_slow_reader_slows_what_is_sent():
    size = 20_000_000
    async with listening() as server, await server.client() as client:
        client.send(get(f"/stream/{size}"))
        await server.application.said(f"/stream/{size} slow")
        (connection,) = server.listener.connections
        assert connection._transport.get_write_buffer_size() < 200_000
        reply = await client.reply()
        assert len(reply.body) == size
        assert f"/stream/{size} ready" in server.application.log


async def test_a_slow_reader_gets_no_second_answer_before_the_first_is_read():
    size = 5_000_000
    async with listening() as server, await server.client() as client:
        client.writer.transport.pause_reading()
        for _ in range(5):
            client.send(get(f"/stream/{size}"))
            await asyncio.sleep(0.02)
        (connection,) = server.listener.connections
        assert connection._transport.get_write_buffer_size() < 200_000
        assert server.application.log.count(f"/stream/{size} whole") == 1
        client.writer.transport.resume_reading()
        assert [len((await client.reply()).body) for _ in range(5)] == [size] * 5


async def test_a_client_that_reads_no_more_is_left_in_the_end(monkeypatch):
    monkeypatch.setattr("faregate.net.client_connection._FLUSH_SECONDS", SHORT_S)
    size = 60_000
    async with listening() as server, await server.client() as client:
        client.writer.transport.pause_reading()
        client.send(get("/hold"))
        await server.application.said("/hold whole")
        exchange = server.application.held.pop()
        while not exchange.slow:
            exchange.connection.send(b"x" * size)
        exchange.connection.close_after_reply()
        exchange.connection.finish()
        began = time.monotonic()
        await server.empty()
        assert _took(began)
