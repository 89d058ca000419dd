"""Writes neutral events as a stream of Messages.

Anthropic's blocks come one after the other, so what is ahead of its turn waits. Text and thoughts
end where another part begins, for most dialects never say that they ended; the arguments of a
call wait for their own end. What comes later for a part that has ended is another block.

The turn's end is held back until the stream's own, since its event states the usage.

Source: Anthropic, "Streaming messages"; what the SDK for Python 2.12 puts together from it.
"""

from typing import Any, Final

import msgspec

from faregate.core.refusals import refuse
from faregate.dialects import anthropic_errors
from faregate.dialects.anthropic import usage as usages
from faregate.dialects.anthropic.block_writer import call_proof, shown_thought, tool_id
from faregate.dialects.anthropic.reply import (
    STOP_REASONS,
    shown_media,
    stop_details,
    write_citation,
)
from faregate.dialects.anthropic.shapes import NAME
from faregate.dialects.neutral.parts import Thinking
from faregate.dialects.neutral.reply import (
    CitationSeen,
    Ended,
    Event,
    Failed,
    Finish,
    Finished,
    MediaSeen,
    Opened,
    PartClosed,
    Pinged,
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

_json: Final = msgspec.json.Encoder().encode
_DELTA: Final = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":%b}\n\n'
)
_TEXT: Final = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,'
    b'"delta":{"type":"text_delta","text":%b}}\n\n'
)
_START: Final = (
    b'event: content_block_start\ndata: {"type":"content_block_start","index":%d,'
    b'"content_block":%b}\n\n'
)
_STOP: Final = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n'
_PING: Final = b'event: ping\ndata: {"type": "ping"}\n\n'
_MESSAGE_STOP: Final = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

_OfPart = (
    TextDelta
    | RefusalDelta
    | CitationSeen
    | ThinkingDelta
    | ThinkingSigned
    | ToolOpened
    | ToolDelta
    | MediaSeen
    | ServerPartSeen
    | PartClosed
)
_KINDS: Final[dict[type, str]] = {
    TextDelta: "text",
    RefusalDelta: "text",
    CitationSeen: "text",
    ThinkingDelta: "thinking",
    ThinkingSigned: "thinking",
    ToolOpened: "tool",
    ToolDelta: "tool",
}


