"""A pool reuses, bounds and lines up, and says why there is no connection."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.hostile import Close, HostileUpstream, ReadRequest, Reset, SendBytes, Stall
from tests.net.certificates import Authority
from tests.net.sending import all_closed, ask, pooling, send

from faregate.configuration.document import ProviderTimeouts, ProviderTls
from faregate.net.connect import Address
from faregate.net.deadlines import Deadlines
from faregate.net.pool import IDLE_TIMEOUT_SECONDS, Origin, Pool, PoolState
from faregate.net.tls import client_context

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GOOD = [ReadRequest(), SendBytes(OK)] * 30


class HeldUpstream:
    """Answers a request when it is released; `log` has (connection, path) as they came."""

    def __init__(self) -> None:
        self.log: list[tuple[int, str]] = []
        self.port = 0
        self._opened = 0
        self._answers: list[asyncio.Event] = []
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: list[asyncio.Task[None] | None] = []
        self._news = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, self._opened = self._opened, self._opened + 1
        self._writers.add(writer)
        self._serving.append(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.split(b"Content-Length: ")[1].split()[0]))
                answer = asyncio.Event()
                self.log.append((number, head.split()[1].decode()))
                self._answers.append(answer)
                self._news.set()
                await answer.wait()
                if writer.is_closing():
                    break
                writer.write(OK)
        writer.close()
        self._writers.discard(writer)

    async def came(self, count: int) -> None:
        """Wait until so many requests came in all."""
        async with asyncio.timeout(5):
            while len(self.log) < count:
                self._news.clear()
                await self._news.wait()

    def release(self, request: int) -> None:
        """Answer that request, counted from 0."""
        self._answers[request].set()

    async def end(self) -> None:
        """Break all connections off."""
        for writer in self._writers:
            writer.transport.abort()
        for answer in self._answers:
            answer.set()
        await asyncio.gather(*filter(None, self._serving))


@pytest.fixture
async def held() -> AsyncIterator[HeldUpstream]:
    upstream = HeldUpstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, backlog=4096)
    upstream.port = server.sockets[0].getsockname()[1]
    yield upstream
    server.close()
    await upstream.end()


# -- reuse ----------------------------------------------------------------------------------------


async def test_the_connection_used_last_is_used_first(held: HeldUpstream) -> None:
    async with pooling(held.port) as pool:
        senders = [send(pool, path=f"/{number}") for number in range(3)]
        await held.came(3)
        order = [held.log.index(entry) for entry in sorted(held.log)]
        for request in order:
            held.release(request)
            await senders[int(held.log[request][1][1:])].result()
        assert pool.state == PoolState(3, 3, 0)
        for count, connection in ((4, 2), (5, 1)):  # the first stays busy meanwhile
            sender = send(pool)
            assert sender.chosen == [True]
            await held.came(count)
            assert held.log[-1][0] == connection


async def test_connections_that_are_not_needed_grow_old(held: HeldUpstream) -> None:
    async with pooling(held.port) as pool:
        pool.idle_timeout_s = 0.3
        senders = [send(pool, path=f"/{number}") for number in range(3)]
        await held.came(3)
        for request, (_, path) in enumerate(held.log):  # as they came, in any order
            held.release(request)
            await senders[int(path[1:])].result()
        last, number = held.log[2][0], 3
        while pool.state.open > 1:
            sender = send(pool)
            await held.came(number + 1)
            held.release(number)
            number += 1
            await sender.result()
            await asyncio.sleep(0.02)
            assert number < 100
        assert {connection for connection, _ in held.log[3:]} == {last}
        await all_closed(pool)


async def test_a_connection_with_something_to_read_is_not_used() -> None:
    """The loop has not seen the end yet; the kernel has."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        async with pooling(listener.getsockname()[1]) as pool:
            first = send(pool)
            peer, _ = await loop.sock_accept(listener)
            await loop.sock_recv(peer, 1_000)
            await loop.sock_sendall(peer, OK)
            await first.result()
            await asyncio.sleep(0.3)  # looked at only after a quarter of a second
            peer.close()
            second = send(pool)
            assert second.chosen == []
            peer, _ = await asyncio.wait_for(loop.sock_accept(listener), 2)
            assert (await loop.sock_recv(peer, 1_000)).startswith(b"POST / ")
            assert (second.chosen, second.resent) == ([False], False)
            assert pool.state == PoolState(1, 0, 0)
            peer.close()


def test_the_idle_time_is_learnt_and_never_longer_than_our_own() -> None:
    loop = asyncio.new_event_loop()
    origin = Origin(Address("127.0.0.1", 1, False), ProviderTimeouts(), 1, 1)
    try:
        pool = Pool(loop, Deadlines(loop, loop.time), loop.time, origin)
        for stated, kept in (
            (None, IDLE_TIMEOUT_SECONDS),
            (600.0, IDLE_TIMEOUT_SECONDS),
            (30.0, 29.0),
            (60.0, 29.0),
            (0.0, 0.5),
        ):
            pool.learn_idle_timeout(stated)
            assert pool.idle_timeout_s == kept
    finally:
        loop.close()


