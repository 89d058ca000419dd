"""The lines of a reply that tell how it came about, and to whom."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.gate.accounts import Answering, any_of, before
from tests.gate.running import HELLO, STREAM, Place, Reply, upstream

from faregate.identity.keys import hash_key
from faregate.identity.operator import operator_token

OPERATOR = operator_token(bytes(32))
ACCOUNTS: dict[str, Any] = {"a": "openai", "b": "openai"}
ANY = HELLO | {"model": "any"}
WRONG_KEY = {"/a/": (401, {"error": {"message": "no", "code": "invalid_api_key"}})}


@asynccontextmanager
async def telling(told: str, accounts: dict[str, Any] = ACCOUNTS) -> AsyncIterator[Place]:
    """A gate whose first account refuses its key."""
    async with (
        upstream(Answering(WRONG_KEY)) as url,
        before(
            url,
            accounts,
            virtual_models=[any_of(*accounts)],
            settings={"routing": {"attempts_header": told}},
        ) as place,
    ):
        place.gate.explaining.operator_hash = hash_key(OPERATOR)
        yield place


async def ask(place: Place, **fields: str) -> Reply:
    reply = await place.post(ANY, **fields)
    assert reply.status == 200, reply.body
    return reply


@pytest.mark.parametrize(
    ("told", "shown", "is_told"),
    [
        ("off", OPERATOR, False),
        ("operator", OPERATOR, True),
        ("operator", "", False),
        ("operator", "op_wrong", False),
        ("operator", OPERATOR[:-1], False),
        ("all", "", True),
        ("all", OPERATOR, True),
    ],
)
async def test_who_is_told_the_attempts(told: str, shown: str, is_told: bool) -> None:
    async with telling(told) as place:
        fields = {"faregate_operator": shown} if shown else {}
        line = (await ask(place, **fields))["faregate-attempts"]
        assert (line is not None) is is_told
        if line is not None:
            first, second = line.split("; ")
            assert first.startswith("at-a a/k 401 auth ")
            assert first.endswith("ms")
            assert second == "at-b b/k ok"


async def test_a_call_without_trouble_tells_its_one_attempt() -> None:
    async with telling("all", {"b": "openai"}) as place:
        assert (await ask(place))["faregate-attempts"] == "at-b b/k ok"
        stream = await place.post(STREAM | {"model": "any"})
        assert stream["faregate-attempts"] == "at-b b/k ok"


async def test_operators_are_not_told_of_by_default() -> None:
    async with (
        upstream(Answering(WRONG_KEY)) as url,
        before(url, ACCOUNTS, virtual_models=[any_of("a", "b")]) as place,
    ):
        assert (await ask(place))["faregate-attempts"] is None


async def test_what_was_dropped_is_told_to_all() -> None:
    async with telling("off", {"b": "anthropic"}) as place:
        reply = await place.post(ANY | {"seed": 1, "store": True}, faregate_unsupported="drop")
        assert reply["faregate-dropped"] is not None
        assert set(reply["faregate-dropped"].split(", ")) == {"seed", "store"}
        assert reply["faregate-attempts"] is None


async def test_names_can_not_break_the_head() -> None:
    async with telling("off", {"b": "anthropic"}) as place:
        odd = {"x\r\ninjected: 1": 1, "grüße": 2, "n" * 300: 3}
        reply = await place.post(ANY | odd, faregate_unsupported="drop")
        assert reply.status == 200, reply.body
        assert reply["injected"] is None
        assert reply["faregate-dropped"] is not None
        assert reply["faregate-dropped"].isascii()


async def test_not_all_of_many_names_are_told() -> None:
    async with telling("off", {"b": "anthropic"}) as place:
        many = {f"field_{number}": number for number in range(200)}
        reply = await place.post(ANY | many, faregate_unsupported="drop")
        assert reply["faregate-dropped"] is not None
        assert len(reply["faregate-dropped"].split(", ")) <= 32
