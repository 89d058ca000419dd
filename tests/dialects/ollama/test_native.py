"""Ollama's bytes pass through, and only model and limit change."""

import json

import pytest

from faregate.core.refusals import Refusal
from faregate.dialects.ollama.native import GENERATE_NATIVE, NATIVE
from faregate.dialects.translation import Peeked
from faregate.dialects.usage import Usage


def _peek(body: bytes) -> Peeked:
    peeked = NATIVE.peek(body, None, stream=False)
    assert not isinstance(peeked, Refusal)
    return peeked


def test_what_is_peeked() -> None:
    peeked = _peek(b'{"model":"m","options":{"num_predict":9}}')
    assert (peeked.model, peeked.stream, peeked.output_limit) == ("m", True, 9)
    assert (peeked.choices, peeked.user, peeked.asks_usage) == (1, None, True)
    assert _peek(b'{"model":"m","stream":false}').stream is False
    assert _peek(b'{"model":"m","options":{"num_predict":-1}}').output_limit is None


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"[]", None),
        (b"{}", "model"),
        (b'{"model":"m","options":{"num_predict":"9"}}', "options.num_predict"),
        (b'{"model":"m","options":{"num_predict":9,"num_predict":1}}', "num_predict"),
        (b'{"model":"m","options":{},"options":{}}', "options"),
    ],
)
def test_what_is_wrong_is_refused(body: bytes, param: str | None) -> None:
    refusal = NATIVE.peek(body, None, stream=False)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.param) == ("request_invalid", param)


def test_model_and_limit_change() -> None:
    body = b'{"model":"a","options":{"num_ctx":1}}'
    assert NATIVE.splice_model(body, "a", "b") == b'{"model":"b","options":{"num_ctx":1}}'
    limited = json.loads(NATIVE.set_output_limit(body, 5, "num_predict"))
    assert limited["options"] == {"num_predict": 5, "num_ctx": 1}
    assert NATIVE.ask_stream_usage(body) is body


def test_usage_is_read() -> None:
    whole = b'{"done":true,"prompt_eval_count":3, "eval_count": 4}'
    assert NATIVE.read_usage(whole) == NATIVE.read_usage_in_part(whole[9:]) == Usage(3, 4)
    for nothing in (b"", b"{}", b"[]", b'{"eval_count":"3"}', b"[" * 100_000):
        assert NATIVE.read_usage(nothing) is None
    assert NATIVE.read_usage_in_part(b"{") is None


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_stream_is_metered_as_it_passes(size: int) -> None:
    stream = b'{"message":{"content":"%b"},"done":false}\n{"done":true,"eval_count":4}\n' % (
        b"x" * 40
    )
    meter = NATIVE.stream_meter(hide_usage=False, measures=True)
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert b"".join(meter.feed(piece) for piece in pieces) + meter.end() == stream
    assert (meter.events, meter.output_tokens, meter.usage) == (2, 10, Usage(None, 4))


def test_a_stream_that_we_end() -> None:
    line = json.loads(NATIVE.final_events("call-1", "m", 1, {"code": "credit_exhausted"}))
    assert (line["done"], line["done_reason"], line["message"]["content"]) == (True, "length", "")
    assert line["faregate"]["refusal"] == {"code": "credit_exhausted"}
    line = json.loads(GENERATE_NATIVE.final_events("call-1", "m", 1, None))
    assert line["response"] == ""
