"""Of responses that pass through, only what must be known is read or changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects.neutral_forms import chopped

from faregate.core.refusals import Refusal
from faregate.dialects.responses.native import NATIVE, ResponsesMeter, measure
from faregate.dialects.usage import Usage

BODY = b'{"model":"a","stream":true,"input":"max_output_tokens","user":"u"}'
USAGE = b'{"input_tokens":1,"output_tokens":2,"output_tokens_details":{"reasoning_tokens":1}}'


def event(kind: bytes, members: bytes) -> bytes:
    """An event of a stream."""
    return b'event: %b\ndata: {"type":"%b",%b}\n\n' % (kind, kind, members)


def test_what_is_peeked_at():
    peeked = NATIVE.peek(BODY, None, stream=False)
    assert not isinstance(peeked, Refusal)
    assert (peeked.model, peeked.stream, peeked.user) == ("a", True, "u")
    assert (peeked.output_limit, peeked.choices, peeked.asks_usage) == (None, 1, True)
    refusal = NATIVE.peek(b'{"model":"a","max_output_tokens":"x"}', None, stream=False)
    assert isinstance(refusal, Refusal)
    assert refusal.param == "max_output_tokens"


def test_the_limit_is_set_or_lowered():
    limited = NATIVE.set_output_limit(BODY, 7, "max_tokens")
    assert limited == b'{"max_output_tokens":7,' + BODY[1:]
    assert NATIVE.set_output_limit(limited, 5, "") == limited.replace(b":7,", b":5,")
    assert NATIVE.ask_stream_usage(BODY) == BODY
    assert NATIVE.splice_model(BODY, "a", "b") == BODY.replace(b'"a"', b'"b"')


def test_usage_is_read():
    whole = b'{"usage":%b,"service_tier":"flex","tool_usage":{"web_search":{"num_requests":3}}}'
    assert NATIVE.read_usage(whole % USAGE) == Usage(
        1, 2, None, 1, web_searches=3, service_tier="flex"
    )
    assert NATIVE.read_usage(b'{"usage":null}') is None
    assert NATIVE.read_usage(b"{") is None
    assert NATIVE.read_usage_in_part(b'..."usage":%b,"user"...' % USAGE) == Usage(1, 2, None, 1)
    assert NATIVE.read_usage_in_part(b'"usage":{}') == Usage()
    assert NATIVE.read_usage_in_part(b"nothing") is None


@pytest.mark.parametrize("end", [b"completed", b"incomplete", b"failed"])
@given(data=st.data())
def test_a_stream_is_metered_however_it_is_cut(end: bytes, data: st.DataObject):
    text = b'"delta":"Hi","sequence_number":3'
    stream = (
        event(b"response.created", b'"response":{"id":"resp_1","usage":null}')
        + event(b"response.output_text.delta", text)
        + event(b"response.function_call_arguments.delta", b'"delta":"%b"' % (b"x" * 40))
        + event(b"response." + end, b'"response":{"usage":%b}' % USAGE)
    )
    meter = NATIVE.stream_meter(hide_usage=True, measures=True)
    assert b"".join(map(meter.feed, data.draw(chopped(stream)))) + meter.end() == stream
    assert (meter.events, meter.output_tokens) == (4, 11)
    assert meter.usage == Usage(1, 2, None, 1)
    assert isinstance(meter, ResponsesMeter)
    assert meter.reply_id == "resp_1"


def test_a_broken_stream_is_cut():
    meter = ResponsesMeter(measures=False)
    meter.feed(b"data: {")
    assert meter.cut()
    assert not meter.cut()
    assert meter.output_tokens == 0


@pytest.mark.parametrize(
    ("text", "tokens"), [(b"", 0), (b"a", 1), (b'\\"', 1), (b"x" * 16, 4), (b'aaaa\\"aaaa', 2)]
)
def test_a_delta_is_measured(text: bytes, tokens: int):
    assert measure(b'{"delta":"%b","x":"y"}' % text, 10) == tokens


def test_the_end_that_we_make():
    end = NATIVE.final_events("resp_1", "m", 1, {"code": "credit_exhausted"})
    assert end.startswith(b"event: response.incomplete\ndata: {")
    assert b'"reason":"max_output_tokens"' in end
    assert b'"id":"resp_1"' in end
    assert b"credit_exhausted" in end
