"""What a provider's error means, in every dialect of a caller and of a target."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.gate.accounts import Answering, any_of, before
from tests.gate.running import HELLO, STREAM, Asked, Place, Reply, running, upstream
from tests.gate.test_translated import CALLERS, VENDORS, streamed_text

from faregate.gate.provider_errors import (
    ends_event,
    error_behind_preamble,
    is_preamble,
    looks_like_error,
    said_by_provider,
)
from faregate.simulator.service import Simulator

# The vendor whose dialect a caller speaks: there bytes pass.
NATIVE = {
    "chat": "openai", "responses": "responses", "anthropic": "anthropic", "gemini": "gemini",
    "ollama": "ollama", "cohere": "cohere",
}  # fmt: skip


@asynccontextmanager
async def simulated(vendor: str, *scripts: str, retries: int = 0) -> AsyncIterator[Place]:
    """A gate whose model "any" has a target for each script, "" being well."""
    facts = dict(VENDORS[vendor])
    path = facts.pop("path")
    async with Simulator(keep=100) as simulator:
        url = f"http://127.0.0.1:{simulator.port}{path}"
        accounts = [
            {
                "name": f"p{n}", "base_url": url, "proxy": "none",
                "keys": [{"name": "k", "secret": f"sk-sim:{script}" if script else "sk-well"}],
            } | facts
            for n, script in enumerate(scripts)
        ]  # fmt: skip
        models = [
            {"name": f"at-p{n}", "provider": f"p{n}", "upstream_model": "sim"}
            for n in range(len(scripts))
        ]
        virtual = any_of(*(f"p{n}" for n in range(len(scripts))), retries_max=retries)
        written = {"providers": accounts, "models": models, "virtual_models": [virtual]}
        async with running(url, commerce=written) as place:
            yield place


async def asked(place: Place, caller: str, stream: bool) -> Reply:
    path, body = CALLERS[caller](stream)
    if "{model}" in path:
        return await place.post(body, path.replace("{model}", "any"))
    return await place.post({"model": "any", **body}, path)


def told_error(caller: str, body: Any) -> str:
    """The sentence of an error in the shape of a caller's dialect."""
    if caller in ("chat", "responses"):
        assert {"message", "type", "code"} <= set(body["error"]), body
        return str(body["error"]["message"])
    if caller == "anthropic":
        assert body["type"] == "error"
        assert body["error"]["type"].endswith(("_error", "_large"))
        return str(body["error"]["message"])
    if caller == "gemini":
        assert isinstance(body["error"]["code"], int)
        assert body["error"]["status"].isupper()
        return str(body["error"]["message"])
    return str(body["error"] if caller == "ollama" else body["message"])


def last_error(caller: str, reply: Reply) -> str:
    """The error that a stream ends with, in its dialect."""
    body = reply.body.replace(b"\r\n", b"\n").strip()
    if caller == "ollama":
        return told_error(caller, json.loads(body.splitlines()[-1]))
    events = [event for event in body.split(b"\n\n") if event != b"data: [DONE]"]
    data = json.loads(events[-1].rpartition(b"data: ")[2])
    if caller == "cohere":
        if data.get("type") == "message-end":
            assert data["delta"]["finish_reason"] == "ERROR"
            return str(data["delta"]["error"])
        return str(data["message"])
    if caller == "responses" and "error" not in data:
        return str(data.get("message") or data["response"]["error"]["message"])
    return told_error(caller, data)


STATUSES = {
    "auth": (503, "provider_key_invalid"),
    "rate_limit": (429, "provider_rate_limited"),
    "overloaded": (503, "provider_overloaded"),
    "invalid_request": (400, None),
}


@pytest.mark.parametrize("error", STATUSES)
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("caller", CALLERS)
async def test_errors_are_told_in_the_callers_dialect(caller: str, vendor: str, error: str) -> None:
    status, code = STATUSES[error]
    async with simulated(vendor, f"error={error}") as place:
        for stream in (False, True):
            place.heal()
            reply = await asked(place, caller, stream)
            assert reply.status == status, reply.body
            said = told_error(caller, reply.json)
            assert said
            call = (await place.settled(1 + stream))[-1].settled
            if code is None and NATIVE[caller] == vendor:
                assert (call.outcome, call.refusal) == ("answered", None)
            else:
                assert call.refusal == (code or "request_rejected")
                assert "'p0'" in said


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("caller", CALLERS)
async def test_an_error_within_a_stream_ends_it_in_the_callers_dialect(
    caller: str, vendor: str
) -> None:
    script = "error_in_stream_after=8,error=overloaded,tokens=30"
    async with simulated(vendor, script, "") as place:
        reply = await asked(place, caller, True)
        assert reply.status == 200
        assert last_error(caller, reply)
        [call] = await place.settled()
        assert [one.provider for one in call.settled.attempts] == ["p0"]
        if NATIVE[caller] != vendor:
            assert (call.settled.outcome, call.settled.refusal) == ("failed", "provider_failed")
            assert streamed_text(caller, cut_to_whole(caller, reply))


