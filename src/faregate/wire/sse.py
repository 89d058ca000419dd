"""Splits a stream of server-sent events at their ends.

Events are separated by an empty line; lines end with LF, CRLF or CR. Their bytes are handed on as
they are, separators included, so that what nobody looks into stays untouched.

Source: WHATWG HTML, "9.2.6 Interpreting an event stream".
"""

import re
from typing import Final

from faregate.core import bounds

# A CR that ends the empty line is known as such by what follows it: a LF would belong to it.
_EVENT_END: Final = re.compile(rb"\n\n|\r\n\r\n|\n\r\n|\r\r|\n\r(?=[^\n])")
_EVENT_END_BYTES_MAX: Final = 4


class EventTooLargeError(Exception):
    """One event is beyond `bounds.STREAM_EVENT_BYTES_MAX`."""


class EventSplitter:
    """Cuts a stream into whole events; keeps what is still incomplete."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The events that `data` completes, in order, each with its end."""
        rest = self._rest
        if rest:
            # A large event comes in many pieces: none is looked through twice.
            searched = max(0, len(rest) - _EVENT_END_BYTES_MAX)
            rest += data
            if _EVENT_END.search(rest, searched) is None:
                self._check_size()
                return []
            data, self._rest = bytes(rest), bytearray()
        elif data.endswith(b"\n\n") and data.find(b"\n\n") == len(data) - 2 and b"\r" not in data:
            return [data]  # the usual piece: one whole event
        events = []
        start = 0
        for end in _EVENT_END.finditer(data):
            events.append(data[start : end.end()])
            start = end.end()
        if start < len(data):
            self._rest = bytearray(data[start:])
            self._check_size()
        return events

    def _check_size(self) -> None:
        if len(self._rest) > bounds.STREAM_EVENT_BYTES_MAX:
            raise EventTooLargeError

    @property
    def empty(self) -> bool:
        """Whether nothing is kept of an event that is incomplete."""
        return not self._rest

    def take_rest(self) -> bytes:
        """What came after the last whole event; the stream has ended there."""
        rest, self._rest = bytes(self._rest), bytearray()
        return rest


def event_data(event: bytes) -> bytes:
    """The data of one event: its `data` lines joined by LF, or empty."""
    text = event.rstrip(b"\r\n")
    if text.startswith(b"data:") and b"\n" not in text and b"\r" not in text:
        return text[6:] if text[5:6] == b" " else text[5:]
    values = []
    for line in event.splitlines():
        name, _, value = line.partition(b":")
        if name == b"data":
            values.append(value.removeprefix(b" "))
    return b"\n".join(values)
