"""Writes neutral parts as blocks of a message."""

import base64
import binascii
import copy
import re
import zlib
from typing import Any, Final

import msgspec

from faregate.dialects.anthropic.block_reader import shown_proof
from faregate.dialects.anthropic.losses import Losses
from faregate.dialects.anthropic.shapes import KIN, NAME
from faregate.dialects.free_text import as_arguments
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.call_proofs import CALL
from faregate.dialects.neutral.request import Request

Block = dict[str, Any]

_decode_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_ID: Final = re.compile(r"[a-zA-Z0-9_-]+\Z")
_NOT_OF_IDS: Final = re.compile(r"[^a-zA-Z0-9_-]")
_IMAGES: Final = frozenset(("image/jpeg", "image/png", "image/gif", "image/webp"))
_PDF: Final = "application/pdf"


class BlockWriter:
    """Writes the parts of one request.

    `own` says that it was read from this dialect.
    """

    __slots__ = ("losses", "own")

    def __init__(self, losses: Losses, *, own: bool) -> None:
        self.losses = losses
        self.own = own

    def write(self, part: parts.Part) -> Block | None:
        """A block, or None where nothing of the part can be carried."""
        if isinstance(part, parts.Text):
            return self._text(part)
        if isinstance(part, parts.ToolCall):
            return write_call(part)
        if isinstance(part, parts.ToolResult):
            return self._result(part)
        if isinstance(part, parts.Image):
            return self._image(part)
        if isinstance(part, parts.Document):
            return self._document(part)
        if isinstance(part, parts.Thinking):
            return _thought(part)
        if isinstance(part, parts.RefusalText):
            return {"type": "text", "text": part.text} if part.text else None
        if isinstance(part, parts.ServerPart):
            if part.origin == NAME and isinstance(part.raw, dict):
                return copy.deepcopy(part.raw)  # marks may be taken off what is written
            self.losses["messages.server"] = "Parts that only another vendor knows."
            return None
        name = "audio" if isinstance(part, parts.Audio) else "video"
        self.losses[f"messages.{name}"] = f"Anthropic's messages take no {name}."
        return None

    def _text(self, part: parts.Text) -> Block:
        block: Block = {"type": "text", "text": part.text}
        if part.cache is not None:
            block["cache_control"] = cache_control(part.cache)
        if part.citations:
            own = [cited.raw for cited in part.citations if cited.origin == NAME and cited.raw]
            if own:
                block["citations"] = own
            if len(own) < len(part.citations):
                self.losses["messages.citations"] = "Anthropic takes back its own citations only."
        return block

    def _result(self, part: parts.ToolResult) -> Block:
        block: Block = {"type": "tool_result", "tool_use_id": tool_id(part.call_id)}
        inner = part.parts
        if len(inner) == 1 and isinstance(inner[0], parts.Text) and inner[0].cache is None:
            block["content"] = inner[0].text
        elif inner:
            block["content"] = [made for one in inner if (made := self.write(one)) is not None]
        if part.is_error is not None:
            block["is_error"] = part.is_error
        if part.cache is not None:
            block["cache_control"] = cache_control(part.cache)
        return block

    def _image(self, part: parts.Image) -> Block | None:
        media = part.source
        if media.data is not None and media.media_type not in _IMAGES and not self.own:
            self.losses["messages.image"] = "Anthropic takes JPEG, PNG, GIF and WebP images."
            return None
        source = self._source(media, "image")
        if source is None:
            return None
        if part.detail not in (None, "auto", "high"):
            self.losses["messages.image.detail"] = "Anthropic has no levels of detail."
        return _marked({"type": "image", "source": source}, part.cache)

    def _source(self, media: parts.Media, kind: str) -> Block | None:
        if media.url is not None:
            return {"type": "url", "url": media.url}
        if media.data is not None:
            return {"type": "base64", "media_type": media.media_type or _PDF, "data": media.data}
        if media.file_id is not None and self.own:
            return {"type": "file", "file_id": media.file_id}
        self.losses[f"messages.{kind}"] = "A file that was uploaded to another vendor."
        return None

    def _document(self, part: parts.Document) -> Block | None:
        source = self._text_source(part) or (
            None if part.source is None else self._document_source(part.source)
        )
        if source is None:
            return None
        block: Block = {"type": "document", "source": source}
        if part.name is not None:
            block["title"] = part.name
        if part.context is not None:
            block["context"] = part.context
        if part.cite is not None:
            block["citations"] = {"enabled": part.cite}
        return _marked(block, part.cache)

    def _text_source(self, part: parts.Document) -> Block | None:
        text = part.text
        media = part.source
        if text is None and media is not None and (media.media_type or "").startswith("text/"):
            text = _text_of(media.data)
        if text is None:
            return None
        return {"type": "text", "media_type": "text/plain", "data": text}

    def _document_source(self, media: parts.Media) -> Block | None:
        if media.data is not None and media.media_type not in (None, _PDF) and not self.own:
            self.losses["messages.document"] = "Anthropic takes PDF and plain text."
            return None
        return self._source(media, "document")


def _text_of(data: str | None) -> str | None:
    if data is None:
        return None
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


def _marked(block: Block, mark: parts.CacheMark | None) -> Block:
    if mark is not None:
        block["cache_control"] = cache_control(mark)
    return block


def cache_control(mark: parts.CacheMark) -> Block:
    """A mark as `cache_control`."""
    return {"type": "ephemeral"} if mark.ttl is None else {"type": "ephemeral", "ttl": mark.ttl}


def write_call(part: parts.ToolCall) -> Block:
    """A call of a tool, its arguments as they stand where they can."""
    block: Block = {
        "type": "tool_use",
        "id": tool_id(part.id),
        "name": part.name,
        "input": arguments_object(as_arguments(part)),
    }
    return _marked(block, part.cache)


def arguments_object(arguments: str) -> msgspec.Raw | Block:
    """Arguments as an object.

    What isn't one (a model's broken JSON) is the text of its one member, "arguments".
    """
    if not arguments or arguments.isspace():
        return {}
    try:
        _decode_object(arguments)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return {"arguments": arguments}
    return msgspec.Raw(arguments.encode())


def tool_id(text: str) -> str:
    """An id in the letters that Anthropic allows, and like no other."""
    if _ID.match(text):
        return text
    check = zlib.crc32(text.encode("utf-8", "surrogatepass"))
    return f"{_NOT_OF_IDS.sub('_', text)}_{check:08x}"


def _thought(part: parts.Thinking) -> Block | None:
    """Anthropic's own thoughts; those of others prove nothing to it."""
    if part.origin not in KIN:
        return None
    if part.redacted is not None and part.origin == NAME:
        return {"type": "redacted_thinking", "data": part.redacted}
    if part.signature is None:
        return None
    return {"type": "thinking", "thinking": part.text, "signature": part.signature}


def shown_thought(part: parts.Thinking) -> Block:
    """A thought for a caller, who gives it back unchanged."""
    if part.redacted is not None and not part.text and part.id is None and part.origin:
        shown = parts.shown_signature(part.redacted, part.origin, NAME)
        return {"type": "redacted_thinking", "data": shown}
    return {"type": "thinking", "thinking": part.text, "signature": shown_proof(part)}


def call_proof(signature: str | None, origin: str, request: Request) -> Block | None:
    """What proves the thought behind a call, as a block before it.

    Callers that asked for no thoughts are spared it: they needn't know such blocks.
    """
    wanted = request.reasoning
    if signature is None or origin in ("", NAME) or wanted is None or wanted.budget_tokens == 0:
        return None
    return shown_thought(parts.Thinking(redacted=CALL + signature, origin=origin))
