"""Connecting races addresses, passes proxies, and ends in a clean error.

Proxies here are small ones of our own: they tunnel, refuse, or say nonsense, in the clear and in
TLS.
"""

import asyncio
import contextlib
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.hostile import HostileUpstream, ReadHead, Stall
from tests.net.certificates import Authority
from tests.net.sending import all_closed, ask, pooling, send

from faregate.configuration.document import ProviderTls
from faregate.core.errors import ConfigurationError
from faregate.net import connect
from faregate.net.connect import Address, Proxy, address_of, choose_proxy, open_connection
from faregate.net.tls import client_context

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CREDENTIALS = "Basic dXNlcjpwQHNz"  # user:p@ss


# -- addresses and proxies, chosen ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://api.test/v1", Address("api.test", 443, True)),
        ("http://API.test", Address("api.test", 80, False)),
        ("http://127.0.0.1:8000/v1", Address("127.0.0.1", 8000, False)),
        ("https://[::1]:8443", Address("::1", 8443, True)),
    ],
)
def test_an_address_is_read_from_a_url(url: str, address: Address) -> None:
    assert address_of(url) == address


TLS = Address("api.test", 443, True)
PLAIN = Address("api.test", 80, False)


@pytest.mark.parametrize(
    ("target", "environment", "host"),
    [
        (TLS, {}, None),
        (TLS, {"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:1"}, "a"),
        (TLS, {"https_proxy": "", "HTTPS_PROXY": "http://b:1", "all_proxy": "http://c:1"}, "b"),
        (TLS, {"ALL_PROXY": "http://c:1", "http_proxy": "http://d:1"}, "c"),
        (PLAIN, {"http_proxy": "http://d:1", "https_proxy": "http://a:1"}, "d"),
        (PLAIN, {"HTTP_PROXY": "http://evil:1"}, None),
        (PLAIN, {"all_proxy": "e:3128"}, "e"),
    ],
)
def test_the_environment_is_read_as_curl_does(
    target: Address, environment: dict[str, str], host: str | None
) -> None:
    found = choose_proxy("environment", target, environment)
    assert (found.address.host if found else None) == host
    assert choose_proxy("none", target, environment) is None
    assert choose_proxy("http://own:1", target, environment).address.host == "own"


