"""Frames come back as they were written, and an end is known by its first bytes."""

import msgspec
import pytest
from tests.calllog.calls import body, charge, closed, decided, settled, started

from faregate.calllog.frames import (
    Copied,
    Frame,
    Settled,
    Usage,
    decode_frame,
    encode_frame,
    ends_call,
)


@pytest.mark.parametrize(
    "frame",
    [
        started(1, application="shop", team="web", customer="c1", run="r1"),
        settled(1, charge=charge()),
        closed(1, application="shop"),
        decided(1),
        body(1, b"{}"),
        Copied("copy-1", 5, "openai", "small", 40),
    ],
)
def test_frame_comes_back(frame: Frame):
    assert decode_frame(encode_frame(frame)) == frame


def test_only_the_end_of_a_started_call_is_an_end():
    frames = [started(1), settled(1, charge=charge()), closed(1), body(1, b"e"), decided(1)]
    ends = [ends_call(encode_frame(frame)) for frame in frames]
    assert ends == [False, True, False, False, False]


def test_an_end_with_more_members_is_still_an_end():
    members = msgspec.msgpack.decode(encode_frame(settled(1)))
    assert ends_call(msgspec.msgpack.encode([*members, 1, 2, 3, 4, 5]))


def test_a_frame_of_a_newer_version_is_read():
    members = msgspec.msgpack.decode(encode_frame(settled(1)))
    assert decode_frame(msgspec.msgpack.encode([*members, "later"])) == settled(1)


@pytest.mark.parametrize(
    ("frame", "new_members"), [(started(1), 4), (settled(1), 1), (closed(1), 4)]
)
def test_a_frame_of_the_first_version_is_read(frame: Frame, new_members: int):
    members = msgspec.msgpack.decode(encode_frame(frame))
    assert decode_frame(msgspec.msgpack.encode(members[:-new_members])) == frame


def test_the_bytes_of_the_first_version_are_read():
    usage = "94 0a 14 c0 c0"
    attempt = "99 a1 61 a1 62 a1 6d 5a c0 64 cc c8 a2 6f 6b c3"
    settled_bytes = f"9d a1 65 a2 63 31 a8 616e737765726564 cc c8 c0 c0 05 07 0a 14 00 {usage} "
    frame = decode_frame(bytes.fromhex(settled_bytes + "91 " + attempt))
    assert isinstance(frame, Settled)
    assert (frame.call_id, frame.status, frame.charge) == ("c1", 200, None)
    assert frame.usage == Usage(10, 20)
    assert [each.upstream_model for each in frame.attempts] == ["m"]


def test_an_unknown_frame_is_refused():
    with pytest.raises(msgspec.ValidationError):
        decode_frame(msgspec.msgpack.encode(["z", 1]))
