"""How the gate reaches a snapshot's providers: pools and prepared heads.

A provider that a new snapshot leaves as it was keeps its pool and its warm connections.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from faregate.configuration.accounts import account_keys, account_options, api_url, vendor_of
from faregate.configuration.document import Document, Provider
from faregate.gate.proofs import AwsProof, TokenProof
from faregate.net.connect import Address, Proxy, address_of, choose_proxy
from faregate.net.deadlines import Deadlines
from faregate.net.pool import Origin, Pool, PoolState
from faregate.net.tls import client_context
from faregate.providers.vendors import Vendor, dialect_base_url
from faregate.wire.fields import HOP_BY_HOP, connection_names
from faregate.wire.request_reader import RequestHead

if TYPE_CHECKING:
    from faregate.gate.wires import Wire

# What a caller's request says to the gate or of the caller, and not to the provider.
_NOT_FORWARDED: Final = HOP_BY_HOP | {
    b"sec-websocket-key", b"sec-websocket-version", b"sec-websocket-protocol",
    b"sec-websocket-extensions",
    b"host", b"authorization", b"x-api-key", b"api-key", b"cookie", b"expect",
    b"content-length", b"content-type", b"content-encoding", b"accept-encoding",
    b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto",
    b"x-forwarded-port", b"x-real-ip", b"via", b"origin", b"referer",
    b"openai-organization", b"openai-project", b"x-goog-api-key", b"x-goog-user-project",
    b"faregate-customer", b"faregate-run", b"faregate-unsupported", b"faregate-operator",
    b"faregate-timeout", b"faregate-conversation", b"faregate-key", b"faregate-call-id",
    b"faregate-before", b"faregate-batch-line",
    b"signature", b"signature-input", b"content-digest",
}  # fmt: skip


class Proof(Protocol):
    """Signs requests, or fetches the tokens that they carry."""

    def lines(self, wire: "Wire", path: bytes, body: bytes) -> bytes | Awaitable[bytes]:
        """Whole lines for the head of this request.

        Awaitable where one must be fetched.

        Raises `FaregateError` where it can't be had.
        """


class Lane:
    """How one dialect is spoken at a provider: a pool, a base path, fields.

    `fields` are whole lines, the key's by its name in `key_fields`.
    """

    __slots__ = ("dialect", "fields", "host", "key_fields", "pool", "prefix")

    def __init__(
        self,
        dialect: str,
        pool: Pool,
        host: str,
        prefix: str,
        fields: bytes,
        keys: dict[str, bytes],
    ) -> None:
        self.dialect = dialect
        self.pool = pool
        self.host = host
        self.prefix = prefix.encode("ascii")
        self.fields = fields
        self.key_fields = keys


class Upstream:
    """One provider: where its requests go and how they begin."""

    def __init__(self, provider: Provider, vendor: Vendor, pools: "_Pools") -> None:
        self.provider = provider
        self.name = provider.name
        self.vendor = provider.vendor
        self.row = vendor
        self.base_url = api_url(provider)
        self.pool = pools.at(self.base_url)
        self.address = _shown(self.pool.origin.address)
        self.ask_stream_usage = provider.ask_stream_usage and vendor.ask_stream_usage
        self.keys = account_keys(provider)
        # What callers say of these is the operator's to say.
        self._own_names = frozenset(
            name.lower().encode() for name in (*provider.headers, *vendor.headers)
        )
        self._pools = pools
        self._lanes: dict[str, Lane] = {}
        self.proof = _proof(self, pools)  # where a key in a field won't do

    @property
    def state(self) -> PoolState:
        """The counts over all of its pools."""
        return self._pools.state

    def dialects(self, operation: str) -> tuple[str, ...]:
        """What it speaks for an operation, the preferred first."""
        said = self.provider.dialects.get(operation)
        if said is not None:
            return said
        return next((spoken for name, spoken in self.row.dialects.items() if name == operation), ())

    def lane(self, dialect: str) -> Lane:
        """The way to what it speaks."""
        lane = self._lanes.get(dialect)
        if lane is None:
            lane = self._lanes[dialect] = self._make_lane(dialect)
        return lane

    def _make_lane(self, dialect: str) -> Lane:
        url = dialect_base_url(self.row, dialect, self.base_url)
        pool = self._pools.at(url)
        address, proxy = pool.origin.address, pool.origin.proxy
        prefix = urlsplit(url).path.rstrip("/")
        if proxy is not None and not address.tls:
            prefix = f"http://{_host_field(address)}{prefix}"
        by_header = self.row.auth == "header"
        keys = {
            key.name: _line(*self.row.key_field(key.secret, dialect)) if by_header else b""
            for key in self.keys
        }
        fields = _own_fields(self.provider, self.row, address, proxy)
        return Lane(dialect, pool, _host_field(address), prefix, fields, keys)

    def forwarded(self, head: RequestHead) -> bytes:
        """What is passed on of the caller's head.

        It is kept with it, for heads repeat.
        """
        kept = head.forwarded
        if kept is None or kept[0] is not self:
            kept = head.forwarded = (self, self._forwarded(head))
        return kept[1]

    def _forwarded(self, head: RequestHead) -> bytes:
        fields = head.fields
        left_out = _NOT_FORWARDED | self._own_names
        connection = fields.get(b"connection")
        if connection is not None:
            left_out = left_out | connection_names([connection])
        return b"".join(
            b"%b: %b\r\n" % (name, value) for name, value in fields.items() if name not in left_out
        )

    def close(self) -> None:
        """Close all pools."""
        self._pools.close()


class _Pools:
    """A provider's pools: one for each address, which most have one of."""

    def __init__(
        self,
        provider: Provider,
        loop: asyncio.AbstractEventLoop,
        deadlines: Deadlines,
        now: Callable[[], float],
    ) -> None:
        self._provider = provider
        self._loop = loop
        self._deadlines = deadlines
        self.now = now
        self._by_address: dict[Address, Pool] = {}

    def at(self, url: str) -> Pool:
        """The pool of a URL's host; raises `ConfigurationError` for unusable TLS files."""
        address = address_of(url)
        pool = self._by_address.get(address)
        if pool is None:
            provider = self._provider
            origin = Origin(
                address,
                provider.timeouts,
                provider.connections_max,
                provider.queue_max,
                client_context(provider.tls) if address.tls else None,
                choose_proxy(provider.proxy, address),
            )
            pool = self._by_address[address] = Pool(self._loop, self._deadlines, self.now, origin)
        return pool

    @property
    def state(self) -> PoolState:
        states = [pool.state for pool in self._by_address.values()]
        return PoolState(
            sum(state.open for state in states),
            sum(state.idle for state in states),
            sum(state.waiting for state in states),
        )

    def close(self) -> None:
        for pool in self._by_address.values():
            pool.close()


