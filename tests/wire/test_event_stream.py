"""Messages of Amazon's event stream are found however they are cut; nonsense is refused."""

import struct
import uuid
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faregate.wire import event_stream
from faregate.wire.event_stream import EventStreamError, EventStreamReader, Message
from faregate.wire.sse import EventTooLargeError

# Of the specification's test vectors.
EMPTY = bytes.fromhex("00000010 00000000 05c248eb 7d98c8ff")
NO_HEADERS = bytes.fromhex("0000001d 00000000 fd528c5a 7b27666f6f273a27626172277d c3653936")
INT32 = bytes.fromhex(
    "0000002d 00000010 41c424b8 0a6576656e742d74797065 04 0000a00c"
    "7b27666f6f273a27626172277d 36f480a0"
)
VALUES = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(max_size=20)
    | st.binary(max_size=20)
    | st.uuids()
)
MESSAGES = st.lists(
    st.builds(
        Message,
        headers=st.dictionaries(st.text("abc:-é", min_size=1, max_size=12), VALUES, max_size=4),
        payload=st.binary(max_size=60),
    ),
    min_size=1,
    max_size=4,
)


def test_the_specifications_messages():
    assert event_stream.encode({}, b"") == EMPTY
    found = EventStreamReader().feed(EMPTY + NO_HEADERS + INT32)
    payload = b"{'foo':'bar'}"
    assert found == [
        Message({}, b""), Message({}, payload), Message({"event-type": 0xA00C}, payload),
    ]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.data(), MESSAGES)
def test_messages_cut_anywhere_are_read_as_they_were_written(
    data: st.DataObject, messages: list[Message]
):
    stream = b"".join(event_stream.encode(one.headers, one.payload) for one in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reader = EventStreamReader()
    found: list[Message] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += reader.feed(stream[start:end])
    assert found == messages
    assert reader.empty


@settings(max_examples=200, deadline=None)
@given(MESSAGES, st.data())
def test_a_changed_byte_is_found(messages: list[Message], data: st.DataObject):
    stream = bytearray(event_stream.encode(messages[0].headers, messages[0].payload))
    at = data.draw(st.integers(0, len(stream) - 1))
    stream[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(EventStreamError):
        EventStreamReader().feed(bytes(stream))


@pytest.mark.parametrize(
    "headers",
    [b"\x01a\x63", b"\x01a", b"\x05a", b"\x01a\x07\x00\xff12", b"\x01a\x07\x00\x01\xff",
     b"\x01a\x05\x00"],
)  # fmt: skip
def test_headers_that_can_not_be_read(headers: bytes):
    whole = event_stream.encode({}, headers)
    # The same bytes, told to be headers.
    lengths = struct.pack(">II", len(whole), len(headers))
    message = lengths + struct.pack(">I", zlib.crc32(lengths)) + headers
    message += struct.pack(">I", zlib.crc32(message))
    with pytest.raises(EventStreamError):
        EventStreamReader().feed(message)


def test_sizes_are_refused_before_anything_is_kept():
    small = EventStreamReader(bytes_max=100)
    with pytest.raises(EventTooLargeError):
        small.feed(event_stream.encode({}, b"x" * 200)[:12])
    lengths = struct.pack(">II", 16, 8)
    with pytest.raises(EventStreamError):
        EventStreamReader().feed(lengths + struct.pack(">I", zlib.crc32(lengths)))


def test_a_long_message_in_small_pieces_is_looked_at_once():
    whole = event_stream.encode({}, b"x" * 1_000_000)
    reader = EventStreamReader()
    found: list[Message] = []
    for at in range(0, len(whole), 1_000):
        found += reader.feed(whole[at : at + 1_000])
    assert len(found) == 1
    assert len(found[0].payload) == 1_000_000


def test_events_and_exceptions_have_aws_headers():
    event, failure = EventStreamReader().feed(
        event_stream.encode_event("messageStop", b"{}")
        + event_stream.encode_exception("throttlingException", b'{"message":"slow"}')
    )
    assert event.text(":message-type") == "event"
    assert event.text(":event-type") == "messageStop"
    assert failure.text(":exception-type") == "throttlingException"
    assert failure.text("absent") == ""


@settings(max_examples=100, deadline=None)
@given(MESSAGES)
def test_botocore_reads_what_is_written(messages: list[Message]):
    theirs = pytest.importorskip("botocore.eventstream")
    buffer = theirs.EventStreamBuffer()
    for one in messages:
        buffer.add_data(event_stream.encode(one.headers, one.payload))
    found: list[Any] = list(buffer)
    assert [each.payload for each in found] == [one.payload for one in messages]
    for each, one in zip(found, messages, strict=True):
        plain = {
            name: value.bytes if isinstance(value, uuid.UUID) else value
            for name, value in one.headers.items()
        }
        assert each.headers == plain
