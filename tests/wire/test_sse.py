"""Events are cut where the standard ends them, wherever their pieces are cut."""

import itertools
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faregate.core import bounds
from faregate.wire.sse import EventSplitter, EventTooLargeError, event_data


def _fed(*pieces: bytes) -> tuple[list[bytes], bytes]:
    splitter = EventSplitter()
    events = [event for piece in pieces for event in splitter.feed(piece)]
    return events, splitter.take_rest()


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n", b"\r\n\n"])
def test_every_kind_of_empty_line_ends_an_event(end: bytes):
    assert _fed(b"data: a" + end + b"data: b" + end + b"data:") == (
        [b"data: a" + end, b"data: b" + end],
        b"data:",
    )


def test_a_lone_return_ends_the_empty_line_once_what_follows_is_seen():
    assert _fed(b"data: a\r\n\r", b"data: b\n\r", b"\n") == (
        [b"data: a\r\n\r", b"data: b\n\r\n"],
        b"",
    )


def test_a_usual_piece_is_one_event_and_no_copy():
    piece = b'data: {"a": 1}\n\n'
    splitter = EventSplitter()
    assert splitter.feed(piece)[0] is piece
    assert splitter.empty


def test_what_is_incomplete_is_kept():
    splitter = EventSplitter()
    assert splitter.feed(b"data: a\n") == []
    assert not splitter.empty
    assert splitter.feed(b"\ndata") == [b"data: a\n\n"]
    assert splitter.take_rest() == b"data"
    assert splitter.empty


LINES = st.lists(
    st.sampled_from([b"data: a", b"data:b", b"id: 1", b": comment", b"", b"data", b"x" * 70]),
    max_size=12,
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


def _by_the_standard(stream: bytes) -> list[bytes]:
    """The data of every event, by the letter of the standard."""
    found, values = [], []
    for line in re.split(rb"\r\n|\n|\r", stream)[:-1]:
        if line == b"":
            if values:
                found.append(b"\n".join(values))
            values = []
        else:
            name, _, value = line.partition(b":")
            if name == b"data":
                values.append(value.removeprefix(b" "))
    return found


@settings(max_examples=500, derandomize=True, deadline=None)
@given(
    lines=LINES, ends=st.lists(ENDS, min_size=12, max_size=12), cuts=st.sets(st.integers(0, 300))
)
def test_every_cut_gives_the_same_data(lines: list[bytes], ends: list[bytes], cuts: set[int]):
    stream = b"".join(line + end for line, end in zip(lines, ends, strict=False)) + b"\n\n"
    points = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[a:b] for a, b in itertools.pairwise(points)]
    events, rest = _fed(*pieces)
    assert b"".join(events) + rest == stream
    assert [data for event in events if (data := event_data(event))] == [
        data for data in _by_the_standard(stream) if data
    ]


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (b"data: a\n\n", b"a"),
        (b"data:a\r\n\r\n", b"a"),
        (b"data:  a \n\n", b" a "),
        (b"data: a\ndata: b\n\n", b"a\nb"),
        (b"data: a\rdata: b\r\r", b"a\nb"),
        (b"data: a\rid: 5\n\n", b"a"),
        (b"event: x\ndata: a\n\n", b"a"),
        (b"\ndata: a\n\n", b"a"),
        (b": comment\n\n", b""),
        (b"data\n\n", b""),
        (b"database: a\n\n", b""),
        (b"\n\n", b""),
    ],
)
def test_the_data_of_an_event(event: bytes, data: bytes):
    assert event_data(event) == data


def test_an_event_without_end_is_given_up():
    splitter = EventSplitter()
    piece = b"x" * 65_536
    fed = 0
    with pytest.raises(EventTooLargeError):  # noqa: PT012 - which piece it is doesn't matter
        while fed < 2 * bounds.STREAM_EVENT_BYTES_MAX:
            splitter.feed(piece)
            fed += len(piece)
    assert fed <= bounds.STREAM_EVENT_BYTES_MAX


def test_a_large_event_in_small_pieces_costs_what_it_weighs():
    def cost_s(size: int) -> float:
        splitter = EventSplitter()
        began = time.process_time()
        for _ in range(size // 512):
            splitter.feed(b"x" * 512)
        assert splitter.feed(b"\n\n")
        return time.process_time() - began

    # If every piece were looked through with all before it, this would be minutes.
    assert cost_s(7 * bounds.MIB) < 2
