"""What every journal of the gate keeps to, whatever it is made of."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from tests.calllog.calls import body, closed, settled, started

from faregate.calllog.frames import encode_frame
from faregate.gate.ports import Journal, JournalFull


class JournalContract:
    """Subclasses give the fixtures `journal`, `read` and `full`.

    `read()` gives the frames that were kept; within `with full():` there is no more room.
    """

    def test_frames_are_kept_in_order(self, journal: Journal, read: Callable[[], list[bytes]]):
        frames = [bytes([number]) * (number + 1) for number in range(200)]
        for frame in frames:
            journal.append(frame)
        assert read() == frames

    def test_every_kind_of_frame_is_kept(self, journal: Journal, read: Callable[[], list[bytes]]):
        frames = [encode_frame(frame) for frame in (started(1), settled(1), closed(2))]
        for frame in frames:
            journal.append(frame)
        assert read() == frames

    def test_without_room_no_call_begins(
        self,
        journal: Journal,
        read: Callable[[], list[bytes]],
        full: Callable[[], AbstractContextManager[None]],
    ):
        journal.append(encode_frame(started(1)))
        with full():
            for frame in (started(2), closed(2), body(2, b"{}")):
                with pytest.raises(JournalFull):
                    journal.append(encode_frame(frame))
            journal.append(encode_frame(settled(1)))
        journal.append(encode_frame(started(3)))
        kept = [started(1), settled(1), started(3)]
        assert [frame for frame in read() if frame[:1] != b"."] == list(map(encode_frame, kept))

    def test_closing_twice_is_harmless(self, journal: Journal, read: Callable[[], list[bytes]]):
        journal.append(b"frame")
        journal.close()
        journal.close()
        assert read() == [b"frame"]
