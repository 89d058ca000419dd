"""One answer of a chat stream: which part a piece belongs to."""

from typing import Any

from faregate.dialects.neutral import reply
from faregate.dialects.neutral.parts import Audio, Citation, Image, Media
from faregate.dialects.neutral.reply import Event
from faregate.dialects.openai.chunk import Call, Delta
from faregate.dialects.openai.citations import read_citation
from faregate.dialects.openai.finishes import read_finish
from faregate.dialects.openai.media import read_url
from faregate.dialects.openai.messages_reader import arguments_text, is_call_id, read_call_proof
from faregate.dialects.openai.thoughts import read_proof


class _Tool:
    __slots__ = ("id", "opened", "part")

    def __init__(self, stated_id: str) -> None:
        self.id = stated_id
        self.part = -1
        self.opened = False


class Answer:
    """The parts of one answer, numbered in the order in which they open."""

    def __init__(self, number: int, dialect: str) -> None:
        self.number = number
        self.finished = False
        self._dialect = dialect
        self._parts = 0
        # The slot that is open, text or thinking or refusal, and its part.
        self._slot = ""
        self._part = -1
        self._text_part = -1
        self._cited = False
        # Of the thought that is open: its entry's index, kind and whether it is proven.
        self._thought: tuple[object, str] | None = None
        self._proven = False
        self._tools: list[_Tool] = []
        self._by_index: dict[int, _Tool] = {}
        self._refuses = False

    def read(self, delta: Delta, logprobs: Any, events: list[Event]) -> None:
        """The events of one delta."""
        if delta.reasoning_details:
            self._read_details(delta, events)
        elif said := delta.reasoning_content or delta.reasoning:
            self._think(None, "reasoning.text", events)
            events.append(reply.ThinkingDelta(self.number, self._part, said))
        content = delta.content
        if content:
            if isinstance(content, str):
                part = self._part if self._slot == "text" else self._open("text", events)
                events.append(reply.TextDelta(self.number, part, content, logprobs))
            else:
                self._read_chunks(content, logprobs, events)
        if delta.refusal:
            part = self._part if self._slot == "refusal" else self._open("refusal", events)
            self._refuses = True
            events.append(reply.RefusalDelta(self.number, part, delta.refusal))
        if delta.tool_calls is not None:
            for call in delta.tool_calls:
                self._read_call(call, events)
        if delta.function_call is not None:
            self._read_call(Call(index=0, function=delta.function_call), events)
        if delta.annotations or delta.audio or delta.images:
            self._read_rest(delta, events)

    def cite(self, sources: tuple[Citation, ...], events: list[Event]) -> None:
        """Sources that the whole answer has, if its text has none of its own."""
        if self._text_part >= 0 and not self._cited and not self.finished:
            events += [
                reply.CitationSeen(self.number, self._text_part, source) for source in sources
            ]

    def finish(self, stated: str | None, stop: object, events: list[Event]) -> None:
        """The answer's end."""
        if self.finished:
            return
        self.finished = True
        for tool in self._tools:
            if not tool.opened:  # it was never named
                self._open_tool(tool, "", None, events)
        finish = read_finish(stated, calls=bool(self._tools), refuses=self._refuses)
        sequence = None
        if isinstance(stop, str) and finish in ("stop", "stop_sequence"):
            finish, sequence = "stop_sequence", stop
        events.append(reply.Finished(self.number, finish, sequence))

    # -- slots -------------------------------------------------------------------------------------

    def _open(self, slot: str, events: list[Event]) -> int:
        """A new part; the one before is whole."""
        self._close(events)
        self._slot = slot
        self._part = self._parts
        self._parts += 1
        if slot == "text":
            self._text_part = self._part
        return self._part

    def _close(self, events: list[Event]) -> None:
        if self._slot:
            events.append(reply.PartClosed(self.number, self._part))
            self._slot = ""

    def _think(self, index: object, kind: str, events: list[Event]) -> None:
        """Have the thought open that an entry belongs to."""
        if self._slot != "thinking" or self._thought != (index, kind):
            self._open("thinking", events)
            self._thought, self._proven = (index, kind), False

    def _read_details(self, delta: Delta, events: list[Event]) -> None:
        said = delta.reasoning_content or delta.reasoning
        entries = [entry for entry in delta.reasoning_details or () if isinstance(entry, dict)]
        if said and not any(entry.get("text") or entry.get("summary") for entry in entries):
            self._think(None, "reasoning.text", events)
            events.append(reply.ThinkingDelta(self.number, self._part, said))
        for entry in entries:
            if entry.get("type") == "reasoning.encrypted":
                self._read_encrypted(entry, events)
            else:
                self._read_thought(entry, events)

    def _read_thought(self, entry: dict[str, Any], events: list[Event]) -> None:
        is_summary = entry.get("type") == "reasoning.summary"
        said = entry.get("summary" if is_summary else "text")
        proof = read_proof(entry, "signature", self._dialect)
        stated_id = entry.get("id")
        stated_id = stated_id if isinstance(stated_id, str) else None
        said = said if isinstance(said, str) else ""
        if not said and proof is None:
            return
        kind = "reasoning.summary" if is_summary else "reasoning.text"
        self._think(entry.get("index"), kind, events)
        at = self._part
        if said:
            events.append(reply.ThinkingDelta(self.number, at, said, is_summary, stated_id))
        if proof is not None:
            signature, origin = proof
            events.append(
                reply.ThinkingSigned(self.number, at, origin, signature=signature, id=stated_id)
            )

    def _read_encrypted(self, entry: dict[str, Any], events: list[Event]) -> None:
        proof = read_proof(entry, "data", self._dialect)
        if proof is None:
            return
        data, origin = proof
        stated_id = entry.get("id")
        stated_id = stated_id if isinstance(stated_id, str) else None
        index = entry.get("index")
        summary = self._slot == "thinking" and self._thought == (index, "reasoning.summary")
        if summary and index is not None and not self._proven:
            self._proven = True
            events.append(
                reply.ThinkingSigned(self.number, self._part, origin, signature=data, id=stated_id)
            )
            return
        part = self._open("thinking", events)
        self._thought = None
        events.append(reply.ThinkingSigned(self.number, part, origin, redacted=data, id=stated_id))

    def _read_chunks(self, content: list[Any], logprobs: Any, events: list[Event]) -> None:
        """Content as a list: Mistral's text and thinking chunks."""
        for chunk in content:
            if not isinstance(chunk, dict):
                continue
            kind = chunk.get("type")
            if kind == "text" and isinstance(chunk.get("text"), str):
                self.read(Delta(content=chunk["text"]), logprobs, events)
            elif kind == "thinking":
                inner = chunk.get("thinking")
                said = inner if isinstance(inner, str) else _joined(inner)
                entry = {"type": "reasoning.text", "text": said}
                self._read_thought(entry | {"signature": chunk.get("signature")}, events)

    # -- calls -------------------------------------------------------------------------------------

    def _read_call(self, call: Call, events: list[Event]) -> None:
        if not is_call_id(call.id):
            call.id = None
        stated = call.function
        if stated is not None:
            name, arguments, custom = stated.name, stated.arguments, False
        elif call.custom is not None:
            name, arguments, custom = call.custom.name, call.custom.input, True
        else:
            name, arguments, custom = None, None, False
        tool = self._tool(call, name)
        if not tool.opened and name:
            self._open_tool(tool, name, call, events, custom=custom)
        if arguments and tool.opened:
            said = arguments if isinstance(arguments, str) else arguments_text(arguments)
            events.append(reply.ToolDelta(self.number, tool.part, said))

    def _tool(self, call: Call, name: str | None) -> _Tool:
        """The call that a piece belongs to."""
        if call.index is None:
            known = next((tool for tool in self._tools if call.id and tool.id == call.id), None)
            if known is None and not call.id and not name and self._tools:
                known = self._tools[-1]
        else:
            known = self._by_index.get(call.index)
            if known is not None and call.id and known.id and call.id != known.id and name:
                known = None  # another call under the same number
        if known is None:
            known = _Tool(call.id or "")
            self._tools.append(known)
        elif call.id and not known.id:
            known.id = call.id
        if call.index is not None:
            self._by_index[call.index] = known
        return known

    def _open_tool(
        self,
        tool: _Tool,
        name: str,
        call: Call | None,
        events: list[Event],
        *,
        custom: bool = False,
    ) -> None:
        self._close(events)
        tool.part, tool.opened = self._parts, True
        self._parts += 1
        proof = read_call_proof(call.extra_content, self._dialect) if call else None
        signature, origin = proof or (None, "")
        tool.id = tool.id or f"call_{self._tools.index(tool) + 1}"
        events.append(
            reply.ToolOpened(
                self.number, tool.part, tool.id, name, signature, origin, custom=custom
            )
        )

    # -- the rest ----------------------------------------------------------------------------------

    def _read_rest(self, delta: Delta, events: list[Event]) -> None:
        for stated in delta.annotations or ():
            citation = read_citation(stated, self._dialect)
            if citation is not None:
                if self._text_part < 0:
                    self._open("text", events)
                self._cited = True
                events.append(reply.CitationSeen(self.number, self._text_part, citation))
        if delta.audio is not None:
            data, transcript = delta.audio.get("data"), delta.audio.get("transcript")
            stated_id = delta.audio.get("id")
            piece = Audio(
                Media(data=data if isinstance(data, str) else None),
                id=stated_id if isinstance(stated_id, str) else None,
                transcript=transcript if isinstance(transcript, str) else None,
            )
            part = self._part if self._slot == "audio" else self._open("audio", events)
            events.append(reply.MediaSeen(self.number, part, piece))
        for image in delta.images or ():
            stated = image.get("image_url") if isinstance(image, dict) else None
            url = stated.get("url") if isinstance(stated, dict) else None
            if isinstance(url, str):
                part = self._open("image", events)
                events.append(reply.MediaSeen(self.number, part, Image(read_url(url))))


def _joined(chunks: object) -> str:
    """The text of Mistral's chunks of thoughts."""
    if not isinstance(chunks, list):
        return ""
    return "".join(
        chunk["text"]
        for chunk in chunks
        if isinstance(chunk, dict) and isinstance(chunk.get("text"), str)
    )
