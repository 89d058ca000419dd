"""Messages whose bytes pass through: what is read and changed.

Usage is stated unasked, so nothing is hidden from a stream; its input stands in `message_start`,
its output as a sum so far in `message_delta`.

Source: Anthropic's API reference, "Create a Message", "Streaming messages".
"""

import re
from typing import Annotated, Final

import msgspec

from faregate.core.refusals import Refusal
from faregate.dialects import json_text, openai_chat
from faregate.dialects.anthropic import usage as usages
from faregate.dialects.anthropic.reply import read_usage as read_stated
from faregate.dialects.anthropic.shapes import NOTHING
from faregate.dialects.shapes import ShapeError
from faregate.dialects.typed_shapes import DECODING_ERRORS, shape_error
from faregate.dialects.usage import Usage
from faregate.wire.sse import EventSplitter, event_data

_BYTES_A_TOKEN: Final = 4
_LEAST_BUDGET: Final = 1_024
_BACKSLASH: Final = ord("\\")
_CONTENT: Final = b'"text":"'
_BEHIND_CONTENT: Final = len(_CONTENT)
_TEXT: Final = re.compile(rb'"(?:text|thinking|partial_json)"[ ]?:[ ]?"((?:[^"\\]|\\.)+)"')
_Limit = Annotated[int, msgspec.Meta(ge=0, le=10**9)]


class _Metadata(msgspec.Struct, gc=False):
    user_id: str | None = None


class Peek(msgspec.Struct):
    """What is read of a request."""

    model: str = ""
    stream: bool | None = None
    max_tokens: _Limit | None = None
    metadata: _Metadata | None = None
    speed: object = None

    @property
    def service_tier(self) -> object:
        """What is billed at another price: the fast mode."""
        return self.speed

    @property
    def output_limit(self) -> int | None:
        """The most output tokens that the caller wants."""
        return self.max_tokens

    @property
    def choices(self) -> int:
        """Messages makes one answer."""
        return 1

    @property
    def user(self) -> str | None:
        """The caller's own end user."""
        return None if self.metadata is None else self.metadata.user_id

    @property
    def asks_usage(self) -> bool:
        """A stream states its usage unasked."""
        return True


class _Reply(msgspec.Struct, gc=False):
    usage: msgspec.Raw = NOTHING


class _Event(msgspec.Struct, gc=False):
    message: _Reply | None = None
    usage: msgspec.Raw = NOTHING


_decode_peek: Final = msgspec.json.Decoder(Peek).decode
_decode_reply: Final = msgspec.json.Decoder(_Reply).decode
_decode_event: Final = msgspec.json.Decoder(_Event).decode


