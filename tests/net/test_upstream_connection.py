"""Whatever an upstream does, a request ends once, in time, and the next one has a clean way."""

import asyncio
import socket
import time

import pytest
from tests.hostile import (
    Close,
    HalfClose,
    HostileUpstream,
    Read,
    ReadHead,
    ReadRequest,
    Reset,
    SendBytes,
    Sleep,
    Stall,
)
from tests.net.sending import RecordingSender, all_closed, ask, pooling, send

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
GOOD = [ReadRequest(), SendBytes(OK)] * 20


async def _check_next(pool) -> None:
    """The next request has a connection of its own and its own reply."""
    sender = await ask(pool)
    assert sender.failure is None, sender.failure
    assert sender.body == b"ok"
    assert sender.chosen == [False]


# -- replies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [OK, CHUNKED], ids=["sized", "chunked"])
@pytest.mark.parametrize("piece", [0, 1])
async def test_one_connection_serves_one_request_after_the_other(reply: bytes, piece: int):
    script = [ReadRequest(), SendBytes(reply, piece)] * 5
    async with HostileUpstream(script) as upstream, pooling(upstream.port) as pool:
        for number in range(5):
            sender = await ask(pool)
            assert (sender.body, sender.chosen) == (b"ok", [number > 0])
        assert len(upstream.connections) == 1


@pytest.mark.parametrize("end", [Close(), HalfClose()])
async def test_a_reply_may_end_with_the_connection(end):
    script = [ReadRequest(), SendBytes(b"HTTP/1.1 200 OK\r\n\r\nok"), end]
    async with HostileUpstream(script, GOOD) as upstream, pooling(upstream.port) as pool:
        sender = await ask(pool)
        assert (sender.failure, sender.body) == (None, b"ok")
        await _check_next(pool)


async def test_a_reset_is_no_end_of_an_open_ended_reply():
    script = [ReadRequest(), SendBytes(b"HTTP/1.1 200 OK\r\n\r\nok"), Sleep(0.05), Reset()]
    async with HostileUpstream(script, GOOD) as upstream, pooling(upstream.port) as pool:
        sender = await ask(pool)
        assert (await sender.result(), sender.ended) == ("closed", False)
        await _check_next(pool)


async def test_interim_replies_are_not_told():
    script = [ReadRequest(), SendBytes(b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + OK)]
    async with HostileUpstream(script) as upstream, pooling(upstream.port) as pool:
        sender = await ask(pool)
        assert (sender.head.status, sender.body) == (200, b"ok")


