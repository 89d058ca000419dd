"""A real gate in the test's own loop: real sockets, the simulator or a scripted upstream behind it.

async with running() as place:
    async with place.client() as client:
        reply = await client.post(HELLO)
    assert place.only_call().settled.outcome == "answered"
"""

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

import msgspec

from faregate.calllog.frames import (
    Body,
    CallFrame,
    Closed,
    Copied,
    Happened,
    Settled,
    Started,
    decode_frame,
)
from faregate.configuration.document import Document, Model, Provider
from faregate.configuration.references import plain
from faregate.configuration.settings import Settings
from faregate.core.clock import SystemClock
from faregate.gate.credit_broker import TICK_S
from faregate.gate.follower import Follower
from faregate.gate.gate import Gate
from faregate.gate.memory import MemoryConfiguration
from faregate.gate.memory_journal import MemoryJournal
from faregate.ledger.memory import MemoryLedger
from faregate.policies.keys import KeyCheck
from faregate.simulator.service import Simulator
from faregate.tally.memory import MemoryTally

CHAT = "/v1/chat/completions"
PROVIDER_KEY = "sk-provider-canary-7c1d"
HELLO: dict[str, Any] = {"model": "sim", "messages": [{"role": "user", "content": "hello"}]}
STREAM = HELLO | {"stream": True}


# -- a client -------------------------------------------------------------------------------------


@dataclass
class Reply:
    """A reply as it came; `chunks` of a chunked body, else None."""

    head: bytes
    body: bytes
    chunks: list[bytes] | None = None

    @property
    def status(self) -> int:
        return int(self.head.split(b" ", 2)[1])

    @property
    def fields(self) -> list[tuple[str, str]]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines if line)
        return [(name.lower(), value.strip(" \t")) for name, _, value in pairs]

    def __getitem__(self, name: str) -> str | None:
        values = [value for field_name, value in self.fields if field_name == name]
        assert len(values) < 2, f"{name} stands twice"
        return values[0] if values else None

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The code of a refusal."""
        assert self["content-type"] == "application/problem+json", self.head + self.body
        assert self.json["call_id"] == self["faregate-call-id"]
        assert self.json["status"] == self.status
        return str(self.json["code"])


class BrokenReplyError(Exception):
    """The connection ended within a reply; `head` and `body` are what had come."""

    def __init__(self, head: bytes, body: bytes) -> None:
        super().__init__(f"{head!r} {body!r}")
        self.head = head
        self.body = body


@dataclass
class Client:
    """One connection of a caller, at the level of bytes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    key: str

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def ask(
        self,
        body: bytes | dict[str, Any] | None,
        path: str = CHAT,
        method: str = "POST",
        **more: str,
    ) -> None:
        """Send a request; `x_simulate="..."` is a header, "" leaves one out."""
        data = msgspec.json.encode(body) if isinstance(body, dict) else body
        fields = {"host": "gate.test", "authorization": f"Bearer {self.key}"}
        if data is not None:
            fields |= {"content-type": "application/json", "content-length": str(len(data))}
        fields |= {name.replace("_", "-"): value for name, value in more.items()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
        head = f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")
        self.send(head + (data or b""))

    async def reply(self, *, bodiless: bool = False) -> Reply:
        """Read one whole reply; raises `BrokenReplyError`."""
        head = await self.head()
        reply = Reply(head, b"")
        if bodiless or reply.status in (204, 304):
            return reply
        try:
            if reply["transfer-encoding"] == "chunked":
                reply.chunks = [chunk async for chunk in self.chunks()]
                reply.body = b"".join(reply.chunks)
            elif reply["content-length"] is not None:
                reply.body = await self.reader.readexactly(int(reply["content-length"]))
            else:
                reply.body = await self.reader.read()
        except asyncio.IncompleteReadError as error:
            raise BrokenReplyError(head, error.partial) from None
        except ConnectionResetError:
            raise BrokenReplyError(head, b"") from None
        return reply

    async def head(self) -> bytes:
        try:
            return await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            raise BrokenReplyError(error.partial, b"") from None

    async def chunk(self) -> bytes:
        """The next chunk; empty at the end."""
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        data = await self.reader.readexactly(size + 2)
        assert data.endswith(b"\r\n")
        return data[:-2]

    async def chunks(self) -> AsyncIterator[bytes]:
        while data := await self.chunk():
            yield data

    async def post(
        self, body: bytes | dict[str, Any] = HELLO, path: str = CHAT, **more: str
    ) -> Reply:
        self.ask(body, path, **more)
        return await self.reply()

    async def get(self, path: str, method: str = "GET", **more: str) -> Reply:
        self.ask(None, path, method, **more)
        return await self.reply(bodiless=method == "HEAD")

    async def ended(self) -> bool:
        """Whether the gate closes the connection, with nothing more to read."""
        with contextlib.suppress(ConnectionResetError):
            return await self.reader.read() == b""
        return True

    def leave(self) -> None:
        """Break the connection."""
        self.writer.transport.abort()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


async def connect(port: int, key: str = "", *, receive_bytes: int | None = None) -> Client:
    """A caller; `receive_bytes`: its kernel takes in so little unread."""
    sock = socket.socket()
    if receive_bytes is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    limit = 1 << 24 if receive_bytes is None else receive_bytes
    reader, writer = await asyncio.open_connection(sock=sock, limit=limit)
    return Client(reader, writer, key)


# -- a scripted upstream --------------------------------------------------------------------------


@dataclass
class Asked:
    """One request as the upstream got it, and the connection to answer on."""

    head: bytes
    body: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def fields(self) -> list[tuple[str, str]]:
        return Reply(self.head, b"").fields

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    def reply(self, body: bytes, status: str = "200 OK", **fields: str) -> None:
        lines = "".join(f"{n.replace('_', '-')}: {v}\r\n" for n, v in fields.items())
        length = len(body)
        self.write(f"HTTP/1.1 {status}\r\n{lines}content-length: {length}\r\n\r\n".encode() + body)

    def begin_stream(self) -> None:
        self.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )

    def chunk(self, data: bytes) -> None:
        self.write(b"%x\r\n%b\r\n" % (len(data), data))


