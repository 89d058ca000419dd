"""A reading begins at the first frame of the first segment."""

from faregate.calllog.journal import SEGMENT_HEAD_BYTES, START, Position


def test_start_is_the_first_frame():
    assert Position() == START == (1, SEGMENT_HEAD_BYTES)


def test_positions_are_in_order():
    assert Position(1, 900) < Position(2) < Position(2, 17)
