"""The operations port: /healthz, /readyz, /metrics, /status, /providers.

A handful of probes a second on an address of the operator's own, so this is the smallest server
that is safe: one request a connection, everything bounded in size and time. GET and HEAD tell;
POST orders, by its query alone, and only with the operator's token.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from faregate.identity.operator import is_operator

HEAD_BYTES_MAX: Final = 8 * 1024
CONNECTIONS_MAX: Final = 64
EXCHANGE_S_MAX: Final = 5.0  # for a whole request and its answer


@dataclass(frozen=True)
class Answer:
    """A status and a body."""

    status: int
    body: bytes
    content_type: str = "application/json"


Handler = Callable[[str], Awaitable[Answer]]
"""Takes the request's Accept header."""
Order = Callable[[dict[str, str]], Answer]
"""Takes the request's query."""


def json_answer(status: int, value: object) -> Answer:
    """An answer with `value` as JSON, one line."""
    return Answer(status, json.dumps(value).encode() + b"\n")


class OperationsServer:
    """Serves `handlers` by path on a socket that listens already.

    `orders` are for whoever has the token of `operator_hash`.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        orders: Mapping[str, Order] | None = None,
        operator_hash: bytes | None = None,
    ) -> None:
        self._handlers = handlers
        self._orders = orders or {}
        self._operator_hash = operator_hash
        self._connections = 0
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        """Begin to answer."""
        self._server = await asyncio.start_server(self._serve, sock=listener, limit=HEAD_BYTES_MAX)

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections <= CONNECTIONS_MAX:
                async with asyncio.timeout(EXCHANGE_S_MAX):
                    await self._exchange(reader, writer)
        except (TimeoutError, ConnectionError):
            writer.transport.abort()
        finally:
            self._connections -= 1
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return
        except asyncio.LimitOverrunError:
            writer.write(_render(json_answer(431, {"error": "the headers are too large"})))
            return
        request_line, *fields = head.decode("latin-1").split("\r\n")
        method, _, rest = request_line.partition(" ")
        path, _, query = rest.partition(" ")[0].partition("?")
        if method == "POST" and path in self._orders:
            answer = self._ordered(path, query, _field(fields, "authorization"))
        else:
            answer = await self._answer(method, path, _field(fields, "accept"))
        writer.write(_render(answer, head_only=method == "HEAD"))
        with contextlib.suppress(ConnectionError):
            await writer.drain()

    def _ordered(self, path: str, query: str, authorization: str) -> Answer:
        token = authorization.removeprefix("Bearer ")
        if not is_operator(token, self._operator_hash):
            return json_answer(401, {"error": "only the operator may order something here"})
        return self._orders[path](dict(parse_qsl(query)))

    async def _answer(self, method: str, path: str, accept: str) -> Answer:
        if method not in {"GET", "HEAD"}:
            return json_answer(405, {"error": "only GET is answered here"})
        handler = self._handlers.get(path)
        if handler is None:
            return json_answer(404, {"error": "unknown path", "paths": list(self._handlers)})
        return await handler(accept)


def _field(fields: list[str], wanted: str) -> str:
    for name, _, value in (field.partition(":") for field in fields):
        if name.lower() == wanted:
            return value.strip()
    return ""


def _render(answer: Answer, *, head_only: bool = False) -> bytes:
    allow = "Allow: GET, HEAD\r\n" if answer.status == HTTPStatus.METHOD_NOT_ALLOWED else ""
    head = (
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
        f"Content-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\n"
        f"{allow}Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (b"" if head_only else answer.body)