Handler = Callable[[Asked], Awaitable[None]]


@contextlib.asynccontextmanager
async def upstream(handler: Handler) -> AsyncIterator[str]:
    """A server whose every request `handler` answers; gives its base_url."""
    serving: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = Reply(head, b"")["content-length"]
                body = await reader.readexactly(int(length or 0))
                await handler(Asked(head, body, reader, writer))
        writer.transport.abort()
        serving.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 24)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


# -- the gate -------------------------------------------------------------------------------------


@dataclass
class Recorded:
    """The frames of one call."""

    frames: list[CallFrame] = field(default_factory=list)

    def _only(self, kind: type) -> Any:
        [found] = [frame for frame in self.frames if isinstance(frame, kind)]
        return found

    @property
    def started(self) -> Started:
        return self._only(Started)

    @property
    def settled(self) -> Settled:
        return self._only(Settled)

    @property
    def closed(self) -> Closed:
        return self._only(Closed)

    @property
    def end(self) -> Settled | Closed:
        """The one frame that ends it."""
        return self._only(Settled | Closed)

    @property
    def bodies(self) -> dict[str, Body]:
        return {frame.part: frame for frame in self.frames if isinstance(frame, Body)}


@dataclass
class Place:
    """A running gate and what stands around it."""

    gate: Gate
    source: MemoryConfiguration
    journal: MemoryJournal
    key_check: KeyCheck
    key: str
    port: int
    base_url: str
    simulator: Simulator | None
    ledger: MemoryLedger

    @property
    def sim(self) -> Simulator:
        assert self.simulator is not None
        return self.simulator

    @contextlib.asynccontextmanager
    async def client(self, key: str | None = None) -> AsyncIterator[Client]:
        async with await connect(self.port, self.key if key is None else key) as client:
            yield client

    async def post(
        self, body: bytes | dict[str, Any] = HELLO, path: str = CHAT, **more: str
    ) -> Reply:
        """One call on a connection of its own."""
        async with self.client() as client:
            return await client.post(body, path, **more)

    def heal(self) -> None:
        """Forget what was learnt of the accounts: nothing rests."""
        for account in self.gate.registry.accounts.values():
            for bench in list(account.health.troubled):
                bench.clear()
            account.health.breaker.reset()
        for route in self.gate.snapshot.routes.values():
            for target in route.targets:
                target.health.breaker.reset()

    def adopt(self, document: Document) -> None:
        self.source.set_document(document)
        self.gate.adopt(self.source.latest())

    def calls(self) -> dict[str, Recorded]:
        """What the journal holds, by call."""
        found: dict[str, Recorded] = {}
        for data in self.journal.frames:
            frame = decode_frame(data)
            if isinstance(frame, Happened | Copied):
                continue
            found.setdefault(frame.call_id, Recorded()).frames.append(frame)
        return found

    def only_call(self) -> Recorded:
        [call] = self.calls().values()
        return call

    @property
    def pool(self) -> Any:
        """The pool of the first provider."""
        return next(iter(self.gate.snapshot.upstreams.values())).pool

    async def settled(self, count: int = 1) -> list[Recorded]:
        """Wait until `count` calls have ended; all calls."""
        await until(lambda: self._ended() >= count)
        return list(self.calls().values())

    def _ended(self) -> int:
        return sum(isinstance(decode_frame(f), Settled | Closed) for f in self.journal.frames)


