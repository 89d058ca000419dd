"""Many callers at one barrier, for any gateway of OpenAI's format; standard library alone."""

import asyncio
import json
import ssl
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from urllib.parse import urlsplit

from unavailable import Unavailable

_REPLY_SECONDS_MAX = 120.0
_CONNECT_SECONDS_MAX = 20.0
_LINE_BYTES_MAX = 1 << 24
_CONNECTIONS_AT_ONCE = 64  # while they are opened, which is not what is measured


@dataclass(frozen=True)
class Asked:
    """One call."""

    model: str
    stream: bool
    max_tokens: int | None
    headers: tuple[tuple[str, str], ...] = ()

    def body(self) -> bytes:
        """The request's JSON."""
        message = {"role": "user", "content": "In one short sentence: what is a fare?"}
        asked: dict[str, Any] = {"model": self.model, "messages": [message]}
        if self.max_tokens is not None:
            asked["max_tokens"] = self.max_tokens
        if self.stream:
            asked |= {"stream": True, "stream_options": {"include_usage": True}}
        return json.dumps(asked).encode()


@dataclass(frozen=True)
class Price:
    """Dollars: for a million tokens of each kind, and for each call."""

    input: Fraction = Fraction(0)
    output: Fraction = Fraction(0)
    request: Fraction = Fraction(0)


@dataclass(frozen=True)
class Answered:
    """What a caller got; status 0: the connection failed."""

    asked: Asked
    status: int
    code: str
    input_tokens: int | None
    output_tokens: int | None
    seconds: float

    @property
    def admitted(self) -> bool:
        """Whether the gateway let it through."""
        return 200 <= self.status < 300

    def cost(self, price: Price) -> Fraction:
        """Dollars of what it used, as the reply states it."""
        tokens = (self.input_tokens or 0) * price.input + (self.output_tokens or 0) * price.output
        return price.request + tokens / 1_000_000


@dataclass(frozen=True)
class Address:
    """A base URL, such as http://127.0.0.1:8402/v1, and a key."""

    url: str
    key: str

    async def connect(self) -> "_Connection":
        """One connection, open."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Unavailable(f"'{self.url}' is no address such as http://host:port/v1")
        secure = ssl.create_default_context() if parts.scheme == "https" else None
        port = parts.port or (443 if secure else 80)
        opening = asyncio.open_connection(parts.hostname, port, ssl=secure, limit=_LINE_BYTES_MAX)
        try:
            reader, writer = await asyncio.wait_for(opening, _CONNECT_SECONDS_MAX)
        except OSError as error:
            raise Unavailable(f"{self.url} can't be reached: {error}") from error
        path = f"{parts.path.rstrip('/')}/chat/completions"
        return _Connection(reader, writer, path, parts.netloc.rpartition("@")[2], self.key)


class _Connection:
    """One caller's connection, for one call."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        path: str,
        host: str,
        key: str,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"

    async def call(self, asked: Asked) -> Answered:
        """Make the call, and read its whole reply."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(_REPLY_SECONDS_MAX):
                status, body = await self._exchange(asked)
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            return Answered(asked, 0, type(error).__name__, None, None, time.monotonic() - begun)
        finally:
            self._writer.transport.abort()
        seconds = time.monotonic() - begun
        usage, code = _read(body, streamed=asked.stream and status == 200)
        inputs, outputs = usage.get("prompt_tokens"), usage.get("completion_tokens")
        return Answered(asked, status, code, inputs, outputs, seconds)

    async def _exchange(self, asked: Asked) -> tuple[int, bytes]:
        body = asked.body()
        more = "".join(f"{name}: {value}\r\n" for name, value in asked.headers)
        head = f"{self._head}{more}Content-Type: application/json\r\nContent-Length: {len(body)}"
        self._writer.write(f"{head}\r\nConnection: close\r\n\r\n".encode() + body)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(":", 1) for line in lines[1:] if ":" in line)
        if "chunked" in fields.get("transfer-encoding", ""):
            reply = b"".join([chunk async for chunk in _chunks(self._reader)])
        elif "content-length" in fields:
            reply = await self._reader.readexactly(int(fields["content-length"]))
        else:
            reply = await self._reader.read()
        return int(lines[0].split()[1]), reply


async def _chunks(reader: asyncio.StreamReader) -> Any:
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        yield (await reader.readexactly(size + 2))[:-2]


def _read(body: bytes, *, streamed: bool) -> tuple[dict[str, Any], str]:
    """Usage and code, wherever this gateway puts them."""
    lines = body.split(b"\n") if streamed else [b"data: " + body]
    usage: dict[str, Any] = {}
    code = ""
    for line in lines:
        if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
            continue
        try:
            event = json.loads(line[6:])
        except ValueError:
            continue
        if isinstance(event, dict):
            usage = event.get("usage") or usage
            error = event.get("error")
            code = event.get("code") or (error.get("code") if isinstance(error, dict) else code)
    return usage, str(code or "")


def burst(address: Address, calls: Sequence[Asked]) -> list[Answered]:
    """All calls at once, each on a connection that is open before."""
    return asyncio.run(_burst(address, calls))


async def _burst(address: Address, calls: Sequence[Asked]) -> list[Answered]:
    barrier = asyncio.Event()
    opening = asyncio.Semaphore(_CONNECTIONS_AT_ONCE)

    async def one(connection: _Connection, asked: Asked) -> Answered:
        await barrier.wait()
        return await connection.call(asked)

    async def open_one() -> _Connection:
        async with opening:
            return await address.connect()

    connections = await asyncio.gather(*(open_one() for _ in calls))
    callers = [
        asyncio.create_task(one(connection, asked))
        for connection, asked in zip(connections, calls, strict=True)
    ]
    await asyncio.sleep(0.3)  # the gateway has taken all connections in
    barrier.set()
    return await asyncio.gather(*callers)


def refused(answers: Sequence[Answered]) -> str:
    """The refusals, by status and code."""
    found = Counter(f"{one.status} {one.code}".strip() for one in answers if not one.admitted)
    return ", ".join(f"{count} x {what}" for what, count in sorted(found.items())) or "none"
