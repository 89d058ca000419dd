"""Events of Claude are taken out of InvokeModel's wrapping, and nothing else is."""

import msgspec
import pytest

from faregate.dialects.bedrock.invoke import InvokeReader, StreamReader, as_server_sent, wrapped
from faregate.dialects.neutral.reply import Ended, Pinged
from faregate.dialects.translation import MalformedReplyError
from faregate.wire.event_stream import encode_event, encode_exception

STOP = b'{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":1}}'


def test_events_are_unwrapped():
    reader = InvokeReader()
    stream = wrapped(b'{"type":"ping"}') + encode_event("new", b"{}") + wrapped(STOP)
    assert reader.feed(stream[:20]) == []
    assert reader.feed(stream[20:]) == [b'{"type":"ping"}', STOP]
    assert as_server_sent(STOP) == b"event: message_stop\ndata: %b\n\n" % STOP


def test_events_are_read():
    reader = StreamReader()
    assert reader.feed(wrapped(b'{"type":"ping"}') + wrapped(STOP)) == [Pinged(), Ended()]
    assert reader.end() == []


def test_nothing_follows_an_exception():
    reader = InvokeReader()
    failed = encode_exception("modelTimeoutException", b'{"message":"late"}')
    assert reader.feed(wrapped(b"{}") + failed + wrapped(STOP)) == [b"{}"]
    assert reader.failed is not None
    assert msgspec.json.decode(reader.failed.raw)["__type"] == "modelTimeoutException"


@pytest.mark.parametrize(
    "stream",
    [b"\0" * 12, encode_event("chunk", b"{}"), encode_event("chunk", b'{"bytes":"?"}'),
     encode_event("chunk", b"{")],
)  # fmt: skip
def test_what_is_no_chunk(stream: bytes):
    with pytest.raises(MalformedReplyError):
        InvokeReader().feed(stream)


@pytest.mark.parametrize(
    "event", [b"{}", b"[]", b'{"type":3}', b'{"type":"a\\nb"}', b'{"type":\n"ping"}']
)
def test_events_that_would_break_the_stream(event: bytes):
    with pytest.raises(MalformedReplyError):
        as_server_sent(event)
