"""Bytes pass through, and their model, user and usage are read on the way."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from faregate.core.refusals import Refusal
from faregate.dialects import plain_usage
from faregate.dialects.plain_native import PlainNative
from faregate.dialects.usage import Usage

NATIVE = PlainNative(
    read_usage=plain_usage.read_usage, read_usage_in_part=plain_usage.read_usage_in_part
)
STREAM = (
    b'event: transcript.text.delta\ndata: {"type":"transcript.text.delta","delta":"a"}\n\n'
    b'event: transcript.text.done\r\ndata: {"type":"transcript.text.done","text":"a",'
    b'"usage":{"type":"tokens","input_tokens":14,"output_tokens":1}}\r\n\r\n'
)


def test_a_request_is_peeked_at() -> None:
    peeked = NATIVE.peek(b'{"model":"m","stream":true,"user":"u"}', None, stream=False)
    assert not isinstance(peeked, Refusal)
    assert (peeked.model, peeked.stream, peeked.user, peeked.asks_usage) == ("m", True, "u", True)
    for wrong in (b"", b"[]", b"{}", b'{"model":1}', b"\xff"):
        assert isinstance(NATIVE.peek(wrong, None, stream=False), Refusal)
    assert NATIVE.splice_model(b'{"model":"m","x":1}', "m", "n") == b'{"model":"n","x":1}'
    assert NATIVE.set_output_limit(b"{}", 1, "max_tokens") == b"{}"
    assert NATIVE.ask_stream_usage(b"{}") == b"{}"
    assert NATIVE.most(b"{}") is None


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_a_stream_goes_on_as_it_came(cuts: list[int]) -> None:
    meter = NATIVE.stream_meter(hide_usage=True, measures=True)
    bounds = [0, *sorted(cuts), len(STREAM)]
    sent = b"".join(meter.feed(STREAM[a:b]) for a, b in pairwise(bounds))
    assert sent + meter.end() == STREAM
    assert (meter.events, meter.usage) == (2, Usage(input_tokens=14, output_tokens=1))


def test_a_stream_may_lack_its_end() -> None:
    meter = NATIVE.stream_meter(hide_usage=False, measures=False)
    meter.feed(STREAM.rstrip())
    assert meter.usage is None
    assert meter.end() == b""
    assert meter.usage == Usage(input_tokens=14, output_tokens=1)
    meter.feed(b"data: {")
    assert meter.cut()
    assert not meter.cut()


def test_the_end_that_we_make_says_why() -> None:
    assert b'"refusal":{"code":"x"}' in NATIVE.final_events("c", "m", 1, {"code": "x"})


def test_what_decides_the_price_stands_once() -> None:
    native = PlainNative(
        read_usage=plain_usage.read_usage,
        read_usage_in_part=plain_usage.read_usage_in_part,
        priced=("n", "size"),
    )
    once = b'{"model":"m","n":1,"size":"1x1","x":{"n":2,"size":3}}'
    assert not isinstance(native.peek(once, None, stream=False), Refusal)
    for twice in (b'"n":2', b'"N":2', b'"\\u006e":2'):
        refusal = native.peek(once[:-1] + b"," + twice + b"}", None, stream=False)
        assert isinstance(refusal, Refusal)
        assert refusal.param == "n"
