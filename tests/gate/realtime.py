"""Realtime sessions for tests: through a gate, by an independent client or a scripted vendor."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from tests.gate.running import Place
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

REALTIME = "/v1/realtime?model=sim"
CREATE = {"type": "response.create"}
COMMERCE: dict[str, Any] = {
    "applications": [{"name": "app", "wallet": "main"}],
    "wallets": [{"name": "main"}],
    "prices": [{"model": "sim", "input": "1", "output": "10"}],
}
IN_NANO, OUT_NANO = 1_000, 10_000  # of one token


def message(text: str) -> dict[str, Any]:
    """An item of the caller's."""
    content = [{"type": "input_text", "text": text}]
    item = {"type": "message", "role": "user", "content": content}
    return {"type": "conversation.item.create", "item": item}


def done(inputs: int, outputs: int, **more: Any) -> dict[str, Any]:
    """A response's end as a vendor tells it."""
    usage = {
        "input_tokens": inputs,
        "output_tokens": outputs,
        "total_tokens": inputs + outputs,
        **more,
    }
    return {"type": "response.done", "response": {"id": "resp_1", "usage": usage}}


@contextlib.asynccontextmanager
async def session(
    place: Place, path: str = REALTIME, **options: Any
) -> AsyncIterator[ClientConnection]:
    """A session through the gate."""
    headers = {"authorization": f"Bearer {place.key}"} | options.pop("headers", {})
    url = f"ws://127.0.0.1:{place.port}{path}"
    async with connect(url, additional_headers=headers, proxy=None, **options) as client:
        yield client


async def say(client: ClientConnection, *events: dict[str, Any]) -> None:
    for event in events:
        await client.send(json.dumps(event))


async def until_event(client: ClientConnection, kind: str) -> dict[str, Any]:
    """The next event of a kind."""
    async with asyncio.timeout(5):
        while True:
            event = json.loads(await client.recv())
            if event["type"] == kind:
                return dict(event)


Vendor = Callable[[ServerConnection], Awaitable[None]]


@contextlib.asynccontextmanager
async def vendor(handler: Vendor, **options: Any) -> AsyncIterator[str]:
    """A server of sessions; gives its base_url."""
    async with serve(handler, "127.0.0.1", 0, **options) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"http://127.0.0.1:{port}/v1"
