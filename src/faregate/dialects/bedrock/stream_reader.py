"""Reads ConverseStream's events as neutral ones.

Source: Amazon Bedrock API reference, "ConverseStream" (response syntax, errors in the stream).
"""

from typing import Any, Final

import msgspec

from faregate.dialects.bedrock.block_reader import NAME, read_citation, read_redacted
from faregate.dialects.bedrock.media import media_type_of
from faregate.dialects.bedrock.reply import finish_of, read_usage, stop_sequence
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.reply import (
    CitationSeen,
    Ended,
    Event,
    Failed,
    Finished,
    MediaSeen,
    Opened,
    PartClosed,
    ServerPartSeen,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolDelta,
    ToolOpened,
    UsageSeen,
)
from faregate.dialects.shapes import Object, ShapeError, decode_reply
from faregate.dialects.translation import MalformedReplyError
from faregate.dialects.typed_shapes import DECODING_ERRORS
from faregate.wire.event_stream import EventStreamError, EventStreamReader, Message


class _ToolUse(msgspec.Struct, gc=False):
    input: str = ""


class _Thought(msgspec.Struct, gc=False):
    text: str | None = None
    signature: str | None = None
    redactedContent: str | None = None  # noqa: N815 - the vendor's name


class _Delta(msgspec.Struct, gc=False):
    text: str | None = None
    toolUse: _ToolUse | None = None  # noqa: N815
    reasoningContent: _Thought | None = None  # noqa: N815
    citation: dict[str, Any] | None = None
    image: dict[str, Any] | None = None
    toolResult: list[Any] | None = None  # noqa: N815


class _DeltaEvent(msgspec.Struct, gc=False):
    delta: _Delta
    contentBlockIndex: int = 0  # noqa: N815


_decode_delta: Final = msgspec.json.Decoder(_DeltaEvent).decode


class _Part:
    """A part that is open: what its start said, and whether anything was given of it."""

    __slots__ = ("given", "kind", "number", "pieces", "raw")

    def __init__(self, number: int, kind: str, raw: Object) -> None:
        self.number = number
        self.kind = kind
        self.raw = raw
        self.given = False
        self.pieces: list[Any] = []