async def test_small_writes_are_not_delayed(held: HeldUpstream) -> None:
    async with pooling(held.port) as pool:
        sender = send(pool)
        await held.came(1)
        connection = sender.sending
        raw = connection._transport.get_extra_info("socket")  # type: ignore[union-attr]
        with socket.fromfd(raw.fileno(), socket.AF_INET, socket.SOCK_STREAM) as duplicate:
            assert duplicate.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


# -- the line -------------------------------------------------------------------------------------


async def test_beyond_the_ceiling_requests_wait_in_order(held: HeldUpstream) -> None:
    async with pooling(held.port, connections_max=2) as pool:
        senders = [send(pool, path=f"/{number}") for number in range(6)]
        await held.came(2)
        assert pool.state == PoolState(2, 0, 4)
        for number in range(6):
            await held.came(min(number + 2, 6))
            assert pool.state.open == 2
            held.release(number)
        for sender in senders:
            assert await sender.result() == "ok"
        assert {path for _, path in held.log[:2]} == {"/0", "/1"}
        assert [path for _, path in held.log[2:]] == ["/2", "/3", "/4", "/5"]
        assert pool.state == PoolState(2, 2, 0)


async def test_a_full_line_takes_no_more(held: HeldUpstream) -> None:
    async with pooling(held.port, connections_max=1, queue_max=2) as pool:
        send(pool)
        await held.came(1)
        senders = [send(pool) for _ in range(2)]
        refused = send(pool)
        assert await refused.result() == "queue_full"
        assert "1 connections are in use and 2 requests wait" in refused.failure.detail
        senders[0].sending.cancel()  # and who leaves makes room
        assert pool.state.waiting == 1
        waiting = send(pool)
        assert not waiting.done.done()
        assert await send(pool).result() == "queue_full"


async def test_without_a_line_a_stale_connection_is_no_reason_to_refuse() -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        async with pooling(port, connections_max=1, queue_max=0) as pool:
            first = send(pool)
            peer, _ = await loop.sock_accept(listener)
            await loop.sock_recv(peer, 1_000)
            await loop.sock_sendall(peer, OK)
            await first.result()
            await asyncio.sleep(0.3)
            peer.close()
            second = send(pool)
            peer, _ = await asyncio.wait_for(loop.sock_accept(listener), 2)
            await loop.sock_sendall(peer, OK)
            assert await second.result() == "ok"
            assert pool.state.open == 1
            peer.close()


async def test_waiting_has_its_time(held: HeldUpstream) -> None:
    async with pooling(held.port, connections_max=1, queue_s=0.3) as pool:
        first = send(pool)
        await held.came(1)
        began = time.monotonic()
        second = await ask(pool)
        assert await second.result() == "queue_timeout"
        assert 0.29 <= time.monotonic() - began < 3
        assert pool.state == PoolState(1, 0, 0)
        held.release(0)
        assert await first.result() == "ok"


async def test_who_was_cancelled_in_line_is_neither_sent_nor_told(held: HeldUpstream) -> None:
    async with pooling(held.port, connections_max=1, queue_s=0.2) as pool:
        first = send(pool)
        await held.came(1)
        cancelled, last = send(pool, path="/cancelled"), send(pool, path="/last")
        waiting = cancelled.sending
        waiting.pause_reading()
        waiting.resume_reading()
        waiting.cancel()
        waiting.cancel()
        held.release(0)
        await first.result()
        await held.came(2)
        held.release(1)
        assert await last.result() == "ok"
        await asyncio.sleep(0.4)
        assert not cancelled.done.done()
        assert [path for _, path in held.log] == ["/", "/last"]


async def test_who_left_the_line_takes_no_place(held: HeldUpstream) -> None:
    """Connections may be busy for an hour; callers come and go meanwhile."""
    async with pooling(held.port, connections_max=1, queue_max=100) as pool:
        send(pool)
        await held.came(1)
        for _ in range(200):
            senders = [send(pool) for _ in range(100)]
            assert pool.state.waiting == 100
            for sender in senders[::-1]:
                sender.sending.cancel()
        assert pool.state.waiting == 0
        assert len(pool._line) == 0


async def test_all_cancelled_while_connecting_leave_an_idle_connection(held: HeldUpstream) -> None:
    async with pooling(held.port) as pool:
        send(pool).sending.cancel()
        async with asyncio.timeout(2):
            while pool.state != PoolState(1, 1, 0):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.005)
        sender = send(pool)
        await held.came(1)
        assert sender.chosen == [False]  # it is its connection's first


