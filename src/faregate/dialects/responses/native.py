"""Responses where bytes pass through: what is read of them and changed.

A response always states its usage at its end, so nothing is asked for and nothing hidden.

Source: OpenAI API reference, "Create a model response", "Streaming events" (responses).
"""

from typing import Annotated, Final

import msgspec

from faregate.core.refusals import Refusal
from faregate.dialects import json_text, openai_chat, translation
from faregate.dialects.responses.usage import StatedUsage, ToolUsage, read_usage
from faregate.dialects.usage import Usage
from faregate.wire.sse import EventSplitter, event_data

_Limit = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
_BYTES_A_TOKEN: Final = 4
_DELTA: Final = b'"delta":"'
_BACKSLASH: Final = ord("\\")


class Peek(msgspec.Struct, gc=False):
    """What is read of a request."""

    model: str
    stream: bool | None = None
    max_output_tokens: _Limit | None = None
    user: str | None = None
    safety_identifier: str | None = None
    service_tier: object = None

    @property
    def output_limit(self) -> int | None:
        """The most output tokens that the caller wants."""
        return self.max_output_tokens

    @property
    def choices(self) -> int:
        """A response is one answer."""
        return 1

    @property
    def asks_usage(self) -> bool:
        """Each stream states its usage."""
        return True


class _Whole(msgspec.Struct, gc=False):
    usage: StatedUsage | None = None
    tool_usage: ToolUsage | None = None
    service_tier: str | None = None


class _Staged(_Whole, gc=False):
    id: str | None = None


class _Event(msgspec.Struct, gc=False):
    response: _Staged | None = None


_decode_peek: Final = msgspec.json.Decoder(Peek).decode
_decode_whole: Final = msgspec.json.Decoder(_Whole).decode
_decode_event: Final = msgspec.json.Decoder(_Event).decode
_FAILURES: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def _usage(stated: _Whole | None) -> Usage | None:
    if stated is None or stated.usage is None:
        return None
    return read_usage(stated.usage, stated.tool_usage, stated.service_tier)


class ResponsesNative:
    """Responses, passed through."""

    splice_model = staticmethod(openai_chat.splice_model)

    def peek(self, body: bytes, model: str | None, *, stream: bool) -> Peek | Refusal:
        """Read what the gate needs; both are said in the body."""
        try:
            return _decode_peek(body)
        except _FAILURES as error:
            return openai_chat.misread(error)

    def set_output_limit(self, body: bytes, limit: int, field: str) -> bytes:
        """`body` with `limit` as its output limit, which has one name here."""
        value = b"%d" % limit
        try:
            member = json_text.find_member(body, "max_output_tokens")
        except json_text.DuplicateMemberError:
            return body
        if member is not None:
            return json_text.replace_value(body, member, value)
        return json_text.insert_first(body, b"max_output_tokens", value)

    def ask_stream_usage(self, body: bytes) -> bytes:
        """`body`, for usage comes unasked."""
        return body

    def read_usage(self, body: bytes) -> Usage | None:
        """The usage that a whole response states."""
        try:
            return _usage(_decode_whole(body))
        except _FAILURES:
            return None

    def read_usage_in_part(self, part: bytes) -> Usage | None:
        """The usage in the start or the end of a response too long to keep."""
        for match in openai_chat.USAGE_OBJECT.finditer(part):
            usage = self.read_usage(b'{"usage":%b}' % match.group(1))
            if usage is not None:
                return usage
        return None

    def stream_meter(self, *, hide_usage: bool, measures: bool) -> "ResponsesMeter":
        """For one stream."""
        return ResponsesMeter(measures=measures)

    def final_events(
        self, call_id: str, model: str, choices: int, refusal: object, output_tokens: int = 0
    ) -> bytes:
        """The end of a stream that we end; `call_id` is the response's id."""
        response = {
            "id": call_id,
            "object": "response",
            "created_at": 0,
            "status": "incomplete",
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"},
            "model": model,
            "output": [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": None,
        }
        event = {
            "type": "response.incomplete",
            "sequence_number": 0,
            "response": response,
            "faregate": {"refusal": refusal},
        }
        return b"event: response.incomplete\ndata: %b\n\n" % msgspec.json.encode(event)


class ResponsesMeter:
    """Counts a stream's events and reads the usage at its end.

    `output_tokens` is what has been put out so far: each delta of text, thoughts or arguments is
    one token, or one for four bytes where it has more. `reply_id` is the response's id, which
    the SDK wants to see again at its end.
    """

    __slots__ = ("_measures", "_splitter", "events", "output_tokens", "reply_id", "usage")

    def __init__(self, *, measures: bool) -> None:
        self._splitter = EventSplitter()
        self._measures = measures
        self.events = 0
        self.output_tokens = 0
        self.reply_id: str | None = None
        self.usage: Usage | None = None

    def feed(self, data: bytes) -> bytes:
        """Take a piece, which goes on as it is; raises `EventTooLargeError`."""
        for event in self._splitter.feed(data):
            self.events += 1
            self._look(event)
        return data

    def end(self) -> bytes:
        """Nothing is held back; a last event may lack its empty line."""
        self._look(self._splitter.take_rest())
        return b""

    def cut(self) -> bool:
        """Drop the rest of a broken stream; whether the caller saw part of it."""
        return bool(self._splitter.take_rest())

    def _look(self, event: bytes) -> None:
        if self._measures and (start := event.find(_DELTA)) >= 0:
            self.output_tokens += measure(event, start + len(_DELTA))
        elif b'"response"' in event:
            try:
                stated = _decode_event(event_data(event)).response
            except _FAILURES:
                return
            if stated is not None:
                self.reply_id = self.reply_id or stated.id
                self.usage = _usage(stated) or self.usage


def measure(event: bytes, start: int) -> int:
    """About how many tokens a delta is, by the bytes of its text."""
    end = event.find(b'"', start)
    while end > 0 and event[end - 1] == _BACKSLASH:  # an escaped quote, or nearly
        end = event.find(b'"', end + 1)
    return max((end - start) // _BYTES_A_TOKEN, 1) if end > start else 0


NATIVE: Final[translation.Native] = ResponsesNative()
