"""Values that the writers, the readers and the clerk say of a journal.

A journal is a line of segments, numbered from 1; a place in it is a segment and an offset.
"""

from typing import Literal, NamedTuple

SEGMENT_HEAD_BYTES = 16


class JournalFull(Exception):  # noqa: N818 - a state of the disk, and the port's only answer
    """There is no room for the frame."""


class Position(NamedTuple):
    """Everything before this place was read."""

    segment: int = 1
    offset: int = SEGMENT_HEAD_BYTES


START = Position()


class Damage(NamedTuple):
    """A place that can't be read; what is after it may be lost.

    "torn": the writer died within a frame, or the file was cut. "corrupt": bytes were changed.
    "missing": a whole segment is gone.
    """

    kind: Literal["torn", "corrupt", "missing"]
    position: Position


class Reading(NamedTuple):
    """What one look into a journal gave.

    `position` is after the last of `frames`. `state`: "more" is there already; "idle", the
    writer may add to it; "ended", the writer is gone and everything was read.
    """

    frames: list[bytes]
    position: Position
    state: Literal["more", "idle", "ended"]
    damage: list[Damage]
