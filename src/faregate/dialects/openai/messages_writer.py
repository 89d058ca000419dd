"""Writes the messages of a chat request.

What chat has no place for is carried by the nearest that models understand: a failed tool says
"Error:" in front, images that a tool gave follow in a user's message, a document that is plain text
is text.

Source: OpenAI API reference, "Create chat completion".
"""

from collections.abc import Callable
from typing import Any, Final

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
    shown_signature,
)
from faregate.dialects.neutral.request import Message
from faregate.dialects.openai import quirks
from faregate.dialects.openai.media import audio_format, write_cache, write_url
from faregate.dialects.openai.thoughts import write_message_thoughts
from faregate.dialects.translation import TargetFacts

_ERROR: Final = "Error: "


class MessagesWriter:
    """Writes one request's messages; `lost` is what can't be carried."""

    def __init__(self, target: TargetFacts, dialect: str) -> None:
        self.lost: dict[str, str] = {}
        self.dialect = dialect
        self.quirks = target.quirks
        self._developer = quirks.DEVELOPER_ROLE in target.quirks
        self._cache_control = quirks.CACHE_CONTROL in target.quirks
        self._breakpoint = quirks.CACHE_BREAKPOINT in target.quirks
        self._automatic_cache = quirks.AUTOMATIC_CACHE in target.quirks
        self._string_content = quirks.STRING_CONTENT in target.quirks
        self._written: dict[type[Part], Callable[[Any], dict[str, Any] | None]] = {
            Text: self._text,
            Image: self.image,
            Audio: self.audio,
            Video: self.video,
            Document: self.document,
            RefusalText: self._refusal,
        }

    def lose(self, name: str, why: str) -> None:
        """Note that something can't be carried."""
        self.lost.setdefault(name, why)

    def messages(self, messages: tuple[Message, ...]) -> list[dict[str, Any]]:
        """All of them."""
        written: list[dict[str, Any]] = []
        for message in messages:
            if message.role == "tool":
                written += self._results(message)
            elif message.role == "assistant":
                written.append(self.assistant(message))
            else:
                role = message.role
                if role == "developer" and not self._developer:
                    role = "system"
                made: dict[str, Any] = {"role": role, "content": self.content(message.parts)}
                if message.name is not None:
                    made["name"] = message.name
                written.append(made)
        return written

    # -- content -----------------------------------------------------------------------------------

    def content(self, parts: tuple[Part, ...]) -> str | list[dict[str, Any]]:
        """Parts of a message: a string where they are one plain text."""
        if len(parts) == 1 and type(parts[0]) is Text and not parts[0].cache:
            if parts[0].citations:
                self._text(parts[0])
            return parts[0].text
        written = [made for part in parts if (made := self.part(part)) is not None]
        if not written:
            return ""
        if self._string_content and all(made["type"] == "text" for made in written):
            return "\n\n".join(made["text"] for made in written)
        return written

    def part(self, part: Part) -> dict[str, Any] | None:
        """One part, with its mark for the cache."""
        write = self._written.get(type(part))
        if write is not None:
            made = write(part)
            mark = getattr(part, "cache", None)
            if mark is not None and made is not None:
                self.mark(made, mark)
            return made
        if isinstance(part, ServerPart):
            if part.origin == self.dialect:
                raw: dict[str, Any] = part.raw
                return raw
            self.lose("messages.server", "A part that only another vendor knows.")
        return None

    def mark(self, made: dict[str, Any], mark: CacheMark) -> None:
        """Put a mark for the cache on what was made, if the vendor takes any."""
        if self._cache_control:
            made["cache_control"] = write_cache(mark)
        elif self._breakpoint:
            made["prompt_cache_breakpoint"] = {"mode": "explicit"}
        elif not self._automatic_cache:
            self.lose("cache", "The vendor takes no marks of what it shall keep in its cache.")

    def _text(self, part: Text) -> dict[str, Any] | None:
        if part.citations:
            self.lose("citations", "Sources of earlier answers have no place in a chat request.")
        return {"type": "text", "text": part.text}

    def _refusal(self, part: RefusalText) -> dict[str, Any] | None:
        return {"type": "refusal", "refusal": part.text}

    def image(self, part: Image) -> dict[str, Any] | None:
        """An image by URL or in a data URL."""
        url = write_url(part.source, "image/png")
        if url is None:
            self.lose("messages.image", "An image that is only named by another vendor's id.")
            return None
        stated = {"url": url}
        if part.detail is not None:
            stated["detail"] = part.detail
        return {"type": "image_url", "image_url": stated}

    def audio(self, part: Audio) -> dict[str, Any] | None:
        """Sound, which must be in the request."""
        if part.source.data is None:
            self.lose("messages.audio", "Chat takes sound only within the request.")
            return None
        form = part.format or audio_format(part.source.media_type)
        return {"type": "input_audio", "input_audio": {"data": part.source.data, "format": form}}

    def video(self, part: Video) -> dict[str, Any] | None:
        """A film, as OpenAI's followers take it."""
        url = write_url(part.source, "video/mp4")
        if url is None:
            self.lose("messages.video", "A film that is only named by another vendor's id.")
            return None
        return {"type": "video_url", "video_url": {"url": url}}

    def document(self, part: Document) -> dict[str, Any] | None:
        """A file; plain text stays text, under its name."""
        if part.text is not None:
            head = "\n".join(filter(None, (part.name, part.context)))
            return {"type": "text", "text": f"{head}\n\n{part.text}" if head else part.text}
        source, stated = part.source, {}
        if part.name is not None:
            stated["filename"] = part.name
        if source is None or (source.data is None and source.file_id is None):
            self.lose("messages.document", "Chat takes documents only within the request.")
            return None
        if source.data is not None:
            stated["file_data"] = write_url(source, "application/pdf") or ""
            stated.setdefault("filename", "document.pdf")
        else:
            stated["file_id"] = source.file_id or ""
        return {"type": "file", "file": stated}

    # -- a model's turn ----------------------------------------------------------------------------

    def assistant(self, message: Message) -> dict[str, Any]:
        """An earlier answer; its thoughts only where the vendor wants them back."""
        said: list[Part] = []
        thoughts: list[Thinking] = []
        calls: list[dict[str, Any]] = []
        made: dict[str, Any] = {"role": "assistant", "content": None}
        if message.name is not None:
            made["name"] = message.name
        for part in message.parts:
            if isinstance(part, ToolCall):
                calls.append(self.call(part))
            elif isinstance(part, Thinking):
                thoughts.append(part)
            elif isinstance(part, Audio) and part.id is not None:
                made["audio"] = {"id": part.id}
            else:
                said.append(part)
        if len(said) == 1 and isinstance(said[0], RefusalText):
            made["refusal"] = said[0].text
        elif said:
            made["content"] = self.content(tuple(said))
        elif not calls and "audio" not in made:
            made["content"] = ""
        if thoughts:
            made |= self._thoughts(thoughts)
        if calls:
            made["tool_calls"] = calls
        return made

    def _thoughts(self, thoughts: list[Thinking]) -> dict[str, Any]:
        """Thoughts as the vendor wants them back; foreign proofs are left out."""
        if quirks.REASONING_DETAILS in self.quirks:
            own = [part for part in thoughts if part.origin in ("", self.dialect)]
            return write_message_thoughts(own, self.dialect) if own else {}
        if quirks.REASONING_CONTENT in self.quirks:
            said = "\n\n".join(part.text for part in thoughts if part.text)
            return {"reasoning_content": said} if said else {}
        return {}

    def call(self, part: ToolCall) -> dict[str, Any]:
        """A call that a model made."""
        made: dict[str, Any]
        if part.custom:
            made = {"custom": {"name": part.name, "input": part.arguments}}
            made |= {"id": part.id, "type": "custom"}
        else:
            stated = {"name": part.name, "arguments": part.arguments or "{}"}
            made = {"id": part.id, "type": "function", "function": stated}
        own = part.origin in ("", self.dialect)
        if part.signature is not None and own and quirks.THOUGHT_SIGNATURE in self.quirks:
            made |= write_call_proof(part, self.dialect)
        if part.cache is not None:
            self.mark(made, part.cache)
        return made

    # -- results of tools --------------------------------------------------------------------------

    def _results(self, message: Message) -> list[dict[str, Any]]:
        """A message for each result; what they can't hold follows in a user's message."""
        after: list[dict[str, Any]] = []
        results = (part for part in message.parts if isinstance(part, ToolResult))
        written = [self._result(result, after) for result in results]
        if after:
            written.append({"role": "user", "content": after})
        return written

    def _result(self, result: ToolResult, after: list[dict[str, Any]]) -> dict[str, Any]:
        told: list[Part] = list(result.parts)
        if quirks.TOOL_IMAGES not in self.quirks:
            seen = [part for part in told if not isinstance(part, Text)]
            told = [part for part in told if isinstance(part, Text)]
            shown = [made for part in seen if (made := self.part(part)) is not None]
            if shown:
                after += [{"type": "text", "text": f"From the result of {result.call_id}:"}, *shown]
                told = told or [Text("It follows in the next message.")]
        if result.is_error:
            told = failed(told)
        content = self.content(tuple(told)) if told else ""
        made = {"role": "tool", "tool_call_id": result.call_id, "content": content}
        if result.cache is not None:
            self.mark(made, result.cache)
        return made


def failed(told: list[Part]) -> list[Part]:
    """What a tool that failed says, for dialects with no member for it."""
    first = told[0] if told else Text("it failed")
    if not isinstance(first, Text):
        return [Text(_ERROR.strip()), *told]
    if first.text.lower().startswith("error"):
        return told
    return [Text(_ERROR + first.text, first.cache), *told[1:]]


def write_call_proof(part: ToolCall, dialect: str) -> dict[str, Any]:
    """The member of a call that proves the thought behind it.

    Source: Google, "Thought signatures".
    """
    if part.signature is None:
        return {}
    shown = shown_signature(part.signature, part.origin or dialect, dialect)
    return {"extra_content": {"google": {"thought_signature": shown}}}
