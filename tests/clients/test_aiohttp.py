"""aiohttp reuses its connections to the gate through streams, errors and large replies."""

import asyncio
from typing import Any

import aiohttp
import pytest
from tests.clients.gates import Address

BODY: dict[str, Any] = {"model": "sim", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
async def session(gate: Address) -> Any:
    headers = {"x-api-key": gate.key}
    connector = aiohttp.TCPConnector(limit=4)
    async with aiohttp.ClientSession(gate.url, headers=headers, connector=connector) as session:
        yield session


async def test_calls_share_few_connections(session: Any) -> None:
    async def one(number: int) -> int:
        body = BODY | {"stream": bool(number % 2)}
        script = ("tokens=3", "error=invalid_request", "reply_bytes=300000")[number % 3]
        async with session.post(
            "/v1/chat/completions", json=body, headers={"X-Simulate": script}
        ) as reply:
            await reply.read()
            return int(reply.status)

    statuses = await asyncio.gather(*map(one, range(90)))
    assert sorted(set(statuses)) == [200, 400]
    assert statuses.count(400) == 30


async def test_a_stream_comes_piece_by_piece(session: Any) -> None:
    script = {"X-Simulate": "tokens=5,token_ms=20"}
    async with session.post(
        "/v1/chat/completions", json=BODY | {"stream": True}, headers=script
    ) as reply:
        pieces = [piece async for piece in reply.content.iter_any()]
    assert len(pieces) > 3
    assert pieces[-1].endswith(b"data: [DONE]\n\n")


async def test_a_body_sent_in_chunks_is_taken(session: Any) -> None:
    async def parts() -> Any:
        yield b'{"model":'
        await asyncio.sleep(0)
        yield b'"sim","messages":[]}'

    async with session.post("/v1/chat/completions", data=parts()) as reply:
        assert reply.status == 200
        assert (await reply.json())["object"] == "chat.completion"


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_compressed_body_is_taken(session: Any, coding: str) -> None:
    async with session.post("/v1/chat/completions", json=BODY, compress=coding) as reply:
        assert reply.status == 200


async def test_a_cut_reply_is_an_error(session: Any) -> None:
    async with session.post(
        "/v1/chat/completions", json=BODY, headers={"X-Simulate": "cut_after=30"}
    ) as reply:
        with pytest.raises(aiohttp.ClientError):
            await reply.read()
