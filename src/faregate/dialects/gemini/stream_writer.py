"""Writes a stream in Gemini's dialect, as events or one JSON array.

Gemini calls functions in one piece, so a call's arguments are kept until they are whole, and
parts behind it wait for their turn. The finish reasons and the usage come in the last event.

Sources: those of `reply`.
"""

from typing import Any, Final

import msgspec

from faregate.dialects.gemini import finish_reasons, grounding, token_logprobs, usage_metadata
from faregate.dialects.gemini.content_writer import ContentWriter
from faregate.dialects.gemini.reply import shown, shows_thoughts
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
from faregate.dialects.shapes import Object
from faregate.dialects.translation import Asked
from faregate.dialects.usage import Usage
from faregate.dialects.whole_calls import WholeCalls

_TEXTS_KEPT_MAX: Final = 65_536
_encode: Final = msgspec.json.Encoder().encode


class GeminiStreamWriter:
    """Writes one reply's stream; `as_array`: not as events."""

    __slots__ = (
        "_array",
        "_asked",
        "_began",
        "_calls",
        "_cited",
        "_content",
        "_ended",
        "_finishes",
        "_heads",
        "_shows",
        "_tail",
        "_texts",
        "_usage",
    )  # fmt: skip

    def __init__(self, asked: Asked, *, as_array: bool = False) -> None:
        self._array = as_array
        self._asked = asked
        self._content = ContentWriter(to_vendor=False)
        self._shows = shows_thoughts(asked)
        self._heads: dict[int, tuple[bytes, bytes]] = {}
        self._tail = b"}"
        self._began = False
        self._ended = False
        self._usage: Usage | None = None
        self._finishes: dict[int, Finished] = {}
        self._calls = WholeCalls()
        # Per answer: its first text part and that one's text, to know bytes from characters.
        self._texts: dict[int, tuple[int, list[str]]] = {}
        self._cited: dict[int, list[CitationSeen]] = {}
        self._name(asked.request.model, asked.call_id)

    def write(self, event: Event) -> bytes:
        """The bytes for one event, perhaps none."""
        if self._ended:
            return b""
        if isinstance(event, TextDelta) and event.logprobs is None:
            return self._text(event.choice, event.part, event.text)
        return self._seldom(event)

    def end(self) -> bytes:
        """The rest, where the vendor's stream ended without an `Ended`."""
        return b"" if self._ended else self._finish()

    # -- frames ------------------------------------------------------------------------------------

    def _name(self, model: str, reply_id: str) -> None:
        names = {"modelVersion": model, "responseId": reply_id}
        self._tail = b"," + _encode(names)[1:]
        self._heads.clear()

    def _frame(self, document: bytes) -> bytes:
        if not self._array:
            return b"data: %b\n\n" % document
        begun, self._began = self._began, True
        return b"%b%b" % (b",\r\n" if begun else b"[", document)

    def _around(self, choice: int) -> tuple[bytes, bytes]:
        """What is in front of and behind the parts of an answer."""
        around = self._heads.get(choice)
        if around is None:
            head = b'{"candidates":[{"content":{"parts":['
            tail = b'],"role":"model"},"index":%d}]%b' % (choice, self._tail)
            if not self._array:
                head, tail = b"data: " + head, tail + b"\n\n"
            around = self._heads[choice] = head, tail
        return around

    def _parts(self, choice: int, written: bytes) -> bytes:
        head, tail = self._around(choice)
        if not self._array:
            return b"%b%b%b" % (head, written, tail)
        return self._frame(b"%b%b%b" % (head, written, tail))

    # -- parts -------------------------------------------------------------------------------------

    def _text(self, choice: int, part: int, text: str) -> bytes:
        self._note_text(choice, part, text)
        return self._in_turn(choice, part, b'{"text":%b}' % _encode(text))

    def _note_text(self, choice: int, part: int, text: str) -> None:
        first, texts = self._texts.setdefault(choice, (part, []))
        if part == first and len(texts) < _TEXTS_KEPT_MAX:
            texts.append(text)

    def _in_turn(self, choice: int, part: int, written: bytes) -> bytes:
        return b"" if self._calls.holds(choice, part, written) else self._parts(choice, written)

    def _rest(self, choice: int, found: list[parts.ToolCall | bytes]) -> bytes:
        """What has waited for a call that is whole now."""
        out: list[bytes] = []
        for one in found:
            if isinstance(one, bytes):
                out.append(self._parts(choice, one))
            else:
                written = self._content.write((one,))
                out += [self._parts(choice, _encode(part)) for part in written]
        return b"".join(out)

    def _seldom(self, event: Event) -> bytes:
        if isinstance(event, ToolDelta):
            self._calls.add(event)
            return b""
        if isinstance(event, ToolOpened):
            self._calls.open(event)
            return b""
        if isinstance(event, PartClosed):
            return self._rest(event.choice, self._calls.close(event.choice, event.part))
        if isinstance(event, TextDelta):
            return self._with_logprobs(event)
        if isinstance(event, ThinkingDelta):
            return self._thought(event, parts.Thinking(event.text)) if self._shows else b""
        if isinstance(event, ThinkingSigned):
            proof = parts.Thinking(
                "", event.signature, event.redacted, event.id, origin=event.origin
            )
            return self._thought(event, proof)
        if isinstance(event, MediaSeen):
            return self._part(event.choice, event.part, shown(event.media, shows=self._shows))
        if isinstance(event, ServerPartSeen):
            part = parts.ServerPart(event.origin, event.raw)
            return self._part(event.choice, event.part, part)
        if isinstance(event, RefusalDelta):
            return self._text(event.choice, event.part, event.text)
        return self._of_reply(event)

    def _of_reply(self, event: Event) -> bytes:
        if isinstance(event, Opened):
            self._usage = event.usage or self._usage
            self._name(event.model or self._asked.request.model, event.id or self._asked.call_id)
        elif isinstance(event, CitationSeen):
            self._cited.setdefault(event.choice, []).append(event)
        elif isinstance(event, Finished):
            self._finishes[event.choice] = event
            return self._rest(event.choice, self._calls.finish(event.choice))
        elif isinstance(event, UsageSeen):
            self._usage = event.usage
        elif isinstance(event, Failed):
            self._ended = True
            error = {"code": 500, "message": event.message, "status": "INTERNAL"}
            return self._frame(_encode({"error": error})) + (b"]" if self._array else b"")
        elif isinstance(event, Ended):
            return self._finish()
        return b""

    def _thought(self, event: Any, thought: parts.Thinking) -> bytes:
        return self._part(event.choice, event.part, thought, thought=True)

    def _part(self, choice: int, number: int, part: parts.Part, *, thought: bool = False) -> bytes:
        written = self._content.write((part,))
        if thought:
            for one in written:
                one["thought"] = True  # it belongs to the thoughts before it
        return b"".join(self._in_turn(choice, number, _encode(one)) for one in written)

    def _with_logprobs(self, event: TextDelta) -> bytes:
        """Probabilities stand beside the parts, so nothing may be held back."""
        logprobs = token_logprobs.written(event.logprobs)
        if logprobs is None or self._calls.waits(event.choice):
            return self._text(event.choice, event.part, event.text)
        self._note_text(event.choice, event.part, event.text)
        candidate: Object = {
            "content": {"parts": [{"text": event.text}], "role": "model"},
            "index": event.choice,
            "logprobsResult": logprobs,
        }
        return self._frame(_encode({"candidates": [candidate]})[:-1] + self._tail)

    # -- the end -----------------------------------------------------------------------------------

    def _finish(self) -> bytes:
        self._ended = True
        held: list[bytes] = []
        last: Object = {}
        if self._finishes:
            last["candidates"] = [self._last(end) for _, end in sorted(self._finishes.items())]
        if self._usage is not None:
            last["usageMetadata"] = usage_metadata.written(self._usage)
        if last:
            held.append(self._frame(_encode(last)[:-1] + self._tail))
        if self._array:
            held.append(b"]" if self._began else b"[]")
        return b"".join(held)

    def _last(self, end: Finished) -> Object:
        made: Object = {
            "content": {"parts": [{"text": ""}], "role": "model"},
            "finishReason": finish_reasons.written(end.finish),
            "index": end.choice,
        }
        cited = self._cited.get(end.choice)
        if cited:
            first, texts = self._texts.get(end.choice, (-1, []))
            text = "".join(texts)
            told = [
                # Of a later text it isn't known where it stands among Gemini's parts.
                one.citation
                if one.part == first
                else msgspec.structs.replace(one.citation, start=None, end=None)
                for one in cited
            ]
            made["groundingMetadata"] = grounding.written([(0, text, one) for one in told])
        return made
