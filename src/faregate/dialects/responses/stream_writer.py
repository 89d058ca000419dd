"""Writes a response's stream of events for a caller.

Items go one by one: what comes of a part ahead of its turn waits until the calls before it are
whole. Texts and thoughts are whole where another part begins, for readers may not say so.

Source: OpenAI API reference, "Streaming events" (responses); the SDK's accumulator wants the
response's id, each item's id and index, and the content part before its first delta.
"""

from typing import Any, Final

import msgspec

from faregate.dialects.neutral import reply
from faregate.dialects.neutral.parts import Image
from faregate.dialects.neutral.reply import Event, Finish
from faregate.dialects.responses.items_reader import DIALECT
from faregate.dialects.responses.open_items import (
    CallItem,
    MessageItem,
    OpenItem,
    RefusalItem,
    ThoughtItem,
)
from faregate.dialects.responses.output import (
    call_proof,
    response,
    status_of,
    write_error,
    write_image,
)
from faregate.dialects.translation import Asked
from faregate.dialects.usage import Usage

_encode: Final = msgspec.json.Encoder().encode
_PING: Final = b": ping\n\n"


class ResponsesStreamWriter:
    """For one reply; of several answers only the first is written."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._head = reply.Opened(id=asked.call_id, model=asked.request.model)
        self._begun = False
        self._over = False
        self._number = 0  # of the next event
        self._output: list[Any] = []
        self._item: OpenItem | None = None
        self._part = -1  # the part that the open item is of
        self._waiting: dict[int, list[Event]] = {}
        self._usage: Usage | None = None
        self._finish: Finish | None = None

    def write(self, event: Event) -> bytes:
        """The bytes for one event."""
        if self._over:
            return b""
        if type(event) is reply.TextDelta and event.part == self._part:
            item = self._item
            if type(item) is MessageItem and event.choice == 0:
                self._number += 1
                return item.add_text(event.text, event.logprobs, self._number - 1)
        written = bytearray()
        self._write(event, written)
        return bytes(written)

    def end(self) -> bytes:
        """The rest of a stream without its end; one that breaks off says so."""
        if self._finish is not None:
            return self.write(reply.Ended())
        return self.write(reply.Failed("The provider's stream ended before its answer did."))

    def _write(self, event: Event, written: bytearray) -> None:
        if isinstance(event, reply.Opened):
            self._head = event
            self._usage = event.usage
            self._begin(written)
        elif isinstance(event, reply.UsageSeen):
            self._usage = event.usage
        elif isinstance(event, reply.Pinged):
            written += _PING
        elif isinstance(event, reply.Ended):
            self._begin(written)
            self._close_all(written)
            status, reason = status_of(self._finish or "stop")
            error = write_error("The provider failed.") if status == "failed" else None
            self._conclude(status, reason, error, written)
        elif isinstance(event, reply.Failed):
            self._begin(written)
            self._conclude("failed", None, write_error(event.message), written)
        elif event.choice == 0:
            self._begin(written)
            if isinstance(event, reply.Finished):
                self._finish = event.finish
                self._close_all(written)
            else:
                self._go_on(event.part, event, written)

    # -- the response ------------------------------------------------------------------------------

    def _emit(self, kind: str, members: dict[str, Any], written: bytearray) -> None:
        """An event with its number."""
        data = _encode({"type": kind, "sequence_number": self._number} | members)
        self._number += 1
        written += b"event: %b\ndata: %b\n\n" % (kind.encode(), data)

    def _response(self, status: str, **facts: Any) -> dict[str, Any]:
        head = self._head
        return response(
            self._asked,
            head.id or self._asked.call_id,
            head.model or self._asked.request.model,
            created_s=head.created_s,
            tier=head.service_tier,
            status=status,
            output=self._output,
            **facts,
        )

    def _begin(self, written: bytearray) -> None:
        if not self._begun:
            self._begun = True
            stated = {"response": self._response("in_progress")}
            self._emit("response.created", stated, written)
            self._emit("response.in_progress", stated, written)

    def _conclude(
        self, status: str, reason: str | None, error: dict[str, Any] | None, written: bytearray
    ) -> None:
        self._over = True
        stated = self._response(status, usage=self._usage, reason=reason, error=error)
        self._emit(f"response.{status}", {"response": stated}, written)

    # -- items in their turn -----------------------------------------------------------------------

    def _go_on(self, part: int, event: Event, written: bytearray) -> None:
        item = self._item
        if part != self._part and item is not None and not item.closable:
            self._waiting.setdefault(part, []).append(event)
        elif part in self._waiting:
            self._waiting[part].append(event)
        elif isinstance(event, reply.PartClosed):
            if part == self._part and item is not None and not item.lingers:
                self._close(written)
                self._drain(written)
        else:
            self._take(part, event, written)

    def _take(self, part: int, event: Event, written: bytearray) -> None:
        """Add an event to the open item, or to one of its own."""
        item = self._item
        if item is None or not item.takes(event, same_part=part == self._part):
            self._close(written)
            item = self._open(event, written)
            if item is None:
                return
        self._part = part
        for kind, members in item.add(event):
            self._emit(kind, members, written)

    def _open(self, event: Event, written: bytearray) -> OpenItem | None:
        """The item that an event begins; None: it is whole, or nothing that callers are shown."""
        index = len(self._output)
        name = f"{self._head.id or self._asked.call_id}_{index}"
        item: OpenItem
        if isinstance(event, (reply.TextDelta, reply.CitationSeen)):
            item = MessageItem(f"msg_{name}", index)
        elif isinstance(event, reply.RefusalDelta):
            item = RefusalItem(f"msg_{name}", index)
        elif isinstance(event, (reply.ThinkingDelta, reply.ThinkingSigned)):
            own = event.id if getattr(event, "origin", DIALECT) == DIALECT else None
            item = ThoughtItem(own or f"rs_{name}", index)
            item.is_summary = getattr(event, "is_summary", False)
        elif isinstance(event, reply.ToolOpened):
            proof = call_proof(event.signature, event.origin, f"rs_{name}")
            if proof is not None:
                self._put(proof, written)
                index += 1
            item = CallItem(f"fc_{name}", index, event)
        else:
            self._write_whole(event, name, written)
            return None
        self._item = item
        self._output.append(item.begun())
        self._emit(
            "response.output_item.added",
            {"output_index": index, "item": self._output[index]},
            written,
        )
        return item

    def _write_whole(self, event: Event, name: str, written: bytearray) -> None:
        whole: Any = None
        if isinstance(event, reply.MediaSeen) and isinstance(event.media, Image):
            whole = write_image(f"ig_{name}", event.media)
        elif isinstance(event, reply.ServerPartSeen) and event.origin == DIALECT:
            whole = event.raw
        if whole is not None:
            self._put(whole, written)

    def _put(self, whole: Any, written: bytearray) -> None:
        """An item that comes at once."""
        stated = {"output_index": len(self._output), "item": whole}
        self._output.append(whole)
        self._emit("response.output_item.added", stated, written)
        self._emit("response.output_item.done", stated, written)

    def _close(self, written: bytearray) -> None:
        item, self._item, self._part = self._item, None, -1
        if item is not None:
            for kind, members in item.end():
                self._emit(kind, members, written)
            whole = self._output[item.index] = item.whole()
            stated = {"output_index": item.index, "item": whole}
            self._emit("response.output_item.done", stated, written)

    def _drain(self, written: bytearray) -> None:
        """Write what has waited, up to a part that is not whole yet."""
        while self._waiting and (self._item is None or self._item.closable):
            part = next(iter(self._waiting))
            for event in self._waiting.pop(part):
                if not isinstance(event, reply.PartClosed):
                    self._take(part, event, written)
                elif part == self._part and self._item is not None and not self._item.lingers:
                    self._close(written)

    def _close_all(self, written: bytearray) -> None:
        self._close(written)
        while self._waiting:
            self._drain(written)
            self._close(written)
