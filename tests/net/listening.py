"""A listener with a small application behind it, and a client that speaks in bytes.

The application answers by the path: `/echo` says what came, `/stream/N` sends N bytes as fast as
they are read, `/hold` waits for `release()`, `/refuse` refuses by the head, anything else is OK.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any, Self

from faregate.configuration.settings import GateSettings
from faregate.core.refusals import Refusal, refuse
from faregate.net.client_connection import ClientConnection
from faregate.net.deadlines import Deadlines
from faregate.net.listener import Listener
from faregate.wire.reply import render_reply
from faregate.wire.request_reader import RequestHead

PIECE = b"s" * 16_384


class SmallExchange:
    """One request; `log` of the application tells what happened to it."""

    def __init__(
        self, application: "SmallApplication", connection: ClientConnection, head: RequestHead
    ) -> None:
        self.application = application
        self.connection = connection
        self.head = head
        self.body = b""
        self.refusal: Refusal | None = None
        self.slow = False
        self.left = 0
        if head.path == b"/refuse":
            self.refusal = refuse("key_missing", "No key.")

    def request_whole(self, body: bytes) -> None:
        self.body = body
        path = self.head.path
        if path == b"/hold":
            self.application.held.append(self)
        self.application.say("whole", self)
        if path == b"/hold":
            return
        if path.startswith(b"/stream/"):
            self.left = int(path[8:])
            self._answer_stream()
        elif path == b"/echo":
            self.answer(200, body)
        else:
            self.answer(200, b"OK")

    def request_refused(self, refusal: Refusal) -> None:
        self.application.say("refused " + refusal.code, self)
        self.answer(refusal.status, refusal.code.encode())

    def client_gone(self) -> None:
        self.application.say("gone", self)

    def client_slow(self) -> None:
        self.slow = True
        self.application.say("slow", self)

    def client_ready(self) -> None:
        self.slow = False
        self.application.say("ready", self)
        if self.left:
            self._stream_on()

    def answer(self, status: int, body: bytes) -> None:
        """Answer with a whole reply."""
        connection = self.connection
        connection.send(
            render_reply(status, [("content-type", "text/plain")], body, close=connection.closes)
        )
        connection.finish()

    def _answer_stream(self) -> None:
        self.connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % self.left)
        self._stream_on()

    def _stream_on(self) -> None:
        while self.left and not self.slow:
            piece = PIECE[: self.left]
            self.left -= len(piece)
            self.connection.send(piece)
        if not self.left:
            self.connection.finish()


class SmallApplication:
    """What the listener's connections are answered by."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.heads: list[RequestHead] = []
        self.peers: list[str] = []
        self.held: list[SmallExchange] = []
        self._news = asyncio.Event()

    def open_exchange(self, connection: ClientConnection, head: RequestHead) -> SmallExchange:
        self.heads.append(head)
        self.peers.append(connection.peer)
        exchange = SmallExchange(self, connection, head)
        self.say("head", exchange)
        return exchange

    def refuse_bytes(self, connection: ClientConnection, refusal: Refusal) -> None:
        self.say("bytes refused " + refusal.code, None)
        connection.send(render_reply(refusal.status, [], refusal.code.encode(), close=True))
        connection.finish()

    def say(self, what: str, exchange: SmallExchange | None) -> None:
        """Write down what happens."""
        where = exchange.head.path.decode() + " " if exchange is not None else ""
        self.log.append(where + what)
        self._news.set()

    async def next_held(self, timeout_s: float = 5.0) -> SmallExchange:
        """The next request that waits for its answer."""
        async with asyncio.timeout(timeout_s):
            while not self.held:
                self._news.clear()
                await self._news.wait()
        return self.held.pop()

    async def said(self, what: str, timeout_s: float = 5.0) -> None:
        """Wait until it was written down."""
        async with asyncio.timeout(timeout_s):
            while what not in self.log:
                self._news.clear()
                await self._news.wait()


class Listening:
    """A listener that listens."""

    def __init__(self, listener: Listener, application: SmallApplication, port: int) -> None:
        self.listener = listener
        self.application = application
        self.port = port

    async def client(self) -> "Client":
        """A new connection to it."""
        client = Client()
        client.reader, client.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return client

    async def empty(self, timeout_s: float = 5.0) -> None:
        """Wait until no connection is open."""
        async with asyncio.timeout(timeout_s):
            while self.listener.connections:  # noqa: ASYNC110 - it has no event for this
                await asyncio.sleep(0.005)


class Reply:
    """What a client read: `fields` in lower case."""

    def __init__(self, status: int, fields: dict[str, str], body: bytes) -> None:
        self.status = status
        self.fields = fields
        self.body = body

    @property
    def closes(self) -> bool:
        """Whether it says that the connection ends."""
        return self.fields.get("connection") == "close"


class Client:
    """A connection of a client; an async context manager that closes it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()  # whatever was not taken is not waited for

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def reply(self, timeout_s: float = 5.0) -> Reply:
        """The next reply; it has a Content-Length."""
        async with asyncio.timeout(timeout_s):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.split("\r\n")[:-2]
            fields = {
                name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
            }
            body = await self.reader.readexactly(int(fields.get("content-length", 0)))
        return Reply(int(first.split(" ")[1]), fields, body)

    async def end(self, timeout_s: float = 5.0) -> bytes:
        """What comes until the connection ends in good order."""
        async with asyncio.timeout(timeout_s):
            return await self.reader.read()

    async def ask(self, data: bytes) -> Reply:
        """Send, and read the reply."""
        self.send(data)
        return await self.reply()

    def reset(self) -> None:
        """Break the connection with RST."""
        self.writer.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
        )
        self.writer.transport.abort()


def get(path: str = "/", fields: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode()


def post(body: bytes, path: str = "/echo", fields: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@contextlib.asynccontextmanager
async def listening(
    certificates: Any = None, now: Callable[[], float] | None = None, **settings: Any
) -> AsyncIterator[Listening]:
    """A listener on a free port with these settings, ended with the block."""
    loop = asyncio.get_running_loop()
    application = SmallApplication()
    deadlines = Deadlines(loop, now or loop.time)
    listener = Listener(loop, application, deadlines, now or loop.time, GateSettings(**settings))
    bound = socket.create_server(("127.0.0.1", 0), backlog=1024)
    port = bound.getsockname()[1]
    await listener.serve(bound, certificates)
    try:
        yield Listening(listener, application, port)
    finally:
        await listener.drain(0)
        deadlines.close()
