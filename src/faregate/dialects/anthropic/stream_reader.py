"""Reads a stream of Messages as neutral events.

Kinds of events, blocks and deltas that aren't known are passed over, as Anthropic asks of its
readers; a block of another kind is given whole at its end.

Source: Anthropic, "Streaming messages" (event types, full event flow).
"""

from typing import Any, Final

import msgspec

from faregate.dialects.anthropic import shapes, usage
from faregate.dialects.anthropic.block_reader import read_citation, read_thought
from faregate.dialects.anthropic.reply import finish_of, read_usage
from faregate.dialects.anthropic.shapes import NAME, NOTHING
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.reply import (
    CitationSeen,
    Ended,
    Event,
    Failed,
    Finished,
    Opened,
    PartClosed,
    Pinged,
    ServerPartSeen,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolDelta,
    ToolOpened,
    UsageSeen,
)
from faregate.dialects.translation import MalformedReplyError
from faregate.dialects.typed_shapes import DECODING_ERRORS
from faregate.wire.sse import EventSplitter, event_data


class _Message(msgspec.Struct, gc=False):
    id: str = ""
    model: str = ""
    usage: msgspec.Raw = NOTHING


class _Delta(msgspec.Struct, gc=False):
    type: str | None = None
    text: str = ""
    thinking: str = ""
    partial_json: str = ""
    signature: str = ""
    citation: msgspec.Raw = NOTHING
    stop_reason: str | None = None
    stop_sequence: str | None = None


class _Error(msgspec.Struct, gc=False):
    type: str = ""
    message: str = ""


class _Chunk(msgspec.Struct, gc=False):
    type: str
    index: int = 0
    delta: _Delta | None = None
    content_block: msgspec.Raw = NOTHING
    message: _Message | None = None
    usage: msgspec.Raw = NOTHING
    error: _Error | None = None


_decode: Final = msgspec.json.Decoder(_Chunk).decode
_decode_object: Final = msgspec.json.Decoder(dict[str, Any]).decode


class _Part:
    """A part that is open: what hasn't been given of it yet."""

    __slots__ = ("given", "kind", "number", "pieces", "raw")

    def __init__(self, number: int, kind: str, raw: dict[str, Any]) -> None:
        self.number = number
        self.kind = kind
        self.raw = raw
        self.given = False
        self.pieces: list[str] = []


