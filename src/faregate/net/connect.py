"""Opens upstream connections: races addresses, passes proxies, TLS.

Addresses are tried as RFC 8305 ("Happy Eyeballs") says: families in turn, the next one a quarter
of a second after the last, and the first that answers wins.
"""

import asyncio
import base64
import functools
import ipaddress
import os
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from faregate.core.errors import ConfigurationError

_RACE_DELAY_SECONDS: Final = 0.25
_PROXY_REPLY_BYTES_MAX: Final = 16 * 1024

_Place = tuple[socket.AddressFamily, tuple[Any, ...]]
ProtocolT = TypeVar("ProtocolT", bound=asyncio.Protocol)


class Address(NamedTuple):
    """A host to connect to, and whether TLS is spoken there."""

    host: str
    port: int
    tls: bool


class Proxy(NamedTuple):
    """A proxy and what it wants to see in `Proxy-Authorization`."""

    address: Address
    authorization: str | None


class ProxyRefusedError(OSError):
    """The proxy answered CONNECT with something else than 2xx."""


def address_of(url: str) -> Address:
    """The address behind an http or https URL."""
    parts = urlsplit(url)
    return _address(parts)


def _address(parts: SplitResult) -> Address:
    tls = parts.scheme == "https"
    return Address(parts.hostname or "", parts.port or (443 if tls else 80), tls)


def choose_proxy(
    setting: str, target: Address, environment: Mapping[str, str] = os.environ
) -> Proxy | None:
    """The proxy for `target` by a provider's `proxy` setting.

    "environment" reads HTTPS_PROXY or HTTP_PROXY, ALL_PROXY and NO_PROXY as curl does: in lower
    case first (and HTTP_PROXY in lower case only, for a CGI client may set the other).

    Raises `ConfigurationError` for a proxy that can't be used, and never repeats its address: it
    may hold a password.
    """
    if setting == "none":
        return None
    if setting == "environment":
        first = ("https_proxy", "HTTPS_PROXY") if target.tls else ("http_proxy",)
        names = (*first, "all_proxy", "ALL_PROXY")
        source = next((name for name in names if environment.get(name)), None)
        bypass = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
        if source is None or _bypassed(target, bypass):
            return None
        return _proxy(environment[source], source)
    return _proxy(setting, "the provider's setting 'proxy'")


def _proxy(url: str, source: str) -> Proxy:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        address = _address(parts)
    except ValueError:
        parts, address = SplitResult("", "", "", "", ""), Address("", 0, tls=False)
    if parts.scheme not in {"http", "https"} or not address.host:
        raise ConfigurationError(
            f"the proxy in {source} is not one that speaks HTTP",
            fix="Write http://host:port, or https://host:port where the proxy itself has TLS.",
        )
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(pair.encode()).decode()
    return Proxy(address, authorization)


def _bypassed(target: Address, bypass: str) -> bool:
    for name in re.split(r"[\s,]+", bypass.lower()):
        host, _, port = name.partition(":") if name.count(":") == 1 else (name, "", "")
        if port and port != str(target.port):
            continue
        host = host.removeprefix("*").lstrip(".").rstrip(".").strip("[]")
        if name == "*" or (host and (target.host == host or target.host.endswith("." + host))):
            return True
        if "/" in host and _in_network(target.host, host):
            return True
    return False


