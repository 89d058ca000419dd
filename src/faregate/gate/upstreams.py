"""How the gate reaches a snapshot's providers: pools and prepared heads.

A provider that a new snapshot leaves as it was keeps its pool and its warm connections.
"""

import asyncio
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from faregate.configuration.accounts import api_url, vendor_of
from faregate.configuration.document import Document, Provider
from faregate.net.connect import Address, Proxy, address_of, choose_proxy
from faregate.net.deadlines import Deadlines
from faregate.net.pool import Origin, Pool
from faregate.net.tls import client_context
from faregate.wire.fields import HOP_BY_HOP, connection_names
from faregate.wire.request_reader import RequestHead

# What a caller's request says to the gate or of the caller, and not to the provider.
_NOT_FORWARDED: Final = HOP_BY_HOP | {
    b"host", b"authorization", b"x-api-key", b"api-key", b"cookie", b"expect",
    b"content-length", b"content-type", b"content-encoding", b"accept-encoding",
    b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto",
    b"x-forwarded-port", b"x-real-ip", b"via", b"origin", b"referer",
    b"openai-organization", b"openai-project", b"faregate-customer", b"faregate-run",
}  # fmt: skip


class Upstream:
    """One provider: where its requests go and how they begin."""

    def __init__(self, provider: Provider, pool: Pool, prefix: str, fields: bytes) -> None:
        self.provider = provider
        self.name = provider.name
        self.vendor = provider.vendor
        self.address = f"{pool.origin.address.host}:{pool.origin.address.port}"
        self.pool = pool
        self.ask_stream_usage = provider.ask_stream_usage
        self.output_limit_field = vendor_of(provider).output_limit_field
        self._prefix = prefix.encode("ascii")
        self._fields = fields
        self._own_names = frozenset(name.lower().encode() for name in provider.headers)

    def request_head(self, head: RequestHead, path: bytes, body_bytes: int) -> bytes:
        """The head of the request for `path` below the provider's address.

        What is forwarded of the caller's head is kept with it, for heads repeat.
        """
        kept = head.forwarded
        if kept is None or kept[0] is not self:
            kept = head.forwarded = (self, self._forwarded(head))
        query = b"?" + head.query if head.query else b""
        return b"POST %b%b%b HTTP/1.1\r\n%b%bcontent-length: %d\r\n\r\n" % (
            self._prefix,
            path,
            query,
            self._fields,
            kept[1],
            body_bytes,
        )

    def _forwarded(self, head: RequestHead) -> bytes:
        fields = head.fields
        left_out = _NOT_FORWARDED | self._own_names
        connection = fields.get(b"connection")
        if connection is not None:
            left_out = left_out | connection_names([connection])
        return b"".join(
            b"%b: %b\r\n" % (name, value) for name, value in fields.items() if name not in left_out
        )


def build_upstream(
    provider: Provider,
    loop: asyncio.AbstractEventLoop,
    deadlines: Deadlines,
    now: Callable[[], float],
) -> Upstream:
    """An upstream with a new pool.

    Raises `ConfigurationError` for unusable TLS files.
    """
    url = api_url(provider)
    address = address_of(url)
    proxy = choose_proxy(provider.proxy, address)
    tls = client_context(provider.tls) if address.tls else None
    origin = Origin(
        address, provider.timeouts, provider.connections_max, provider.queue_max, tls, proxy
    )
    pool = Pool(loop, deadlines, now, origin)
    prefix = urlsplit(url).path.rstrip("/")
    if proxy is not None and not address.tls:
        prefix = f"http://{_host_field(address)}{prefix}"
    return Upstream(provider, pool, prefix, _own_fields(provider, address, proxy))


def _host_field(address: Address) -> str:
    host = f"[{address.host}]" if ":" in address.host else address.host
    return host if address.port == (443 if address.tls else 80) else f"{host}:{address.port}"


def _own_fields(provider: Provider, address: Address, proxy: Proxy | None) -> bytes:
    lines = {
        "host": _host_field(address),
        "content-type": "application/json",
        # Replies are read for their usage, and relayed as they are.
        "accept-encoding": "identity",
        # RFC 9110 §7.6.3 asks every intermediary for it.
        "via": "1.1 faregate",
    }
    vendor = vendor_of(provider)
    if provider.api_key is not None:
        name, value = vendor.key_field(provider.api_key)
        lines[name] = value
    if proxy is not None and proxy.authorization is not None and not address.tls:
        lines["proxy-authorization"] = proxy.authorization
    lines.update({name.lower(): value for name, value in provider.headers.items()})
    return "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode("latin-1")


class Upstreams:
    """All upstreams of a worker, through changes of configuration."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, deadlines: Deadlines, now: Callable[[], float]
    ) -> None:
        self._loop = loop
        self._deadlines = deadlines
        self._now = now
        self.current: dict[str, Upstream] = {}

    def prepare(self, document: Document) -> dict[str, Upstream]:
        """The upstreams of `document`; nothing changes yet.

        Raises `ConfigurationError`.
        """
        prepared = {}
        for provider in document.providers:
            known = self.current.get(provider.name)
            if known is not None and known.provider == provider:
                prepared[provider.name] = known
            else:
                prepared[provider.name] = build_upstream(
                    provider, self._loop, self._deadlines, self._now
                )
        return prepared

    def adopt(self, prepared: dict[str, Upstream]) -> None:
        """Use `prepared` from now on; old pools finish what they have."""
        for name, upstream in self.current.items():
            if prepared.get(name) is not upstream:
                upstream.pool.close()
        self.current = prepared

    def close(self) -> None:
        """Close all pools."""
        self.adopt({})
