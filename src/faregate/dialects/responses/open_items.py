"""Items of a response's stream that are being written.

Each gives the events that a piece makes, without their numbers, and those of its end.

Source: OpenAI API reference, "Streaming events" (responses).
"""

from collections.abc import Iterator
from typing import Any, Final, Protocol

import msgspec

from faregate.dialects.neutral import reply
from faregate.dialects.neutral.parts import Thinking, ToolCall
from faregate.dialects.neutral.reply import Event
from faregate.dialects.openai.citations import write_flat_citation
from faregate.dialects.responses.items_reader import DIALECT
from faregate.dialects.responses.items_writer import write_reasoning
from faregate.dialects.responses.output import proof_of, write_call, write_message, write_text

Made = Iterator[tuple[str, dict[str, Any]]]
_encode: Final = msgspec.json.Encoder().encode


class OpenItem(Protocol):
    """One item.

    `closable`: it is whole where another part begins; `lingers`: it may go on behind its part's
    end, for texts that follow each other are one.
    """

    index: int
    closable: bool
    lingers: bool

    def begun(self) -> dict[str, Any]:
        """The item as it is announced."""

    def takes(self, event: Event, *, same_part: bool) -> bool:
        """Whether an event goes on with it."""

    def add(self, event: Event) -> Made:
        """The events of a piece."""

    def end(self) -> Made:
        """The events of its end, before the item is done."""

    def whole(self) -> dict[str, Any]:
        """The item when it is done."""


class MessageItem:
    """A message of one text."""

    closable = True
    lingers = True

    def __init__(self, item_id: str, index: int) -> None:
        self.index = index
        self._id = item_id
        self._at = {"item_id": item_id, "output_index": index, "content_index": 0}
        self._texts: list[str] = []
        self._annotations: list[Any] = []
        self._logprobs: list[Any] = []
        self._length = 0
        self._shift = 0  # where the part's text begins
        self._last_part = -1
        self._delta = (
            b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta",'
            b'"item_id":%b,"output_index":%d,"content_index":0,"sequence_number":'
        ) % (_encode(item_id), index)

    def begun(self) -> dict[str, Any]:
        """Without content."""
        return write_message(self._id, [], "in_progress")

    def takes(self, event: Event, *, same_part: bool) -> bool:
        """Any text's."""
        return isinstance(event, (reply.TextDelta, reply.CitationSeen))

    def add_text(self, text: str, logprobs: Any, number: int) -> bytes:
        """The usual event, whole."""
        self._keep(text, logprobs)
        shown = b"[]" if not logprobs else _encode(logprobs)
        return b'%b%d,"delta":%b,"logprobs":%b}\n\n' % (self._delta, number, _encode(text), shown)

    def _keep(self, text: str, logprobs: Any) -> None:
        self._texts.append(text)
        self._length += len(text)
        if logprobs:
            self._logprobs += logprobs

    def add(self, event: Event) -> Made:
        """More text, or a source of it."""
        if self._last_part < 0:
            yield "response.content_part.added", self._at | {"part": write_text("", (), None)}
        part = getattr(event, "part", -1)
        if part != self._last_part:
            self._last_part, self._shift = part, self._length
        if isinstance(event, reply.TextDelta):
            self._keep(event.text, event.logprobs)
            piece = {"delta": event.text, "logprobs": event.logprobs or []}
            yield "response.output_text.delta", self._at | piece
        elif isinstance(event, reply.CitationSeen):
            made = write_flat_citation(event.citation, DIALECT, self._shift)
            piece = {"annotation_index": len(self._annotations), "annotation": made}
            self._annotations.append(made)
            yield "response.output_text.annotation.added", self._at | piece

    def end(self) -> Made:
        """The text, whole."""
        text = "".join(self._texts)
        done = {"text": text, "logprobs": self._logprobs}
        yield "response.output_text.done", self._at | done
        yield "response.content_part.done", self._at | {"part": self._content()}

    def _content(self) -> Any:
        return write_text("".join(self._texts), self._annotations, self._logprobs)

    def whole(self) -> dict[str, Any]:
        """With its text."""
        return write_message(self._id, [self._content()])


