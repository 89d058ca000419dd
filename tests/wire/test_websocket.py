"""WebSocket frames: any chunking reads alike, hostile bytes end it, an independent one agrees."""

import itertools
import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame as TheirFrame
from websockets.frames import Opcode
from websockets.streams import StreamReader
from websockets.utils import accept_key

from faregate.wire import websocket
from faregate.wire.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    BrokenFrameError,
    FrameReader,
    Messages,
    closing,
    frame,
    mask,
)

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 §1.3
MOST = 1_000
GOOD = {
    b"upgrade": b"websocket",
    b"connection": b"keep-alive, Upgrade",
    b"sec-websocket-version": b"13",
    b"sec-websocket-key": KEY,
}
SWITCHED = {
    b"upgrade": b"WebSocket",
    b"connection": b"upgrade",
    b"sec-websocket-accept": b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
}


def reader(*, masked: bool = True) -> FrameReader:
    return FrameReader(masked=masked, message_bytes_max=MOST)


def read(data: bytes, *, masked: bool = True) -> list[tuple[bool, int, bytes]]:
    return [one[:3] for one in reader(masked=masked).feed(data)]


def broken(data: bytes, *, masked: bool = True) -> int | None:
    one = reader(masked=masked)
    one.feed(data)
    return one.broken.code if one.broken is not None else None


# -- the handshake --------------------------------------------------------------------------------


def test_the_accept_key_is_that_of_the_standard() -> None:
    assert websocket.accept_of(KEY) == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    ours = websocket.new_key()
    assert websocket.accept_of(ours).decode() == accept_key(ours.decode())
    assert ours != websocket.new_key()


def test_a_good_handshake_has_no_fault() -> None:
    assert websocket.handshake_fault(GOOD) is None
    assert websocket.accept_fault(SWITCHED, KEY, ()) is None


@pytest.mark.parametrize(
    "change",
    [
        {b"upgrade": b"h2c"},
        {b"connection": b"keep-alive"},
        {b"sec-websocket-version": b"8"},
        {b"sec-websocket-key": b"c2hvcnQ="},
        {b"sec-websocket-key": b"not base64!"},
        {b"sec-websocket-key": b""},
    ],
)
def test_a_wrong_handshake_is_told(change: dict[bytes, bytes]) -> None:
    assert websocket.handshake_fault(GOOD | change) is not None


@pytest.mark.parametrize(
    "change",
    [
        {b"upgrade": b"h2c"},
        {b"connection": b"close"},
        {b"sec-websocket-accept": b"another"},
        {b"sec-websocket-extensions": b"permessage-deflate"},
        {b"sec-websocket-protocol": b"chat"},
    ],
)
def test_a_wrong_answer_is_told(change: dict[bytes, bytes]) -> None:
    assert websocket.accept_fault(SWITCHED | change, KEY, (b"realtime",)) is not None


def test_a_subprotocol_is_one_that_was_offered() -> None:
    fields = {b"sec-websocket-protocol": b"realtime, \tchat,,"}
    assert websocket.offered_protocols(fields) == (b"realtime", b"chat")
    chosen = SWITCHED | {b"sec-websocket-protocol": b"realtime"}
    assert websocket.accept_fault(chosen, KEY, (b"realtime",)) is None


# -- frames ---------------------------------------------------------------------------------------


@given(st.binary(max_size=3_000), st.binary(min_size=4, max_size=4))
def test_masking_is_the_standards(payload: bytes, key: bytes) -> None:
    expected = bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))
    assert mask(payload, key) == expected
    assert mask(expected, key) == payload


@given(st.sampled_from([TEXT, BINARY]), st.binary(max_size=70_000), st.booleans())
def test_an_independent_reader_reads_what_is_written(
    opcode: int, payload: bytes, masked: bool
) -> None:
    stream = StreamReader()
    stream.feed_data(frame(opcode, payload, masked=masked))
    parsing = TheirFrame.parse(stream.read_exact, mask=masked, max_size=None)
    with pytest.raises(StopIteration) as stopped:
        next(parsing)
    found = stopped.value.value
    assert (found.opcode, found.data, found.fin) == (opcode, payload, True)


@given(st.binary(max_size=MOST), st.booleans())
def test_what_an_independent_writer_writes_is_read(payload: bytes, masked: bool) -> None:
    data = TheirFrame(Opcode.TEXT, payload).serialize(mask=masked)
    assert read(data, masked=masked) == [(True, TEXT, payload)]


@st.composite
def streams(draw: st.DrawFn) -> list[tuple[bool, int, bytes]]:
    """Messages in pieces, with control frames between them."""
    frames: list[tuple[bool, int, bytes]] = []
    for _ in range(draw(st.integers(0, 4))):
        pieces = draw(st.lists(st.binary(max_size=200), min_size=1, max_size=4))
        for at, piece in enumerate(pieces):
            opcode = TEXT if at == 0 else CONTINUATION
            frames.append((at == len(pieces) - 1, opcode, piece))
            if draw(st.booleans()):
                frames.append(
                    (True, draw(st.sampled_from([PING, PONG])), draw(st.binary(max_size=125)))
                )
    return frames


def written(frames: list[tuple[bool, int, bytes]], *, masked: bool) -> bytes:
    return b"".join(frame(op, data, masked=masked, final=final) for final, op, data in frames)


def cut(data: bytes, at: list[int]) -> Iterator[bytes]:
    places = [0, *sorted(place % (len(data) + 1) for place in at), len(data)]
    for begin, end in itertools.pairwise(places):
        yield data[begin:end]