class StreamWriter:
    """Writes one reply's stream; see the module."""

    __slots__ = (
        "_asked", "_begun", "_current", "_ended", "_finish", "_index", "_is_proven", "_kind",
        "_stop_sequence", "_thought", "_usage", "_waiting",
    )  # fmt: skip

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._begun = False
        self._ended = False
        self._current = -1  # the part that is open; -1: none
        self._kind = ""
        self._is_proven = False
        self._index = -1  # of the newest block
        self._waiting: dict[int, list[_OfPart]] = {}
        self._thought = Thinking()
        self._usage: Usage | None = None
        self._finish: Finish | None = None
        self._stop_sequence: str | None = None

    def write(self, event: Event) -> bytes:
        """The bytes for one event, perhaps none."""
        if isinstance(event, TextDelta) and event.part == self._current and not event.choice:
            return _TEXT % (self._index, _json(event.text))
        if self._ended:
            return b""
        if isinstance(event, Opened):
            self._usage = event.usage
            return self._begin(event)
        if isinstance(event, UsageSeen):
            self._usage = event.usage
            return b""
        if isinstance(event, Pinged):
            return _PING if self._begun else b""
        start = b"" if self._begun else self._begin(Opened(id="", model=""))
        if isinstance(event, Finished):
            return start + self._finished(event)
        if isinstance(event, Ended):
            return start + self._end()
        if isinstance(event, Failed):
            return start + self._fail("provider_failed", "The provider failed in mid-answer.")
        return start + (b"" if event.choice else self._take(event))

    def end(self) -> bytes:
        """The rest, where the vendor's stream ended without an `Ended`."""
        if self._ended:
            return b""
        start = b"" if self._begun else self._begin(Opened(id="", model=""))
        if self._finish is not None:
            return start + self._end()
        return start + self._fail("upstream_closed", "The provider broke its answer off.")

    # -- the message -------------------------------------------------------------------------------

    def _begin(self, event: Opened) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        stated = usages.written(event.usage)
        message: dict[str, Any] = {
            "id": event.id or self._asked.call_id,
            "type": "message",
            "role": "assistant",
            "model": event.model or self._asked.request.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": stated,
        }
        data = _json({"type": "message_start", "message": message})
        return b"event: message_start\ndata: %b\n\n" % data

    def _finished(self, event: Finished) -> bytes:
        if event.choice:
            return b""
        self._finish = event.finish
        self._stop_sequence = event.stop_sequence
        rest = [self._close()]
        while self._waiting:
            rest += [self._next(), self._close()]
        return b"".join(rest)

    def _end(self) -> bytes:
        finish = self._finish or "stop"
        rest = b"" if self._finish else self._finished(Finished(0, finish))
        self._ended = True
        delta: dict[str, Any] = {
            "stop_reason": STOP_REASONS[finish],
            "stop_sequence": self._stop_sequence,
        }
        details = stop_details(finish)
        if details is not None:
            delta["stop_details"] = details
        stated = usages.written(self._usage)
        for name in ("cache_creation", "service_tier", "speed"):
            stated.pop(name, None)  # only message_start states them
        data = _json({"type": "message_delta", "delta": delta, "usage": stated})
        return b"%bevent: message_delta\ndata: %b\n\n%b" % (rest, data, _MESSAGE_STOP)

    def _fail(self, code: str, detail: str) -> bytes:
        self._ended = True
        return anthropic_errors.render_event(refuse(code, detail), self._asked.call_id)

    # -- parts -------------------------------------------------------------------------------------

    def _take(self, event: _OfPart) -> bytes:
        """An event of a part: written if it is the part's turn, else kept."""
        part = event.part
        if part == self._current:
            return self._close_and_go_on() if isinstance(event, PartClosed) else self._more(event)
        if part in self._waiting:
            self._waiting[part].append(event)
            return b""
        if isinstance(event, PartClosed):
            return b""  # of one that has ended already
        if self._current < 0:
            return self._open(event)
        self._waiting[part] = [event]
        if self._kind == "tool":
            return b""
        return self._close_and_go_on()

    def _close_and_go_on(self) -> bytes:
        """End the current block; write those that wait, up to one that isn't whole."""
        out = [self._close()]
        while self._waiting and self._current < 0:
            out.append(self._next())
        return b"".join(out)

    def _next(self) -> bytes:
        """Open the part that waits longest, with all that has come of it."""
        part = next(iter(self._waiting))
        events = self._waiting.pop(part)
        out = [self._open(events[0])]
        for event in events[1:]:
            if isinstance(event, PartClosed):
                out.append(self._close())
                break
            out.append(self._more(event))
        return b"".join(out)

    def _close(self) -> bytes:
        if self._current < 0:
            return b""
        self._current = -1
        unproven = self._kind == "thinking" and not self._is_proven
        said = self._signed(ThinkingSigned(0, 0, "")) if unproven else b""
        return said + _STOP % self._index

    def _open(self, event: _OfPart) -> bytes:
        self._kind = _KINDS.get(type(event), "")
        if isinstance(event, (TextDelta, RefusalDelta, CitationSeen)):
            return self._start(event.part, b'{"type":"text","text":""}') + self._more(event)
        if isinstance(event, ToolOpened):
            proof = call_proof(event.signature, event.origin, self._asked.request)
            before = b""
            if proof is not None:
                before = self._start(event.part, _json(proof)) + _STOP % self._index
            block = _json(
                {"type": "tool_use", "id": tool_id(event.id), "name": event.name, "input": {}}
            )
            return before + self._start(event.part, block)
        if isinstance(event, ThinkingSigned) and event.redacted and event.id is None:
            return self._redacted(event)
        if isinstance(event, (ThinkingDelta, ThinkingSigned)):
            self._thought = Thinking()
            self._is_proven = False
            block = b'{"type":"thinking","thinking":"","signature":""}'
            return self._start(event.part, block) + self._more(event)
        return self._whole(event)

    def _start(self, part: int, block: bytes) -> bytes:
        self._current = part
        self._index += 1
        return _START % (self._index, block)

    def _redacted(self, event: ThinkingSigned) -> bytes:
        """Thoughts that are nothing but their proof."""
        thought = Thinking(redacted=event.redacted, origin=event.origin)
        self._kind = ""
        return self._start(event.part, _json(shown_thought(thought)))

    def _whole(self, event: _OfPart) -> bytes:
        """A part that comes at once."""
        if isinstance(event, ServerPartSeen):
            if event.origin != NAME or not isinstance(event.raw, dict):
                return b""
            block = event.raw
            start = self._start(event.part, _json(_without_input(block)))
            if start and block.get("type") == "server_tool_use" and block.get("input"):
                text = _json(block["input"]).decode()
                start += self._delta({"type": "input_json_delta", "partial_json": text})
            return start
        text_of_media = shown_media(event.media) if isinstance(event, MediaSeen) else None
        if text_of_media is None:
            return b""
        start = self._start(event.part, b'{"type":"text","text":""}')
        return start + self._delta({"type": "text_delta", "text": text_of_media})

    def _more(self, event: _OfPart) -> bytes:
        """More of the part that is open."""
        if isinstance(event, (TextDelta, RefusalDelta)):
            return _TEXT % (self._index, _json(event.text)) if event.text else b""
        if isinstance(event, ToolDelta):
            delta = {"type": "input_json_delta", "partial_json": event.arguments}
            return self._delta(delta) if event.arguments else b""
        if isinstance(event, ThinkingDelta):
            self._thought = Thinking(
                id=event.id or self._thought.id,
                is_summary=event.is_summary or self._thought.is_summary,
            )
            delta = {"type": "thinking_delta", "thinking": event.text}
            return self._delta(delta) if event.text else b""
        if isinstance(event, ThinkingSigned) and self._kind == "thinking":
            return self._signed(event)
        if isinstance(event, CitationSeen):
            cited = write_citation(event.citation)
            return self._delta({"type": "citations_delta", "citation": cited})
        return b""

    def _signed(self, event: ThinkingSigned) -> bytes:
        self._is_proven = True
        thought = Thinking(
            " ",  # so that what proves it goes with a text
            event.signature,
            event.redacted,
            event.id or self._thought.id,
            self._thought.is_summary,
            event.origin,
        )
        proof = shown_thought(thought)["signature"]
        return self._delta({"type": "signature_delta", "signature": proof})

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return _DELTA % (self._index, _json(delta))


def _without_input(block: dict[str, Any]) -> dict[str, Any]:
    return {**block, "input": {}} if block.get("type") == "server_tool_use" else block
