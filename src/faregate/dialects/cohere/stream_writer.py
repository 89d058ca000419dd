"""Writes a caller's stream in the dialect of Cohere's chat.

Sources: those of `stream_reader`; cohere 7.0, `v2.types.V2ChatStreamResponse`.
"""

from typing import Any, Final

import msgspec

from faregate.dialects.cohere import usage
from faregate.dialects.cohere.reply import written_finish, written_logprobs
from faregate.dialects.cohere.request_reader import PLAN
from faregate.dialects.cohere.request_writer import write_citation
from faregate.dialects.neutral.reply import (
    CitationSeen,
    Ended,
    Event,
    Failed,
    Finished,
    Opened,
    PartClosed,
    RefusalDelta,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolOpened,
    UsageSeen,
)
from faregate.dialects.shapes import Object
from faregate.dialects.translation import Asked
from faregate.dialects.usage import Usage

_encode: Final = msgspec.json.Encoder().encode
_TEXTS_KEPT_MAX: Final = 65_536  # pieces of a text, to quote what is cited


def _event(kind: str, document: Object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), _encode({"type": kind} | document))


class _Open:
    """A content or a call that is open, by the number that Cohere has for it."""

    __slots__ = ("end", "index", "text")

    def __init__(self, index: int, end: str) -> None:
        self.index = index
        self.end = end
        self.text: list[str] = []


class CohereStreamWriter:
    """Writes one reply's stream; of several answers the first."""

    __slots__ = ("_asked", "_began", "_citations", "_contents", "_ended", "_finish", "_heads",
                 "_id", "_open", "_shown", "_tools", "_usage")  # fmt: skip

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._id = asked.call_id
        self._began = False
        self._ended = False
        self._contents = 0
        self._tools = 0
        self._citations = 0
        self._open: dict[int, _Open] = {}
        self._shown: dict[int, _Open] = {}
        self._heads: dict[int, bytes] = {}
        self._finish: Finished | None = None
        self._usage: Usage | None = None

    def write(self, event: Event) -> bytes:
        """The bytes for one event, perhaps none."""
        choice: Any = getattr(event, "choice", None)
        if self._ended or choice:
            return b""
        if isinstance(event, TextDelta):
            head = self._heads.get(event.part)
            if head is not None and event.logprobs is None:
                kept = self._shown[event.part].text
                if len(kept) < _TEXTS_KEPT_MAX:
                    kept.append(event.text)
                return b'%b{"text":%b}}}}\n\n' % (head, _encode(event.text))
            return self._content(event, "text")
        if isinstance(event, ThinkingDelta):
            return self._plan(event) if event.id == PLAN else self._content(event, "thinking")
        if isinstance(event, RefusalDelta):
            return self._content(event, "text")
        return self._seldom(event)

    def end(self) -> bytes:
        """The rest, where the vendor's stream ended without an `Ended`."""
        return b"" if self._ended else self._last()

    def _begin(self) -> bytes:
        if self._began:
            return b""
        self._began = True
        return _event(
            "message-start", {"id": self._id, "delta": {"message": {"role": "assistant"}}}
        )

    def _content(self, event: Any, kind: str) -> bytes:
        out = self._begin()
        opened = self._shown.get(event.part)
        if opened is None:
            opened = self._shown[event.part] = _Open(self._contents, "content-end")
            self._open[event.part] = opened
            self._contents += 1
            delta = {"message": {"content": {"type": kind, kind: ""}}}
            out += _event("content-start", {"index": opened.index, "delta": delta})
            if kind == "text":
                self._heads[event.part] = (
                    b'event: content-delta\ndata: {"type":"content-delta","index":%d,'
                    b'"delta":{"message":{"content":' % opened.index
                )
        if kind == "text":
            opened.text.append(event.text)
        document: Object = {
            "index": opened.index,
            "delta": {"message": {"content": {kind: event.text}}},
        }
        chances = written_logprobs(getattr(event, "logprobs", None))
        if chances:
            document["logprobs"] = _joined(chances)
        return out + _event("content-delta", document)

    def _plan(self, event: ThinkingDelta) -> bytes:
        delta = {"delta": {"message": {"tool_plan": event.text}}}
        return self._begin() + _event("tool-plan-delta", delta)

    def _seldom(self, event: Event) -> bytes:
        if isinstance(event, ToolDelta):
            opened = self._open.get(event.part)
            if opened is None:
                return b""
            calls = {"tool_calls": {"function": {"arguments": event.arguments}}}
            document = {"index": opened.index, "delta": {"message": calls}}
            return _event("tool-call-delta", document)
        if isinstance(event, ToolOpened):
            return self._begin() + self._tool(event)
        if isinstance(event, PartClosed):
            return self._close(event.part)
        if isinstance(event, CitationSeen):
            return self._begin() + self._cite(event)
        if isinstance(event, Opened):
            self._id = event.id or self._id
            self._usage = event.usage
            return self._begin()
        if isinstance(event, UsageSeen):
            self._usage = event.usage
        elif isinstance(event, Finished):
            self._finish = event
            return b"".join([self._close(part) for part in list(self._open)])
        elif isinstance(event, Failed):
            return self._last(event.message)
        elif isinstance(event, Ended):
            return self._last()
        return b""

    def _tool(self, event: ToolOpened) -> bytes:
        opened = self._open[event.part] = _Open(self._tools, "tool-call-end")
        self._tools += 1
        call = {
            "id": event.id,
            "type": "function",
            "function": {"name": event.name, "arguments": ""},
        }
        delta = {"message": {"tool_calls": call}}
        return _event("tool-call-start", {"index": opened.index, "delta": delta})

    def _close(self, part: int) -> bytes:
        opened = self._open.pop(part, None)
        return b"" if opened is None else _event(opened.end, {"index": opened.index})

    def _cite(self, event: CitationSeen) -> bytes:
        shown = self._shown.get(event.part)
        text = "".join(shown.text) if shown is not None else ""
        citation = write_citation(event.citation, text, shown.index if shown is not None else 0)
        index = self._citations
        self._citations += 1
        delta = {"message": {"citations": citation}}
        return _event("citation-start", {"index": index, "delta": delta}) + _event(
            "citation-end", {"index": index}
        )

    def _last(self, error: str | None = None) -> bytes:
        self._ended = True
        out = [self._begin(), *[self._close(part) for part in list(self._open)]]
        delta: Object = {}
        if error is not None:
            delta = {"error": error, "finish_reason": "ERROR"}
        elif self._finish is not None:
            delta["finish_reason"] = written_finish(self._finish.finish)
        if self._usage is not None:
            delta["usage"] = usage.written(self._usage)
        if delta:
            out.append(_event("message-end", {"id": self._id, "delta": delta}))
        return b"".join(out)


def _joined(items: list[Object]) -> Object:
    """One item for all tokens of a piece."""
    return {
        "text": "".join(one["text"] for one in items),
        "token_ids": [],
        "logprobs": [chance for one in items for chance in one["logprobs"]],
    }
