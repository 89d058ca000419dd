"""Splits a stream of server-sent events at their ends.

Events are separated by an empty line; lines end with LF, CRLF or CR. Their bytes are handed on as
they are, separators included, so that what nobody looks into stays untouched.

Source: WHATWG HTML, "9.2.6 Interpreting an event stream".
"""

import re
from typing import Final

from faregate.core import bounds

_EVENT_END: Final = re.compile(rb"\n\n|\r\n\r\n|\n\r\n|\r\r")


class EventTooLargeError(Exception):
    """One event is beyond `bounds.STREAM_EVENT_BYTES_MAX`."""


class EventSplitter:
    """Cuts a stream into whole events; keeps what is still incomplete."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The events that `data` completes, in order, each with its end."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        elif data.endswith(b"\n\n") and data.find(b"\n\n") == len(data) - 2 and b"\r" not in data:
            return [data]  # the usual piece: one whole event
        events = []
        start = 0
        for end in _EVENT_END.finditer(data):
            events.append(data[start : end.end()])
            start = end.end()
        self._rest = data[start:]
        if len(self._rest) > bounds.STREAM_EVENT_BYTES_MAX:
            raise EventTooLargeError
        return events

    @property
    def empty(self) -> bool:
        """Whether nothing is kept of an event that is incomplete."""
        return not self._rest

    def take_rest(self) -> bytes:
        """What came after the last whole event; the stream has ended there."""
        rest, self._rest = self._rest, b""
        return rest


def event_data(event: bytes) -> bytes:
    """The data of one event: its `data` lines joined by LF, or empty."""
    if event.startswith(b"data:") and event.find(b"\n") >= len(event.rstrip(b"\r\n")):
        return event[5:].strip(b" \r\n")
    values = []
    for line in event.splitlines():
        name, _, value = line.partition(b":")
        if name == b"data":
            values.append(value.removeprefix(b" "))
    return b"\n".join(values)
