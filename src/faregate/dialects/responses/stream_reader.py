"""Reads a response's stream of events.

An event names its item by `output_index`, its text by `content_index`. Items are whole at their
`done`; what a vendor gave no deltas of is read from there.

Source: OpenAI API reference, "Streaming events" (responses).
"""

from contextlib import suppress
from typing import Any, Final

import msgspec

from faregate.dialects.neutral import reply
from faregate.dialects.neutral.parts import Image, ServerPart
from faregate.dialects.neutral.reply import Event
from faregate.dialects.openai.citations import read_flat_citation
from faregate.dialects.openai.shape import MisreadError
from faregate.dialects.responses.items_reader import (
    DIALECT,
    read_call,
    read_output_item,
    read_proof,
)
from faregate.dialects.responses.reply import Response, finish_of, usage_of
from faregate.dialects.translation import MalformedReplyError
from faregate.wire.sse import EventSplitter, event_data


class StreamEvent(msgspec.Struct):
    """The members of all kinds of events that are read."""

    type: str = ""
    delta: Any = None
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    item: dict[str, Any] | None = None
    part: dict[str, Any] | None = None
    annotation: Any = None
    logprobs: Any = None
    item_id: str | None = None
    response: Response | None = None
    message: str | None = None
    error: Any = None


_decode: Final = msgspec.json.Decoder(StreamEvent).decode


