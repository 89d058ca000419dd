"""A vendor's stream, translated into the caller's dialect as it comes.

It is a `translation.Meter`: fed with the vendor's bytes, it gives the caller's.
"""

from typing import Final

from faregate.dialects.neutral.reply import (
    Ended,
    Event,
    Failed,
    Finished,
    Opened,
    PartClosed,
    Pinged,
    RefusalDelta,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolOpened,
    UsageSeen,
)
from faregate.dialects.translation import StreamReader, StreamWriter
from faregate.dialects.usage import Usage

_CHARACTERS_A_TOKEN: Final = 4
_WITHOUT_OUTPUT: Final = (Opened, Pinged, UsageSeen, Failed, Ended)


def tokens_of(event: Event) -> int:
    """About how many output tokens an event shows."""
    if isinstance(event, (TextDelta, ThinkingDelta, RefusalDelta)):
        text = event.text
    elif isinstance(event, ToolDelta):
        text = event.arguments
    else:
        return 1 if isinstance(event, ToolOpened) else 0
    return max(len(text.encode("utf-8", "surrogatepass")) // _CHARACTERS_A_TOKEN, 1) if text else 0


class StreamTranslation:
    """Reads with one dialect, writes with another, and counts.

    `failure` is the vendor's error in mid-stream; what came before it has been given out, and
    `begun` says whether that was any part of an answer. Nothing is written of what follows.
    """

    __slots__ = ("_open", "_reader", "_writer", "begun", "events", "failure", "output_tokens",
                 "usage")  # fmt: skip

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._open: dict[tuple[int, int], None] = {}
        self.begun = False
        self.events = 0
        self.failure: Failed | None = None
        self.output_tokens = 0
        self.usage: Usage | None = None

    def feed(self, data: bytes) -> bytes:
        """Take a piece of the vendor's stream; give the caller's.

        Raises `MalformedReplyError` and `EventTooLargeError`.
        """
        return self._write(self._reader.feed(data))

    def end(self) -> bytes:
        """The rest, where the vendor's stream has ended."""
        rest = self._write(self._reader.end())
        return rest if self.failure is not None else rest + self._writer.end()

    def cut(self) -> bool:
        """Nothing is seen of an event that isn't whole."""
        return False

    def close_parts(self) -> bytes:
        """The ends of the parts that are open, where we end the stream."""
        closed = [self._writer.write(PartClosed(*each)) for each in self._open]
        self._open.clear()
        return b"".join(closed)

    def _write(self, events: list[Event]) -> bytes:
        out = []
        write = self._writer.write
        if self.failure is not None:
            return b""
        for event in events:
            if isinstance(event, TextDelta):
                text = event.text
                self.output_tokens += 1 if 0 < len(text) < 8 else tokens_of(event)
                self._open[event.choice, event.part] = None
                self.begun = True
            elif isinstance(event, Failed):
                self.failure = event
                break
            else:
                self._look(event)
            self.events += 1
            out.append(write(event))
        return out[0] if len(out) == 1 else b"".join(out)

    def _look(self, event: Event) -> None:
        if isinstance(event, UsageSeen):
            self.usage = event.usage
        elif isinstance(event, PartClosed):
            self._open.pop((event.choice, event.part), None)
        elif isinstance(event, Finished):
            for each in [each for each in self._open if each[0] == event.choice]:
                del self._open[each]
            self.begun = True
        elif isinstance(event, Opened):
            self.usage = event.usage or self.usage
        elif not isinstance(event, _WITHOUT_OUTPUT):
            self.output_tokens += tokens_of(event)
            self._open[event.choice, event.part] = None
            self.begun = True