class RefusalItem:
    """A message in which a model declines."""

    closable = True
    lingers = False

    def __init__(self, item_id: str, index: int) -> None:
        self.index = index
        self._id = item_id
        self._at = {"item_id": item_id, "output_index": index, "content_index": 0}
        self._text = ""

    def begun(self) -> dict[str, Any]:
        """Without content."""
        return write_message(self._id, [], "in_progress")

    def takes(self, event: Event, *, same_part: bool) -> bool:
        """Only its own."""
        return same_part and isinstance(event, reply.RefusalDelta)

    def add(self, event: Event) -> Made:
        """More of it."""
        if not self._text:
            part = {"type": "refusal", "refusal": ""}
            yield "response.content_part.added", self._at | {"part": part}
        if isinstance(event, reply.RefusalDelta):
            self._text += event.text
            yield "response.refusal.delta", self._at | {"delta": event.text}

    def end(self) -> Made:
        """The refusal, whole."""
        yield "response.refusal.done", self._at | {"refusal": self._text}
        part = {"type": "refusal", "refusal": self._text}
        yield "response.content_part.done", self._at | {"part": part}

    def whole(self) -> dict[str, Any]:
        """With its text."""
        return write_message(self._id, [{"type": "refusal", "refusal": self._text}])


class ThoughtItem:
    """A model's thoughts: their summary or, where the vendor shows them, all."""

    closable = True
    lingers = False

    def __init__(self, item_id: str, index: int) -> None:
        self.index = index
        self.is_summary = False
        self._id = item_id
        self._texts: list[str] = []
        self._proof: str | None = None

    def _place(self) -> dict[str, Any]:
        name = "summary_index" if self.is_summary else "content_index"
        return {"item_id": self._id, "output_index": self.index, name: 0}

    def _names(self) -> tuple[str, str, str]:
        """How parts, texts and a part's type are called."""
        if self.is_summary:
            return "reasoning_summary_part", "reasoning_summary_text", "summary_text"
        return "content_part", "reasoning_text", "reasoning_text"

    def begun(self) -> dict[str, Any]:
        """Without text."""
        return {"type": "reasoning", "id": self._id, "summary": [], "status": "in_progress"}

    def takes(self, event: Event, *, same_part: bool) -> bool:
        """Only its own."""
        return same_part and isinstance(event, (reply.ThinkingDelta, reply.ThinkingSigned))

    def add(self, event: Event) -> Made:
        """More thoughts, or what proves them."""
        if isinstance(event, reply.ThinkingSigned):
            self._proof = proof_of(event.signature, event.redacted, event.origin)
        elif isinstance(event, reply.ThinkingDelta) and event.text:
            part_name, text_name, kind = self._names()
            at = self._place()
            if not self._texts:
                empty = {"type": kind, "text": ""}
                yield f"response.{part_name}.added", at | {"part": empty}
            self._texts.append(event.text)
            yield f"response.{text_name}.delta", at | {"delta": event.text}

    def end(self) -> Made:
        """The thoughts, whole."""
        if self._texts:
            part_name, text_name, kind = self._names()
            at, text = self._place(), "".join(self._texts)
            yield f"response.{text_name}.done", at | {"text": text}
            yield f"response.{part_name}.done", at | {"part": {"type": kind, "text": text}}

    def whole(self) -> dict[str, Any]:
        """With what proves it."""
        thought = Thinking("".join(self._texts), is_summary=self.is_summary)
        return write_reasoning(thought, self._proof, self._id) | {"status": "completed"}


class CallItem:
    """A call of a tool; whole where its reader says so, for calls mix."""

    closable = False
    lingers = False

    def __init__(self, item_id: str, index: int, opened: reply.ToolOpened) -> None:
        self.index = index
        self._id = item_id
        self._call = ToolCall(opened.id, opened.name, "", custom=opened.custom)
        self._at = {"item_id": item_id, "output_index": index}
        self._arguments: list[str] = []
        self._kind = "custom_tool_call_input" if opened.custom else "function_call_arguments"

    def begun(self) -> dict[str, Any]:
        """Without arguments."""
        return write_call(self._id, self._call, "", "in_progress")

    def takes(self, event: Event, *, same_part: bool) -> bool:
        """Only its own."""
        return same_part and isinstance(event, reply.ToolDelta)

    def add(self, event: Event) -> Made:
        """More of its arguments."""
        if isinstance(event, reply.ToolDelta):
            self._arguments.append(event.arguments)
            yield f"response.{self._kind}.delta", self._at | {"delta": event.arguments}

    def end(self) -> Made:
        """The arguments, whole."""
        name = "input" if self._call.custom else "arguments"
        done = {name: "".join(self._arguments)}
        if not self._call.custom:
            done["name"] = self._call.name
        yield f"response.{self._kind}.done", self._at | done

    def whole(self) -> dict[str, Any]:
        """With its arguments."""
        return write_call(self._id, self._call, "".join(self._arguments))