class ResponsesStreamReader:
    """For one response."""

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self._parts: dict[tuple[int, int], int] = {}  # an item's text: its part
        self._said: set[int] = set()  # parts that something was said of
        self._opened = False
        self._calls = False
        self._refuses = False
        self._summaries: dict[int, int] = {}  # of a thought's part: the summary's last piece
        self._over = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        events: list[Event] = []
        for event in self._splitter.feed(data):
            self._read(event_data(event), events)
        return events

    def end(self) -> list[Event]:
        """What the end completes; a last event may lack its empty line."""
        events: list[Event] = []
        rest = event_data(self._splitter.take_rest())
        with suppress(MalformedReplyError):  # it broke off in an event
            if rest:
                self._read(rest, events)
        return events

    def _read(self, data: bytes, events: list[Event]) -> None:
        if self._over or data.startswith(b"[DONE]"):
            return
        if not data:
            events.append(reply.Pinged())
            return
        try:
            event = _decode(data)
            if event.type == "response.output_text.delta":
                part = self._part(event.output_index, event.content_index)
                logprobs = event.logprobs or None
                events.append(reply.TextDelta(0, part, _said(event.delta), logprobs))
                return
            read = _READERS.get(event.type)
            if read is not None:
                read(self, event, events)
            elif event.type in ("error", "response.failed") or event.error is not None:
                self._failed(event, data, events)  # also a gateway's, that is no event of these
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedReplyError(str(error)) from error
        except MisreadError as misread:
            raise MalformedReplyError(f"{misread.place}: {misread.problem}") from misread

    def _part(self, item: int, content: int = -1) -> int:
        """The part's number; the first event of a part opens it."""
        part = self._parts.get((item, content))
        if part is None:
            part = self._parts[item, content] = len(self._parts)
        self._said.add(part)
        return part

    # -- the response ------------------------------------------------------------------------------

    def _created(self, event: StreamEvent, events: list[Event]) -> None:
        if self._opened or event.response is None:
            return
        self._opened = True
        stated = event.response
        events.append(
            reply.Opened(
                id=stated.id or "",
                model=stated.model or "",
                created_s=int(stated.created_at) if stated.created_at else None,
                service_tier=stated.service_tier,
            )
        )

    def _ended(self, event: StreamEvent, events: list[Event]) -> None:
        self._created(event, events)
        self._over = True
        stated = event.response or Response()
        usage = usage_of(stated)
        if usage is not None:
            events.append(reply.UsageSeen(usage))
        finish = finish_of(stated, calls=self._calls, refuses=self._refuses)
        events += [reply.Finished(0, finish), reply.Ended()]

    def _failed(self, event: StreamEvent, data: bytes, events: list[Event]) -> None:
        stated = event.response
        if stated is not None:
            usage = usage_of(stated)
            if usage is not None:
                events.append(reply.UsageSeen(usage))
        error = stated.error if stated is not None else event.error or event.message
        self._over = True
        events.append(reply.Failed(_message(error), data))

    # -- items -------------------------------------------------------------------------------------

    def _added(self, event: StreamEvent, events: list[Event]) -> None:
        item = event.item or {}
        if item.get("type") in ("function_call", "custom_tool_call"):
            self._open_call(event, events)

    def _open_call(self, event: StreamEvent, events: list[Event]) -> None:
        self._calls = True
        call = read_call(event.item or {}, "item")
        part = self._parts[event.output_index, -1] = len(self._parts)
        events.append(reply.ToolOpened(0, part, call.id, call.name, custom=call.custom))

    def _done(self, event: StreamEvent, events: list[Event]) -> None:
        item, at = event.item or {}, event.output_index
        kind = item.get("type")
        if kind in ("function_call", "custom_tool_call"):
            if (at, -1) not in self._parts:
                self._open_call(event, events)
            part = self._parts[at, -1]
            arguments = read_call(item, "item").arguments
            if part not in self._said and arguments:
                events.append(reply.ToolDelta(0, part, arguments))
            events.append(reply.PartClosed(0, part))
        elif kind == "reasoning":
            self._done_thinking(item, at, events)
        elif kind == "message":
            self._done_message(item, at, events)
        else:
            for made in read_output_item(item, "item"):
                part = self._part(at)
                if isinstance(made, Image):
                    events.append(reply.MediaSeen(0, part, made))
                elif isinstance(made, ServerPart):
                    events.append(reply.ServerPartSeen(0, part, DIALECT, made.raw))
                events.append(reply.PartClosed(0, part))

    def _done_thinking(self, item: dict[str, Any], at: int, events: list[Event]) -> None:
        signature, redacted, origin = read_proof(item)
        if (at, -1) not in self._parts:
            for thought in read_output_item(item, "item"):
                said = getattr(thought, "text", "")
                if said:
                    is_summary = getattr(thought, "is_summary", False)
                    events.append(reply.ThinkingDelta(0, self._part(at), said, is_summary))
        if signature is not None or redacted is not None:
            item_id = item.get("id") if origin == DIALECT else None
            part = self._part(at)
            events.append(reply.ThinkingSigned(0, part, origin, signature, redacted, item_id))
        if (at, -1) in self._parts:
            events.append(reply.PartClosed(0, self._parts[at, -1]))

    def _done_message(self, item: dict[str, Any], at: int, events: list[Event]) -> None:
        content = item.get("content")
        for number, stated in enumerate(content if isinstance(content, list) else ()):
            known = self._parts.get((at, number))
            if known is None and isinstance(stated, dict):
                self._said_at_once(stated, at, number, events)
                known = self._parts.get((at, number))
            if known is not None:
                events.append(reply.PartClosed(0, known))

    def _said_at_once(
        self, stated: dict[str, Any], at: int, number: int, events: list[Event]
    ) -> None:
        if stated.get("type") == "refusal":
            self._refuses = True
            said = _said(stated.get("refusal"))
            events.append(reply.RefusalDelta(0, self._part(at, number), said))
        elif said := _said(stated.get("text")):
            events.append(reply.TextDelta(0, self._part(at, number), said))

    # -- deltas ------------------------------------------------------------------------------------

    def _refusal(self, event: StreamEvent, events: list[Event]) -> None:
        self._refuses = True
        part = self._part(event.output_index, event.content_index)
        events.append(reply.RefusalDelta(0, part, _said(event.delta)))

    def _annotated(self, event: StreamEvent, events: list[Event]) -> None:
        citation = read_flat_citation(event.annotation, DIALECT)
        if citation is not None:
            part = self._part(event.output_index, event.content_index)
            events.append(reply.CitationSeen(0, part, citation))

    def _summary(self, event: StreamEvent, events: list[Event]) -> None:
        part = self._part(event.output_index)
        said = _said(event.delta)
        if self._summaries.setdefault(part, event.summary_index) != event.summary_index:
            self._summaries[part] = event.summary_index
            said = "\n\n" + said
        events.append(reply.ThinkingDelta(0, part, said, is_summary=True))

    def _thinking(self, event: StreamEvent, events: list[Event]) -> None:
        part = self._part(event.output_index)
        events.append(reply.ThinkingDelta(0, part, _said(event.delta)))

    def _arguments(self, event: StreamEvent, events: list[Event]) -> None:
        if (event.output_index, -1) in self._parts:
            part = self._part(event.output_index)
            events.append(reply.ToolDelta(0, part, _said(event.delta)))


def _said(delta: Any) -> str:
    return delta if isinstance(delta, str) else ""


def _message(error: Any) -> str:
    message = error.get("message") if isinstance(error, dict) else error
    return message if isinstance(message, str) else "The provider reports an error."


_READERS: Final = {
    "response.created": ResponsesStreamReader._created,
    "response.in_progress": ResponsesStreamReader._created,
    "response.completed": ResponsesStreamReader._ended,
    "response.incomplete": ResponsesStreamReader._ended,
    "response.output_item.added": ResponsesStreamReader._added,
    "response.output_item.done": ResponsesStreamReader._done,
    "response.refusal.delta": ResponsesStreamReader._refusal,
    "response.output_text.annotation.added": ResponsesStreamReader._annotated,
    "response.reasoning_summary_text.delta": ResponsesStreamReader._summary,
    "response.reasoning_text.delta": ResponsesStreamReader._thinking,
    "response.function_call_arguments.delta": ResponsesStreamReader._arguments,
    "response.custom_tool_call_input.delta": ResponsesStreamReader._arguments,
}
