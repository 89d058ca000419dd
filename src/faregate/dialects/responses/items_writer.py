"""Writes messages as items, for a target's input.

Source: OpenAI API reference, "Create a model response" (input).
"""

from collections.abc import Callable
from typing import Any

from faregate.dialects.neutral.parts import (
    Audio,
    CacheMark,
    Document,
    Image,
    Part,
    RefusalText,
    ServerPart,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Video,
)
from faregate.dialects.neutral.request import Message
from faregate.dialects.openai import quirks
from faregate.dialects.openai.media import audio_format, write_cache, write_url
from faregate.dialects.openai.messages_writer import failed
from faregate.dialects.responses.items_reader import DIALECT
from faregate.dialects.translation import TargetFacts


class ItemsWriter:
    """Writes one request's items; `lost` is what can't be carried."""

    def __init__(self, target: TargetFacts) -> None:
        self.lost: dict[str, str] = {}
        self.thinks = False  # whether thoughts go back, whose proof must come again
        self._cache_control = quirks.CACHE_CONTROL in target.quirks
        self._breakpoint = quirks.CACHE_BREAKPOINT in target.quirks
        self._plain_thoughts = quirks.REASONING_CONTENT in target.quirks
        self._automatic_cache = quirks.AUTOMATIC_CACHE in target.quirks
        self._written: dict[type[Part], Callable[[Any], dict[str, Any] | None]] = {
            Text: self._text,
            Image: self._image,
            Document: self._document,
            Audio: self._audio,
            Video: self._video,
        }

    def lose(self, name: str, why: str) -> None:
        """Note that something can't be carried."""
        self.lost.setdefault(name, why)

    def input(self, messages: tuple[Message, ...]) -> list[dict[str, Any]]:
        """All items."""
        written: list[dict[str, Any]] = []
        for message in messages:
            if message.name is not None:
                self.lose("messages.name", "Messages of responses have no participant's name.")
            if message.role == "assistant":
                written += self._assistant(message)
            elif message.role == "tool":
                written += [
                    self._result(part) for part in message.parts if isinstance(part, ToolResult)
                ]
            else:
                content = self._content(message.parts)
                written.append({"type": "message", "role": message.role, "content": content})
        return written

    def _content(self, parts: tuple[Part, ...]) -> str | list[dict[str, Any]]:
        if len(parts) == 1 and type(parts[0]) is Text and not parts[0].cache:
            return parts[0].text
        return [made for part in parts if (made := self._part(part)) is not None]

    def _part(self, part: Part) -> dict[str, Any] | None:
        write = self._written.get(type(part))
        if write is not None:
            made = write(part)
            mark = getattr(part, "cache", None)
            if mark is not None and made is not None:
                self.mark(made, mark)
            return made
        if isinstance(part, ServerPart) and part.origin == DIALECT:
            raw: dict[str, Any] = part.raw
            return raw
        self.lose("messages.server", "A part that only another vendor knows.")
        return None

    def mark(self, made: dict[str, Any], mark: CacheMark) -> None:
        """Put a mark for the cache on what was made, if the vendor takes any."""
        if self._breakpoint:
            made["prompt_cache_breakpoint"] = {"mode": "explicit"}
        elif self._cache_control:
            made["cache_control"] = write_cache(mark)
        elif not self._automatic_cache:
            self.lose("cache", "The vendor takes no marks of what it shall keep in its cache.")

    def mark_tool(self, made: dict[str, Any], mark: CacheMark) -> None:
        """The same for a tool, for which OpenAI has no mark."""
        if self._cache_control:
            made["cache_control"] = write_cache(mark)
        elif not self._automatic_cache:
            self.lose("cache", "The vendor takes no marks of what it shall keep in its cache.")

    def _text(self, part: Text) -> dict[str, Any] | None:
        return {"type": "input_text", "text": part.text}

    def _image(self, part: Image) -> dict[str, Any] | None:
        made: dict[str, Any] = {"type": "input_image"}
        url = write_url(part.source, "image/png")
        if url is not None:
            made["image_url"] = url
        else:
            made["file_id"] = part.source.file_id
        if part.detail is not None:
            made["detail"] = part.detail
        return made

    def _document(self, part: Document) -> dict[str, Any] | None:
        source = part.source
        if part.text is not None or source is None:
            head = "\n".join(filter(None, (part.name, part.context)))
            said = part.text or ""
            return {"type": "input_text", "text": f"{head}\n\n{said}" if head else said}
        made: dict[str, Any] = {"type": "input_file"}
        if source.data is not None:
            made["filename"] = part.name or "document.pdf"
            made["file_data"] = write_url(source, "application/pdf")
        elif source.url is not None:
            made["file_url"] = source.url
        else:
            made["file_id"] = source.file_id
        if part.name is not None and source.data is None:
            made["filename"] = part.name
        return made

    def _audio(self, part: Audio) -> dict[str, Any] | None:
        if part.source.data is None:
            self.lose("messages.audio", "Sound must be within the request.")
            return None
        form = part.format or audio_format(part.source.media_type)
        return {"type": "input_audio", "input_audio": {"data": part.source.data, "format": form}}

    def _video(self, part: Video) -> dict[str, Any] | None:
        self.lose("messages.video", "Responses take no films.")
        return None

    # -- what models and tools said ----------------------------------------------------------------

    def _assistant(self, message: Message) -> list[dict[str, Any]]:
        written: list[dict[str, Any]] = []
        said: list[dict[str, Any]] = []
        for part in message.parts:
            content = self._said(part)
            if content is not None:
                if not said:
                    written.append({"type": "message", "role": "assistant", "content": said})
                said.append(content)
                continue
            item = self._made(part)
            if item is not None:
                said = []
                written.append(item)
        return written

    def _said(self, part: Part) -> dict[str, Any] | None:
        if isinstance(part, Text):
            if part.citations:
                self.lose("citations", "Sources of earlier answers are not sent back.")
            return {"type": "output_text", "text": part.text}
        if isinstance(part, RefusalText):
            return {"type": "refusal", "refusal": part.text}
        return None

    def _made(self, part: Part) -> dict[str, Any] | None:
        """An item of its own; foreign thoughts are left out, which is no loss."""
        if isinstance(part, ToolCall):
            made = {"call_id": part.id, "name": part.name}
            if part.custom:
                return {"type": "custom_tool_call", "input": part.arguments} | made
            return {"type": "function_call", "arguments": part.arguments or "{}"} | made
        if isinstance(part, Thinking):
            proof = part.signature or part.redacted
            if proof is None or part.origin != DIALECT:
                return write_reasoning(part, None, "rs_0") if self._plain_thoughts else None
            self.thinks = True
            return write_reasoning(part, proof, part.id or "rs_0")
        if isinstance(part, ServerPart) and part.origin == DIALECT:
            raw: dict[str, Any] = part.raw
            return raw
        name = "server" if isinstance(part, ServerPart) else type(part).__name__.lower()
        self.lose(f"messages.{name}", "A model's earlier answer can't be sent back with it.")
        return None

    def _result(self, result: ToolResult) -> dict[str, Any]:
        told: list[Part] = list(result.parts)
        if result.is_error:
            told = failed(told)
        made: dict[str, Any] = {
            "type": "custom_tool_call_output" if result.custom else "function_call_output",
            "call_id": result.call_id,
            "output": self._content(tuple(told)) if told else "",
        }
        if result.cache is not None:
            self.mark_tool(made, result.cache)
        return made


def write_reasoning(part: Thinking, proof: str | None, item_id: str) -> dict[str, Any]:
    """A reasoning item: a summary, or thoughts in full, and what proves them."""
    made: dict[str, Any] = {"type": "reasoning", "id": item_id, "summary": []}
    if part.text:
        if part.is_summary:
            made["summary"] = [{"type": "summary_text", "text": part.text}]
        else:
            made["content"] = [{"type": "reasoning_text", "text": part.text}]
    if proof is not None:
        made["encrypted_content"] = proof
    return made