class StreamReader:
    """Reads one reply's stream, in whatever pieces it comes."""

    __slots__ = ("_ended", "_numbers", "_parts", "_splitter", "_stated")

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self._parts: dict[int, _Part] = {}
        self._numbers = 0
        self._stated: usage.StatedUsage | None = None
        self._ended = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes.

        Raises `MalformedReplyError` and `EventTooLargeError`.
        """
        found: list[Event] = []
        for event in self._splitter.feed(data):
            text = event_data(event)
            if text:
                found += self.read_data(text)
        return found

    def end(self) -> list[Event]:
        """A last event may lack its empty line; a part of one says nothing."""
        text = event_data(self._splitter.take_rest())
        try:
            return self.read_data(text) if text else []
        except MalformedReplyError:
            return []

    def read_data(self, data: bytes) -> list[Event]:
        """The neutral events of one of Anthropic's, without its framing."""
        if self._ended:
            return []
        try:
            chunk = _decode(data)
            return self._read(chunk, data)
        except DECODING_ERRORS as error:
            raise MalformedReplyError(str(error)) from None

    def _read(self, chunk: _Chunk, data: bytes) -> list[Event]:
        kind = chunk.type
        if kind == "content_block_delta":
            return self._delta(chunk)
        if kind == "content_block_start":
            return self._opened(chunk)
        if kind == "content_block_stop":
            return self._closed(chunk.index)
        if kind == "message_start":
            return [self._begun(chunk.message or _Message())]
        if kind == "message_delta":
            return self._ending(chunk)
        if kind == "ping":
            return [Pinged()]
        if kind == "message_stop":
            self._ended = True
            return [Ended()]
        if kind == "error":
            self._ended = True
            return [Failed("" if chunk.error is None else chunk.error.message, data)]
        return []

    def _begun(self, message: _Message) -> Opened:
        stated = self._stated = read_usage(message.usage)
        return Opened(
            id=message.id,
            model=message.model,
            usage=None if stated is None else usage.neutral(stated),
        )

    def _ending(self, chunk: _Chunk) -> list[Event]:
        found: list[Event] = []
        later = read_usage(chunk.usage)
        if later is not None:
            self._stated = later if self._stated is None else self._stated.updated(later)
            found.append(UsageSeen(usage.neutral(self._stated)))
        delta = chunk.delta
        if delta is not None and delta.stop_reason is not None:
            finish = finish_of(delta.stop_reason)
            found.append(Finished(0, finish, delta.stop_sequence))
        return found

    # -- blocks ------------------------------------------------------------------------------------

    def _opened(self, chunk: _Chunk) -> list[Event]:
        raw = _decode_object(chunk.content_block)
        kind = str(raw.get("type", ""))
        number = self._numbers
        self._numbers += 1
        part = self._parts[chunk.index] = _Part(number, kind, raw)
        if kind == "text":
            return self._text_opened(part)
        if kind == "tool_use":
            return [ToolOpened(0, number, str(raw.get("id", "")), str(raw.get("name", "")))]
        if kind == "thinking" and raw.get("thinking"):
            part.given = True
            return [ThinkingDelta(0, number, str(raw["thinking"]))]
        if kind == "redacted_thinking":
            thought = read_thought(shapes.RedactedThinkingBlock(str(raw.get("data", ""))))
            return [ThinkingSigned(0, number, thought.origin, redacted=thought.redacted)]
        return []

    def _text_opened(self, part: _Part) -> list[Event]:
        found: list[Event] = []
        text = part.raw.get("text")
        if text:
            part.given = True
            found.append(TextDelta(0, part.number, str(text)))
        citations = part.raw.get("citations")
        if isinstance(citations, list):
            found += [
                CitationSeen(0, part.number, read_citation(raw))
                for raw in citations
                if isinstance(raw, dict)
            ]
        return found

    def _delta(self, chunk: _Chunk) -> list[Event]:
        delta = chunk.delta
        part = self._parts.get(chunk.index)
        if delta is None or part is None:
            raise MalformedReplyError("A delta belongs to no block.")
        kind = delta.type
        if kind == "text_delta":
            part.given = True
            return [TextDelta(0, part.number, delta.text)]
        if kind == "input_json_delta":
            if part.kind == "tool_use":
                if not delta.partial_json:
                    return []
                part.given = True
                return [ToolDelta(0, part.number, delta.partial_json)]
            part.pieces.append(delta.partial_json)
            return []
        if kind == "thinking_delta":
            part.given = True
            return [ThinkingDelta(0, part.number, delta.thinking)]
        if kind == "signature_delta":
            part.raw["signature"] = delta.signature
        elif kind == "citations_delta":
            cited = read_citation(_decode_object(delta.citation))
            return [CitationSeen(0, part.number, cited)]
        return []

    def _closed(self, index: int) -> list[Event]:
        part = self._parts.pop(index, None)
        if part is None:
            return []
        number = part.number
        closed = PartClosed(0, number)
        if part.kind == "text":
            return [closed] if part.given else [TextDelta(0, number, ""), closed]
        if part.kind == "tool_use":
            if part.given:
                return [closed]
            arguments = msgspec.json.encode(part.raw.get("input") or {}).decode()
            return [ToolDelta(0, number, arguments), closed]
        if part.kind == "thinking":
            return [*self._proof(part), closed]
        if part.kind == "redacted_thinking":
            return [closed]
        return [ServerPartSeen(0, number, NAME, _whole(part)), closed]

    def _proof(self, part: _Part) -> list[Event]:
        """What proves the thoughts; Anthropic's signature comes as the last of a block."""
        signature = part.raw.get("signature")
        if not signature:
            return [] if part.given else [ThinkingDelta(0, part.number, "")]
        thought = read_thought(shapes.ThinkingBlock("", str(signature)))
        found: list[Event] = []
        if thought.is_summary:
            found.append(ThinkingDelta(0, part.number, "", is_summary=True, id=thought.id))
        found.append(
            ThinkingSigned(
                0, part.number, thought.origin, thought.signature, thought.redacted, thought.id
            )
        )
        return found


def _whole(part: _Part) -> parts.Json:
    """A block of a kind of Anthropic's own, with the input that came in pieces."""
    if part.pieces:
        text = "".join(part.pieces)
        try:
            part.raw["input"] = _decode_object(text or "{}")
        except DECODING_ERRORS:
            part.raw["input"] = {"arguments": text}
    return part.raw
