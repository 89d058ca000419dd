"""A listener takes what it can hold, knows who calls behind a proxy, and drains without loss."""

import asyncio
import contextlib
import socket
import ssl
import struct
from pathlib import Path

import aiohttp
import pytest
from tests.net.certificates import Authority
from tests.net.listening import Client, get, listening, post

from faregate.configuration.settings import TlsSettings
from faregate.net.tls import ServerCertificates
from faregate.wire.proxy_protocol import V2_SIGNATURE

# -- limits ---------------------------------------------------------------------------------------


async def test_one_connection_too_many_is_told_so():
    async with listening(connections_max=3) as server:
        clients = [await server.client() for _ in range(3)]
        for client in clients:
            assert (await client.ask(get())).status == 200
        async with await server.client() as late:
            reply = await late.ask(get())
            assert (reply.status, reply.body, reply.closes) == (503, b"gate_overloaded", True)
            assert await late.end() == b""
        for client in clients:
            assert (await client.ask(get())).status == 200
        clients[0].writer.close()
        async with asyncio.timeout(2):
            while server.listener.full:  # noqa: ASYNC110 - it has no event for this
                await asyncio.sleep(0.005)
        async with await server.client() as client:
            assert (await client.ask(get())).status == 200


async def test_bodies_beyond_what_a_worker_may_hold_are_refused(monkeypatch):
    monkeypatch.setattr("faregate.core.bounds.BUFFERED_BODY_BYTES_MAX", 200_000)
    async with listening() as server, await server.client() as one, await server.client() as two:
        one.send(post(b"x" * 150_000)[:-1])
        await server.application.said("/echo head")
        while server.listener.buffered_bytes < 149_999:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
        reply = await two.ask(post(b"x" * 150_000)[:-1])
        assert (reply.status, reply.body) == (503, b"gate_overloaded")
        assert (await one.ask(b"x")).status == 200
        assert server.listener.buffered_bytes == 0


async def test_active_connections_are_counted():
    async with listening() as server, await server.client() as client:
        assert server.listener.active == 0
        client.send(get("/hold"))
        await server.application.said("/hold whole")
        assert (server.listener.active, len(server.listener.connections)) == (1, 1)


# -- draining -------------------------------------------------------------------------------------


async def test_a_drain_lets_calls_finish_and_closes_what_is_idle():
    async with listening() as server:
        idle, busy = await server.client(), await server.client()
        await idle.ask(get())
        busy.send(get("/hold"))
        await server.application.said("/hold whole")
        draining = asyncio.ensure_future(server.listener.drain(5, grace_s=0.05))
        assert await idle.end() == b""
        assert not draining.done()
        with pytest.raises(ConnectionRefusedError):
            await server.client()
        server.application.held.pop().answer(200, b"late")
        reply = await busy.reply()
        assert (reply.body, reply.closes) == (b"late", True)
        await asyncio.wait_for(draining, 2)
        assert not server.listener.connections


async def test_a_request_during_the_grace_is_answered_and_told_to_close():
    async with listening() as server, await server.client() as client:
        await client.ask(get())
        draining = asyncio.ensure_future(server.listener.drain(60, grace_s=30))
        await asyncio.sleep(0.05)
        reply = await client.ask(post(b"hello"))
        assert (reply.status, reply.body, reply.closes) == (200, b"hello", True)
        assert await client.end() == b""
        await asyncio.wait_for(draining, 10)


async def test_a_body_under_way_at_a_drain_is_waited_for():
    async with listening() as server, await server.client() as client:
        client.send(post(b"hello")[:-1])
        await server.application.said("/echo head")
        draining = asyncio.ensure_future(server.listener.drain(5, grace_s=0.05))
        await asyncio.sleep(0.15)
        reply = await client.ask(b"o")
        assert (reply.body, reply.closes) == (b"hello", True)
        await asyncio.wait_for(draining, 2)


