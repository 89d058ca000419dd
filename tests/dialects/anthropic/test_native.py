"""Bytes pass through: what is read of them is right, what is changed is all that changes."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from tests.dialects.anthropic.test_stream_reader import STREAM, sse
from tests.dialects.neutral_forms import chopped

from faregate.core.refusals import Refusal
from faregate.dialects.anthropic.native import NATIVE, Peek, measure
from faregate.dialects.usage import Usage

BODY = (
    b'{"model": "claude-opus-5","max_tokens": 4096,"stream":true,"metadata":{"user_id":"u"},'
    b'"messages":[{"role":"user","content":[{"type":"new"}]}],"beta":{"a":1}}'
)


def test_a_request_is_peeked_at():
    peeked = NATIVE.peek(BODY, None, stream=False)
    assert isinstance(peeked, Peek)
    assert (peeked.model, peeked.stream, peeked.output_limit) == ("claude-opus-5", True, 4_096)
    assert (peeked.user, peeked.choices, peeked.asks_usage) == ("u", 1, True)
    of_path = NATIVE.peek(b"{}", "m", stream=True)
    assert isinstance(of_path, Peek)
    assert (of_path.model, of_path.stream, of_path.user) == ("m", True, None)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"[]", "$"), (b"{", "$"), (b"{}", "model"), (b'{"model":""}', "model"),
        (b'{"model":3}', "model"), (b'{"model":"m","max_tokens":-1}', "max_tokens"),
        (b'{"model":"m","stream":"yes"}', "stream"),
        (b'{"model":"m","metadata":{"user_id":1}}', "metadata.user_id"),
        (b'{"model":"m","max_tokens":1,"max_tokens":9}', "max_tokens"),
        (b'{"x":' + b"[" * 100_000, "$"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_refused(body: bytes, param: str):
    refusal = NATIVE.peek(body, None, stream=False)
    assert isinstance(refusal, Refusal)
    assert refusal.param == param


def test_the_model_is_all_that_is_changed():
    made = NATIVE.splice_model(BODY, "claude-opus-5", "other")
    assert made == BODY.replace(b'"model": "claude-opus-5"', b'"model":"other"')


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"max_tokens":9}', b'{"max_tokens":5}'),
        (b'{"model":"m"}', b'{"max_tokens":5,"model":"m"}'),
    ],
)
def test_an_output_limit_is_set(body: bytes, expected: bytes):
    assert NATIVE.set_output_limit(body, 5, "max_tokens") == expected


@pytest.mark.parametrize(
    ("limit", "thinking"),
    [
        (9_000, b'{"type":"enabled","budget_tokens": 8000}'),
        (8_000, b'{"type":"enabled","budget_tokens": 7999}'),
        (1_024, b'{"type":"disabled"}'),
    ],
)
def test_thoughts_fit_below_the_limit(limit: int, thinking: bytes):
    body = b'{"max_tokens":16000,"thinking":{"type":"enabled","budget_tokens": 8000}}'
    made = NATIVE.set_output_limit(body, limit, "max_tokens")
    assert made == b'{"max_tokens":%d,"thinking":%b}' % (limit, thinking)


@pytest.mark.parametrize("thinking", [b"3", b"{}", b'{"budget_tokens":"x"}', b'"budget_tokens"'])
def test_thoughts_of_another_shape_stay(thinking: bytes):
    body = b'{"max_tokens":1,"thinking":%b}' % thinking
    assert NATIVE.set_output_limit(body, 1, "max_tokens") == body


def test_usage_of_a_whole_reply():
    body = b'{"content":[],"usage":{"input_tokens":1,"output_tokens":2}}'
    assert NATIVE.read_usage(body) == Usage(1, 2)
    assert NATIVE.read_usage(b'{"usage":null}') is None
    assert NATIVE.read_usage(b"{") is None
    part = b'cut":"off"}],"usage":{"input_tokens":1,"cache_creation":{"x":{}},"output_tokens":2}}'
    assert NATIVE.read_usage_in_part(part) == Usage(1, 2, cache_write_tokens=0)
    assert NATIVE.read_usage_in_part(b'"usage":{"input_tokens":1') is None


@settings(max_examples=60, deadline=None)
@given(chopped(STREAM))
def test_a_stream_passes_unchanged_and_is_counted(pieces: list[bytes]):
    meter = NATIVE.stream_meter(hide_usage=False, measures=True)
    assert b"".join([meter.feed(piece) for piece in pieces]) + meter.end() == STREAM
    assert meter.usage == Usage(10, 90, 3, 30)
    assert meter.events == STREAM.count(b"event: ")
    assert 4 <= meter.output_tokens <= 20
    assert meter.cut() is False


def test_a_broken_stream():
    meter = NATIVE.stream_meter(hide_usage=True, measures=False)
    meter.feed(STREAM[:-3])
    assert meter.cut() is True
    assert meter.output_tokens == 0
    meter = NATIVE.stream_meter(hide_usage=False, measures=True)
    meter.feed(b'data: {"type":"x","usage":\n\ndata: {"usage":[1]}\n\n')
    assert meter.end() == b""
    assert meter.usage is None
    meter.feed(b'data: {"type":"message_delta","usage":{"output_tokens":3}}')
    meter.end()
    assert meter.usage == Usage(output_tokens=3)


@pytest.mark.parametrize(
    ("delta", "tokens"),
    [
        ({"type": "text_delta", "text": " word"}, 1),
        ({"type": "text_delta", "text": "a longer piece of it"}, 5),
        ({"type": "text_delta", "text": '"quoted" \\ text'}, 4),
        ({"type": "thinking_delta", "thinking": "twelve bytes"}, 3),
        ({"type": "input_json_delta", "partial_json": '{"a'}, 1),
        ({"type": "input_json_delta", "partial_json": ""}, 0),
        ({"type": "signature_delta", "signature": "x" * 400}, 0),
    ],
)
def test_tokens_are_told_by_their_bytes(delta: dict[str, Any], tokens: int):
    event = sse({"type": "content_block_delta", "index": 0, "delta": delta})
    assert measure(event) == tokens


def test_an_end_of_ours():
    end = NATIVE.final_events("call-1", "m", 1, {"code": "credit"}, output_tokens=7)
    first, second = end.split(b"\n\n")[:2]
    event = msgspec.json.decode(first.split(b"data: ")[1])
    assert event["delta"] == {"stop_reason": "max_tokens", "stop_sequence": None}
    assert event["usage"] == {"output_tokens": 7}
    assert event["faregate"] == {"refusal": {"code": "credit"}}
    assert second.startswith(b"event: message_stop\n")