def measure(event: bytes) -> int:
    """About how many output tokens an event shows, by its bytes."""
    start = event.find(_CONTENT)
    if start >= 0:
        start += _BEHIND_CONTENT
        end = event.find(b'"', start)
        if 0 < end - start < 8 and event[end - 1] != _BACKSLASH and event.find(_CONTENT, end) < 0:
            return 1
    return sum(
        max((text.end(1) - text.start(1)) // _BYTES_A_TOKEN, 1) for text in _TEXT.finditer(event)
    )


class StreamMeter:
    """Counts a stream's events, reads its usage, and changes nothing."""

    __slots__ = ("_measures", "_splitter", "_stated", "events", "output_tokens", "usage")

    def __init__(self, *, measures: bool) -> None:
        self._splitter = EventSplitter()
        self._measures = measures
        self._stated: usages.StatedUsage | None = None
        self.events = 0
        self.output_tokens = 0
        self.usage: Usage | None = None

    def feed(self, data: bytes) -> bytes:
        """Take a piece of the stream; give what goes on to the caller.

        Raises `EventTooLargeError`.
        """
        events = self._splitter.feed(data)
        self.events += len(events)
        for event in events:
            if b'"usage"' in event:
                self._look(event)
            elif self._measures:
                self.output_tokens += measure(event)
        return data

    def end(self) -> bytes:
        """A last event may lack its empty line; its bytes have gone on already."""
        rest = self._splitter.take_rest()
        if b'"usage"' in rest:
            self._look(rest)
        return b""

    def cut(self) -> bool:
        """Drop the rest of a broken stream; whether part of it was seen."""
        return bool(self._splitter.take_rest())

    def _look(self, event: bytes) -> None:
        try:
            found = _decode_event(event_data(event))
        except DECODING_ERRORS:
            return
        stated = read_stated(found.usage if found.message is None else found.message.usage)
        if stated is None:
            if self._measures:
                self.output_tokens += measure(event)
            return
        self._stated = stated if self._stated is None else self._stated.updated(stated)
        self.usage = usages.neutral(self._stated)


class Native:
    """The dialect whose bytes pass through; satisfies `translation.Native`."""

    splice_model = staticmethod(openai_chat.splice_model)

    def peek(self, body: bytes, model: str | None, *, stream: bool) -> Peek | Refusal:
        """Read what the gate needs, or say which field is wrong."""
        try:
            found = _decode_peek(body)
        except DECODING_ERRORS as error:
            return shape_error(error).refusal()
        if model is not None:
            found.model = model
        elif not found.model:
            return ShapeError("model", "it is missing").refusal()
        if found.stream is None and stream:
            found.stream = True
        return openai_chat.refuse_twofold(body) or found

    def set_output_limit(self, body: bytes, limit: int, field: str = "max_tokens") -> bytes:
        """`body` with `limit` as its output limit, and thoughts below it."""
        body = openai_chat.set_output_limit(body, limit, "max_tokens")
        return _lower_budget(body, limit) if b"budget_tokens" in body else body

    def ask_stream_usage(self, body: bytes) -> bytes:
        """The same body: usage is stated unasked."""
        return body

    def read_usage(self, body: bytes) -> Usage | None:
        """The usage that a whole reply states."""
        try:
            stated = read_stated(_decode_reply(body).usage)
        except DECODING_ERRORS:
            return None
        return None if stated is None else usages.neutral(stated)

    def read_usage_in_part(self, part: bytes) -> Usage | None:
        """The usage in the start or the end of a reply too long to be kept whole."""
        for match in openai_chat.USAGE_OBJECT.finditer(part):
            usage = self.read_usage(b'{"usage":%b}' % match.group(1))
            if usage is not None and usage.output_tokens is not None:
                return usage
        return None

    def stream_meter(self, *, hide_usage: bool, measures: bool) -> StreamMeter:
        """For one stream; there is no usage to hide."""
        return StreamMeter(measures=measures)

    def final_events(
        self, call_id: str, model: str, choices: int, refusal: object, output_tokens: int = 0
    ) -> bytes:
        """The end of a stream that we end: the turn at its limit, and why."""
        event = {
            "type": "message_delta",
            "delta": {"stop_reason": "max_tokens", "stop_sequence": None},
            "usage": {"output_tokens": output_tokens},
            "faregate": {"refusal": refusal},
        }
        return (
            b"event: message_delta\ndata: %b\n\n"
            b'event: message_stop\ndata: {"type":"message_stop"}\n\n' % msgspec.json.encode(event)
        )


def _lower_budget(body: bytes, limit: int) -> bytes:
    """A budget of thinking must be below the output limit, and at least 1,024 tokens."""
    try:
        thinking = json_text.find_member(body, "thinking")
        if thinking is None:
            return body
        value = body[thinking.value_start : thinking.end]
        if not value.startswith(b"{"):
            return body
        budget = json_text.find_member(value, "budget_tokens")
    except json_text.DuplicateMemberError:
        return body
    if budget is None:
        return body
    stated = value[budget.value_start : budget.end]
    if not stated.isdigit() or int(stated) < limit:
        return body
    if limit <= _LEAST_BUDGET:
        return json_text.replace_value(body, thinking, b'{"type":"disabled"}')
    lowered = json_text.replace_value(value, budget, b"%d" % (limit - 1))
    return json_text.replace_value(body, thinking, lowered)


NATIVE: Final = Native()
