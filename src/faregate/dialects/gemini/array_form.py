"""Cuts a stream in the form of one JSON array into its elements.

Without `alt=sse` Gemini streams a JSON array, whose elements come one after the other. What is
between them (brackets, commas, space) is dropped.

Source: Gemini API, "Generating content" (streamGenerateContent); Google's REST transcoding of
server streams.
"""

import re
from typing import Final

from faregate.core import bounds
from faregate.wire.sse import EventTooLargeError

_MARK: Final = re.compile(rb'["{}\\\[\]]')
_IN_TEXT: Final = re.compile(rb'["\\]')


class ArraySplitter:
    """Cuts an array into whole objects; keeps what is still incomplete."""

    __slots__ = ("_depth", "_in_text", "_rest", "_searched", "_start")

    def __init__(self) -> None:
        self._rest = bytearray()
        self._searched = 0
        self._start = -1  # where the object that is open begins
        self._depth = 0  # of objects
        self._in_text = False

    def feed(self, data: bytes) -> list[bytes]:
        """The elements that `data` completes; raises `EventTooLargeError`."""
        rest = self._rest
        rest += data
        found: list[bytes] = []
        at = self._searched
        end = len(rest)
        while at < end:
            mark = (_IN_TEXT if self._in_text else _MARK).search(rest, at)
            if mark is None:
                at = end
                break
            at = mark.end()
            sign = mark.group()
            if sign == b"\\":
                if at >= end:  # what it escapes is still to come
                    at -= 1
                    break
                at += 1
            elif sign == b'"':
                self._in_text = not self._in_text
            elif sign == b"{":
                if self._depth == 0:
                    self._start = at - 1
                self._depth += 1
            elif sign == b"}" and self._depth:
                self._depth -= 1
                if self._depth == 0:
                    found.append(bytes(rest[self._start : at]))
                    self._start = -1
        self._searched = at
        self._forget()
        return found

    def _forget(self) -> None:
        kept = self._searched if self._start < 0 else self._start
        del self._rest[:kept]
        self._searched -= kept
        if self._start >= 0:
            self._start = 0
        if len(self._rest) > bounds.STREAM_EVENT_BYTES_MAX:
            raise EventTooLargeError

    def take_rest(self) -> bytes:
        """What is incomplete; the stream has ended there."""
        rest, self._rest = bytes(self._rest), bytearray()
        self._searched, self._start, self._depth, self._in_text = 0, -1, 0, False
        return rest
