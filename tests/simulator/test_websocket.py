"""Frames are read and written as RFC 6455 says, and anything else is refused."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.simulator.websocket import (
    BINARY,
    PING,
    TEXT,
    BrokenFrameError,
    Messages,
    closing,
    frame,
    handshake,
)

MASK = b"\x01\x02\x03\x04"


def masked(opcode, payload, *, final=True):
    """A frame of a caller, which masks everything."""
    size = len(payload)
    first = (0x80 if final else 0) | opcode
    if size < 126:
        head = struct.pack("!BB", first, 0x80 | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, size)
    return head + MASK + bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))


def test_the_handshake_of_the_specification():
    head = handshake("dGhlIHNhbXBsZSBub25jZQ==", "realtime")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head
    assert b"Sec-WebSocket-Protocol: realtime\r\n" in head


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_messages_of_any_size(size):
    payload = bytes(range(256)) * (size // 256 + 1)
    payload = payload[:size]
    assert list(Messages().feed(masked(BINARY, payload))) == [(BINARY, payload)]
    sent = frame(TEXT, payload)
    assert sent.endswith(payload)
    assert len(sent) - size in (2, 4, 10)
    assert closing(1_000) == b"\x88\x02\x03\xe8"


def test_messages_in_parts_and_bytes():
    parts = masked(TEXT, b"he", final=False) + masked(PING, b"?") + masked(0, b"llo")
    reader = Messages()
    found = [m for byte in parts for m in reader.feed(bytes([byte]))]
    assert found == [(PING, b"?"), (TEXT, b"hello")]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(TEXT, b"unmasked"), 1_002),
        (masked(3, b""), 1_002),
        (masked(0, b"no beginning"), 1_002),
        (masked(TEXT, b"", final=False) + masked(TEXT, b""), 1_002),
        (masked(PING, b"", final=False), 1_002),
        (masked(PING, b"x" * 126), 1_002),
        (struct.pack("!BBQ", 0x81, 0xFF, 1 << 40), 1_009),
    ],
    ids=range(7),
)
def test_broken_frames(data, code):
    with pytest.raises(BrokenFrameError) as caught:
        list(Messages().feed(data))
    assert caught.value.code == code


@given(st.binary(max_size=100))
def test_any_bytes_are_frames_or_refused(data):
    with contextlib.suppress(BrokenFrameError):
        assert all(len(payload) <= len(data) for _, payload in Messages().feed(data))
