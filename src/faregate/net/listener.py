"""The side that callers connect to: what connections share, draining."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from faregate.configuration.settings import GateSettings
from faregate.net.client_connection import ClientConnection
from faregate.net.deadlines import Deadlines
from faregate.net.exchange import Application
from faregate.net.tls import ServerCertificates
from faregate.wire.client_address import ProxyTrust
from faregate.wire.proxy_protocol import (
    V2_BYTES_MAX,
    ProxyHeader,
    ProxyHeaderError,
    parse_proxy_header,
)

_BACKLOG: Final = 4096
_ACCEPT_PAUSE_SECONDS: Final = 0.1
_INSIDE: Final = "127.0.0.1"  # the address that is recorded of such a connection


class Listener:
    """The connections of one worker; limits and settings that they share."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        application: Application,
        deadlines: Deadlines,
        now: Callable[[], float],
        settings: GateSettings,
    ) -> None:
        self.loop = loop
        self.application = application
        self.deadlines = deadlines
        self.now = now
        self.settings = settings
        self.connections: set[ClientConnection] = set()
        self.accepted = 0
        self.buffered_bytes = 0
        self.draining = False
        self._servers: list[asyncio.Server] = []
        self._accepting: tuple[asyncio.Task[None], socket.socket] | None = None
        self._emptied: asyncio.Future[None] | None = None

    def connection(self) -> "ClientConnection":
        """The protocol of a new connection."""
        return ClientConnection(self)

    @property
    def active(self) -> int:
        """Connections on which a request is read or answered; counted when asked."""
        return sum(connection.busy for connection in self.connections)

    @property
    def full(self) -> bool:
        """Whether one more connection is one too many."""
        return len(self.connections) >= self.settings.connections_max

    def opened(self, connection: "ClientConnection") -> None:
        """Count a new connection."""
        self.accepted += 1
        self.connections.add(connection)

    def closed(self, connection: "ClientConnection") -> None:
        """Forget a connection."""
        self.connections.discard(connection)
        if self._emptied is not None and not self.connections and not self._emptied.done():
            self._emptied.set_result(None)

    async def drain(self, timeout_s: float, grace_s: float = 1.0) -> None:
        """Accept no more; let requests in flight finish; then close what is left.

        For `grace_s` idle connections are kept, and closed after their next reply, so that a
        client that sends at this very moment is answered.
        """
        self.draining = True
        for server in self._servers:
            server.close()
        if self._accepting is not None:
            accepting, listening = self._accepting
            accepting.cancel()
            listening.close()
        until = self.now() + timeout_s
        await self._emptied_within(min(grace_s, timeout_s))
        for connection in list(self.connections):
            connection.close_if_idle()
        await self._emptied_within(max(until - self.now(), 0.0))
        for connection in list(self.connections):
            connection.drop()

    async def _emptied_within(self, seconds: float) -> None:
        if not self.connections:
            return
        self._emptied = self.loop.create_future()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._emptied, seconds)
        self._emptied = None

    async def serve(
        self, listening: socket.socket, certificates: ServerCertificates | None = None
    ) -> None:
        """Accept connections on a bound socket until `drain`."""
        context = certificates.context if certificates is not None else None
        if self.settings.proxy_protocol:
            trust = ProxyTrust(self.settings.trusted_proxies)
            listening.listen(_BACKLOG)
            listening.setblocking(False)
            accepting = self.loop.create_task(self._accept_proxied(listening, trust, certificates))
            self._accepting = (accepting, listening)
            return
        server = await self.loop.create_server(
            self.connection, sock=listening, ssl=context, backlog=_BACKLOG
        )
        self._servers.append(server)

    async def serve_inside(self, path: Path) -> None:
        """Accept connections of this installation alone; raises `OSError`.

        Neither TLS nor a PROXY header is asked for there: whoever may open it may read the
        master key as well.
        """
        server = await self.loop.create_unix_server(
            lambda: ClientConnection(self, _INSIDE), str(path)
        )
        self._servers.append(server)

    # -- behind a proxy that speaks the PROXY protocol ---------------------------------------------

    async def _accept_proxied(
        self,
        listening: socket.socket,
        trust: ProxyTrust,
        certificates: ServerCertificates | None,
    ) -> None:
        greeting: set[asyncio.Task[None]] = set()
        while True:
            try:
                accepted, name = await self.loop.sock_accept(listening)
            except OSError:  # out of descriptors: others will be given back
                await asyncio.sleep(_ACCEPT_PAUSE_SECONDS)
                continue
            if not trust.believes(name[0]):
                accepted.close()
                continue
            task = self.loop.create_task(self._greet(accepted, name[0], certificates))
            greeting.add(task)
            task.add_done_callback(greeting.discard)

    async def _greet(
        self, accepted: socket.socket, proxy: str, certificates: ServerCertificates | None
    ) -> None:
        """Take the header off, and not a byte more: TLS may begin right behind it."""
        try:
            accepted.setblocking(False)
            async with asyncio.timeout(self.settings.first_byte_timeout_s):
                header = await self._read_header(accepted)
            peer = header.address or proxy
            await self.loop.connect_accepted_socket(
                lambda: ClientConnection(self, peer),
                accepted,
                ssl=certificates.context if certificates is not None else None,
            )
        except (OSError, TimeoutError, ProxyHeaderError):
            accepted.close()
        except BaseException:
            accepted.close()
            raise

    async def _read_header(self, accepted: socket.socket) -> ProxyHeader:
        seen = 0
        while True:
            await self._readable(accepted)
            data = accepted.recv(V2_BYTES_MAX, socket.MSG_PEEK)
            if not data:
                raise ProxyHeaderError("the connection ended before its PROXY header")
            header = parse_proxy_header(data)
            if header is not None:
                await self.loop.sock_recv(accepted, header.length)
                return header
            if len(data) == seen:  # nothing new: peeking does not wait by itself
                await asyncio.sleep(0.01)
            seen = len(data)

    async def _readable(self, accepted: socket.socket) -> None:
        ready: asyncio.Future[None] = self.loop.create_future()

        def on_readable() -> None:
            if not ready.done():
                ready.set_result(None)

        self.loop.add_reader(accepted, on_readable)
        try:
            await ready
        finally:
            self.loop.remove_reader(accepted)