async def test_pipelined_requests_end_with_the_reply_that_says_so():
    async with listening() as server, await server.client() as client:
        client.send(get("/hold") + get() + get())
        await server.application.said("/hold whole")
        draining = asyncio.ensure_future(server.listener.drain(5, grace_s=0.05))
        await asyncio.sleep(0)
        server.application.held.pop().answer(200, b"")
        assert (await client.reply()).closes
        assert await client.end() == b""
        await asyncio.wait_for(draining, 2)


async def test_a_drain_does_not_wait_for_ever():
    async with listening() as server, await server.client() as client:
        client.send(get("/hold"))
        await server.application.said("/hold whole")
        await asyncio.wait_for(server.listener.drain(0.2, grace_s=0.1), 20)
        assert await client.end() == b""
        await server.empty()


async def test_an_empty_listener_drains_at_once():
    async with listening() as server:
        await asyncio.wait_for(server.listener.drain(30), 10)
        assert server.listener.draining


# -- PROXY protocol -------------------------------------------------------------------------------

V1 = b"PROXY TCP4 198.51.100.7 10.0.0.1 4711 443\r\n"
V2 = (
    V2_SIGNATURE
    + struct.pack("!BBH", 0x21, 0x11, 12)
    + socket.inet_aton("198.51.100.7")
    + socket.inet_aton("10.0.0.1")
    + b"\x12\x34\x01\xbb"
)
BEHIND_PROXY = {"proxy_protocol": True, "trusted_proxies": ("127.0.0.0/8",)}


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
async def test_the_caller_is_who_the_proxy_says(header: bytes):
    async with listening(**BEHIND_PROXY) as server, await server.client() as client:
        assert (await client.ask(header + get())).status == 200
        assert (await client.ask(get())).status == 200
        assert server.application.peers == ["198.51.100.7"] * 2


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
async def test_a_header_may_come_in_pieces(header: bytes):
    async with listening(**BEHIND_PROXY) as server:
        for point in (1, 5, 12, 16, len(header) - 1):
            async with await server.client() as client:
                client.send(header[:point])
                await asyncio.sleep(0.02)
                assert (await client.ask(header[point:] + get())).status == 200
        assert server.application.peers == ["198.51.100.7"] * 5


@pytest.mark.parametrize(
    "header", [b"PROXY UNKNOWN\r\n", V2_SIGNATURE + b"\x20\0\0\0"], ids=["v1", "v2"]
)
async def test_a_check_by_the_proxy_itself_is_answered(header: bytes):
    async with listening(**BEHIND_PROXY) as server, await server.client() as client:
        assert (await client.ask(header + get())).status == 200
        assert server.application.peers == ["127.0.0.1"]


@pytest.mark.parametrize("begin", [get(), b"\0" * 20, b"PROXY NONSENSE\r\n" + get()])
async def test_without_its_header_a_connection_is_closed(begin: bytes):
    async with listening(**BEHIND_PROXY) as server, await server.client() as client:
        client.send(begin)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await client.reply()
        assert server.application.heads == []


async def test_a_stranger_may_not_say_who_calls():
    settings = {"proxy_protocol": True, "trusted_proxies": ("192.0.2.0/24",)}
    async with listening(**settings) as server, await server.client() as client:
        client.send(V1 + get())
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await client.reply()
        assert server.application.heads == []


async def test_a_header_that_does_not_come_is_not_waited_for():
    settings = {**BEHIND_PROXY, "first_byte_timeout_s": 0.2}
    async with listening(**settings) as server:
        async with await server.client() as silent, await server.client() as slow:
            slow.send(V1[:9])
            for client in (silent, slow):
                with contextlib.suppress(ConnectionResetError):  # what it sent was not read
                    assert await client.end(1) == b""
        async with await server.client() as client:
            assert (await client.ask(V1 + get())).status == 200


