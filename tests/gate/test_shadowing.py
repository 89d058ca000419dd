"""Copies of calls reach a shadow; the call that they were made of never notices."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.gate.accounts import CHAT_REPLY, Answering, any_of, before, body_of, path_of
from tests.gate.running import HELLO, STREAM, Asked, Place, until, upstream

from faregate.calllog.frames import Copied, decode_frame
from faregate.gate import shadowing

ANY = HELLO | {"model": "any"}
PRICED: dict[str, Any] = {
    "applications": [{"name": "app", "wallet": "main"}],
    "wallets": [{"name": "main"}],
    "prices": [
        {"model": "at-o", "input": "1", "output": "2"},
        {"model": "at-s", "input": "100", "output": "100"},
    ],
}


class World:
    """An upstream for both, whose shadow may be odd."""

    def __init__(self) -> None:
        self.answering = Answering()
        self.released = asyncio.Event()
        self.released.set()

    async def __call__(self, asked: Asked) -> None:
        if path_of(asked).startswith("/s/"):
            await self.released.wait()
        await self.answering(asked)

    def paths(self, start: str) -> list[Asked]:
        return [asked for asked in self.answering.asked if path_of(asked).startswith(start)]


@asynccontextmanager
async def shadowed(
    world: World, vendor: str | dict[str, Any] = "openai", percent: float = 100.0, **more: Any
) -> AsyncIterator[Place]:
    virtual = [any_of("o", shadow={"model": "at-s", "percent": percent})]
    accounts: dict[str, Any] = {"o": "openai", "s": vendor}
    async with (
        upstream(world) as url,
        before(url, accounts, virtual_models=virtual, **more) as place,
    ):
        yield place


def ended(place: Place) -> dict[str, int]:
    rows = place.gate.metrics.snapshot()["counters"]["faregate_shadow_calls_total"]
    return {key[1]: count for key, count in rows}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("vendor", "path"),
    [
        ("openai", "/s/chat/completions"),
        ("anthropic", "/s/messages"),
    ],
)
async def test_a_copy_reaches_the_shadow(vendor: str, path: str, stream: bool) -> None:
    world = World()
    async with shadowed(world, vendor) as place:
        reply = await place.post((STREAM if stream else HELLO) | {"model": "any"})
        assert (reply.status, reply.json) == (200, CHAT_REPLY)
        await until(lambda: world.paths("/s/"))
        [copy] = world.paths("/s/")
        assert path_of(copy) == path
        assert body_of(copy)["model"] == "up"
        assert body_of(copy)["messages"] == HELLO["messages"]
        assert place.key.encode() not in copy.head
        assert b"sk-s" in copy.head
        await until(lambda: not place.gate.shadows)
        [call] = await place.settled()
        assert [one.provider for one in call.settled.attempts] == ["o"]


async def test_a_form_is_copied_as_a_form() -> None:
    world = World()
    form = (
        b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nany\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--b--\r\n'
    )
    async with shadowed(world) as place:
        kind = "multipart/form-data; boundary=b"
        reply = await place.post(form, "/v1/audio/transcriptions", content_type=kind)
        assert reply.status == 200, reply.body
        await until(lambda: world.paths("/s/"))
        [copy] = world.paths("/s/")
        assert dict(copy.fields)["content-type"] == kind
        assert copy.body == form.replace(b"\r\nany\r\n", b"\r\nup\r\n")


async def test_a_copy_is_never_charged_but_told_in_the_accounts_spend() -> None:
    world = World()
    async with shadowed(world, **PRICED) as place:
        place.ledger.grant("main", 10**9)
        assert (await place.post(ANY)).status == 200
        await until(lambda: world.paths("/s/") and not place.gate.shadows)
        [call] = await place.settled()
        charge = call.settled.charge
        assert charge is not None
        assert charge.charge_nano == charge.cost_nano == 3 * 1_000 + 2 * 2_000
        [spent] = [
            account.balance.unsettled_nano
            for name, account in place.gate.registry.accounts.items()
            if name == "s"
        ]
        assert spent == 5 * 100_000
        frames = [decode_frame(data) for data in place.journal.frames]
        [copied] = [frame for frame in frames if isinstance(frame, Copied)]
        assert (copied.provider, copied.model, copied.cost_nano) == ("s", "at-s", 5 * 100_000)
        assert copied.copy_id != call.settled.call_id


@pytest.mark.parametrize("status", [401, 429, 500, 200])
@pytest.mark.parametrize("body", [b"", b"\xff not JSON", b'{"error":{"message":"no"}}'])
async def test_what_becomes_of_a_copy_is_not_noticed(status: int, body: bytes) -> None:
    world = World()
    world.answering.scripts["/s/"] = (status, body)
    async with shadowed(world) as place:
        for _ in range(3):
            assert (await place.post(ANY)).json == CHAT_REPLY
        await until(lambda: not place.gate.shadows)
        assert sum(ended(place).values()) == 3
        calls = await place.settled(3)
        assert {call.settled.outcome for call in calls} == {"answered"}


async def test_a_shadow_that_can_not_take_it_is_left_out() -> None:
    world = World()
    async with shadowed(world, "anthropic") as place:
        assert (await place.post(ANY | {"seed": 7})).status == 200
        assert (await place.post({"model": "any", "input": "x"}, "/v1/embeddings")).status == 200
        await place.settled(2)
        assert world.paths("/s/") == []
        assert place.gate.shadows == 0


async def test_nobody_waits_for_a_slow_shadow_and_they_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shadowing, "SHADOWS_MAX", 3)
    world = World()
    world.released.clear()
    async with shadowed(world) as place:
        for _ in range(6):
            assert (await asyncio.wait_for(place.post(ANY), 2)).status == 200
        assert place.gate.shadows == 3
        world.released.set()
        await until(lambda: not place.gate.shadows)
        assert (await place.post(ANY)).status == 200
        await until(lambda: len(world.paths("/s/")) == 4)


async def test_a_share_is_copied() -> None:
    world = World()
    async with shadowed(world, percent=30.0) as place:
        for _ in range(60):
            assert (await place.post(ANY)).status == 200
        await until(lambda: not place.gate.shadows)
        assert 3 <= len(world.paths("/s/")) <= 40


async def test_a_caller_that_leaves_takes_its_copy_along_or_not_but_nothing_breaks() -> None:
    world = World()
    world.released.clear()
    async with shadowed(world) as place:
        async with place.client() as client:
            client.ask(ANY)
            await until(lambda: place.gate.shadows)
            client.leave()
        world.released.set()
        await until(lambda: not place.gate.shadows)
        await place.settled()
        assert (await place.post(ANY)).status == 200
