"""Cohere's bytes pass through, and only model and limit change."""

import json

import pytest

from faregate.core.refusals import Refusal
from faregate.dialects.cohere.native import NATIVE
from faregate.dialects.usage import Usage

USAGE = {"billed_units": {"input_tokens": 3, "output_tokens": 4}, "tokens": {"input_tokens": 99}}


def test_what_is_peeked() -> None:
    peeked = NATIVE.peek(b'{"model":"m","stream":true,"max_tokens":9,"n":3}', None, stream=False)
    assert not isinstance(peeked, Refusal)
    assert (peeked.model, peeked.stream, peeked.output_limit) == ("m", True, 9)
    assert (peeked.choices, peeked.user, peeked.asks_usage) == (1, None, True)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"[]", None),
        (b"{}", "model"),
        (b'{"model":1}', "model"),
        (b'{"model":"m","max_tokens":-1}', "max_tokens"),
        (b'{"model":"m","max_tokens":1,"max_tokens":2}', "max_tokens"),
    ],
)
def test_what_is_wrong_is_refused(body: bytes, param: str | None) -> None:
    refusal = NATIVE.peek(body, None, stream=False)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.param) == ("request_invalid", param)


def test_model_and_limit_change() -> None:
    body = b'{"model":"a","messages":[]}'
    assert NATIVE.splice_model(body, "a", "b") == b'{"model":"b","messages":[]}'
    limited = NATIVE.set_output_limit(body, 5, "max_tokens")
    assert json.loads(limited)["max_tokens"] == 5
    assert NATIVE.ask_stream_usage(body) is body


def test_usage_is_read() -> None:
    whole = json.dumps({"id": "a", "usage": USAGE}).encode()
    assert NATIVE.read_usage(whole) == Usage(3, 4)
    last = json.dumps({"type": "message-end", "delta": {"usage": USAGE}}).encode()
    assert NATIVE.read_usage(last) == Usage(3, 4)
    assert NATIVE.read_usage_in_part(b'"}],' + whole[1:]) == Usage(3, 4)
    assert NATIVE.read_usage_in_part(b'"usage": {') is None
    for nothing in (b"", b"{}", b"[]", b'{"usage":3}', b"[" * 100_000):
        assert NATIVE.read_usage(nothing) is None


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_stream_is_metered_as_it_passes(size: int) -> None:
    delta = {"type": "content-delta", "delta": {"message": {"content": {"text": "x" * 40}}}}
    end = {"type": "message-end", "delta": {"usage": USAGE}}
    events = [b"data: %b\n\n" % json.dumps(one).encode() for one in (delta, end)]
    stream = b"".join(events)
    meter = NATIVE.stream_meter(hide_usage=True, measures=True)
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert b"".join(meter.feed(piece) for piece in pieces) + meter.end() == stream
    assert (meter.events, meter.output_tokens, meter.usage) == (2, 10, Usage(3, 4))


def test_a_stream_that_we_end() -> None:
    event = NATIVE.final_events("call-1", "m", 1, {"code": "credit_exhausted"})
    document = json.loads(event.split(b"data: ")[1])
    assert (document["type"], document["delta"]["finish_reason"]) == ("message-end", "MAX_TOKENS")
    assert document["faregate"]["refusal"] == {"code": "credit_exhausted"}