async def test_a_header_without_proxy_protocol_is_no_request():
    async with listening() as server, await server.client() as client:
        assert (await client.ask(V1 + get())).status in (400, 501)


def _ask_over_tls(
    port: int, header: bytes, context: ssl.SSLContext, *, together: bool
) -> list[bytes]:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
        # Corked, the header leaves in one segment with what TLS sends first.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, together)
        plain.sendall(header)
        with context.wrap_socket(
            plain, server_hostname="localhost", do_handshake_on_connect=False
        ) as secure:
            secure.do_handshake()
            secure.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
            replies = []
            for _ in range(2):
                secure.sendall(get())
                replies.append(secure.recv(10_000))
            return replies


@pytest.mark.parametrize("together", [False, True], ids=["apart", "together"])
@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
async def test_tls_begins_right_behind_the_header(header: bytes, together: bool, tmp_path: Path):
    authority = Authority(tmp_path)
    certificate, key = authority.sign("gate")
    tls = TlsSettings(certificate_file=str(certificate), key_file=str(key))
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    async with listening(ServerCertificates(tls), **BEHIND_PROXY) as server:
        replies = await asyncio.to_thread(
            _ask_over_tls, server.port, header, context, together=together
        )
        assert [reply[:15] for reply in replies] == [b"HTTP/1.1 200 OK"] * 2
        assert server.application.peers == ["198.51.100.7"] * 2


# -- real clients ---------------------------------------------------------------------------------


async def _curl(*arguments: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        "curl", "-sS", "--max-time", "10", "--noproxy", "*", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, error = await process.communicate()
    assert process.returncode == 0, error
    return out


CHUNKED = ["-H", "Transfer-Encoding: chunked"]


@pytest.mark.parametrize(
    "options",
    [
        [],
        CHUNKED,
        ["-H", "Expect: 100-continue"],
        ["--http1.0"],
        ["--http2"],
    ],
    ids=["plain", "chunked", "expect", "http1.0", "http2 offered"],
)
async def test_curl_is_answered(options: list[str], tmp_path: Path):
    body = tmp_path / "body"
    body.write_bytes(bytes(range(256)) * 4_000)
    async with listening() as server:
        address = f"http://127.0.0.1:{server.port}"
        sent = ["--data-binary", f"@{body}"]
        assert await _curl(*options, *sent, f"{address}/echo") == body.read_bytes()
        if options != CHUNKED:
            assert await _curl(*options, f"{address}/a", f"{address}/b") == b"OKOK"


async def test_aiohttp_is_answered():
    async def chunks():
        for _ in range(100):
            yield b"x" * 1_000

    async with listening() as server, aiohttp.ClientSession() as session:
        address = f"http://127.0.0.1:{server.port}"
        for _ in range(20):
            async with session.post(f"{address}/echo", data=b"hello") as reply:
                assert await reply.read() == b"hello"
        async with session.post(f"{address}/echo", data=chunks()) as reply:
            assert len(await reply.read()) == 100_000
        async with session.post(f"{address}/echo", data=b"hello", expect100=True) as reply:
            assert await reply.read() == b"hello"
        replies = await asyncio.gather(
            *(session.post(f"{address}/echo", data=b"%d" % number) for number in range(50))
        )
        assert [await reply.read() for reply in replies] == [b"%d" % number for number in range(50)]


# -- inside ---------------------------------------------------------------------------------------


async def test_a_socket_inside_asks_for_neither_tls_nor_a_proxy(tmp_path: Path):
    path = tmp_path / "gate-0.sock"
    async with listening(proxy_protocol=True, trusted_proxies=("10.0.0.0/8",)) as server:
        for _ in range(2):  # a worker that takes another's place takes its socket
            await server.listener.serve_inside(path)
        client = Client()
        client.reader, client.writer = await asyncio.open_unix_connection(str(path))
        async with client:
            assert (await client.ask(get())).status == 200
        assert server.application.peers == ["127.0.0.1"]
