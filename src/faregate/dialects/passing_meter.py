"""Counts a stream whose bytes pass on untouched, and reads its usage.

It serves the dialects whose streams state their usage unasked, so that nothing is hidden.
"""

import re
from collections.abc import Callable
from typing import Final, Protocol

from faregate.dialects.usage import Usage
from faregate.wire.sse import EventSplitter, event_data

_TEXT: Final = re.compile(
    rb'"(?:text|thinking|tool_plan|arguments|content|response)"[ ]?:[ ]?"((?:[^"\\]|\\.)+)"'
)
_OBJECT: Final = re.compile(rb'"(?:args|arguments)"[ ]?:[ ]?\{([^{}]*)')
_BYTES_A_TOKEN: Final = 4


class Splitter(Protocol):
    """Cuts a stream into whole pieces."""

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces that `data` completes; raises `EventTooLargeError`."""

    def take_rest(self) -> bytes:
        """What came after the last whole piece."""


def measure(piece: bytes) -> int:
    """About how many output tokens a piece shows, by its bytes."""
    tokens = 0
    for pattern in (_TEXT, _OBJECT):
        for text in pattern.finditer(piece):
            tokens += max((text.end(1) - text.start(1)) // _BYTES_A_TOKEN, 1)
    return tokens


class PassingMeter:
    """Looks at each piece of a stream; its bytes go on at once.

    `read` gives the usage that a piece's JSON states; only pieces with `mark` are read. `split`
    chooses by the stream's first character. If it measures, `output_tokens` is what has been put
    out so far: by the usage where that is stated, else one token for four bytes.
    """

    __slots__ = ("_mark", "_measures", "_read", "_split", "_splitter", "events", "output_tokens",
                 "usage")  # fmt: skip

    def __init__(
        self,
        split: Callable[[bytes], Splitter],
        read: Callable[[bytes], Usage | None],
        mark: bytes,
        *,
        measures: bool,
    ) -> None:
        self._split = split
        self._splitter: Splitter | None = None
        self._read = read
        self._mark = mark
        self._measures = measures
        self.events = 0
        self.output_tokens = 0
        self.usage: Usage | None = None

    def feed(self, data: bytes) -> bytes:
        """Take a piece of the stream; give what goes on to the caller.

        Raises `EventTooLargeError`.
        """
        if self._splitter is None:
            start = data.lstrip()[:1]
            if not start:
                return data
            self._splitter = self._split(start)
        for piece in self._splitter.feed(data):
            self._look(piece)
        return data

    def end(self) -> bytes:
        """What is left at the stream's end: a last piece may lack its own end."""
        if self._splitter is not None and (rest := self._splitter.take_rest()):
            self._look(rest)
        return b""

    def cut(self) -> bool:
        """Drop the rest of a broken stream; whether the caller saw part of it."""
        return self._splitter is not None and bool(self._splitter.take_rest())

    def _look(self, piece: bytes) -> None:
        self.events += 1
        stated: int | None = None
        if self._mark in piece:
            data = event_data(piece) if isinstance(self._splitter, EventSplitter) else piece
            usage = self._read(data)
            if usage is not None:
                self.usage = usage
                stated = usage.output_tokens
        if self._measures:
            self.output_tokens = max(self.output_tokens + measure(piece), stated or 0)
