"""What is read and changed of Gemini's bytes where they pass through.

Model and stream are of the path, so a body keeps its bytes whatever model serves it. Each event
of a stream states the usage so far.

Sources: Gemini API, "Generating content"; Protocol Buffers, "ProtoJSON format".
"""

import re
from typing import Annotated, Any, Final

import msgspec

from faregate.core.refusals import Refusal, refuse
from faregate.dialects import nested_limit
from faregate.dialects.gemini import usage_metadata
from faregate.dialects.gemini.array_form import ArraySplitter
from faregate.dialects.passing_meter import PassingMeter, Splitter
from faregate.dialects.shapes import decode_typed
from faregate.dialects.translation import Native
from faregate.dialects.usage import Usage
from faregate.wire.sse import EventSplitter

_Limit = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
_Choices = Annotated[int, msgspec.Meta(ge=1, le=1_024)]
_CONFIGS: Final = ("generationConfig", "generation_config")
_LIMITS: Final = ("maxOutputTokens", "max_output_tokens")
_COUNTS: Final = ("candidateCount", "candidate_count")


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


class GeminiNative:
    """Gemini's bytes; `as_array`: streams are one JSON array."""

    def __init__(self, *, as_array: bool = False) -> None:
        self._as_array = as_array

    def peek(self, body: bytes, model: str | None, *, stream: bool) -> Peek | Refusal:
        """Read what the gate needs; `model` and `stream` are the path's."""
        if model is None:
            return refuse("request_invalid", "The path names no model.", param="model")
        read = decode_typed(body, _decode_body)
        if isinstance(read, Refusal):
            return read
        twice = nested_limit.twofold(body, _CONFIGS, (_LIMITS, _COUNTS))
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
        return nested_limit.set_limit(body, _CONFIGS, _LIMITS, limit)

    def ask_stream_usage(self, body: bytes) -> bytes:
        """The body as it is: usage is stated unasked."""
        return body

    def read_usage(self, body: bytes) -> Usage | None:
        """The usage that a whole reply states."""
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
        return usage_metadata.read(reply.usageMetadata, searches)

    def read_usage_in_part(self, part: bytes) -> Usage | None:
        """The usage in the start or the end of a reply too long to be kept whole."""
        for match in _USAGE_OBJECT.finditer(part):
            usage = self.read_usage(b'{"usageMetadata":%b}' % match.group(1))
            if usage is not None:
                return usage
        return None

    def stream_meter(self, *, hide_usage: bool, measures: bool) -> PassingMeter:
        """For one stream in either form; usage is never hidden."""
        return PassingMeter(_splitter, self.read_usage, b'"usageMetadata"', measures=measures)

    def final_events(
        self, call_id: str, model: str, choices: int, refusal: object, output_tokens: int = 0
    ) -> bytes:
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


def _read_loosely(body: bytes) -> Usage | None:
    try:
        reply = _decode_loosely(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    searches = usage_metadata.searches(reply.get("candidates"), reply.get("modelVersion"))
    return usage_metadata.read(reply.get("usageMetadata"), searches)


def _splitter(start: bytes) -> Splitter:
    return ArraySplitter() if start in b"[,{" else EventSplitter()


NATIVE: Final[Native] = GeminiNative()
ARRAY_NATIVE: Final[Native] = GeminiNative(as_array=True)
