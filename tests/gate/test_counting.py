"""Tokens are counted by who can, else estimated and told so; it costs nothing."""

import json
from typing import Any

import pytest
from tests.gate.accounts import Answering, any_of, before, body_of, path_of
from tests.gate.running import upstream

ASKED: dict[str, Any] = {
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "Where is the fare paid?"}],
}
CONTENTS: dict[str, Any] = {
    "contents": [{"role": "user", "parts": [{"text": "Where is the fare paid?"}]}]
}
MESSAGES_PATH = "/v1/messages/count_tokens"
COUNTS = {"/a/": (200, {"input_tokens": 17}), "/g/": (200, {"totalTokens": 19})}
ACCOUNTS: dict[str, Any] = {"a": "anthropic", "g": "gemini", "o": "openai"}


def ask(caller: str, model: str) -> tuple[dict[str, Any], str]:
    if caller == "anthropic":
        return ASKED | {"model": model}, MESSAGES_PATH
    return CONTENTS, f"/v1beta/models/{model}:countTokens"


@pytest.mark.parametrize(
    ("caller", "model", "path", "told"),
    [
        ("anthropic", "at-a", "/a/messages/count_tokens", {"input_tokens": 17}),
        ("anthropic", "at-g", "/g/models/up:countTokens", {"input_tokens": 19}),
        ("gemini", "at-g", "/g/models/up:countTokens", 19),
        ("gemini", "at-a", "/a/messages/count_tokens", 17),
    ],
)
async def test_a_vendor_that_counts_is_asked(
    caller: str, model: str, path: str, told: object
) -> None:
    answering = Answering(dict(COUNTS))
    async with upstream(answering) as url, before(url, ACCOUNTS) as place:
        reply = await place.post(*ask(caller, model))
        assert reply.status == 200, reply.body
        assert reply.json == told if isinstance(told, dict) else reply.json["totalTokens"] == told
        assert reply["faregate-estimated"] is None
    asked = answering.only
    assert path_of(asked) == path
    assert b"Where is the fare paid?" in asked.body
    if model == "at-a":
        assert body_of(asked)["model"] == "up"
        assert "max_tokens" not in body_of(asked)


@pytest.mark.parametrize("caller", ["anthropic", "gemini"])
async def test_what_nobody_counts_is_estimated_and_told(caller: str) -> None:
    answering = Answering()
    async with upstream(answering) as url, before(url, ACCOUNTS) as place:
        reply = await place.post(*ask(caller, "at-o"))
        assert reply.status == 200, reply.body
        tokens = reply.json["input_tokens" if caller == "anthropic" else "totalTokens"]
        assert 4 <= tokens <= 40
        assert reply["faregate-estimated"] == "input-tokens"
        long = {
            "messages": [{"role": "user", "content": "word " * 400}],
            "contents": [{"role": "user", "parts": [{"text": "word " * 400}]}],
        }
        body, path = ask(caller, "at-o")
        longer = (await place.post(body | {k: long[k] for k in long if k in body}, path)).json
        assert 300 <= longer["input_tokens" if caller == "anthropic" else "totalTokens"] <= 900
        calls = await place.settled(2)
        assert {(call.end.outcome, call.end.status) for call in calls} == {("answered", 200)}
    assert answering.asked == []


@pytest.mark.parametrize("name", ["generateContentRequest", "generate_content_request"])
@pytest.mark.parametrize("model", ["at-g", "at-a", "at-o"])
async def test_a_whole_request_of_geminis_names_the_targets_model(name: str, model: str) -> None:
    answering = Answering(dict(COUNTS))
    body = {name: CONTENTS | {"model": f"models/{model}"}}
    async with upstream(answering) as url, before(url, ACCOUNTS) as place:
        reply = await place.post(body, f"/v1beta/models/{model}:countTokens")
        assert reply.status == 200, reply.body
        assert reply.json["totalTokens"] > 0
    if model == "at-g":
        assert body_of(answering.only) == {name: CONTENTS | {"model": "models/up"}}


async def test_counting_costs_nothing_and_needs_no_credit() -> None:
    answering = Answering(dict(COUNTS))
    commerce = {
        "applications": [{"name": "app", "wallet": "main"}],
        "wallets": [{"name": "main"}],
        "prices": [{"model": "at-a", "input": "1000", "output": "1000"}],
        "limits": [{"name": "t", "each": "key", "unit": "tokens", "max": 500, "per": "minute"}],
    }
    async with upstream(answering) as url, before(url, ACCOUNTS, **commerce) as place:
        for _ in range(30):
            reply = await place.post(*ask("anthropic", "at-a"))
            assert reply.status == 200, reply.body
        calls = await place.settled(30)
        assert all(call.settled.charge is None for call in calls)
        paid = await place.post(ASKED | {"model": "at-a", "max_tokens": 20}, "/v1/messages")
        assert paid.status == 402


async def test_a_virtual_model_counts_where_it_can() -> None:
    answering = Answering(dict(COUNTS))
    virtual = [any_of("o", "g")]
    async with upstream(answering) as url, before(url, ACCOUNTS, virtual_models=virtual) as place:
        reply = await place.post(*ask("anthropic", "any"))
        assert (reply.json, reply["faregate-estimated"]) == ({"input_tokens": 19}, None)


@pytest.mark.parametrize("caller", ["anthropic", "gemini"])
@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model":7}', b'{"messages":[]}'])
async def test_what_can_not_be_read_is_refused(caller: str, body: bytes) -> None:
    answering = Answering(dict(COUNTS))
    async with upstream(answering) as url, before(url, ACCOUNTS) as place:
        path = ask(caller, "at-a")[1]
        reply = await place.post(body, path)
        assert reply.status in (400, 404) or body.startswith(b"{")
        unknown = await place.post(*ask(caller, "nowhere"))
        assert unknown.status == 404
        error = unknown.json["error"]
        assert "nowhere" in json.dumps(error)


async def test_a_vendors_trouble_while_counting_is_told_as_ever() -> None:
    answering = Answering({"/a/": (401, {"error": {"type": "authentication_error"}})})
    async with upstream(answering) as url, before(url, ACCOUNTS) as place:
        reply = await place.post(*ask("anthropic", "at-a"))
        assert reply.status == 503
        assert reply.json["error"]["details"]["code"] == "provider_key_invalid"