@pytest.mark.parametrize(
    ("bypass", "host", "bypassed"),
    [
        ("*", "api.test", True),
        ("api.test", "api.test", True),
        ("API.test", "api.test", True),
        ("test", "api.test", True),
        (".test", "api.test", True),
        ("*.test", "api.test", True),
        ("other.test, api.test", "api.test", True),
        ("other.test api.test", "api.test", True),
        ("api.test:443", "api.test", True),
        ("api.test.", "api.test", True),
        ("api.test:80", "api.test", False),
        ("pi.test", "api.test", False),
        ("api.test.org", "api.test", False),
        ("", "api.test", False),
        (",", "api.test", False),
        (".", "api.test", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8", "api.test", False),
        ("10.0.0.0/99", "10.0.0.0", False),
        ("::1", "::1", True),
        ("[::1]", "::1", True),
        ("fd00::/8", "fd00::7", True),
        ("fd00::/8", "10.0.0.1", False),
    ],
)
def test_no_proxy_names_hosts_and_networks(bypass: str, host: str, *, bypassed: bool) -> None:
    target = Address(host, 443, True)
    for name in ("no_proxy", "NO_PROXY"):
        environment = {"https_proxy": "http://proxy:1", name: bypass}
        assert (choose_proxy("environment", target, environment) is None) is bypassed


def test_a_proxy_has_credentials() -> None:
    assert choose_proxy("https://user:p%40ss@proxy.test", TLS) == Proxy(
        Address("proxy.test", 443, True), CREDENTIALS
    )
    assert choose_proxy("http://[::1]:3128", TLS) == Proxy(Address("::1", 3128, False), None)


@pytest.mark.parametrize(
    "url",
    [
        "socks5://user:secret@h:1080",
        "http://user:secret@h:port",
        "http://:80",
        "http://h:99999",
        "http://[x",
    ],
)
def test_a_proxy_that_can_not_be_used_is_refused_without_its_password(url: str) -> None:
    for setting, environment in ((url, {}), ("environment", {"all_proxy": url})):
        with pytest.raises(ConfigurationError) as caught:
            choose_proxy(setting, TLS, environment)
        assert "secret" not in str(caught.value)
        assert caught.value.fix


# -- racing ---------------------------------------------------------------------------------------


class Resolving:
    """The running loop with its own idea of who lives where."""

    def __init__(self, *places: tuple[str, int]) -> None:
        self._loop = asyncio.get_running_loop()
        self._found = [
            (socket.AF_INET6 if ":" in host else socket.AF_INET, 0, 0, "", (host, port))
            for host, port in places
        ]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    async def getaddrinfo(self, *_: object, **__: object) -> list[Any]:
        return self._found


async def _open(loop: Any) -> asyncio.Transport:
    class Kept(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

    opened = await open_connection(loop, Kept, Address("api.test", 80, False), None, None)
    return opened.transport


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """A port that takes no connection and refuses none: its backlog is full."""
    with socket.socket() as listener, contextlib.ExitStack() as others:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            other = others.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def settled(count: int) -> None:
    async with asyncio.timeout(2):
        while descriptors() > count:  # noqa: ASYNC110 - the kernel has no event for this
            await asyncio.sleep(0.005)


def test_families_take_turns() -> None:
    six, four = socket.AF_INET6, socket.AF_INET
    found = [(six, ("a", 1)), (six, ("b", 1)), (six, ("c", 1)), (four, ("d", 1)), (four, ("e", 1))]
    ordered = connect._families_in_turn(found)  # type: ignore[arg-type]
    assert [place[1][0] for place in ordered] == ["a", "d", "b", "e", "c"]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_both_families_are_spoken(host: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)

    server = await asyncio.start_server(serve, host, 0)
    port = server.sockets[0].getsockname()[1]
    async with server, pooling(port, host=host) as pool:
        assert (await ask(pool)).body == b"ok"


@pytest.mark.alone
async def test_a_dead_address_is_passed_at_once_and_a_silent_one_soon() -> None:
    async with HostileUpstream([Stall()]) as upstream:
        good = ("127.0.0.1", upstream.port)
        began = time.monotonic()
        first = await _open(Resolving(("::1", closed_port()), good))
        assert time.monotonic() - began < 0.2
        first.abort()
        with silent() as port:
            before = descriptors()
            began = time.monotonic()
            second = await _open(Resolving(("127.0.0.1", port), good))
            assert 0.2 < time.monotonic() - began < 0.6
            assert second.get_extra_info("peername")[1] == upstream.port
            second.abort()
            await (await upstream.connection(1)).closed()
            await settled(before)  # the loser's socket is closed too


async def test_the_first_that_answers_wins_though_it_began_first() -> None:
    with silent() as one, silent() as other:
        async with HostileUpstream([Stall()]) as upstream:
            places = [("127.0.0.1", one), ("127.0.0.1", upstream.port), ("127.0.0.1", other)]
            transport = await _open(Resolving(*places))
            assert transport.get_extra_info("peername")[1] == upstream.port
            transport.abort()


async def test_when_all_are_dead_the_first_reason_is_told() -> None:
    port = closed_port()
    before = descriptors()
    with pytest.raises(ConnectionRefusedError, match=str(port)):
        await _open(Resolving(("127.0.0.1", port), ("::1", 1), ("127.0.0.2", 1)))
    await settled(before)


async def test_who_stops_waiting_leaves_nothing_behind() -> None:
    with silent() as one, silent() as other:
        before = descriptors()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                await _open(Resolving(("127.0.0.1", one), ("127.0.0.1", other)))
        await settled(before)


# -- proxies --------------------------------------------------------------------------------------


class SmallProxy:
    """Tunnels everything to one port, whatever name is asked for; keeps the heads it read."""

    def __init__(self, target: int, reply: bytes = b"HTTP/1.1 200 Fine\r\nX: y\r\n\r\n") -> None:
        self.heads: list[str] = []
        self.port = 0
        self._target = target
        self._reply = reply
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            for byte in self._reply:  # in as many pieces as can be
                writer.write(bytes([byte]))
                await asyncio.sleep(0)
            if self._reply[9:10] == b"2":
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
                await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def proxying(proxy: SmallProxy, context: ssl.SSLContext | None) -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=context)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield Proxy(Address("localhost", proxy.port, context is not None), CREDENTIALS)
    finally:
        server.close()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """Trusted as if the system did."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    connect._proxy_context.cache_clear()
    yield authority
    connect._proxy_context.cache_clear()


def served(authority: Authority, host: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.sign(f"for {host}", host=host))
    return context


@contextlib.asynccontextmanager
async def echoing(context: ssl.SSLContext) -> AsyncIterator[int]:
    """A server with TLS that sends bodies back."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(int(head.split(b"Content-Length: ")[1].split()[0]))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.parametrize("proxy_tls", [False, True])
async def test_a_target_with_tls_is_reached_by_a_tunnel(
    authority: Authority, *, proxy_tls: bool
) -> None:
    own = client_context(ProviderTls(ca_file=str(authority.ca_file)))
    async with echoing(served(authority, "api.test")) as target:
        small = SmallProxy(target)
        context = served(authority, "localhost") if proxy_tls else None
        async with proxying(small, context) as proxy:
            async with pooling(4443, host="api.test", tls=own, proxy=proxy) as pool:
                for body in (b"{}", b"x" * 3_000_000, b""):
                    assert (await ask(pool, body)).body == body
                assert pool.state.open == 1
            assert small.heads == [
                "CONNECT api.test:4443 HTTP/1.1\r\nHost: api.test:4443\r\n"
                f"Proxy-Authorization: {CREDENTIALS}\r\n\r\n"
            ]
            # The tunnel is no reason to believe who is at its end.
            async with pooling(443, host="elsewhere.test", tls=own, proxy=proxy) as pool:
                sender = await ask(pool)
                assert await sender.result() == "connect_failed"
                assert "Hostname mismatch" in sender.failure.detail
                await all_closed(pool)


@pytest.mark.parametrize("proxy_tls", [False, True])
async def test_a_plain_target_is_asked_for_at_the_proxy(
    authority: Authority, *, proxy_tls: bool
) -> None:
    small = SmallProxy(0, OK.replace(b"200", b"404"))
    context = served(authority, "localhost") if proxy_tls else None
    async with (
        proxying(small, context) as proxy,
        pooling(80, host="api.test", proxy=proxy) as pool,
    ):
        sender = await ask(pool, path="http://api.test/")
        assert (sender.head.status, sender.body) == (404, b"ok")
        assert small.heads[0].startswith("POST http://api.test/ HTTP/1.1\r\n")


async def test_an_address_of_ipv6_is_asked_for_in_brackets() -> None:
    assert connect._connect_request(Address("::1", 443, True), Proxy(PLAIN, None)) == (
        b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n"
    )


REFUSALS = {
    "password": (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407 Proxy"),
    "forbidden": (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "403 Forbidden"),
    "nonsense": (b"SSH-2.0-x\r\n\r\n", "SSH-2.0-x"),
    "not quite": (b"HTTP/1.1\r\n\r\n", "refused the tunnel"),
    "nothing": (b"", "proxy closed the connection"),
    "half": (b"HTTP/1.1 300", "proxy closed the connection"),
    "without end": (b"X" * 40_000, "the proxy"),
}


@pytest.mark.parametrize("proxy_tls", [False, True])
@pytest.mark.parametrize("name", REFUSALS)
async def test_a_proxy_that_refuses_is_a_failure_that_says_so(
    authority: Authority, name: str, *, proxy_tls: bool
) -> None:
    reply, said = REFUSALS[name]
    context = served(authority, "localhost") if proxy_tls else None
    own = client_context(ProviderTls())
    async with (
        proxying(SmallProxy(0, reply), context) as proxy,
        pooling(443, host="api.test", tls=own, proxy=proxy) as pool,
    ):
        sender = await ask(pool)
        assert await sender.result() == "connect_failed"
        assert said in sender.failure.detail
        assert "dXNlcjp" not in sender.failure.detail
        await all_closed(pool)


async def test_a_proxy_that_says_nothing_is_left_in_time() -> None:
    own = client_context(ProviderTls())
    async with HostileUpstream([ReadHead(), Stall()]) as upstream:
        proxy = Proxy(Address("127.0.0.1", upstream.port, False), None)
        async with pooling(443, host="a.test", tls=own, proxy=proxy, connect_s=0.3) as pool:
            assert await (await ask(pool)).result() == "connect_timeout"
            await (await upstream.connection(0)).closed(2)
            assert pool.state.open == 0


async def test_a_proxy_is_verified_too(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    own = client_context(ProviderTls())
    for target, tls in ((443, own), (80, None)):
        for context in (served(stranger, "localhost"), served(authority, "other.test")):
            small = SmallProxy(0)
            async with (
                proxying(small, context) as proxy,
                pooling(target, host="api.test", tls=tls, proxy=proxy) as pool,
            ):
                sender = await ask(pool)
                assert await sender.result() == "connect_failed"
                assert "certificate" in sender.failure.detail
                assert small.heads == []


async def test_a_cancelled_call_leaves_its_tunnel_for_the_next(authority: Authority) -> None:
    own = client_context(ProviderTls(ca_file=str(authority.ca_file)))
    async with echoing(served(authority, "api.test")) as target:
        small = SmallProxy(target)
        async with (
            proxying(small, served(authority, "localhost")) as proxy,
            pooling(443, host="api.test", tls=own, proxy=proxy) as pool,
        ):
            send(pool).sending.cancel()
            assert (await ask(pool)).body == b"{}"
