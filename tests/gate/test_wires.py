"""What goes to a provider: its address, its key, and nothing that is the gate's or another's."""

from typing import Any

import pytest
from tests.gate.accounts import Answering, any_of, before, body_of, path_of
from tests.gate.running import HELLO, STREAM, upstream

MESSAGE: dict[str, Any] = {
    "max_tokens": 20, "messages": [{"role": "user", "content": "hello"}],
}  # fmt: skip
CONTENTS: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
GEMINI_ALONE = {"vendor": "gemini", "dialects": {"generate": ["gemini"]}}
GEMINI = "/v1beta/models/at-g:generateContent"


@pytest.fixture
def answering() -> Answering:
    return Answering()


@pytest.mark.parametrize(
    ("query", "goes_up"),
    [
        ("key=fg_x", ""),
        ("key=fg_x&a=1", "?a=1"),
        ("a=1&key=fg_x&b=%20", "?a=1&b=%20"),
        ("keys=1", "?keys=1"),
    ],
)
async def test_the_callers_key_leaves_the_query(
    answering: Answering, query: str, goes_up: str
) -> None:
    async with upstream(answering) as url, before(url, {"g": "gemini"}) as place:
        assert (await place.post(CONTENTS, f"{GEMINI}?{query}")).status == 200
    assert path_of(answering.only) == f"/g/models/up:generateContent{goes_up}"


async def test_a_streams_own_query_is_said_once(answering: Answering) -> None:
    address = "/v1beta/models/at-g:streamGenerateContent?alt=sse&key=fg_x&$fields=a"
    async with upstream(answering) as url, before(url, {"g": "gemini"}) as place:
        await place.post(CONTENTS, address)
    assert path_of(answering.only) == "/g/models/up:streamGenerateContent?alt=sse&$fields=a"


async def test_a_callers_query_means_nothing_to_another_dialect(answering: Answering) -> None:
    async with upstream(answering) as url, before(url, {"a": "anthropic"}) as place:
        assert (await place.post(HELLO | {"model": "at-a"}, "/v1/chat/completions?x=1")).status
    assert path_of(answering.only) == "/a/messages"


SECRETS = {
    "x_goog_api_key": "fg_canary", "x_api_key": "fg_canary", "api_key": "fg_canary",
    "cookie": "fg_canary", "faregate_customer": "canary", "faregate_run": "canary",
    "faregate_operator": "canary", "faregate_unsupported": "drop",
    "faregate_conversation": "canary", "x_goog_user_project": "canary",
    "openai_organization": "canary",
}  # fmt: skip


@pytest.mark.parametrize(
    ("vendor", "path", "body"),
    [
        ("gemini", "/v1beta/models/at-p:generateContent", CONTENTS),
        ("openai", "/v1/chat/completions", HELLO | {"model": "at-p"}),
        ("anthropic", "/v1/chat/completions", HELLO | {"model": "at-p"}),
    ],
)
async def test_nothing_of_the_gates_or_of_the_callers_credentials_goes_up(
    answering: Answering, vendor: str, path: str, body: dict[str, Any]
) -> None:
    async with upstream(answering) as url, before(url, {"p": vendor}) as place:
        reply = await place.post(body, path, x_more="kept", **SECRETS)
        assert reply.status == 200, reply.body
        head = answering.only.head.lower()
        assert b"canary" not in head
        assert b"faregate-" not in head
        assert place.key.encode() not in answering.only.head
        native = vendor != "anthropic"
        assert (b"x-more: kept" in head) is native  # of a translated call nothing is passed on
        assert head.count(b"content-type:") == 1
        assert head.count(b"sk-p") == 1


@pytest.mark.parametrize(
    ("account", "field"),
    [
        ("openai", "authorization: bearer sk-p"),
        ("anthropic", "x-api-key: sk-p"),
        (GEMINI_ALONE, "x-goog-api-key: sk-p"),
    ],
)
async def test_the_key_stands_where_the_vendor_wants_it(
    answering: Answering, account: Any, field: str
) -> None:
    async with upstream(answering) as url, before(url, {"p": account}) as place:
        assert (await place.post(HELLO | {"model": "at-p"})).status == 200
    assert field in answering.only.head.decode().lower()


