"""What is read and changed of Gemini's bytes where they pass through.

Model and stream are of the path, so a body keeps its bytes whatever model serves it. Each event
of a stream states the usage so far.

Sources: Gemini API, "Generating content"; Protocol Buffers, "ProtoJSON format".
"""

import re
from typing import Annotated, Any, Final

import msgspec

from faregate.core.refusals import Refusal, refuse
from faregate.dialects import json_text
from faregate.dialects.gemini import usage_metadata
from faregate.dialects.gemini.array_form import ArraySplitter
from faregate.dialects.translation import Native
from faregate.dialects.usage import Usage
from faregate.wire.sse import EventSplitter, event_data

_Limit = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
_Choices = Annotated[int, msgspec.Meta(ge=1, le=1_024)]
_CONFIGS: Final = ("generationConfig", "generation_config")
_LIMITS: Final = ("maxOutputTokens", "max_output_tokens")
_COUNTS: Final = ("candidateCount", "candidate_count")
_PRICED_TEXTS: Final = tuple(b'"%b"' % name.encode() for name in _CONFIGS + _LIMITS + _COUNTS)


class _Config(msgspec.Struct, gc=False):
    maxOutputTokens: _Limit | None = None  # noqa: N815
    max_output_tokens: _Limit | None = None
    candidateCount: _Choices | None = None  # noqa: N815
    candidate_count: _Choices | None = None


class _Body(msgspec.Struct, gc=False):
    generationConfig: _Config | None = None  # noqa: N815
    generation_config: _Config | None = None


class Peek(msgspec.Struct, frozen=True, gc=False):
    """What is read of a request; a stream states its usage unasked."""

    model: str
    stream: bool | None = None
    output_limit: int | None = None
    choices: int = 1
    user: str | None = None
    asks_usage: bool = True


_decode_body = msgspec.json.Decoder(_Body).decode


def _twofold(body: bytes) -> str | None:
    """A field that decides the price and stands twice, by whichever of its names."""
    if all(body.count(text) <= 1 for text in _PRICED_TEXTS) and b"\\u00" not in body:
        config = sum(text in body for text in _PRICED_TEXTS[:2])
        if config <= 1 and not all(text in body for text in _PRICED_TEXTS[2:4]):
            return None
    try:
        configs = [one for name in _CONFIGS if (one := json_text.find_member(body, name))]
        if len(configs) > 1:
            return _CONFIGS[0]
        for member in configs:
            config_text = body[member.value_start : member.end]
            if not config_text.startswith(b"{"):
                continue
            for names in (_LIMITS, _COUNTS):
                if sum(json_text.find_member(config_text, name) is not None for name in names) > 1:
                    return f"{_CONFIGS[0]}.{names[0]}"
    except json_text.DuplicateMemberError as error:
        return str(error)
    return None


class GeminiNative:
    """Gemini's bytes; `as_array`: streams are one JSON array."""

    def __init__(self, *, as_array: bool = False) -> None:
        self._as_array = as_array

    def peek(self, body: bytes, model: str | None, *, stream: bool) -> Peek | Refusal:
        """Read what the gate needs; `model` and `stream` are the path's."""
        if model is None:
            return refuse("request_invalid", "The path names no model.", param="model")
        try:
            read = _decode_body(body)
        except msgspec.ValidationError as error:
            problem, _, place = str(error).partition(" - at `$")
            param = place.strip("`.") or None
            detail = f"The body must be a JSON object: {problem}."
            if param is not None:
                detail = f"The field '{param}' is wrong: {problem}."
            return refuse("request_invalid", detail.replace("`", "'"), param=param)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return refuse("request_invalid", f"The body is not valid JSON: {error}.")
        except RecursionError:
            return refuse("request_invalid", "The body is nested too deeply.")
        twice = _twofold(body)
        if twice is not None:
            return refuse("request_invalid", f"The field '{twice}' stands twice.", param=twice)
        config = read.generationConfig or read.generation_config
        if config is None:
            return Peek(model, stream)
        limit = config.maxOutputTokens
        if limit is None:
            limit = config.max_output_tokens
        return Peek(model, stream, limit, config.candidateCount or config.candidate_count or 1)

    def splice_model(self, body: bytes, asked: str, served: str) -> bytes | Refusal:
        """The body as it is: the model is the path's."""
        return body

    def set_output_limit(self, body: bytes, limit: int, field: str) -> bytes:
        """`body` with `limit` as its output limit, inside generationConfig."""
        value = b"%d" % limit
        whole = b'{"maxOutputTokens":%b}' % value
        try:
            for name in _CONFIGS:
                member = json_text.find_member(body, name)
                if member is None:
                    continue
                config = body[member.value_start : member.end]
                changed = _lowered(config, value) if config.startswith(b"{") else whole
                return json_text.replace_value(body, member, changed)
        except json_text.DuplicateMemberError:
            return body  # `peek` has refused it
        return json_text.insert_first(body, b"generationConfig", whole)

    def ask_stream_usage(self, body: bytes) -> bytes:
        """The body as it is: usage is stated unasked."""
        return body

    def read_usage(self, body: bytes) -> Usage | None:
        """The usage that a whole reply states."""
        return _read_usage(body)[0]

    def read_usage_in_part(self, part: bytes) -> Usage | None:
        """The usage in the start or the end of a reply too long to be kept whole."""
        for match in _USAGE_OBJECT.finditer(part):
            usage = self.read_usage(b'{"usageMetadata":%b}' % match.group(1))
            if usage is not None:
                return usage
        return None

    def stream_meter(self, *, hide_usage: bool, measures: bool) -> "GeminiMeter":
        """For one stream; usage is never hidden, for every caller knows it."""
        return GeminiMeter(measures=measures)

    def final_events(self, call_id: str, model: str, choices: int, refusal: object) -> bytes:
        """The end of a stream that we end: choices at their limit, and why."""
        event = {
            "candidates": [
                {
                    "content": {"parts": [{"text": ""}], "role": "model"},
                    "finishReason": "MAX_TOKENS",
                    "index": at,
                }
                for at in range(choices)
            ],
            "modelVersion": model,
            "responseId": call_id,
            "faregate": {"refusal": refusal},
        }
        text = msgspec.json.encode(event)
        return b",\r\n%b]" % text if self._as_array else b"data: %b\n\n" % text


