"""OpenAI's chat, completions and embeddings: what is read and changed.

A request is peeked at, not parsed. Unknown fields survive because nobody touches them.

Source: OpenAI API reference, "Chat" (create, streaming), "Completions", "Embeddings".
"""

import re
from typing import Annotated, Final, TypeVar

import msgspec

from faregate.core.refusals import Refusal, refuse
from faregate.dialects import json_text
from faregate.dialects.usage import Usage
from faregate.wire.sse import EventSplitter, event_data

CHAT_PATH: Final = "/v1/chat/completions"
COMPLETIONS_PATH: Final = "/v1/completions"
TOKENS_MAX: Final = 10**12  # a usage beyond it is nonsense, not a bill


class _StreamOptions(msgspec.Struct, gc=False):
    include_usage: bool | None = None


_Limit = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
_Choices = Annotated[int, msgspec.Meta(ge=1, le=1_024)]


class Peek(msgspec.Struct, gc=False):
    """What is read of a request. `stream_options` of None: absent or null."""

    model: str
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: _Limit | None = None
    max_completion_tokens: _Limit | None = None
    n: _Choices | None = None
    best_of: _Choices | None = None
    user: str | None = None
    service_tier: object = None

    @property
    def output_limit(self) -> int | None:
        """The most output tokens that the caller wants for each choice."""
        if self.max_completion_tokens is not None:
            if self.max_tokens is not None:
                return max(self.max_tokens, self.max_completion_tokens)
            return self.max_completion_tokens
        return self.max_tokens

    @property
    def choices(self) -> int:
        """How many answers are made, each of up to `output_limit` tokens."""
        if self.n is None and self.best_of is None:
            return 1
        return max(self.n or 1, self.best_of or 1)

    @property
    def asks_usage(self) -> bool:
        """Whether the caller wants usage in its stream."""
        return self.stream_options is not None and self.stream_options.include_usage is True


_decode_peek = msgspec.json.Decoder(Peek).decode