def build_upstream(
    provider: Provider,
    loop: asyncio.AbstractEventLoop,
    deadlines: Deadlines,
    now: Callable[[], float],
) -> Upstream:
    """An upstream with new pools.

    Raises `ConfigurationError` for unusable TLS files.
    """
    upstream = Upstream(provider, vendor_of(provider), _Pools(provider, loop, deadlines, now))
    for spoken in (*upstream.row.dialects.values(), *provider.dialects.values()):
        for dialect in spoken:
            upstream.lane(dialect)  # what can't be used is to be known now
    return upstream


def _proof(upstream: Upstream, pools: _Pools) -> Proof | None:
    provider, auth = upstream.provider, upstream.row.auth
    secrets = {key.name: key.secret for key in upstream.keys}
    if auth == "sigv4":
        return AwsProof(secrets, provider.options.get("region", ""), time.time)
    if auth in ("google_oauth", "ibm_iam"):
        options = account_options(provider)
        return TokenProof(auth, secrets, options, pools.at, pools.now, time.time)
    return None


def _shown(address: Address) -> str:
    return f"{address.host}:{address.port}"


def _host_field(address: Address) -> str:
    host = f"[{address.host}]" if ":" in address.host else address.host
    return host if address.port == (443 if address.tls else 80) else f"{host}:{address.port}"


def _line(name: str, value: str) -> bytes:
    return f"{name}: {value}\r\n".encode("latin-1")


def _own_fields(provider: Provider, vendor: Vendor, address: Address, proxy: Proxy | None) -> bytes:
    lines = {
        "host": _host_field(address),
        # Replies are read for their usage, and relayed as they are.
        "accept-encoding": "identity",
        # RFC 9110 §7.6.3 asks every intermediary for it.
        "via": "1.1 faregate",
    }
    if proxy is not None and proxy.authorization is not None and not address.tls:
        lines["proxy-authorization"] = proxy.authorization
    lines.update(vendor.headers)
    lines.update({name.lower(): value for name, value in provider.headers.items()})
    return b"".join(_line(name, value) for name, value in lines.items())


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
                upstream.close()
        self.current = prepared

    def close(self) -> None:
        """Close all pools."""
        self.adopt({})
