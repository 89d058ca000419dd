"""Writes neutral events as ConverseStream's binary ones.

Blocks have numbers, so those that are open at once need not wait for each other.

Source: Amazon Bedrock API reference, "ConverseStream".
"""

from typing import Any, Final

import msgspec

from faregate.dialects.anthropic.block_writer import tool_id
from faregate.dialects.anthropic.reply import shown_media
from faregate.dialects.bedrock.block_reader import NAME
from faregate.dialects.bedrock.block_writer import shown_thought
from faregate.dialects.bedrock.reply import STOP_REASONS, write_citation, write_usage
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
    RefusalDelta,
    ServerPartSeen,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolDelta,
    ToolOpened,
    UsageSeen,
)
from faregate.dialects.translation import Asked
from faregate.dialects.usage import Usage
from faregate.wire.event_stream import encode_event, encode_exception

_json: Final = msgspec.json.Encoder().encode


def _event(kind: str, event: dict[str, Any]) -> bytes:
    return encode_event(kind, _json(event))


class StreamWriter:
    """Writes one reply's stream."""

    __slots__ = ("_begun", "_ended", "_finished", "_open", "_usage")

    def __init__(self, asked: Asked) -> None:
        self._begun = False
        self._finished = False
        self._ended = False
        self._open: dict[int, None] = {}
        self._usage: Usage | None = None

    def write(self, event: Event) -> bytes:
        """The bytes for one event, perhaps none."""
        if self._ended:
            return b""
        if isinstance(event, UsageSeen):
            self._usage = event.usage
            return b""
        start = b"" if self._begun else _event("messageStart", {"role": "assistant"})
        self._begun = True
        if isinstance(event, Opened):
            self._usage = event.usage
            return start
        if isinstance(event, Finished):
            return start + (b"" if event.choice else self._finish(event))
        if isinstance(event, Ended):
            return start + self._end()
        if isinstance(event, Failed):
            return start + self._fail("The provider failed in mid-answer.")
        return start + (b"" if getattr(event, "choice", 1) else self._of_part(event))

    def end(self) -> bytes:
        """The rest, where the vendor's stream ended without an `Ended`."""
        if self._ended:
            return b""
        if self._finished:
            return self._end()
        return self._fail("The provider broke its answer off.")

    def _finish(self, event: Finished) -> bytes:
        self._finished = True
        stopped = b"".join([self._close(part) for part in list(self._open)])
        ending: dict[str, Any] = {"stopReason": STOP_REASONS[event.finish]}
        if event.stop_sequence is not None:
            ending["additionalModelResponseFields"] = {"stop_sequence": event.stop_sequence}
        return stopped + _event("messageStop", ending)

    def _end(self) -> bytes:
        rest = b"" if self._finished else self._finish(Finished(0, "stop"))
        self._ended = True
        return rest + _event("metadata", write_usage(self._usage))

    def _fail(self, message: str) -> bytes:
        self._ended = True
        return encode_exception("modelStreamErrorException", _json({"message": message}))

    def _close(self, part: int) -> bytes:
        del self._open[part]
        return _event("contentBlockStop", {"contentBlockIndex": part})

    def _delta(self, part: int, delta: dict[str, Any]) -> bytes:
        self._open[part] = None
        return _event("contentBlockDelta", {"contentBlockIndex": part, "delta": delta})

    def _start(self, part: int, start: dict[str, Any]) -> bytes:
        self._open[part] = None
        return _event("contentBlockStart", {"contentBlockIndex": part, "start": start})

    def _of_part(self, event: Any) -> bytes:
        part: int = event.part
        if isinstance(event, (TextDelta, RefusalDelta)):
            return self._delta(part, {"text": event.text})
        if isinstance(event, ToolDelta):
            return self._delta(part, {"toolUse": {"input": event.arguments}})
        if isinstance(event, ThinkingDelta):
            return self._delta(part, {"reasoningContent": {"text": event.text}})
        if isinstance(event, ToolOpened):
            tool = {"toolUseId": tool_id(event.id), "name": event.name}
            return self._start(part, {"toolUse": tool})
        if isinstance(event, PartClosed):
            return self._close(part) if part in self._open else b""
        if isinstance(event, CitationSeen):
            return self._delta(part, {"citation": write_citation(event.citation)})
        if isinstance(event, ThinkingSigned):
            return self._proof(event)
        if isinstance(event, MediaSeen):
            return self._media(part, event.media)
        return self._server_part(event) if isinstance(event, ServerPartSeen) else b""

    def _proof(self, event: ThinkingSigned) -> bytes:
        thought = parts.Thinking("", event.signature, event.redacted, origin=event.origin)
        shown = shown_thought(thought)["reasoningContent"]
        if "redactedContent" in shown:
            return self._delta(event.part, {"reasoningContent": shown})
        signature = shown["reasoningText"].get("signature")
        if signature is None:
            return b""
        return self._delta(event.part, {"reasoningContent": {"signature": signature}})

    def _media(self, part: int, media: parts.Part) -> bytes:
        if isinstance(media, parts.Image) and media.source.data is not None:
            name = (media.source.media_type or "image/png").partition("/")[2]
            start = self._start(part, {"image": {"format": name}})
            return start + self._delta(part, {"image": {"source": {"bytes": media.source.data}}})
        text = shown_media(media)
        return b"" if text is None else self._delta(part, {"text": text})

    def _server_part(self, event: ServerPartSeen) -> bytes:
        """A part of Bedrock's own, such as a call of a tool that it runs itself."""
        if event.origin != NAME or not isinstance(event.raw, dict) or len(event.raw) != 1:
            return b""
        ((kind, raw),) = event.raw.items()
        if kind == "toolUse":
            start = {name: value for name, value in raw.items() if name != "input"}
            text = _json(raw.get("input", {})).decode()
            return self._start(event.part, {kind: start}) + self._delta(
                event.part, {kind: {"input": text}}
            )
        if kind == "toolResult":
            start = {name: value for name, value in raw.items() if name != "content"}
            return self._start(event.part, {kind: start}) + self._delta(
                event.part, {kind: raw.get("content", [])}
            )
        return b""
