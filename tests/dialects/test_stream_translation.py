"""A translated stream counts what passes, and stops at the vendor's error."""

import pytest

from faregate.dialects.neutral.reply import (
    Ended,
    Event,
    Failed,
    Finished,
    Opened,
    PartClosed,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolOpened,
    UsageSeen,
)
from faregate.dialects.stream_translation import StreamTranslation, tokens_of
from faregate.dialects.usage import Usage

OPENED = Opened(id="1", model="m")


class Script:
    """A reader that gives a list of events for each piece."""

    def __init__(self, *pieces: list[Event]) -> None:
        self._pieces = list(pieces)

    def feed(self, data: bytes) -> list[Event]:
        return self._pieces.pop(0)

    def end(self) -> list[Event]:
        return self._pieces.pop(0) if self._pieces else []


class Names:
    """A writer that writes the names of events."""

    def write(self, event: Event) -> bytes:
        return type(event).__name__.encode() + b" "

    def end(self) -> bytes:
        return b"END"


def test_usage_and_output_are_counted():
    usage = Usage(3, 4)
    script = Script([OPENED, TextDelta(0, 0, "Hello"), TextDelta(0, 0, "x" * 40)],
                    [Finished(0, "stop"), UsageSeen(usage), Ended()])  # fmt: skip
    stream = StreamTranslation(script, Names())
    assert stream.feed(b"") == b"Opened TextDelta TextDelta "
    assert stream.output_tokens == 11
    assert stream.begun
    assert stream.feed(b"") == b"Finished UsageSeen Ended "
    assert stream.end() == b"END"
    assert stream.usage is usage
    assert stream.events == 6


def test_an_error_ends_it_and_is_kept():
    failed = Failed("overloaded", b"{}")
    stream = StreamTranslation(Script([OPENED, failed, TextDelta(0, 0, "late")]), Names())
    assert stream.feed(b"") == b"Opened "
    assert stream.failure is failed
    assert not stream.begun
    assert stream.end() == b""
    assert stream.output_tokens == 0


def test_open_parts_are_closed_once():
    script = Script([TextDelta(0, 0, "a"), ToolOpened(0, 1, "c", "f"), PartClosed(0, 0)])
    stream = StreamTranslation(script, Names())
    stream.feed(b"")
    assert stream.close_parts() == b"PartClosed "
    assert stream.close_parts() == b""
    assert stream.cut() is False


@pytest.mark.parametrize(
    ("event", "tokens"),
    [
        (TextDelta(0, 0, ""), 0),
        (ThinkingDelta(0, 0, "abcdefgh"), 2),
        (ToolOpened(0, 0, "1", "f"), 1),
        (ToolDelta(0, 0, '{"a":1}'), 1),
        (Ended(), 0),
    ],
)
def test_tokens_are_about_four_bytes(event: Event, tokens: int):
    assert tokens_of(event) == tokens