def _lowered(config: bytes, value: bytes) -> bytes:
    for name in _LIMITS:
        member = json_text.find_member(config, name)
        if member is not None:
            return json_text.replace_value(config, member, value)
    return json_text.insert_first(config, b"maxOutputTokens", value)


# -- usage -----------------------------------------------------------------------------------------


class _Grounding(msgspec.Struct, gc=False):
    webSearchQueries: list[Any] | None = None  # noqa: N815


class _Candidate(msgspec.Struct, gc=False):
    groundingMetadata: _Grounding | None = None  # noqa: N815


class _Reply(msgspec.Struct, gc=False):
    usageMetadata: dict[str, Any] | None = None  # noqa: N815
    candidates: list[_Candidate] | None = None
    modelVersion: Any = None  # noqa: N815


_decode_reply = msgspec.json.Decoder(_Reply).decode
_decode_loosely = msgspec.json.Decoder(dict[str, Any]).decode
# An object with objects and lists in it, which hold objects themselves: as deep as it is stated.
_USAGE_OBJECT: Final = re.compile(
    rb'"usageMetadata"[ \t\r\n]*:[ \t\r\n]*(\{(?:[^{}]++|\{(?:[^{}]++|\{[^{}]*+\})*+\})*+\})'
)
_TEXT: Final = re.compile(rb'"(?:text|args)"[ ]?:[ ]?(?:"((?:[^"\\]|\\.)+)"|(\{[^{}]*))')
_BYTES_A_TOKEN: Final = 4


def _read_usage(body: bytes) -> tuple[Usage | None, int]:
    """The usage, and how many searches are billed."""
    try:
        reply = _decode_reply(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _read_loosely(body)
    searches = 0
    for candidate in reply.candidates or ():
        if candidate.groundingMetadata is not None:
            queries = {"webSearchQueries": candidate.groundingMetadata.webSearchQueries}
            grounded = [{"groundingMetadata": queries}]
            searches += usage_metadata.searches(grounded, reply.modelVersion)
    return usage_metadata.read(reply.usageMetadata, searches), searches


def _read_loosely(body: bytes) -> tuple[Usage | None, int]:
    try:
        reply = _decode_loosely(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None, 0
    searches = usage_metadata.searches(reply.get("candidates"), reply.get("modelVersion"))
    return usage_metadata.read(reply.get("usageMetadata"), searches), searches


def measure(event: bytes) -> int:
    """About how many output tokens an event shows, by its bytes."""
    tokens = 0
    for text in _TEXT.finditer(event):
        tokens += max((text.end() - text.start() - 8) // _BYTES_A_TOKEN, 1)
    return tokens


class GeminiMeter:
    """Counts a stream's events and reads its usage; its bytes go on at once.

    If it measures, `output_tokens` is what has been put out so far: by the usage where that is
    stated, else one token for four bytes.
    """

    __slots__ = ("_measures", "_searches", "_splitter", "events", "output_tokens", "usage")

    def __init__(self, *, measures: bool = False) -> None:
        self._splitter: EventSplitter | ArraySplitter | None = None
        self._measures = measures
        self._searches = 0
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
            self._splitter = ArraySplitter() if start in b"[,{" else EventSplitter()
        for event in self._splitter.feed(data):
            self._look(event)
        return data

    def end(self) -> bytes:
        """What is left at the stream's end: a last event may lack its empty line."""
        if isinstance(self._splitter, EventSplitter) and (rest := self._splitter.take_rest()):
            self._look(rest)
        return b""

    def cut(self) -> bool:
        """Drop the rest of a broken stream; whether the caller saw part of it."""
        return self._splitter is not None and bool(self._splitter.take_rest())

    def _look(self, event: bytes) -> None:
        self.events += 1
        usage = None
        if b'"usageMetadata"' in event or b'"webSearchQueries"' in event:
            data = event if isinstance(self._splitter, ArraySplitter) else event_data(event)
            usage, searches = _read_usage(data)
            self._searches += searches
            if usage is not None:
                if self._searches > searches:
                    usage = msgspec.structs.replace(usage, web_searches=self._searches)
                self.usage = usage
        if self._measures:
            stated = usage.output_tokens if usage is not None else None
            self.output_tokens = max(self.output_tokens + measure(event), stated or 0)


NATIVE: Final[Native] = GeminiNative()
ARRAY_NATIVE: Final[Native] = GeminiNative(as_array=True)