async def test_a_connection_that_ends_makes_room_for_the_next_in_line() -> None:
    scripts = [[ReadRequest(), Reset()], [ReadRequest(), SendBytes(OK), Close()], GOOD]
    async with (
        HostileUpstream(*scripts) as upstream,
        pooling(upstream.port, connections_max=1) as pool,
    ):
        senders = [send(pool) for _ in range(4)]
        results = [await sender.result() for sender in senders]
        assert results == ["closed", "ok", "ok", "ok"]
        assert len(upstream.connections) == 3
        assert pool.state == PoolState(1, 1, 0)


async def test_what_is_sent_again_goes_before_the_line() -> None:
    script = [ReadRequest(), SendBytes(OK), ReadRequest(), Close()]
    async with (
        HostileUpstream(script, GOOD) as upstream,
        pooling(upstream.port, connections_max=1) as pool,
    ):
        await ask(pool)
        again, behind = send(pool, idempotent=True, path="/again"), send(pool, path="/behind")
        assert [await again.result(), await behind.result()] == ["ok", "ok"]
        received = bytes(upstream.connections[1].received)
        assert 0 <= received.find(b"/again") < received.find(b"/behind")


# -- connecting -----------------------------------------------------------------------------------


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


async def test_a_refused_connection_fails_all_that_wait() -> None:
    async with pooling(_closed_port(), connections_max=3, queue_max=20) as pool:
        senders = [send(pool) for _ in range(10)]
        assert {await sender.result() for sender in senders} == {"connect_failed"}
        assert senders[0].failure.detail == "Connection refused"
        assert pool.state == PoolState(0, 0, 0)


@pytest.mark.parametrize("host", ["x" * 70 + ".test", "a..b"])
async def test_a_host_without_meaning_is_a_failure(host: str) -> None:
    async with pooling(80, host=host) as pool:
        assert await (await ask(pool)).result() == "connect_failed"
        assert pool.state.open == 0


async def test_connecting_has_its_time() -> None:
    with socket.socket() as listener, contextlib.ExitStack() as others:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):  # a full backlog: the next one gets no answer
            other = others.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(listener.getsockname())
        async with pooling(listener.getsockname()[1], connect_s=0.3) as pool:
            began = time.monotonic()
            sender = await ask(pool)
            assert await sender.result() == "connect_timeout"
            assert 0.29 <= time.monotonic() - began < 3
            assert pool.state == PoolState(0, 0, 0)


async def test_a_server_that_never_shakes_hands_is_left_in_time(tmp_path: Path) -> None:
    context = client_context(ProviderTls(ca_file=str(Authority(tmp_path).ca_file)))
    async with (
        HostileUpstream([Stall()]) as upstream,
        pooling(upstream.port, tls=context, connect_s=0.3) as pool,
    ):
        assert await (await ask(pool)).result() == "connect_timeout"
        await (await upstream.connection(0)).closed(2)
        assert pool.state.open == 0


async def test_what_tls_finds_wrong_is_said(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    own = client_context(ProviderTls(ca_file=str(authority.ca_file)))
    cases = [
        (client_context(ProviderTls()), "localhost", "certificate can't be verified"),
        (own, "elsewhere.test", "Hostname mismatch"),
    ]
    for context, named, said in cases:
        served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        served.load_cert_chain(*authority.sign(f"for {named}", host=named))
        server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0, ssl=served)
        async with server:
            port = server.sockets[0].getsockname()[1]
            async with pooling(port, host="localhost", tls=context) as pool:
                sender = await ask(pool)
                assert await sender.result() == "connect_failed"
                assert said in sender.failure.detail
                assert pool.state.open == 0
    script = [SendBytes(b"HTTP/1.1 400 Bad\r\n\r\n")]
    async with HostileUpstream(script) as upstream, pooling(upstream.port, tls=own) as pool:
        sender = await ask(pool)
        assert await sender.result() == "connect_failed"
        assert "TLS failed" in sender.failure.detail


# -- the end --------------------------------------------------------------------------------------


async def test_a_pool_that_closes_serves_who_is_there_to_the_end(held: HeldUpstream) -> None:
    async with pooling(held.port, connections_max=1) as pool:
        senders = [send(pool) for _ in range(3)]
        await held.came(1)
        pool.close()
        for number, sender in enumerate(senders):
            await held.came(number + 1)
            held.release(number)
            assert await sender.result() == "ok"
        await all_closed(pool)


async def test_a_pool_that_closes_keeps_nothing_idle(held: HeldUpstream) -> None:
    async with pooling(held.port) as pool:
        sender = send(pool)
        await held.came(1)
        held.release(0)
        await sender.result()
        pool.close()
        await all_closed(pool)
        assert pool.state == PoolState(0, 0, 0)


@pytest.mark.parametrize("turns", range(10))
async def test_an_attempt_that_nobody_waits_for_ends_with_the_pool(turns: int) -> None:
    async with HostileUpstream([Stall()]) as upstream, pooling(upstream.port) as pool:
        send(pool).sending.cancel()
        for _ in range(turns):
            await asyncio.sleep(0)
        pool.close()
        await all_closed(pool)
        assert pool.state == PoolState(0, 0, 0)
