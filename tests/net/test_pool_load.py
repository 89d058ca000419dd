"""A pool's cost doesn't grow with what it holds, and real servers like it."""

import asyncio
import http.server
import ssl
import threading
import time
from pathlib import Path

import pytest
from aiohttp import web
from tests.net.certificates import Authority
from tests.net.sending import ask, pooling, send

from faregate.configuration.document import ProviderTls
from faregate.net.pool import Pool
from faregate.net.tls import client_context

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


# -- cost -----------------------------------------------------------------------------------------


async def _fill(pool: Pool, count: int) -> None:
    """Leave so many idle connections."""
    for sender in [send(pool) for _ in range(count)]:
        sender.sending.cancel()
    async with asyncio.timeout(20):
        while pool.state.idle < count:  # noqa: ASYNC110 - it has no event for this
            await asyncio.sleep(0.01)


async def _seconds_for(pool: Pool, count: int) -> float:
    """The least time of five that so many requests take, one after the other."""
    best = 1e9
    for _ in range(5):
        began = time.process_time()
        for _ in range(count):
            assert await (await ask(pool)).result() == "ok"
        best = min(best, time.process_time() - began)
    return best


class _Answering(asyncio.Protocol):
    """Answers every read: requests here are small."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(OK)  # type: ignore[attr-defined]


@pytest.mark.alone
async def test_the_cost_is_the_same_with_many_idle_connections() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Answering, "127.0.0.1", 0, backlog=4096)
    port = server.sockets[0].getsockname()[1]
    seconds = []
    async with server:
        for count in (10, 3_000):
            async with pooling(port, connections_max=count, queue_max=count) as pool:
                await _fill(pool, count)
                seconds.append(await _seconds_for(pool, 200))
                assert pool.state.open == count
    few, many = seconds
    assert many < few * 2, f"{few * 5e3:.0f} µs a request, then {many * 5e3:.0f}"


@pytest.mark.alone
async def test_the_cost_is_the_same_in_a_long_line() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Answering, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def drain_line(count: int) -> float:
        async with pooling(port, connections_max=1, queue_max=count) as pool:
            senders = [send(pool) for _ in range(count)]
            began = time.process_time()
            await senders[-1].result(20)
            return (time.process_time() - began) / count

    async with server:
        few = min([await drain_line(100) for _ in range(5)])
        many = await drain_line(5_000)
        assert many < few * 2.5, f"{few * 1e6:.0f} µs a request, then {many * 1e6:.0f}"


# -- real servers ---------------------------------------------------------------------------------


async def _check_echoes(pool: Pool) -> None:
    bodies = [b"", b"x", b"y" * 100_000, b"z" * 3_000_000] * 5
    senders = [send(pool, body, path="/echo") for body in bodies]
    for sender, body in zip(senders, bodies, strict=True):
        assert await sender.result(20) == "ok"
        assert (sender.head.status, sender.body) == (200, body)
    assert pool.state.open <= 4


@pytest.mark.parametrize("tls", [False, True])
async def test_with_aiohttp_behind_it(tmp_path: Path, *, tls: bool) -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if len(body) % 2:
            return web.Response(body=body)
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(body)
        return response

    application = web.Application(client_max_size=10_000_000)
    application.router.add_post("/echo", echo)
    runner = web.AppRunner(application)
    await runner.setup()
    served = context = None
    if tls:
        authority = Authority(tmp_path)
        served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        served.load_cert_chain(*authority.sign("server"))
        context = client_context(ProviderTls(ca_file=str(authority.ca_file)))
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=served)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with pooling(port, connections_max=4, queue_max=50, tls=context) as pool:
            await _check_echoes(pool)
            assert (await ask(pool, path="/none")).head.status == 404
    finally:
        await runner.cleanup()


class _Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
async def test_with_the_standard_library_behind_it(version: str) -> None:
    handler = type("Echo", (_Echo,), {"protocol_version": version})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        async with pooling(server.server_port, connections_max=4, queue_max=50) as pool:
            await _check_echoes(pool)
            again = await ask(pool)
            assert again.chosen == [version == "HTTP/1.1"]
    finally:
        await asyncio.to_thread(server.shutdown)
        thread.join(5)
        server.server_close()