def cut_to_whole(caller: str, reply: Reply) -> Reply:
    """The reply without its last event, which is the error."""
    body = reply.body.strip()
    apart = b"\n" if caller == "ollama" else b"\n\n"
    return Reply(reply.head, body.rpartition(apart)[0] + apart)


PREAMBLES = {"openai": 0, "responses": 2, "anthropic": 1, "gemini": 0, "cohere": 1, "ollama": 0}


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("caller", CALLERS)
async def test_an_error_before_any_answer_is_one_of_the_attempt(caller: str, vendor: str) -> None:
    script = f"error_in_stream_after={PREAMBLES[vendor]},error=overloaded"
    async with simulated(vendor, script, "") as place:
        reply = await asked(place, caller, True)
        assert reply.status == 200, reply.body
        assert len(streamed_text(caller, reply)) > 10
        [call] = await place.settled()
        results = [(one.provider, one.result) for one in call.settled.attempts]
        assert results[0][0] == "p0"
        assert results[0][1] in ("overloaded", "failed")
        assert results[1] == ("p1", "ok")
        assert call.settled.outcome == "answered"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("caller", ["chat", "anthropic", "gemini"])
async def test_a_reply_of_200_with_an_error_is_one(caller: str, vendor: str, stream: bool) -> None:
    async with simulated(vendor, "error_body_200,error=overloaded", "") as place:
        reply = await asked(place, caller, stream)
        assert reply.status == 200, reply.body
        [call] = await place.settled()
        assert [one.provider for one in call.settled.attempts] == ["p0", "p1"]


# -- the first piece of a stream ------------------------------------------------------------------

MESSAGE_START = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","content":[]}}\n\n'
)
PING = b'event: ping\ndata: {"type":"ping"}\n\n'
OVERLOADED = (
    b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Over"}}\n\n'
)
CREATED = (
    b'event: response.created\ndata: {"type":"response.created","response":{"error":null}}\n\n'
)
FAILED = (
    b'event: response.failed\ndata: {"type":"response.failed","response":{"status":"failed",'
    b'"error":{"code":"server_error","message":"It broke."}}}\n\n'
)


@pytest.mark.parametrize(
    ("data", "looks"),
    [
        (b'data: {"error":{"message":"x"}}\n\n', True),
        (OVERLOADED, True),
        (b'{"error":"x"}\n', True),
        (b'[{"error":{"code":503}}]', True),
        (b' {\n "error": {"code": 1}}', True),
        (b'data: {"id":"x","error":{"code":502,"message":"x"},"choices":[]}\n\n', True),
        (b'data: {"choices":[{"delta":{"content":"\\"error\\":{"}}]}\n\n', False),
        (MESSAGE_START, False),
        (b'data: {"id":"x","choices":[]}\n\n' + b'data: {"error"', False),
    ],
)
def test_what_looks_like_an_error(data: bytes, looks: bool) -> None:
    assert looks_like_error(data) is looks


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (MESSAGE_START, None),
        (MESSAGE_START + PING, None),
        (MESSAGE_START + OVERLOADED, OVERLOADED),
        (MESSAGE_START + PING + OVERLOADED, OVERLOADED),
        (MESSAGE_START + OVERLOADED[:-1], None),  # the rest is on its way
        (CREATED + FAILED, FAILED),
    ],
)
def test_an_error_behind_a_preamble(data: bytes, error: bytes | None) -> None:
    assert is_preamble(data)
    assert error_behind_preamble(data) == error


def test_events_and_lines_end() -> None:
    assert ends_event(b"data: {}\n\n")
    assert ends_event(b"data: {}\r\n\r\n")
    assert not ends_event(b"data: {}\n")
    assert ends_event(b'{"error":"x"}\n')
    assert not ends_event(b'{"error":"x"}')