async def test_each_choice_has_its_key() -> None:
    answering = Answering()
    keys = [{"name": "one", "secret": "sk-one"}, {"name": "two", "secret": "sk-two"}]
    account = {"vendor": "openai", "keys": keys}
    async with upstream(answering) as url, before(url, {"p": account}) as place:
        for _ in range(40):
            assert (await place.post(HELLO | {"model": "at-p"})).status == 200
        told = {dict(asked.fields)["authorization"] for asked in answering.asked}
        assert told == {"Bearer sk-one", "Bearer sk-two"}
        used = {call.settled.attempts[0].key for call in await place.settled(40)}
        assert used == {"one", "two"}


async def test_equal_dialects_pass_bytes_and_others_are_written_anew(answering: Answering) -> None:
    body = b'{"model":"at-p",  "messages":[{"role":"user","content":"hello"}], "odd":[1.50]}'
    async with upstream(answering) as url, before(url, {"p": "openai"}) as place:
        await place.post(body)
        assert answering.only.body == body.replace(b"at-p", b"up")
    answering.asked.clear()
    async with upstream(answering) as url, before(url, {"p": "anthropic"}) as place:
        await place.post(HELLO | {"model": "at-p"})
        told = body_of(answering.only)
        assert told["model"] == "up"
        assert told["messages"] == [{"role": "user", "content": "hello"}]
        assert told["max_tokens"] > 0


async def test_a_translated_stream_is_asked_as_one(answering: Answering) -> None:
    async with upstream(answering) as url, before(url, {"g": GEMINI_ALONE}) as place:
        await place.post(STREAM | {"model": "at-g"})
    assert path_of(answering.only) == "/g/models/up:streamGenerateContent?alt=sse"


UNSERVED = [
    ("anthropic", "/v1/embeddings", {"input": "x"}, "/v1/embeddings"),
    ("anthropic", "/v1/moderations", {"input": "x"}, "/v1/moderations"),
    ("openai", "/v2/rerank", {"query": "x", "documents": ["a"]}, "/v2/rerank"),
    ("gemini", "/v1/audio/speech", {"input": "x", "voice": "alloy"}, "/v1/audio/speech"),
]


@pytest.mark.parametrize(("vendor", "path", "body", "named"), UNSERVED)
async def test_what_a_model_does_not_serve_is_refused_by_name(
    answering: Answering, vendor: str, path: str, body: dict[str, Any], named: str
) -> None:
    async with upstream(answering) as url, before(url, {"p": vendor}) as place:
        reply = await place.post(body | {"model": "at-p"}, path)
        assert reply.status == 400, reply.body
        assert b"operation_unsupported" in reply.body
        assert named.encode() in reply.body
        assert b"at-p" in reply.body
        [call] = await place.settled()
        assert (call.end.outcome, call.end.refusal) == ("refused", "operation_unsupported")
    assert answering.asked == []


async def test_another_target_serves_what_the_first_does_not(answering: Answering) -> None:
    async with (
        upstream(answering) as url,
        before(url, {"a": "anthropic", "o": "openai"}, virtual_models=[any_of("a", "o")]) as place,
    ):
        reply = await place.post({"model": "any", "input": "x"}, "/v1/embeddings")
        assert reply.status == 200, reply.body
        [call] = await place.settled()
        assert [one.provider for one in call.settled.attempts] == ["o"]
    assert path_of(answering.only) == "/o/embeddings"


async def test_names_of_models_are_quoted_in_addresses(answering: Answering) -> None:
    models = {"g": {"upstream_model": "a/b?c #d"}}
    async with upstream(answering) as url, before(url, {"g": GEMINI_ALONE}, models=models) as place:
        await place.post(HELLO | {"model": "at-g"})
    assert path_of(answering.only) == "/g/models/a%2Fb%3Fc%20%23d:generateContent"