def peek(body: bytes) -> Peek | Refusal:
    """Read the few fields that the gate needs, or say which one is wrong."""
    try:
        return _decode_peek(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return misread(error)


def misread(error: Exception) -> Refusal:
    """What a decoder found wrong with a body, in the caller's terms."""
    if isinstance(error, RecursionError):
        return refuse("request_invalid", "The body is nested too deeply.")
    if not isinstance(error, msgspec.ValidationError):
        return refuse("request_invalid", f"The body is not valid JSON: {error}.")
    text = str(error)
    problem, _, place = text.partition(" - at `$")
    missing = text.startswith("Object missing required field")
    param = place.strip("`.") or None
    if missing:
        param = ".".join(filter(None, (param, problem.split("`")[1])))
        detail = f"The field '{param}' is missing."
    elif param is None:
        detail = f"The body must be a JSON object: {problem}."
    else:
        detail = f"The field '{param}' is wrong: {problem}."
    return refuse("request_invalid", detail.replace("`", "'"), param=param)


# -- the request ---------------------------------------------------------------------------------


_SPELLING_ESCAPE: Final = re.compile(rb"\\u00[46]")  # of an ASCII letter
_SPELLINGS: Final = (b'"model":"%b"', b'"model": "%b"')  # without and with Python's space


def splice_model(body: bytes, asked: str, served: str) -> bytes | Refusal:
    """`body` with another model's name, every other byte the same.

    A second top-level "model" is refused: the upstream might read the other one.
    """
    # One mention in whatever case, and no escape that could spell it: that is the member.
    lowered = body.lower()
    if lowered.count(b'"model"') == 1 and (
        b"\\" not in body or _SPELLING_ESCAPE.search(lowered) is None
    ):
        for spelling in _SPELLINGS:
            text = spelling % asked.encode()
            start = body.find(text)
            if start >= 0:
                if asked == served:
                    return body
                value = msgspec.json.encode(served)
                return b'%b"model":%b%b' % (body[:start], value, body[start + len(text) :])
    try:
        member = json_text.find_member(body, "model")
    except json_text.DuplicateMemberError:
        return refuse("request_invalid", "The field 'model' stands twice.", param="model")
    if member is None or asked == served:
        return body
    return json_text.replace_value(body, member, msgspec.json.encode(served))


# What a call may cost hangs on these: where one stands twice, readers disagree which counts.
_PRICED: Final = ("max_tokens", "max_completion_tokens", "n", "best_of")
_PRICED_TEXTS: Final = tuple(b'"%b"' % name.encode() for name in _PRICED)


def refuse_twofold(body: bytes) -> Refusal | None:
    """Refuse a body in which a field that decides the price stands twice."""
    count = body.count
    for text in _PRICED_TEXTS:
        if count(text) > 1:
            break
    else:
        if b"\\u00" not in body:
            return None
    for name in _PRICED:
        try:
            json_text.find_member(body, name)
        except json_text.DuplicateMemberError:
            return refuse("request_invalid", f"The field '{name}' stands twice.", param=name)
    return None


def set_output_limit(body: bytes, limit: int, name: str) -> bytes:
    """`body` with `limit` as its output limit.

    Fields that the caller gave are lowered; without any, the field `name` is written.
    """
    if b"max_" not in body and b"\\" not in body and body.startswith(b'{"'):
        return b'{"%b":%d,%b' % (name.encode(), limit, body[1:])
    value = b"%d" % limit
    written = False
    for field in ("max_tokens", "max_completion_tokens"):
        try:
            member = json_text.find_member(body, field)
        except json_text.DuplicateMemberError:
            continue
        if member is not None:
            body = json_text.replace_value(body, member, value)
            written = True
    return body if written else json_text.insert_first(body, name.encode(), value)


def ask_stream_usage(body: bytes) -> bytes:
    """A streamed request's `body`, made to ask for usage at the end."""
    try:
        member = json_text.find_member(body, "stream_options")
        if member is None:
            return json_text.insert_first(body, b"stream_options", b'{"include_usage":true}')
        options = body[member.value_start : member.end]
        if options == b"null":
            return json_text.replace_value(body, member, b'{"include_usage":true}')
        wish = json_text.find_member(options, "include_usage")
    except json_text.DuplicateMemberError:
        return body
    if wish is None:
        options = json_text.insert_first(options, b"include_usage", b"true")
    else:
        options = json_text.replace_value(options, wish, b"true")
    return json_text.replace_value(body, member, options)


# -- usage -----------------------------------------------------------------------------------------


_Tokens = Annotated[int, msgspec.Meta(ge=0, le=TOKENS_MAX)]


class _InputDetails(msgspec.Struct, gc=False):
    cached_tokens: _Tokens | None = None
    cache_write_tokens: _Tokens | None = None  # OpenRouter, "Usage accounting"
    cache_creation_input_tokens: _Tokens | None = None  # Alibaba Model Studio, "Context cache"
    audio_tokens: _Tokens | None = None
    image_tokens: _Tokens | None = None  # xAI, "Prompt caching, usage"


class _OutputDetails(msgspec.Struct, gc=False):
    reasoning_tokens: _Tokens | None = None
    audio_tokens: _Tokens | None = None


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: _Tokens | None = None
    completion_tokens: _Tokens | None = None
    total_tokens: _Tokens | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None
    prompt_cache_hit_tokens: _Tokens | None = None  # DeepSeek, "Context caching"
    cache_creation_input_tokens: _Tokens | None = None  # LiteLLM, "Prompt caching"


_PARTS: Final[dict[str, type[msgspec.Struct]]] = {
    "prompt_tokens_details": _InputDetails,
    "completion_tokens_details": _OutputDetails,
}
_Shape = TypeVar("_Shape", bound=msgspec.Struct)


class _Reply(msgspec.Struct, gc=False):
    usage: _Usage | None = None
    service_tier: str | None = None


class _StreamReply(msgspec.Struct, gc=False):
    choices: list[msgspec.Raw] | None = None
    usage: _Usage | None = None
    service_tier: str | None = None


class _LooseReply(msgspec.Struct, gc=False):
    choices: object = None
    usage: object = None


_decode_reply = msgspec.json.Decoder(_Reply).decode
_decode_stream_reply = msgspec.json.Decoder(_StreamReply).decode
_decode_loose_reply = msgspec.json.Decoder(_LooseReply).decode
# An object with objects in it, which may have some themselves: the deepest that a vendor states.
USAGE_OBJECT: Final = re.compile(
    rb'"usage"[ \t\r\n]*:[ \t\r\n]*(\{(?:[^{}]++|\{(?:[^{}]++|\{[^{}]*+\})*+\})*+\})'
)

_TIER_CHARACTERS_MAX: Final = 50
_NO_INPUT_DETAILS: Final = _InputDetails()
_NO_OUTPUT_DETAILS: Final = _OutputDetails()


def _usage(usage: _Usage) -> Usage:
    inputs = usage.prompt_tokens_details or _NO_INPUT_DETAILS
    outputs = usage.completion_tokens_details or _NO_OUTPUT_DETAILS
    output_tokens, reasoning_tokens = usage.completion_tokens, outputs.reasoning_tokens
    if reasoning_tokens:
        output_tokens = _whole_output(usage, reasoning_tokens)
    cached_tokens = inputs.cached_tokens
    if cached_tokens is None:
        cached_tokens = usage.prompt_cache_hit_tokens
    written_tokens = inputs.cache_write_tokens
    if written_tokens is None:
        written_tokens = inputs.cache_creation_input_tokens
        if written_tokens is None:
            written_tokens = usage.cache_creation_input_tokens
    return Usage(
        usage.prompt_tokens,
        output_tokens,
        cached_tokens,
        reasoning_tokens,
        written_tokens,
        inputs.audio_tokens,
        inputs.image_tokens,
        outputs.audio_tokens,
    )


def _at_tier(usage: Usage, tier: str | None) -> Usage:
    """The usage with the tier that the vendor served the call at; the usual one isn't said."""
    if tier is None or tier == "default":
        return usage
    return msgspec.structs.replace(usage, service_tier=tier[:_TIER_CHARACTERS_MAX])


def _whole_output(usage: _Usage, reasoning_tokens: int) -> int | None:
    """The output with its reasoning, which xAI leaves out: only its total has it.

    Source: xAI, "Consumption and rate limits".
    """
    stated = usage.completion_tokens
    if stated is None or usage.total_tokens is None:
        return stated
    whole = stated + reasoning_tokens
    return whole if usage.total_tokens == (usage.prompt_tokens or 0) + whole else stated


def _decode_loosely(data: bytes) -> _StreamReply | None:
    """What can be read where a part has a form that it shouldn't have; None: it isn't JSON."""
    try:
        reply = _decode_loose_reply(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    choices = [msgspec.Raw(b"0")] if reply.choices else None
    if not isinstance(reply.usage, dict):
        return _StreamReply(choices)
    return _StreamReply(choices, _loosely(reply.usage, _Usage))


def _loosely(stated: dict[str, object], shape: type[_Shape]) -> _Shape:
    """The numbers that can be read; a part of another form states nothing."""
    numbers: dict[str, int | None] = {
        name: _whole(stated[name]) for name in shape.__struct_fields__ if name in stated
    }
    parts: dict[str, object] = {}
    for name, part_shape in _PARTS.items():
        if name in numbers:
            part = stated[name]
            parts[name] = _loosely(part, part_shape) if isinstance(part, dict) else None
    return shape(**(numbers | parts))


def _whole(number: object) -> int | None:
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if not isinstance(number, int) or isinstance(number, bool):
        return None
    return number if 0 <= number <= TOKENS_MAX else None


def read_usage(body: bytes) -> Usage | None:
    """The usage that a whole reply states; None where it states none."""
    reply: _Reply | _StreamReply | None
    try:
        reply = _decode_reply(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        reply = _decode_loosely(body)
    if reply is None or reply.usage is None:
        return None
    return _at_tier(_usage(reply.usage), reply.service_tier)


def read_usage_in_part(part: bytes) -> Usage | None:
    """The usage in the start or the end of a reply too long to be kept whole."""
    for match in USAGE_OBJECT.finditer(part):
        usage = read_usage(b'{"usage":%b}' % match.group(1))
        if usage is not None:
            return usage
    return None


# OpenAI states "usage": null in all events but the last. What follows it here shows that it is a
# member of the outermost object: simple members, one closing brace, the end.
_USAGE_NULL: Final = re.compile(
    rb',"usage":[ ]?null(?=(?:,"[^"\\]*":[ ]?(?:"[^"\\]*"|[a-z0-9.+-]+))*\}\r?\n\r?\n\Z)'
)

# The same where nothing follows it, which is the usual end of an event.
_NULL_END: Final = b',"usage":null}\n\n'
_BEFORE_NULL_END: Final = -len(_NULL_END)

_CONTENT: Final = b'"content":"'
_BEHIND_CONTENT: Final = len(_CONTENT)
_BACKSLASH: Final = ord("\\")
_TEXT: Final = re.compile(
    rb'"(?:content|text|reasoning_content|reasoning|refusal|arguments)"[ ]?:[ ]?'
    rb'"((?:[^"\\]|\\.)+)"'
)
_BYTES_A_TOKEN: Final = 4


def measure(event: bytes) -> int:
    """About how many output tokens an event shows, by its bytes."""
    start = event.find(_CONTENT)
    if start >= 0:
        start += _BEHIND_CONTENT
        end = event.find(b'"', start)
        if 0 < end - start < 8 and event[end - 1] != _BACKSLASH and event.find(_CONTENT, end) < 0:
            return 1
    tokens = 0
    for text in _TEXT.finditer(event):
        tokens += max((text.end(1) - text.start(1)) // _BYTES_A_TOKEN, 1)
    return tokens


def final_events(route: str, call_id: str, model: str, choices: int, refusal: object) -> bytes:
    """The end of a stream that we end: choices at their limit, and why."""
    chat = route == CHAT_PATH
    ends: list[dict[str, object]] = [
        {"index": at, "finish_reason": "length", **({"delta": {}} if chat else {"text": ""})}
        for at in range(choices)
    ]
    event = {
        "id": call_id,
        "object": "chat.completion.chunk" if chat else "text_completion",
        "created": 0,
        "model": model,
        "choices": ends,
        "faregate": {"refusal": refusal},
    }
    return b"data: %b\n\ndata: [DONE]\n\n" % msgspec.json.encode(event)


class StreamMeter:
    """Counts a stream's events, reads usage, hides what only we asked for.

    `feed` gives the bytes to send on. Where nothing is hidden they are the bytes that came, at
    once; else whole events, less the usage that the caller did not ask for. If it measures,
    `output_tokens` is what has been put out so far: a token an event, or one for four bytes.
    """

    __slots__ = ("_hide", "_measures", "_splitter", "events", "output_tokens", "usage")

    def __init__(self, *, hide_usage: bool, measures: bool = False) -> None:
        self._splitter = EventSplitter()
        self._hide = hide_usage
        self._measures = measures
        self.events = 0
        self.output_tokens = 0
        self.usage: Usage | None = None

    def feed(self, data: bytes) -> bytes:
        """Take a piece of the stream; give what goes on to the caller.

        Raises `EventTooLargeError`.
        """
        if self._hide and data.endswith(_NULL_END) and self._is_usual(data):
            self.events += 1
            if self._measures:
                self.output_tokens += measure(data)
            return data[:_BEFORE_NULL_END] + b"}\n\n"
        events = self._splitter.feed(data)
        self.events += len(events)
        if self._measures:
            for event in events:
                self.output_tokens += measure(event)
        if len(events) == 1 and b'"usage"' not in events[0]:
            return events[0] if self._hide else data
        kept = [shown for event in events if (shown := self._look(event))]
        return b"".join(kept) if self._hide else data

    def _is_usual(self, data: bytes) -> bool:
        """Whether `data` is one whole event that mentions usage once; its end is looked at."""
        return (
            data.count(b'"usage"') == 1
            and data.find(b"\n\n") == len(data) - 2
            and b"\r" not in data
            and self._splitter.empty
        )

    def end(self) -> bytes:
        """What is left at the stream's end; a last event may lack its empty line."""
        rest = self._look(self._splitter.take_rest())
        return rest if self._hide else b""

    def cut(self) -> bool:
        """Drop the rest of a broken stream; whether the caller saw part of it."""
        return bool(self._splitter.take_rest()) and not self._hide

    def _look(self, event: bytes) -> bytes:
        """Read one event; what of it is shown."""
        usage_at = event.find(b'"usage"')
        if usage_at < 0:
            return event
        if event.find(b'"usage"', usage_at + 7) < 0:
            null = _USAGE_NULL.search(event, max(usage_at - 1, 0))
            if null is not None:
                return event[: null.start()] + event[null.end() :] if self._hide else event
        data = event_data(event)
        reply: _StreamReply | None
        try:
            reply = _decode_stream_reply(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            reply = _decode_loosely(data)
            if reply is None:
                return event
        if reply.usage is not None:
            self.usage = _at_tier(_usage(reply.usage), reply.service_tier)
        if not self._hide:
            return event
        if reply.usage is not None and not reply.choices:
            return b""
        return self._without_usage(event, data)

    def _without_usage(self, event: bytes, data: bytes) -> bytes:
        try:
            member = json_text.find_member(data, "usage")
        except json_text.DuplicateMemberError:
            return event
        if member is None:
            return event
        at = event.find(data)
        if at < 0:  # data over several lines: a form that JSON streams don't take
            return event
        shown = json_text.remove_member(data, member)
        return event[:at] + shown + event[at + len(data) :]
