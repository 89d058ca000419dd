"""Writes neutral parts as Converse's blocks of content."""

import base64
import re
from typing import Any, Final

from faregate.dialects.anthropic.block_writer import arguments_object, tool_id
from faregate.dialects.anthropic.losses import Losses
from faregate.dialects.anthropic.shapes import KIN
from faregate.dialects.bedrock.block_reader import NAME
from faregate.dialects.bedrock.media import format_of
from faregate.dialects.free_text import as_arguments
from faregate.dialects.neutral import parts

Block = dict[str, Any]

_NOT_OF_NAMES: Final = re.compile(r"[^a-zA-Z0-9\s\-()\[\]]+")
_SPACES: Final = re.compile(r"\s+")
_NO_URL: Final = "Bedrock takes bytes or files in S3, no other address."
_NO_FORMAT: Final = "Bedrock has no name for its format."


def cache_point(mark: parts.CacheMark) -> Block:
    """A mark as a block behind what it marks."""
    point = {"type": "default"}
    if mark.ttl is not None:
        point["ttl"] = mark.ttl
    return {"cachePoint": point}


class BlockWriter:
    """Writes the parts of one request.

    `own` says that it was read from this dialect, `claude` that the model is one that takes
    thoughts proven by Anthropic.
    """

    __slots__ = ("claude", "losses", "own")

    def __init__(self, losses: Losses, *, own: bool, claude: bool) -> None:
        self.losses = losses
        self.own = own
        self.claude = claude

    def write(self, part: parts.Part) -> list[Block]:
        """The blocks of a part: none, one, or one with its cache point."""
        block = self._block(part)
        if block is None:
            return []
        mark = getattr(part, "cache", None)
        return [block] if mark is None else [block, cache_point(mark)]

    def _block(self, part: parts.Part) -> Block | None:
        if isinstance(part, parts.Text):
            return self._text(part)
        if isinstance(part, parts.ToolCall):
            return write_call(part)
        if isinstance(part, parts.ToolResult):
            return self._result(part)
        if isinstance(part, parts.Thinking):
            return self._thought(part)
        if isinstance(part, parts.RefusalText):
            return {"text": part.text}
        if isinstance(part, parts.Document):
            return self._document(part)
        if isinstance(part, parts.ServerPart):
            if part.origin == NAME and isinstance(part.raw, dict):
                return part.raw
            self.losses["messages.server"] = "Parts that only another vendor knows."
            return None
        if isinstance(part, parts.Image):
            if part.detail not in (None, "auto", "high"):
                self.losses["messages.image.detail"] = "Bedrock has no levels of detail."
            return self._media("image", part.source)
        if isinstance(part, parts.Video):
            return self._media("video", part.source)
        return self._audio(part)

    def _text(self, part: parts.Text) -> Block:
        if not part.citations:
            return {"text": part.text}
        own = [cited.raw for cited in part.citations if cited.origin == NAME and cited.raw]
        if len(own) < len(part.citations):
            self.losses["messages.citations"] = "Bedrock takes back its own citations only."
        if not own:
            return {"text": part.text}
        return {"citationsContent": {"content": [{"text": part.text}], "citations": own}}

    def _result(self, part: parts.ToolResult) -> Block:
        content = [block for inner in part.parts for block in self.write(inner)]
        result: Block = {"toolUseId": tool_id(part.call_id), "content": content}
        if part.is_error is not None:
            result["status"] = "error" if part.is_error else "success"
        return {"toolResult": result}

    def _thought(self, part: parts.Thinking) -> Block | None:
        """Thoughts that Bedrock, or Claude anywhere, wrote; those of others prove nothing."""
        if part.redacted is not None:
            own = part.origin == NAME
            return {"reasoningContent": {"redactedContent": part.redacted}} if own else None
        if part.origin == NAME or (self.claude and part.origin in KIN):
            return shown_thought(part, own=True)
        return shown_thought(part, own=True) if self.own and part.origin == "" else None

    def _source(self, kind: str, media: parts.Media) -> Block | None:
        if media.data is not None:
            return {"bytes": media.data}
        if media.url is not None and media.url.startswith("s3://"):
            return {"s3Location": {"uri": media.url}}
        why = _NO_URL if media.url is not None else "A file that was uploaded elsewhere."
        self.losses[f"messages.{kind}"] = why
        return None

    def _media(self, kind: str, media: parts.Media) -> Block | None:
        source = self._source(kind, media)
        if source is None:
            return None
        name = format_of(kind, media.media_type)
        if name is None:
            self.losses[f"messages.{kind}"] = _NO_FORMAT
            return None
        return {kind: {"format": name, "source": source}}

    def _audio(self, part: parts.Audio) -> Block | None:
        source = self._source("audio", part.source)
        name = part.format or format_of("audio", part.source.media_type)
        if source is None or name is None:
            self.losses.setdefault("messages.audio", _NO_FORMAT)
            return None
        return {"audio": {"format": name, "source": source}}

    def _document(self, part: parts.Document) -> Block | None:
        document: Block = {}
        if part.text is not None:
            document["format"] = "txt"
            document["source"] = {"text": part.text}
        else:
            made = None if part.source is None else self._media("document", part.source)
            if made is None:
                return None
            document = made["document"]
        document["name"] = self._name(part.name)
        if part.context is not None:
            document["context"] = part.context
        if part.cite is not None:
            document["citations"] = {"enabled": part.cite}
        return {"document": document}

    def _name(self, name: str | None) -> str:
        """A document's name in the letters that Bedrock allows; it wants one."""
        if name is not None and self.own:
            return name
        plain = _SPACES.sub(" ", _NOT_OF_NAMES.sub(" ", name or "")).strip()
        return plain[:200] or "document"


def write_call(part: parts.ToolCall) -> Block:
    """A call of a tool."""
    return {
        "toolUse": {
            "toolUseId": tool_id(part.id),
            "name": part.name,
            "input": arguments_object(as_arguments(part)),
        }
    }


def shown_thought(part: parts.Thinking, *, own: bool = False) -> Block:
    """A thought; a foreign proof says whose it is, unless it is `own`."""
    origin = NAME if own else part.origin or NAME
    if part.redacted is not None and not part.text:
        data = part.redacted
        if origin != NAME:  # the member is base64
            data = base64.b64encode(parts.shown_signature(data, origin, NAME).encode()).decode()
        return {"reasoningContent": {"redactedContent": data}}
    said: Block = {"text": part.text}
    if part.signature is not None:
        said["signature"] = parts.shown_signature(part.signature, origin, NAME)
    return {"reasoningContent": {"reasoningText": said}}
