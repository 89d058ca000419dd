"""Gemini's bytes pass through, and only the output limit changes."""

import json
from typing import Any

import pytest

from faregate.core.refusals import Refusal
from faregate.dialects.gemini.native import ARRAY_NATIVE, NATIVE
from faregate.dialects.translation import Peeked
from faregate.dialects.usage import Usage


def _peek(body: bytes) -> Peeked:
    peeked = NATIVE.peek(body, "gemini-3", stream=True)
    assert not isinstance(peeked, Refusal)
    return peeked


@pytest.mark.parametrize(
    "body",
    [
        b'{"contents":[],"generationConfig":{"maxOutputTokens":9,"candidateCount":2}}',
        b'{"contents":[],"generation_config":{"max_output_tokens":9,"candidate_count":2}}',
    ],
)
def test_what_is_peeked(body: bytes) -> None:
    peeked = _peek(body)
    assert (peeked.model, peeked.stream, peeked.output_limit) == ("gemini-3", True, 9)
    assert (peeked.choices, peeked.user, peeked.asks_usage) == (2, None, True)


def test_nothing_need_be_said() -> None:
    peeked = _peek(b"{}")
    assert (peeked.output_limit, peeked.choices) == (None, 1)
    assert _peek(b'{"generationConfig":null}').output_limit is None


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"[]", None),
        (b'{"generationConfig":{"maxOutputTokens":-1}}', "generationConfig.maxOutputTokens"),
        (b'{"generationConfig":{"candidateCount":0}}', "generationConfig.candidateCount"),
        (b'{"generationConfig":{},"generation_config":{}}', "generationConfig"),
        (b'{"generationConfig":{},"generationConfig":{}}', "generationConfig"),
        (b'{"generationConfig":{},"generation\\u0043onfig":{}}', "generationConfig"),
        (b'{"generationConfig":{"maxOutputTokens":1,"max_output_tokens":2}}',
         "generationConfig.maxOutputTokens"),
        (b'{"generationConfig":{"candidateCount":1,"candidateCount":2}}', "candidateCount"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused(body: bytes, param: str | None) -> None:
    refusal = NATIVE.peek(body, "m", stream=False)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.param) == ("request_invalid", param)
    assert isinstance(NATIVE.peek(b"{}", None, stream=False), Refusal)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", b'{"generationConfig":{"maxOutputTokens":5}}'),
        (b'{"contents":[]}', b'{"generationConfig":{"maxOutputTokens":5},"contents":[]}'),
        (b'{"generationConfig":{}}', b'{"generationConfig":{"maxOutputTokens":5}}'),
        (b'{"generationConfig": null}', b'{"generationConfig": {"maxOutputTokens":5}}'),
        (b'{"generationConfig":{"topK":1,"maxOutputTokens":9}}',
         b'{"generationConfig":{"topK":1,"maxOutputTokens":5}}'),
        (b'{"generation_config":{"max_output_tokens":9}}',
         b'{"generation_config":{"max_output_tokens":5}}'),
    ],
)  # fmt: skip
def test_the_limit_stands_inside(body: bytes, expected: bytes) -> None:
    assert NATIVE.set_output_limit(body, 5, "maxOutputTokens") == expected


def test_nothing_else_changes() -> None:
    body = b'{"contents" : [] }'
    assert NATIVE.splice_model(body, "a", "b") is body
    assert NATIVE.ask_stream_usage(body) is body


USAGE = {"promptTokenCount": 3, "candidatesTokenCount": 4, "thoughtsTokenCount": 5}
GROUNDED = {"groundingMetadata": {"webSearchQueries": ["a", "b"]}}


def _body(**members: Any) -> bytes:
    return json.dumps({"usageMetadata": USAGE, "modelVersion": "gemini-3"} | members).encode()


def test_usage_is_read() -> None:
    expected = Usage(3, 9, reasoning_tokens=5)
    assert NATIVE.read_usage(_body()) == expected
    assert NATIVE.read_usage(_body(candidates=[3])) == expected
    searched = Usage(3, 9, reasoning_tokens=5, web_searches=2)
    assert NATIVE.read_usage(_body(candidates=[GROUNDED])) == searched
    assert NATIVE.read_usage(_body(candidates=[GROUNDED, 3])) == searched
    for nothing in (b"", b"{}", b"[]", b'{"usageMetadata":3}', b"[" * 100_000):
        assert NATIVE.read_usage(nothing) is None


def test_usage_in_a_part() -> None:
    details = {"promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 2}]}
    end = _body(usageMetadata=USAGE | details)
    expected = Usage(3, 9, reasoning_tokens=5, audio_input_tokens=2)
    assert NATIVE.read_usage_in_part(b'"}]}}],' + end[1:]) == expected
    assert NATIVE.read_usage_in_part(b'"usageMetadata": {"promptT') is None


def _stream(*, as_array: bool) -> bytes:
    first = {"candidates": [{"content": {"parts": [{"text": "x" * 40}]}}]}
    events = [json.dumps(first).encode(), _body(candidates=[GROUNDED])]
    if as_array:
        return b"[" + b",\r\n".join(events) + b"]"
    return b"".join(b"data: %b\r\n\r\n" % event for event in events)


@pytest.mark.parametrize("as_array", [False, True])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_stream_is_metered_as_it_passes(size: int, *, as_array: bool) -> None:
    meter = NATIVE.stream_meter(hide_usage=False, measures=True)
    stream = _stream(as_array=as_array)
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert b"".join(meter.feed(piece) for piece in pieces) + meter.end() == stream
    assert (meter.events, meter.output_tokens) == (2, 10)
    assert meter.usage == Usage(3, 9, reasoning_tokens=5, web_searches=2)


def test_a_stream_that_we_end() -> None:
    event = NATIVE.final_events("call-1", "m", 2, {"code": "credit_exhausted"})
    document = json.loads(event.removeprefix(b"data: "))
    reasons = [(one["index"], one["finishReason"]) for one in document["candidates"]]
    assert reasons == [(0, "MAX_TOKENS"), (1, "MAX_TOKENS")]
    assert document["faregate"]["refusal"] == {"code": "credit_exhausted"}
    rest = ARRAY_NATIVE.final_events("call-1", "m", 1, None)
    assert len(json.loads(b"[{}" + rest)) == 2
