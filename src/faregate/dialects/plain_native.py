"""Bytes that pass through, of JSON that names its model, for no text.

One class for embeddings, rerank, moderations, images and speech; they differ in how a reply
states its usage, and in the most units that a request can cost.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from faregate.core.refusals import Refusal, refuse
from faregate.dialects import json_text, openai_chat
from faregate.dialects.openai_chat import misread
from faregate.dialects.usage import Usage
from faregate.wire.sse import EventSplitter, event_data

_DONE: Final = b"data: [DONE]\n\n"


class Peek(msgspec.Struct, frozen=True, gc=False):
    """What is read of a request; there is no output to be limited."""

    model: str
    stream: bool | None = None
    output_limit: int | None = None
    choices: int = 1
    user: str | None = None
    asks_usage: bool = True


class _Body(msgspec.Struct, gc=False):
    model: str
    stream: bool | None = None
    user: str | None = None


_decode_body = msgspec.json.Decoder(_Body).decode
ReadUsage = Callable[[bytes], Usage | None]


def no_units(body: bytes) -> Usage | None:
    """Nothing is billed beside tokens."""
    return None


class PlainNative:
    """One operation's bytes.

    `most` gives the most that a request can cost beside what its length bounds: units, and tokens
    where those aren't of its text; `likely` what it costs where the reply states nothing.
    `priced` are the fields that decide it: where one stands twice, readers disagree which counts.
    """

    def __init__(
        self,
        *,
        read_usage: ReadUsage,
        read_usage_in_part: ReadUsage,
        most: ReadUsage = no_units,
        likely: ReadUsage = no_units,
        priced: tuple[str, ...] = (),
    ) -> None:
        self.read_usage = read_usage
        self.read_usage_in_part = read_usage_in_part
        self.most = most
        self.likely = likely
        self._priced = tuple((name, b'"%b"' % name.encode()) for name in priced)

    splice_model = staticmethod(openai_chat.splice_model)

    def peek(self, body: bytes, model: str | None, *, stream: bool) -> Peek | Refusal:
        """Read what the gate needs."""
        try:
            read = _decode_body(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return misread(error)
        return self._twofold(body) or Peek(read.model, read.stream or stream, user=read.user)

    def _twofold(self, body: bytes) -> Refusal | None:
        """Refuse a body in which a field that decides the price stands twice."""
        if not self._priced:
            return None
        lowered = body.lower()
        spelled = b"\\u00" in lowered
        for name, text in self._priced:
            if spelled or lowered.count(text) > 1:
                try:
                    json_text.find_member(body, name)
                except json_text.DuplicateMemberError:
                    detail = f"The field '{name}' stands twice."
                    return refuse("request_invalid", detail, param=name)
        return None

    def set_output_limit(self, body: bytes, limit: int, field: str) -> bytes:
        """The body as it is: there is no output that could be limited."""
        return body

    def ask_stream_usage(self, body: bytes) -> bytes:
        """The body as it is: usage is stated unasked, where it is stated."""
        return body

    def stream_meter(self, *, hide_usage: bool, measures: bool) -> "PlainMeter":
        """For one stream; usage is never hidden, for it is never asked for."""
        return PlainMeter(self.read_usage)

    def final_events(
        self, call_id: str, model: str, choices: int, refusal: object, output_tokens: int = 0
    ) -> bytes:
        """The end of a stream that we end: an error event, and why."""
        event = {"type": "error", "faregate": {"refusal": refusal}}
        return b"event: error\ndata: %b\n\n%b" % (msgspec.json.encode(event), _DONE)


class PlainMeter:
    """Counts a stream's events and reads its usage; bytes go on at once."""

    __slots__ = ("_read_usage", "_splitter", "events", "output_tokens", "usage")

    def __init__(self, read_usage: ReadUsage) -> None:
        self._splitter = EventSplitter()
        self._read_usage = read_usage
        self.events = 0
        self.output_tokens = 0
        self.usage: Usage | None = None

    def feed(self, data: bytes) -> bytes:
        """Take a piece of the stream; raises `EventTooLargeError`."""
        for event in self._splitter.feed(data):
            self.events += 1
            self._look(event)
        return data

    def end(self) -> bytes:
        """What is left at the stream's end: a last event may lack its empty line."""
        self._look(self._splitter.take_rest())
        return b""

    def cut(self) -> bool:
        """Drop the rest of a broken stream; whether the caller saw part of it."""
        return bool(self._splitter.take_rest())

    def _look(self, event: bytes) -> None:
        if b'"usage"' in event:
            found = self._read_usage(event_data(event))
            if found is not None:
                self.usage = found if self.usage is None else self._with(self.usage, found)

    def _with(self, before: Usage, found: Usage) -> Usage:
        """What a usage is once another was stated: usually that one."""
        return found
