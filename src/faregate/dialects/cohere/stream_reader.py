"""Reads a stream of Cohere's chat.

Contents, calls and citations are each numbered for themselves; ours are numbered in the order in
which they opened.

Sources: Cohere API v2, "Chat with streaming", "Streaming" and "Streaming for tool use" guides.
"""

from typing import Any

from faregate.dialects.cohere import usage
from faregate.dialects.cohere.reply import read_finish, read_logprobs
from faregate.dialects.cohere.request_reader import PLAN, read_citation
from faregate.dialects.neutral.reply import (
    CitationSeen,
    Ended,
    Event,
    Failed,
    Finished,
    Opened,
    PartClosed,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolOpened,
    UsageSeen,
)
from faregate.dialects.shapes import (
    Object,
    ShapeError,
    as_object,
    as_text,
    decode_reply,
    optional_object,
)
from faregate.dialects.translation import MalformedReplyError
from faregate.wire.sse import EventSplitter, event_data


class CohereStreamReader:
    """Reads one reply's stream."""

    __slots__ = ("_contents", "_ended", "_parts", "_plan", "_splitter", "_text", "_tools")

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self._parts = 0
        self._contents: dict[Any, tuple[int, bool]] = {}  # our number, whether it is thinking
        self._tools: dict[Any, int] = {}
        self._plan: int | None = None
        self._text: int | None = None  # the first text's number
        self._ended = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes.

        Raises `MalformedReplyError` and `EventTooLargeError`.
        """
        events: list[Event] = []
        for event in self._splitter.feed(data):
            self._event(event_data(event), events)
        return events

    def end(self) -> list[Event]:
        """What the end of the bytes completes."""
        events: list[Event] = []
        self._event(event_data(self._splitter.take_rest()), events)
        return events

    def _event(self, data: bytes, events: list[Event]) -> None:
        if not data or data == b"[DONE]" or self._ended:
            return
        try:
            self._read(decode_reply(data), data, events)
        except ShapeError as error:
            raise MalformedReplyError(str(error)) from None

    def _read(self, event: Object, data: bytes, events: list[Event]) -> None:
        kind = event.get("type")
        index = event.get("index")
        if index is not None and not isinstance(index, int):
            raise ShapeError("index", "it must be a whole number")
        if kind == "content-delta":
            self._content(event, index, events)
        elif kind in ("tool-call-start", "tool-call-delta", "tool-call-end"):
            self._tool(kind, event, index, events)
        elif kind == "tool-plan-delta":
            plan = _message(event).get("tool_plan")
            if isinstance(plan, str) and plan:
                self._plan_delta(plan, events)
        elif kind == "content-start":
            self._start_content(event, index, events)
        elif kind == "content-end":
            if index in self._contents:
                events.append(PartClosed(0, self._contents[index][0]))
        elif kind == "citation-start":
            self._citation(event, events)
        elif kind == "message-start":
            events.append(Opened(id=str(event.get("id") or ""), model=""))
        elif kind == "message-end":
            self._end(event, data, events)
        elif kind is None and isinstance(event.get("message"), str):
            events.append(Failed(event["message"], data))

    def _open(self) -> int:
        self._parts += 1
        return self._parts - 1

    def _start_content(self, event: Object, index: Any, events: list[Event]) -> None:
        content = optional_object(_message(event).get("content"), "delta.message.content")
        thinks = content.get("type") == "thinking"
        if index in self._contents:
            raise ShapeError("index", "a content begins twice")
        at = self._open()
        self._contents[index] = at, thinks
        if not thinks and self._text is None:
            self._text = at
        text = content.get("thinking" if thinks else "text")
        if isinstance(text, str) and text:
            events.append(ThinkingDelta(0, at, text) if thinks else TextDelta(0, at, text))

    def _content(self, event: Object, index: Any, events: list[Event]) -> None:
        content = as_object(_message(event).get("content"), "delta.message.content")
        if index not in self._contents:
            thinks = "text" not in content
            self._contents[index] = self._open(), thinks
            if not thinks and self._text is None:
                self._text = self._contents[index][0]
        at, thinks = self._contents[index]
        text = as_text(content.get("thinking" if thinks else "text"), "delta.message.content.text")
        if thinks:
            events.append(ThinkingDelta(0, at, text))
            return
        chances = event.get("logprobs")
        events.append(TextDelta(0, at, text, read_logprobs([chances]) if chances else None))

    def _plan_delta(self, plan: str, events: list[Event]) -> None:
        if self._plan is None:
            self._plan = self._open()
        events.append(ThinkingDelta(0, self._plan, plan, id=PLAN))

    def _tool(self, kind: str, event: Object, index: Any, events: list[Event]) -> None:
        if kind == "tool-call-end":
            if index in self._tools:
                events.append(PartClosed(0, self._tools[index]))
            return
        call = as_object(_message(event).get("tool_calls"), "delta.message.tool_calls")
        function = optional_object(call.get("function"), "delta.message.tool_calls.function")
        if kind == "tool-call-start":
            at = self._tools[index] = self._open()
            call_id = as_text(call.get("id"), "delta.message.tool_calls.id")
            events.append(ToolOpened(0, at, call_id, as_text(function.get("name"), "name")))
        elif index not in self._tools:
            raise ShapeError("index", "a call goes on that has not begun")
        arguments = function.get("arguments")
        if isinstance(arguments, str) and arguments:
            events.append(ToolDelta(0, self._tools[index], arguments))

    def _citation(self, event: Object, events: list[Event]) -> None:
        citation = _message(event).get("citations")
        if not isinstance(citation, dict) or self._text is None:
            return
        if citation.get("type") in ("THINKING_CONTENT", "PLAN"):
            return
        index = citation.get("content_index")
        at, thinks = self._text, False
        if isinstance(index, int) and index in self._contents:
            at, thinks = self._contents[index]
        if thinks:
            at = self._text
        events += [CitationSeen(0, at, one) for one in read_citation(citation)]

    def _end(self, event: Object, data: bytes, events: list[Event]) -> None:
        self._ended = True
        delta = optional_object(event.get("delta"), "delta")
        stated = usage.read(delta.get("usage"))
        finish = read_finish(delta.get("finish_reason"))
        if finish == "error" and isinstance(delta.get("error"), str):
            if stated is not None:
                events.append(UsageSeen(stated))
            events.append(Failed(delta["error"], data))
            return
        events.append(Finished(0, finish))
        if stated is not None:
            events.append(UsageSeen(stated))
        events.append(Ended())


def _message(event: Object) -> Object:
    delta = optional_object(event.get("delta"), "delta")
    return optional_object(delta.get("message"), "delta.message")
