"""A stream passes through its meter untouched, and is counted."""

import pytest

from faregate.core import bounds
from faregate.dialects.passing_meter import PassingMeter, measure
from faregate.dialects.usage import Usage
from faregate.wire.sse import EventSplitter, EventTooLargeError


def _read(data: bytes) -> Usage | None:
    return Usage(1, int(data)) if data.isdigit() else None


def _meter(*, measures: bool = True) -> PassingMeter:
    return PassingMeter(lambda start: EventSplitter(), _read, b"7", measures=measures)


def test_bytes_go_on_at_once() -> None:
    meter = _meter()
    assert meter.feed(b"\r\n") == b"\r\n"
    assert meter.feed(b'data: {"text":"abcdefgh"}\n\nda') == b'data: {"text":"abcdefgh"}\n\nda'
    assert (meter.events, meter.output_tokens, meter.usage) == (1, 2, None)
    assert meter.feed(b"ta: 70\n\n") == b"ta: 70\n\n"
    assert (meter.events, meter.output_tokens, meter.usage) == (2, 70, Usage(1, 70))


def test_a_last_event_may_lack_its_end() -> None:
    meter = _meter(measures=False)
    meter.feed(b"data: 7")
    assert meter.end() == b""
    assert (meter.usage, meter.output_tokens) == (Usage(1, 7), 0)
    assert not meter.cut()


def test_a_cut_is_known() -> None:
    meter = _meter()
    assert not meter.cut()
    meter.feed(b"data: 7")
    assert meter.cut()
    assert meter.usage is None


def test_an_event_is_bounded() -> None:
    with pytest.raises(EventTooLargeError):
        _meter().feed(b"x" * (bounds.STREAM_EVENT_BYTES_MAX + 1))


@pytest.mark.parametrize(
    ("piece", "tokens"),
    [
        (b'{"text":"a"}', 1),
        (b'{"content": "abcd\\"efgh"}', 2),
        (b'{"args":{"a":"12345678"}}', 3),
        (b'{"id":"abcdefgh"}', 0),
    ],
)
def test_output_is_measured_by_bytes(piece: bytes, tokens: int) -> None:
    assert measure(piece) == tokens