HEAD = b"HTTP/1.1 200 OK\r\n"
HOSTILE = {
    "garbage": ([ReadRequest(), SendBytes(b"\0\1\2 nonsense\r\n\r\n")], "malformed"),
    "two lengths": (
        [ReadRequest(), SendBytes(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok")],
        "malformed",
    ),
    "length and chunks": (
        [
            ReadRequest(),
            SendBytes(HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ],
        "malformed",
    ),
    "wrong chunks": (
        [ReadRequest(), SendBytes(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n")],
        "malformed",
    ),
    "switching": (
        [ReadRequest(), SendBytes(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"), Stall()],
        "malformed",
    ),
    "interim without end": (
        [ReadRequest(), SendBytes(b"HTTP/1.1 100 Continue\r\n\r\n", times=1_000), Stall()],
        "malformed",
    ),
    "an endless head": (
        [ReadRequest(), SendBytes(HEAD), SendBytes(b"X: 1\r\n" * 100, times=10_000), Stall()],
        "malformed",
    ),
    "an endless line": ([ReadRequest(), SendBytes(b"a" * 1_000, times=10_000)], "malformed"),
    "an endless field": (
        [ReadRequest(), SendBytes(HEAD + b"X: "), SendBytes(b"a" * 1_000, times=10_000)],
        "malformed",
    ),
    "an endless trailer": (
        [ReadRequest(), SendBytes(CHUNKED[:-2]), SendBytes(b"X: 1\r\n" * 100, times=10_000)],
        "malformed",
    ),
    "closed at once": ([Close()], "closed"),
    "reset at once": ([Reset()], "closed"),
    "closed after the head": ([ReadHead(), Close()], "closed"),
    "closed after the request": ([ReadRequest(), Close()], "closed"),
    "reset after the request": ([ReadRequest(), Reset()], "closed"),
    "closed in the body": ([ReadRequest(), SendBytes(OK[:-1]), Close()], "closed"),
    "reset in the body": ([ReadRequest(), SendBytes(OK[:-1]), Sleep(0.05), Reset()], "closed"),
    "closed in a chunk": ([ReadRequest(), SendBytes(CHUNKED[:-6]), Close()], "closed"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_reply_is_one_failure_and_the_next_is_fresh(name: str):
    script, kind = HOSTILE[name]
    async with HostileUpstream(script, GOOD) as upstream, pooling(upstream.port) as pool:
        sender = await ask(pool)
        assert (await sender.result(), sender.resent) == (kind, False)
        assert sender.failure.detail
        await _check_next(pool)
        # One more for each would be one more than asked for.
        assert len(upstream.connections) == 2
        assert pool.state.open == 1


@pytest.mark.parametrize("reply", [OK, CHUNKED], ids=["sized", "chunked"])
async def test_an_early_end_at_every_byte_is_a_failure(reply: bytes):
    scripts = [[ReadRequest(), SendBytes(reply[:length]), Close()] for length in range(len(reply))]
    async with HostileUpstream(*scripts) as upstream, pooling(upstream.port) as pool:
        for _ in scripts:
            sender = await ask(pool)
            assert (await sender.result(), sender.chosen) == ("closed", [False])
        assert pool.state == type(pool.state)(0, 0, 0)


@pytest.mark.parametrize("behind", [b"x", OK, b"HTTP/1.1 200 OK\r\nX", b"\0\0"])
@pytest.mark.parametrize("pause_s", [0.0, 0.02])
async def test_bytes_behind_a_reply_are_never_the_next_reply(behind: bytes, pause_s: float):
    script = [ReadRequest(), SendBytes(OK + (b"" if pause_s else behind))]
    if pause_s:
        script += [Sleep(pause_s), SendBytes(behind)]
    script.append(Stall())
    async with HostileUpstream(script, GOOD) as upstream, pooling(upstream.port) as pool:
        sender = await ask(pool)
        assert (sender.failure, sender.body) == (None, b"ok")
        first = await upstream.connection(0)
        await first.closed()
        await _check_next(pool)


async def test_a_reply_before_the_request_is_sent_is_taken_and_its_connection_left():
    reply = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"
    script = [ReadHead(), SendBytes(reply), Stall()]
    async with HostileUpstream(script, GOOD) as upstream, pooling(upstream.port) as pool:
        sender = await ask(pool, b"x" * 30_000_000)
        assert (await sender.result(), sender.head.status, sender.body) == ("ok", 413, b"no")
        await _check_next(pool)


async def test_a_reply_before_the_request_and_then_no_reading_is_left_soon():
    reply = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"
    script = [ReadHead(), SendBytes(reply), Sleep(30)]
    async with HostileUpstream(script, GOOD) as upstream, pooling(upstream.port) as pool:
        sender = await ask(pool, b"x" * 30_000_000)
        assert (sender.failure, sender.head.status) == (None, 413)
        await all_closed(pool)
        assert pool.state.open == 0


# -- time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "timeouts", "kind"),
    [
        ([Stall()], {"first_byte_s": 0.3}, "first_byte_timeout"),
        ([ReadRequest(), SendBytes(OK[:-1]), Stall()], {"between_bytes_s": 0.3}, "between"),
        ([ReadRequest(), SendBytes(OK[:9]), Stall()], {"between_bytes_s": 0.3}, "between"),
        (
            [ReadRequest(), SendBytes(HEAD), SendBytes(b"x", 1, 0.05, 1_000)],
            {"total_s": 0.3},
            "total_timeout",
        ),
        ([Stall()], {"total_s": 0.3}, "total_timeout"),
    ],
)
async def test_an_upstream_has_so_much_time(script, timeouts, kind):
    async with (
        HostileUpstream(script, GOOD) as upstream,
        pooling(upstream.port, **timeouts) as pool,
    ):
        began = time.monotonic()
        sender = await ask(pool)
        assert sender.failure.kind.startswith(kind)
        assert 0.29 <= time.monotonic() - began <= 3
        await (await upstream.connection(0)).closed()
        await _check_next(pool)


async def test_a_stream_that_goes_on_is_not_cut():
    script = [ReadRequest(), SendBytes(HEAD + b"Content-Length: 20\r\n\r\n")]
    script += [SendBytes(b"x" * 20, 1, 0.04)]
    async with (
        HostileUpstream(script) as upstream,
        pooling(upstream.port, first_byte_s=0.3, between_bytes_s=0.3) as pool,
    ):
        assert (await ask(pool)).body == b"x" * 20


# -- stale connections ----------------------------------------------------------------------------


async def test_a_connection_closed_while_idle_is_not_used():
    script = [ReadRequest(), SendBytes(OK), Close()]
    async with HostileUpstream(script, GOOD) as upstream, pooling(upstream.port) as pool:
        await ask(pool)
        await all_closed(pool)
        await _check_next(pool)


async def test_a_request_is_sent_again_only_where_it_was_not_touched():
    """The end and the request cross: the upstream's kernel has acknowledged nothing of it."""
    loop = asyncio.get_running_loop()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    async with pooling(listener.getsockname()[1]) as pool:
        first = send(pool)
        peer, _ = await loop.sock_accept(listener)
        await loop.sock_recv(peer, 1_000)
        await loop.sock_sendall(peer, OK)
        assert await first.result() == "ok"
        # No turn of the loop between the two: so the end is not seen before the request goes.
        peer.shutdown(socket.SHUT_RDWR)
        peer.close()
        second = send(pool)
        assert second.chosen == [True]
        other, _ = await asyncio.wait_for(loop.sock_accept(listener), 2)
        received = await loop.sock_recv(other, 1_000)
        assert received.startswith(b"POST / ")
        await loop.sock_sendall(other, OK)
        assert await second.result() == "ok"
        assert (second.resent, second.chosen) == (True, [True, False])
        other.close()
    listener.close()


@pytest.mark.parametrize("size", [2, 2_000_000])
@pytest.mark.parametrize("before", [0, 20])
async def test_an_upstream_that_ends_its_side_and_reads_on_gets_a_request_once(
    size: int, before: int
):
    """Its acknowledgement may come late, so that none has come is no proof by itself."""
    loop = asyncio.get_running_loop()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    async with pooling(listener.getsockname()[1]) as pool:
        first = send(pool)
        peer, _ = await loop.sock_accept(listener)
        for left in range(before, -1, -1):
            await loop.sock_recv(peer, 1_000)
            await loop.sock_sendall(peer, OK)
            assert await first.result() == "ok"
            first = send(pool) if left else first
        peer.shutdown(socket.SHUT_WR)
        second = send(pool, b"x" * size)
        assert second.chosen == [True]
        assert await loop.sock_recv(peer, 1_000)
        assert (await second.result(), second.resent) == ("closed", False)
        peer.close()
    listener.close()


READ_AND_CLOSE = {
    "closed": [ReadRequest(), Close()],
    "half-closed": [ReadRequest(), HalfClose(), Sleep(0.2)],
    "closed within the head": [Read(5), Sleep(0.02), Close()],
    "reset": [ReadRequest(), Reset()],
    "reset unread": [Sleep(0.05), Reset()],
}


@pytest.mark.parametrize("name", READ_AND_CLOSE)
async def test_a_request_whose_bytes_were_received_is_never_sent_twice(name: str):
    script = [ReadRequest(), SendBytes(OK), *READ_AND_CLOSE[name]]
    async with HostileUpstream(script, GOOD) as upstream, pooling(upstream.port) as pool:
        assert await (await ask(pool)).result() == "ok"
        sender = await ask(pool)
        assert (await sender.result(), sender.chosen, sender.resent) == ("closed", [True], False)
        await asyncio.sleep(0.02)
        assert len(upstream.connections) == 1


@pytest.mark.parametrize("name", ["closed", "reset"])
async def test_an_idempotent_request_is_sent_once_more(name: str):
    script = [ReadRequest(), SendBytes(OK), *READ_AND_CLOSE[name]]
    async with HostileUpstream(script, GOOD) as upstream, pooling(upstream.port) as pool:
        await ask(pool)
        sender = await ask(pool, idempotent=True)
        assert (await sender.result(), sender.chosen) == ("ok", [True, False])
        assert len(upstream.connections) == 2


async def test_a_request_is_sent_again_once_at_most():
    first = [ReadRequest(), SendBytes(OK), ReadRequest(), Close()]
    async with (
        HostileUpstream(first, [ReadRequest(), Close()]) as upstream,
        pooling(upstream.port) as pool,
    ):
        await ask(pool)
        sender = await ask(pool, idempotent=True)
        assert (await sender.result(), sender.chosen) == ("closed", [True, False])
        assert len(upstream.connections) == 2


async def test_a_request_on_a_fresh_connection_is_not_sent_again():
    async with (
        HostileUpstream([ReadRequest(), Close()]) as upstream,
        pooling(upstream.port) as pool,
    ):
        sender = await ask(pool, idempotent=True)
        assert (await sender.result(), sender.resent) == ("closed", False)


async def test_a_reply_that_began_is_not_asked_for_again():
    script = [ReadRequest(), SendBytes(OK), ReadRequest(), SendBytes(OK[:9]), Close()]
    async with HostileUpstream(script, GOOD) as upstream, pooling(upstream.port) as pool:
        await ask(pool)
        sender = await ask(pool, idempotent=True)
        assert (await sender.result(), sender.resent) == ("closed", False)


# -- cancelling and slowing -----------------------------------------------------------------------


@pytest.mark.parametrize("sent", [b"", OK[:9], HEAD + b"Content-Length: 100\r\n\r\nok"])
@pytest.mark.alone
async def test_a_cancelled_request_ends_at_the_upstream_at_once(sent: bytes):
    script = [ReadRequest(), *([SendBytes(sent)] if sent else []), Stall()]
    async with HostileUpstream(script, GOOD) as upstream, pooling(upstream.port) as pool:
        sender = send(pool)
        connection = await upstream.connection(0)
        await connection.arrived(len(sender.request_head) + 2)
        await asyncio.sleep(0.02)
        began = time.monotonic()
        sender.sending.cancel()
        await connection.closed()
        assert time.monotonic() - began < 0.05
        assert not sender.done.done()
        await _check_next(pool)


async def test_a_slowed_reply_is_not_read():
    size = 50_000_000
    script = [
        ReadRequest(),
        SendBytes(HEAD + b"Content-Length: %d\r\n\r\n" % size),
        SendBytes(b"x" * 100_000, times=500),
        *GOOD,
    ]
    async with (
        HostileUpstream(script) as upstream,
        pooling(upstream.port, between_bytes_s=0.2) as pool,
    ):
        sender = RecordingSender()
        received = 0
        begun = asyncio.Event()

        def reply_data(data: bytes) -> None:
            nonlocal received
            received += len(data)
            begun.set()

        sender.reply_data = reply_data
        pool.send(sender, pool.now())
        await asyncio.wait_for(begun.wait(), 2)
        sender.sending.pause_reading()
        before = received
        await asyncio.sleep(0.5)  # and the time between bytes does not count meanwhile
        assert received == before
        sender.sending.resume_reading()
        assert await sender.result() == "ok"
        assert received == size
        assert (await ask(pool)).chosen == [True]


async def test_a_slowed_reply_still_has_its_time_in_all():
    script = [ReadRequest(), SendBytes(HEAD + b"Content-Length: 9\r\n\r\nx"), Stall()]
    async with HostileUpstream(script) as upstream, pooling(upstream.port, total_s=0.4) as pool:
        sender = send(pool)
        await (await upstream.connection(0)).arrived(10)
        await asyncio.sleep(0.05)
        sender.sending.pause_reading()
        assert await sender.result() == "total_timeout"


async def test_what_the_upstream_says_of_its_patience_is_learnt():
    reply = OK.replace(b"\r\n\r\n", b"\r\nKeep-Alive: max=5, timeout=2\r\n\r\n")
    script = [ReadRequest(), SendBytes(reply), Stall()]
    async with HostileUpstream(script) as upstream, pooling(upstream.port) as pool:
        await ask(pool)
        assert pool.idle_timeout_s == 1.0
        opened_s = await (await upstream.connection(0)).closed()
        assert 0.9 < opened_s < 1.6
        assert pool.state.open == 0
