"""Reads the blocks of a message as neutral parts."""

from typing import Any, Final

import msgspec

from faregate.dialects.anthropic import shapes
from faregate.dialects.anthropic.shapes import NAME
from faregate.dialects.neutral import parts
from faregate.dialects.shapes import ShapeError
from faregate.dialects.typed_shapes import DECODING_ERRORS, shape_error

_IN_RESULTS: Final = (parts.Text, parts.Image, parts.Document)
_decode_object: Final = msgspec.json.Decoder(dict[str, Any]).decode


def read_block(raw: msgspec.Raw, place: str) -> parts.Part:
    """One block of a request; what only Anthropic knows is kept as it is.

    Raises `ShapeError`.
    """
    try:
        block = shapes.decode_strict_block(raw)
    except msgspec.ValidationError as error:
        return _foreign_block(raw, place, error)
    except DECODING_ERRORS as error:
        raise shape_error(error, place) from None
    if isinstance(block, shapes.TextBlock):
        return read_text(block)
    if isinstance(block, shapes.ToolUseBlock):
        return _read_call(block, place)
    if isinstance(block, shapes.ToolResultBlock):
        return _read_result(block, raw, place)
    if isinstance(block, shapes.ImageBlock):
        return parts.Image(_media(block.source), cache=mark_of(block.cache_control))
    if isinstance(block, shapes.DocumentBlock):
        return _read_document(block)
    return read_thought(block)


def _foreign_block(raw: msgspec.Raw, place: str, error: msgspec.ValidationError) -> parts.Part:
    try:
        block = _decode_object(raw)
    except DECODING_ERRORS as other:
        raise shape_error(other, place) from None
    kind = block.get("type")
    if not isinstance(kind, str):
        raise ShapeError(f"{place}.type", "it must name the block's type")
    text = str(error)
    if kind in shapes.KNOWN_BLOCKS and not text.startswith(
        ("Object contains unknown field", "Invalid value", "Invalid enum value")
    ):
        raise shape_error(error, place)
    return parts.ServerPart(NAME, block)


def mark_of(control: shapes.CacheControl | None) -> parts.CacheMark | None:
    """The neutral mark of a block's `cache_control`."""
    return None if control is None else parts.CacheMark(control.ttl)


def read_text(block: shapes.TextBlock) -> parts.Text:
    """Text with its sources."""
    if not block.citations:
        if block.cache_control is None:
            return parts.Text(block.text)
        return parts.Text(block.text, mark_of(block.cache_control))
    sources = tuple(read_citation(raw) for raw in block.citations)
    return parts.Text(block.text, mark_of(block.cache_control), sources)


def read_citation(raw: dict[str, Any]) -> parts.Citation:
    """One source; what other dialects can say of it, and all of it."""
    document = raw.get("document_index")
    return parts.Citation(
        url=_text(raw.get("url")),
        title=_text(raw.get("title")) or _text(raw.get("document_title")),
        cited_text=_text(raw.get("cited_text")),
        document=document if isinstance(document, int) else None,
        raw=raw,
        origin=NAME,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _read_call(block: shapes.ToolUseBlock, place: str) -> parts.ToolCall:
    arguments = bytes(block.input)
    if not arguments.startswith(b"{"):
        raise ShapeError(f"{place}.input", "it must be a JSON object")
    return parts.ToolCall(
        block.id, block.name, _decoded(arguments, place), cache=mark_of(block.cache_control)
    )


def _decoded(text: bytes, place: str) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise shape_error(error, place) from None


def _read_result(
    block: shapes.ToolResultBlock, raw: msgspec.Raw, place: str
) -> parts.ToolResult | parts.ServerPart:
    content = block.content
    if content is None:
        found: tuple[Any, ...] = ()
    elif isinstance(content, str):
        found = (parts.Text(content),)
    else:
        found = tuple(
            read_block(inner, f"{place}.content.{at}") for at, inner in enumerate(content)
        )
        if not all(isinstance(part, _IN_RESULTS) for part in found):
            return parts.ServerPart(NAME, _decode_object(raw))
    return parts.ToolResult(
        block.tool_use_id, found, is_error=block.is_error, cache=mark_of(block.cache_control)
    )


def _media(source: shapes.Base64Source | shapes.UrlSource | shapes.FileSource) -> parts.Media:
    if isinstance(source, shapes.Base64Source):
        return parts.Media(media_type=source.media_type, data=source.data)
    if isinstance(source, shapes.UrlSource):
        return parts.Media(url=source.url)
    return parts.Media(file_id=source.file_id)


def _read_document(block: shapes.DocumentBlock) -> parts.Document:
    source = block.source
    return parts.Document(
        None if isinstance(source, shapes.TextSource) else _media(source),
        source.data if isinstance(source, shapes.TextSource) else None,
        block.title,
        block.context,
        None if block.citations is None else block.citations.enabled,
        mark_of(block.cache_control),
    )


def read_thought(block: shapes.ThinkingBlock | shapes.RedactedThinkingBlock) -> parts.Thinking:
    """Thoughts; a foreign proof is told apart by `parts.read_signature`."""
    if isinstance(block, shapes.RedactedThinkingBlock):
        data, origin = parts.read_signature(block.data, NAME)
        return parts.Thinking(redacted=data, origin=origin)
    if not block.signature:
        return parts.Thinking(block.thinking)
    return _unpacked(block.thinking, block.signature)


def _unpacked(text: str, shown: str) -> parts.Thinking:
    signature, origin = parts.read_signature(shown, NAME)
    if origin == _UNPROVEN:
        return parts.Thinking(text)
    if origin != NAME and signature.startswith("{"):
        try:
            proof = msgspec.json.decode(signature, type=_Proof)
        except DECODING_ERRORS:
            return parts.Thinking(text, signature, origin=origin)
        return parts.Thinking(
            text, proof.signature, proof.redacted, proof.id, proof.is_summary, origin
        )
    return parts.Thinking(text, signature, origin=origin)


_UNPROVEN: Final = "-"  # in the place of an origin: nobody's proof, which Anthropic would refuse


class _Proof(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """What a foreign thought has beside its text, in the place of Anthropic's signature."""

    signature: str | None = None
    redacted: str | None = None
    id: str | None = None
    is_summary: bool = False


def shown_proof(thought: parts.Thinking) -> str:
    """What a caller shall give back with the thought."""
    plain = thought.redacted is None and thought.id is None and not thought.is_summary
    if not (thought.signature or thought.redacted or thought.origin):
        return parts.shown_signature("", _UNPROVEN, NAME)
    if thought.origin in ("", NAME) or (plain and thought.signature is not None):
        return parts.shown_signature(thought.signature or "", thought.origin or NAME, NAME)
    proof = _Proof(thought.signature, thought.redacted, thought.id, thought.is_summary)
    return parts.shown_signature(msgspec.json.encode(proof).decode(), thought.origin, NAME)