def test_a_providers_words_are_told_without_keys_and_not_for_ever() -> None:
    said = said_by_provider("Bad key sk-abcdefghijklmnopqrstuvwxyz0123456789abcd " + "x" * 9_000)
    assert "sk-abcdefghijklmnopqrstuvwxyz" not in said
    assert len(said) == 1_000


class Pieces:
    """An upstream that streams pieces, and ends."""

    def __init__(self, *pieces: bytes, content_type: str = "text/event-stream") -> None:
        self.pieces = pieces
        self.content_type = content_type

    async def __call__(self, asked: Asked) -> None:
        asked.write(
            f"HTTP/1.1 200 OK\r\ncontent-type: {self.content_type}\r\n"
            "transfer-encoding: chunked\r\n\r\n".encode()
        )
        for piece in self.pieces:
            asked.chunk(piece)
            await asked.writer.drain()
        asked.write(b"0\r\n\r\n")


MESSAGES: dict[str, Any] = {
    "model": "at-p", "max_tokens": 9, "stream": True,
    "messages": [{"role": "user", "content": "hello"}],
}  # fmt: skip


@pytest.mark.parametrize(
    "pieces",
    [
        (MESSAGE_START + PING + OVERLOADED,),
        (MESSAGE_START, PING, OVERLOADED),
        (MESSAGE_START[:30], MESSAGE_START[30:], OVERLOADED[:10], OVERLOADED[10:]),
        (OVERLOADED[:20], OVERLOADED[20:]),
    ],
    ids=["at once", "event by event", "cut", "cut at first"],
)
async def test_an_error_is_seen_in_whatever_pieces_it_comes(pieces: tuple[bytes, ...]) -> None:
    async with upstream(Pieces(*pieces)) as url, before(url, {"p": "anthropic"}) as place:
        reply = await place.post(MESSAGES, "/v1/messages")
        assert reply.status == 503, reply.body
        assert reply.json["error"]["type"] == "overloaded_error"


async def test_a_failed_response_is_the_providers_failure() -> None:
    account = {"vendor": "openai", "dialects": {"generate": ["openai_responses"]}}
    async with upstream(Pieces(CREATED, FAILED)) as url, before(url, {"p": account}) as place:
        body = {"model": "at-p", "input": "hello", "stream": True}
        reply = await place.post(body, "/v1/responses")
        assert reply.status in (502, 503), reply.body


async def test_a_preamble_alone_goes_on_with_its_usage() -> None:
    usage = b'data: {"type":"message_start","message":{"usage":{"input_tokens":3}}}\n\n'
    stop = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    data = b"event: message_start\n" + usage + stop
    async with upstream(Pieces(data)) as url, before(url, {"p": "anthropic"}) as place:
        reply = await place.post(MESSAGES, "/v1/messages")
        assert (reply.status, reply.body) == (200, data)
        [call] = await place.settled()
        assert call.settled.usage is not None
        assert call.settled.usage.input_tokens == 3


TOOL_LINE = (
    b'{"model":"up","message":{"role":"assistant","content":"","tool_calls":[{"function":'
    b'{"name":"report","arguments":{"error":"disk full"}}}]},"done":false}\n'
    b'{"model":"up","message":{"role":"assistant","content":""},"done":true,"eval_count":2}\n'
)


async def test_a_tool_that_speaks_of_errors_is_no_error() -> None:
    account = {"vendor": "ollama", "dialects": {"generate": ["ollama"]}}
    answer = Pieces(TOOL_LINE, content_type="application/x-ndjson")
    async with upstream(answer) as url, before(url, {"p": account}) as place:
        body = {"model": "at-p", "messages": [{"role": "user", "content": "hello"}]}
        reply = await place.post(body, "/api/chat")
        assert (reply.status, reply.body) == (200, TOOL_LINE)


@pytest.mark.parametrize("stream", [False, True])
async def test_keys_in_a_providers_words_are_not_passed_on(stream: bool) -> None:
    secret = "sk-abcdefghijklmnopqrstuvwxyz0123456789abcd"
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": secret}}
    answering = Answering({"/p/": (400, error)})
    async with upstream(answering) as url, before(url, {"p": "anthropic"}) as place:
        reply = await place.post((STREAM if stream else HELLO) | {"model": "at-p"})
        assert reply.code == "request_rejected"
        assert secret.encode() not in reply.body
