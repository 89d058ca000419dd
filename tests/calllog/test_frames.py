"""Frames come back as they were written, and an end is known by its first bytes."""

import msgspec
import pytest
from tests.calllog.calls import body, closed, settled, started

from faregate.calllog.frames import Frame, decode_frame, encode_frame, ends_call


@pytest.mark.parametrize("frame", [started(1), settled(1), closed(1), body(1, b"{}")])
def test_frame_comes_back(frame: Frame):
    assert decode_frame(encode_frame(frame)) == frame


def test_only_the_end_of_a_started_call_is_an_end():
    frames = [started(1), settled(1), closed(1), body(1, b"e")]
    assert [ends_call(encode_frame(frame)) for frame in frames] == [False, True, False, False]


def test_an_end_with_more_members_is_still_an_end():
    members = msgspec.msgpack.decode(encode_frame(settled(1)))
    assert ends_call(msgspec.msgpack.encode([*members, 1, 2, 3, 4, 5]))


def test_a_frame_of_a_newer_version_is_read():
    members = msgspec.msgpack.decode(encode_frame(settled(1)))
    assert decode_frame(msgspec.msgpack.encode([*members, "later"])) == settled(1)


def test_an_unknown_frame_is_refused():
    with pytest.raises(msgspec.ValidationError):
        decode_frame(msgspec.msgpack.encode(["z", 1]))