def _in_network(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


async def open_connection(
    loop: asyncio.AbstractEventLoop,
    factory: Callable[[], ProtocolT],
    target: Address,
    tls: ssl.SSLContext | None,
    proxy: Proxy | None,
) -> ProtocolT:
    """Connect `factory()`'s protocol to `target`.

    Raises `OSError` or `ssl.SSLError`.

    A plain target behind a proxy is reached by asking the proxy in absolute form, which is for the
    caller to do: the connection is then to the proxy. One with TLS gets a tunnel.
    """
    first = proxy.address if proxy is not None else target
    connected = await _race(loop, first)
    try:
        if proxy is None or not target.tls:
            context, name = (tls, target.host) if proxy is None else (None, "")
            if proxy is not None and proxy.address.tls:
                context, name = _proxy_context(), proxy.address.host
            _, protocol = await loop.create_connection(
                factory, sock=connected, ssl=context, server_hostname=name if context else None
            )
            return protocol
        if proxy.address.tls:
            return await _tunnel_in_tls(loop, factory, connected, target, tls, proxy)
        await _open_tunnel(loop, connected, target, proxy)
        _, protocol = await loop.create_connection(
            factory, sock=connected, ssl=tls, server_hostname=target.host
        )
    except BaseException:
        connected.close()
        raise
    return protocol


@functools.cache
def _proxy_context() -> ssl.SSLContext:
    """What proxies are verified by; to read the system's authorities takes long."""
    return ssl.create_default_context()


# -- racing addresses ------------------------------------------------------------------------------


async def _race(loop: asyncio.AbstractEventLoop, address: Address) -> socket.socket:
    found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    ordered = _families_in_turn([(entry[0], entry[4]) for entry in found])
    if len(ordered) == 1:
        return await _connect(loop, *ordered[0])
    errors: list[OSError] = []
    running: set[asyncio.Task[socket.socket]] = set()
    try:
        for family, sockaddr in ordered:
            running.add(loop.create_task(_connect(loop, family, sockaddr)))
            winner = await _first(running, _RACE_DELAY_SECONDS, errors)
            if winner is not None:
                return winner
        while running:
            winner = await _first(running, None, errors)
            if winner is not None:
                return winner
    finally:
        for task in running:
            task.add_done_callback(_close_loser)
            task.cancel()
    raise errors[0] if errors else OSError(f"no address for {address.host}")


def _families_in_turn(found: list[_Place]) -> list[_Place]:
    preferred = found[0][0]
    same = [place for place in found if place[0] == preferred]
    other = [place for place in found if place[0] != preferred]
    return [each for pair in zip_longest(same, other) for each in pair if each is not None]


async def _connect(
    loop: asyncio.AbstractEventLoop, family: socket.AddressFamily, sockaddr: tuple[Any, ...]
) -> socket.socket:
    connecting = socket.socket(family, socket.SOCK_STREAM)
    connecting.setblocking(False)
    try:
        await loop.sock_connect(connecting, sockaddr)
    except BaseException:
        connecting.close()
        raise
    return connecting


async def _first(
    running: set[asyncio.Task[socket.socket]], timeout_s: float | None, errors: list[OSError]
) -> socket.socket | None:
    """The first socket that connects in time; failed attempts leave `running`."""
    done, _ = await asyncio.wait(running, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        running.discard(task)
        error = task.exception()
        if error is None:
            return task.result()
        if not isinstance(error, OSError):
            raise error
        errors.append(error)
    return None


def _close_loser(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


# -- tunnels ---------------------------------------------------------------------------------------


def _connect_request(target: Address, proxy: Proxy) -> bytes:
    host = f"[{target.host}]" if ":" in target.host else target.host
    lines = [f"CONNECT {host}:{target.port} HTTP/1.1", f"Host: {host}:{target.port}"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _check_tunnel_reply(reply: bytes) -> None:
    parts = reply.split(b" ", 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.") or parts[1][:1] != b"2":
        line = reply.split(b"\r\n", 1)[0].decode("latin-1")[:120]
        raise ProxyRefusedError(f"the proxy refused the tunnel: {line}")


async def _open_tunnel(
    loop: asyncio.AbstractEventLoop, connected: socket.socket, target: Address, proxy: Proxy
) -> None:
    await loop.sock_sendall(connected, _connect_request(target, proxy))
    reply = b""
    while b"\r\n\r\n" not in reply:
        # Nothing follows the reply until TLS begins, and that is for us to begin.
        piece = await loop.sock_recv(connected, 4096)
        if not piece or len(reply) > _PROXY_REPLY_BYTES_MAX:
            raise ProxyRefusedError("the proxy closed the connection without an answer")
        reply += piece
    _check_tunnel_reply(reply)


class _TunnelHandshake(asyncio.Protocol):
    """Waits for a proxy's answer to CONNECT on a connection that has TLS already."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.answered: asyncio.Future[None] = loop.create_future()
        self._reply = b""

    def data_received(self, data: bytes) -> None:
        self._reply += data
        if self.answered.done():
            return
        if b"\r\n\r\n" in self._reply:
            try:
                _check_tunnel_reply(self._reply)
            except ProxyRefusedError as error:
                self.answered.set_exception(error)
            else:
                self.answered.set_result(None)
        elif len(self._reply) > _PROXY_REPLY_BYTES_MAX:
            self.answered.set_exception(ProxyRefusedError("the proxy's answer has no end"))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answered.done():
            self.answered.set_exception(ProxyRefusedError("the proxy closed the connection"))


async def _tunnel_in_tls(
    loop: asyncio.AbstractEventLoop,
    factory: Callable[[], ProtocolT],
    connected: socket.socket,
    target: Address,
    tls: ssl.SSLContext | None,
    proxy: Proxy,
) -> ProtocolT:
    handshake = _TunnelHandshake(loop)
    outer, _ = await loop.create_connection(
        lambda: handshake,
        sock=connected,
        ssl=_proxy_context(),
        server_hostname=proxy.address.host,
    )
    outer.write(_connect_request(target, proxy))
    try:
        await handshake.answered
        protocol = factory()
        inner = await loop.start_tls(
            outer, protocol, tls or _proxy_context(), server_hostname=target.host
        )
    except BaseException:
        outer.abort()
        raise
    if inner is None or inner.is_closing():
        raise ProxyRefusedError("the proxy closed the connection")
    protocol.connection_made(inner)
    return protocol
