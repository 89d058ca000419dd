"""The operations port answers probes and outlives whoever misuses it."""

import asyncio
import json
import socket

import pytest

from faregate.identity.keys import hash_key
from faregate.identity.operator import operator_token
from faregate.supervisor.operations import CONNECTIONS_MAX, Answer, OperationsServer, json_answer


@pytest.fixture
async def port():
    async def accepts(accept: str) -> Answer:
        return json_answer(200, {"accept": accept})

    listener = socket.create_server(("127.0.0.1", 0))
    server = OperationsServer({"/healthz": accepts})
    await server.start(listener)
    yield listener.getsockname()[1]
    server.close()


async def exchange(port: int, request: bytes) -> tuple[bytes, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    reply = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    head, _, body = reply.partition(b"\r\n\r\n")
    return head, body


async def test_a_path_is_answered_with_its_length_and_the_connection_ends(port) -> None:
    head, body = await exchange(
        port, b"GET /healthz?x=1 HTTP/1.1\r\nHost: x\r\nACCEPT: text/plain\r\n\r\n"
    )
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert b"Content-Length: %d" % len(body) in head
    assert json.loads(body) == {"accept": "text/plain"}


async def test_head_has_no_body(port) -> None:
    head, body = await exchange(port, b"HEAD /healthz HTTP/1.1\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert body == b""


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /nothing HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /healthz HTTP/1.1\r\nContent-Length: 0\r\n\r\n", b"405"),
        (b"nonsense\r\n\r\n", b"405"),
        (b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", b"431"),
    ],
)
async def test_what_is_not_served_is_refused(port, request_bytes, status) -> None:
    head, _ = await exchange(port, request_bytes)
    assert head.split(b" ")[1] == status


async def test_idle_connections_beyond_the_bound_are_closed_and_leave_room(port) -> None:
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS_MAX)]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    for _, opened in idle:
        opened.close()
        await opened.wait_closed()
    head, _ = await exchange(port, b"GET /healthz HTTP/1.1\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")


async def test_orders_are_the_operators() -> None:
    token = operator_token(b"m" * 32)
    taken: list[dict[str, str]] = []

    def take(query: dict[str, str]) -> Answer:
        taken.append(query)
        return json_answer(200, {})

    listener = socket.create_server(("127.0.0.1", 0))
    server = OperationsServer({}, {"/order": take}, hash_key(token))
    await server.start(listener)
    port = listener.getsockname()[1]
    for shown in ("", "Bearer ", "Bearer fgo_x", f"Bearer {operator_token(b'n' * 32)}"):
        request = f"POST /order?a=1 HTTP/1.1\r\nAuthorization: {shown}\r\n\r\n"
        head, _ = await exchange(port, request.encode())
        assert b" 401 " in head
    request = f"POST /order?a=1%202 HTTP/1.1\r\nAuthorization: Bearer {token}\r\n\r\n"
    head, _ = await exchange(port, request.encode())
    assert b" 200 " in head
    head, _ = await exchange(port, b"GET /order HTTP/1.1\r\n\r\n")
    assert b" 404 " in head
    assert taken == [{"a": "1 2"}]
    server.close()