@given(
    streams(), st.lists(st.integers(0, 5_000), max_size=30), st.booleans(), st.binary(max_size=40)
)
def test_any_chunking_reads_the_same(
    frames: list[tuple[bool, int, bytes]], at: list[int], masked: bool, rubbish: bytes
) -> None:
    data = written(frames, masked=masked) + rubbish
    whole, pieces = reader(masked=masked), reader(masked=masked)
    expected = whole.feed(data)
    found = [one for piece in cut(data, at) for one in pieces.feed(piece)]
    assert found == expected
    assert [one[:3] for one in expected[: len(frames)]] == frames
    assert (pieces.broken is None) == (whole.broken is None)
    assert pieces.held_bytes == whole.held_bytes
    assert b"".join(one.raw for one in expected) == data[: sum(len(one.raw) for one in expected)]


@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_crash_it_or_are_held_beyond_the_bound(data: bytes, masked: bool) -> None:
    one = reader(masked=masked)
    found = one.feed(data)
    assert one.held_bytes <= len(data)
    assert all(len(each.payload) <= MOST for each in found)
    if one.broken is not None:
        assert one.feed(frame(TEXT, b"later", masked=masked)) == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xc1\x80" + bytes(4), 1002),  # reserved bits
        (b"\xa1\x80" + bytes(4), 1002),
        (b"\x91\x80" + bytes(4), 1002),
        (b"\x83\x80" + bytes(4), 1002),  # opcodes that nobody has
        (b"\x8b\x80" + bytes(4), 1002),
        (b"\x81\x01a", 1002),  # without a mask
        (b"\x09\x80" + bytes(4), 1002),  # a ping in pieces
        (b"\x89\xfe\x00\x7e", 1002),  # a long ping
        (b"\x80\x80" + bytes(4), 1002),  # goes on with nothing
        (frame(TEXT, b"a", masked=True, final=False) + b"\x81\x80" + bytes(4), 1002),
        (b"\x81\xfe\x00\x7d", 1002),  # lengths that are too long written
        (b"\x81\xff" + (65_535).to_bytes(8), 1002),
        (b"\x81\xff\x80" + bytes(7), 1002),
        (b"\x81\xfe" + (MOST + 1).to_bytes(2), 1009),
        (b"\x81\xff" + (1 << 62).to_bytes(8), 1009),
        (frame(CLOSE, b"\x03", masked=True), 1002),  # half a code
        (frame(CLOSE, closing(1005), masked=True), 1002),  # codes that aren't sent
        (frame(CLOSE, closing(1006), masked=True), 1002),
        (frame(CLOSE, closing(1015), masked=True), 1002),
        (frame(CLOSE, closing(999), masked=True), 1002),
        (frame(CLOSE, closing(5000), masked=True), 1002),
        (frame(CLOSE, b"\x03\xe8\xff", masked=True), 1007),  # a reason that isn't UTF-8
    ],
)
def test_what_is_no_frame_ends_it(data: bytes, code: int) -> None:
    assert broken(data) == code
    pieces = reader()
    assert [pieces.feed(data[at : at + 1]) for at in range(len(data))][-1] == []
    assert pieces.broken is not None
    assert pieces.broken.code == code


def test_a_server_masks_nothing() -> None:
    assert broken(frame(TEXT, b"a", masked=True), masked=False) == 1002
    assert read(frame(TEXT, b"a", masked=False), masked=False) == [(True, TEXT, b"a")]


def test_a_message_in_pieces_is_bounded_as_a_whole() -> None:
    piece = frame(TEXT, bytes(MOST - 10), masked=True, final=False)
    rest = frame(CONTINUATION, bytes(10), masked=True)
    assert broken(piece + rest) is None
    assert broken(piece + frame(CONTINUATION, bytes(11), masked=True)) == 1009
    one = reader()
    assert len(one.feed(piece + rest + piece)) == 3  # the next begins from nothing
    assert one.broken is None


def test_frames_before_a_broken_one_are_given() -> None:
    one = reader()
    assert len(one.feed(frame(TEXT, b"a", masked=True) + b"\xff\xff")) == 1
    assert one.broken is not None


def test_nothing_counts_behind_a_closing_frame() -> None:
    one = reader()
    data = frame(CLOSE, closing(1000, "bye"), masked=True) + frame(TEXT, b"a", masked=True)
    assert [each.opcode for each in one.feed(data)] == [CLOSE]
    assert one.feed(b"\xff\xff") == []
    assert one.broken is None
    assert one.held_bytes == 0


def test_a_reason_is_cut_at_a_character() -> None:
    payload = closing(1008, "é" * 100)
    assert len(payload) <= 125
    assert payload[2:].decode() == "é" * 61
    websocket.check_closing(payload)


def test_a_text_is_utf8() -> None:
    websocket.check_text("grüße".encode())
    for bad in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80"):
        with pytest.raises(BrokenFrameError) as refused:
            websocket.check_text(bad)
        assert refused.value.code == 1007


def test_messages_are_put_together() -> None:
    messages, one = Messages(), reader()
    pieces = [(False, TEXT, b"a"), (False, CONTINUATION, b"b"), (True, CONTINUATION, b"c")]
    found = [messages.add(each) for each in one.feed(written(pieces, masked=True))]
    assert found == [None, None, (TEXT, b"abc")]
    assert messages.held_bytes == 0
    [whole] = one.feed(frame(BINARY, b"x", masked=True))
    assert messages.add(whole) == (BINARY, b"x")


def test_every_mask_is_another() -> None:
    payload = os.urandom(16)
    assert len({frame(TEXT, payload, masked=True) for _ in range(20)}) == 20