async def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Let the loop run until `condition` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        await asyncio.sleep(0.001)


def document(base_url: str, settings: Settings | None = None, **provider: Any) -> Document:
    """Models "sim" (with alias "alias") and "renamed" (upstream "sim:tokens=4"), one provider."""
    values = {"vendor": "openai", "api_key": PROVIDER_KEY, "proxy": "none"} | provider
    return Document(
        settings=settings or Settings(),
        providers=(Provider(name="simulated", base_url=base_url, **values),),
        models=(
            Model(name="sim", provider="simulated", aliases=("alias",)),
            Model(name="renamed", provider="simulated", upstream_model="sim:tokens=4"),
        ),
    )


def _keep_house(loop: asyncio.AbstractEventLoop, gate: Gate) -> asyncio.Task[None]:
    """What a worker does beside its calls."""

    async def keep() -> None:
        while True:
            await asyncio.sleep(TICK_S)
            await gate.broker.keep_house()

    return loop.create_task(keep())


@contextlib.asynccontextmanager
async def running(
    base_url: str | None = None,
    *,
    settings: Settings | None = None,
    follow: bool = False,
    commerce: dict[str, Any] | None = None,
    **provider: Any,
) -> AsyncIterator[Place]:
    """A gate before `base_url`, or before a simulator of its own.

    `commerce` are more fields of the document; the key belongs to the application "app" there.
    """
    async with contextlib.AsyncExitStack() as stack:
        simulator = None
        if base_url is None:
            simulator = await stack.enter_async_context(Simulator(keep=5_000))
            base_url = simulator.base_url
        written = document(base_url, settings, **provider)
        if commerce is not None:
            written = msgspec.convert(plain(written) | commerce, Document)
        source = MemoryConfiguration(written)
        key = source.add_key("test", application="app" if commerce is not None else None)
        follower = Follower(source)
        stack.callback(follower.close)
        clock = SystemClock()
        key_check = KeyCheck(follower.find_key, clock)
        journal = MemoryJournal()
        loop = asyncio.get_running_loop()
        ledger = MemoryLedger(clock, threading.Lock())
        tally = MemoryTally(clock.monotonic)
        gate = Gate(
            loop, clock, journal, key_check, follower.read_first(), ledger.source("w"), tally
        )
        stack.callback(_keep_house(loop, gate).cancel)
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        await gate.listener.serve(listening)
        stack.push_async_callback(gate.close, 0.0)
        if follow:
            following = loop.create_task(follower.follow(gate.adopt, key_check.forget))
            stack.callback(following.cancel)
        yield Place(gate, source, journal, key_check, key, port, base_url, simulator, ledger)