class StreamReader:
    """Reads one reply's stream, in whatever pieces it comes."""

    __slots__ = ("_ended", "_numbers", "_parts", "_reader", "_stopped")

    def __init__(self) -> None:
        self._reader = EventStreamReader()
        self._parts: dict[int, _Part] = {}
        self._numbers = 0
        self._stopped = False
        self._ended = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes.

        Raises `MalformedReplyError` and `EventTooLargeError`.
        """
        try:
            messages = self._reader.feed(data)
        except EventStreamError as error:
            raise MalformedReplyError(str(error)) from None
        found: list[Event] = []
        for message in messages:
            found += self._read(message)
        return found

    def end(self) -> list[Event]:
        """An answer that has stopped is whole, also without its metadata."""
        if self._stopped and not self._ended:
            self._ended = True
            return [Ended()]
        return []

    def _read(self, message: Message) -> list[Event]:
        if self._ended:
            return []
        if message.text(":message-type") != "event":
            self._ended = True
            return [failure(message)]
        kind = message.text(":event-type")
        try:
            if kind == "contentBlockDelta":
                return self._delta(_decode_delta(message.payload))
            return self._event(kind, decode_reply(message.payload))
        except (*DECODING_ERRORS, ShapeError) as error:
            raise MalformedReplyError(str(error)) from None

    def _event(self, kind: str, event: Object) -> list[Event]:
        if kind == "contentBlockStart":
            return self._opened(event)
        if kind == "contentBlockStop":
            return self._closed(_index(event))
        if kind == "messageStart":
            return [Opened(id="", model="")]
        if kind == "messageStop":
            self._stopped = True
            named = stop_sequence(event.get("additionalModelResponseFields"))
            return [Finished(0, finish_of(event.get("stopReason")), named)]
        if kind == "metadata":
            self._ended = True
            usage = read_usage(event)
            return [Ended()] if usage is None else [UsageSeen(usage), Ended()]
        return []

    # -- parts -------------------------------------------------------------------------------------

    def _open(self, index: int, kind: str, raw: Object) -> _Part:
        part = self._parts[index] = _Part(self._numbers, kind, raw)
        self._numbers += 1
        return part

    def _opened(self, event: Object) -> list[Event]:
        start = event.get("start")
        if not isinstance(start, dict) or len(start) != 1:
            return []
        ((kind, raw),) = start.items()
        raw = raw if isinstance(raw, dict) else {}
        if kind == "toolUse" and raw.get("type") is None:
            part = self._open(_index(event), kind, raw)
            name, call_id = str(raw.get("name", "")), str(raw.get("toolUseId", ""))
            return [ToolOpened(0, part.number, call_id, name)]
        self._open(_index(event), "image" if kind == "image" else "server", {kind: raw})
        return []

    def _delta(self, event: _DeltaEvent) -> list[Event]:
        delta = event.delta
        part = self._parts.get(event.contentBlockIndex)
        if part is None:
            # Text and thoughts have no start of their own.
            part = self._open(event.contentBlockIndex, "", {})
        if part.kind in ("image", "server"):
            piece = delta.image if part.kind == "image" else delta.toolResult or delta.toolUse
            part.pieces.append(piece)
            return []
        if delta.text is not None:
            part.given = True
            return [TextDelta(0, part.number, delta.text)]
        if delta.toolUse is not None:
            if not delta.toolUse.input:
                return []
            part.given = True
            return [ToolDelta(0, part.number, delta.toolUse.input)]
        if delta.reasoningContent is not None:
            part.given = True
            return [_thought(part.number, delta.reasoningContent)]
        if delta.citation is not None:
            part.given = True
            return [CitationSeen(0, part.number, read_citation(delta.citation))]
        return []

    def _closed(self, index: int) -> list[Event]:
        part = self._parts.pop(index, None)
        if part is None:
            return []
        closed = PartClosed(0, part.number)
        if part.kind == "toolUse" and not part.given:
            return [ToolDelta(0, part.number, "{}"), closed]
        if part.kind == "image":
            return [*_images(part), closed]
        if part.kind == "server":
            return [ServerPartSeen(0, part.number, NAME, _whole(part)), closed]
        return [closed]


def _index(event: Object) -> int:
    index = event.get("contentBlockIndex", 0)
    return index if isinstance(index, int) else 0


def _thought(number: int, said: _Thought) -> Event:
    if said.redactedContent is not None:
        redacted = read_redacted(said.redactedContent)
        return ThinkingSigned(0, number, redacted.origin, redacted=redacted.redacted)
    if said.signature is not None:
        signature, origin = parts.read_signature(said.signature, NAME)
        return ThinkingSigned(0, number, origin, signature)
    return ThinkingDelta(0, number, said.text or "")


def _images(part: _Part) -> list[Event]:
    """An image, whose bytes may come in several pieces."""
    name = str(part.raw["image"].get("format", "png"))
    data = [
        source["bytes"]
        for piece in part.pieces
        if isinstance(piece, dict)
        and isinstance(source := piece.get("source"), dict)
        and isinstance(source.get("bytes"), str)
    ]
    media = parts.Media(media_type=media_type_of("image", name), data="".join(data))
    return [MediaSeen(0, part.number, parts.Image(media))] if data else []


def _whole(part: _Part) -> Object:
    """A block of Bedrock's own, with what came in pieces."""
    ((kind, raw),) = part.raw.items()
    if kind == "toolUse":
        text = "".join(piece.input for piece in part.pieces if isinstance(piece, _ToolUse))
        try:
            found: Any = msgspec.json.decode(text or "{}")
        except DECODING_ERRORS:
            found = {"arguments": text}
        return {kind: {**raw, "input": found}}
    content = [one for piece in part.pieces if isinstance(piece, list) for one in piece]
    return {kind: {**raw, "content": content}}


def failure(message: Message) -> Failed:
    """An exception in mid-stream.

    `raw` is its type and message in the form of AWS's whole answers.
    """
    kind = message.text(":exception-type") or message.text(":error-code")
    said = message.text(":error-message")
    try:
        found = decode_reply(message.payload)
    except ShapeError:
        found = {}
    told = found.get("message") or found.get("Message") or said
    raw = msgspec.json.encode({**found, "__type": kind, "message": told})
    return Failed(str(told or kind), raw)
