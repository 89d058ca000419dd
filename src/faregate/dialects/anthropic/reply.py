"""Reads and writes whole replies of Messages.

Source: Anthropic's API reference, "Create a Message" (returns), "Handling stop reasons".
"""

from typing import Any, Final

import msgspec

from faregate.dialects.anthropic import shapes, usage
from faregate.dialects.anthropic.block_reader import read_text, read_thought
from faregate.dialects.anthropic.block_writer import Block, call_proof, shown_thought, write_call
from faregate.dialects.anthropic.shapes import NAME, NOTHING
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.reply import Choice, Finish, Reply
from faregate.dialects.translation import Asked, MalformedReplyError
from faregate.dialects.typed_shapes import DECODING_ERRORS

FINISHES: Final[dict[str, Finish]] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "refusal": "refusal",
    "model_context_window_exceeded": "context_length",
}
STOP_REASONS: Final[dict[Finish, str]] = {finish: reason for reason, finish in FINISHES.items()} | {
    "content_filter": "refusal",
    "error": "refusal",
}
# Why a turn that Anthropic has no reason for ended as a refusal.
_EXPLANATIONS: Final[dict[Finish, str]] = {
    "content_filter": "The provider's filter withheld the answer.",
    "error": "The provider failed to finish the answer.",
}


class _Reply(msgspec.Struct):
    content: list[msgspec.Raw]
    id: str = ""
    model: str = ""
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: msgspec.Raw = NOTHING


_decode: Final = msgspec.json.Decoder(_Reply).decode
_decode_usage: Final = msgspec.json.Decoder(usage.StatedUsage | None).decode
_decode_object: Final = msgspec.json.Decoder(dict[str, Any]).decode
_encode: Final = msgspec.json.Encoder().encode


def read_reply(body: bytes) -> Reply:
    """A vendor's whole reply; raises `MalformedReplyError`."""
    try:
        found = _decode(body)
        blocks = tuple([read_block(raw) for raw in found.content])
    except DECODING_ERRORS as error:
        raise MalformedReplyError(str(error)) from None
    stated = read_usage(found.usage)
    return Reply(
        id=found.id,
        model=found.model,
        choices=(
            Choice(
                parts=blocks,
                finish=finish_of(found.stop_reason),
                stop_sequence=found.stop_sequence,
            ),
        ),
        usage=None if stated is None else usage.neutral(stated),
    )


def finish_of(stop_reason: str | None) -> Finish:
    """Why the turn ended; a reason that isn't known is a usual end."""
    return FINISHES.get(stop_reason or "", "stop")


def read_usage(raw: msgspec.Raw | bytes) -> usage.StatedUsage | None:
    """The object `usage`, as far as it can be read; None where there is none."""
    try:
        stated: usage.StatedUsage | None = _decode_usage(raw)
    except DECODING_ERRORS:
        return usage.loosely(bytes(raw))
    return stated


def read_block(raw: msgspec.Raw) -> parts.Part:
    """One block of a reply; raises what decoding raises."""
    try:
        block = shapes.decode_reply_block(raw)
    except msgspec.ValidationError:
        members = _decode_object(raw)
        kind = members.get("type")
        if not isinstance(kind, str) or kind in shapes.REPLY_BLOCKS:
            raise
        return parts.ServerPart(NAME, members)
    if isinstance(block, shapes.TextBlock):
        return read_text(block)
    if isinstance(block, shapes.ReplyToolUse):
        return parts.ToolCall(block.id, block.name, bytes(block.input).decode())
    return read_thought(block)


# -- towards a caller ------------------------------------------------------------------------------


def write_reply(reply: Reply, asked: Asked) -> bytes:
    """A whole reply for a caller; Messages knows one answer."""
    choice = reply.choices[0] if reply.choices else Choice(parts=(), finish="error")
    message: Block = {
        "id": reply.id or asked.call_id,
        "type": "message",
        "role": "assistant",
        "model": reply.model or asked.request.model,
        "content": _content(choice.parts, asked),
        "stop_reason": STOP_REASONS[choice.finish],
        "stop_sequence": choice.stop_sequence,
        "usage": usage.written(reply.usage),
    }
    details = stop_details(choice.finish)
    if details is not None:
        message["stop_details"] = details
    return _encode(message)


def _content(said: tuple[parts.Part, ...], asked: Asked) -> list[Block]:
    found: list[Block | None] = []
    for part in said:
        if isinstance(part, parts.ToolCall):
            found.append(call_proof(part.signature, part.origin, asked.request))
        found.append(write_part(part))
    return [block for block in found if block is not None]


def stop_details(finish: Finish) -> Block | None:
    """What is to be said of an end that Anthropic has no reason for."""
    explanation = _EXPLANATIONS.get(finish)
    if explanation is None:
        return None
    return {"type": "refusal", "category": None, "explanation": explanation}


def write_part(part: parts.Part) -> Block | None:
    """A block of an answer; None for what only another vendor's callers know."""
    if isinstance(part, parts.Text):
        block: Block = {"type": "text", "text": part.text}
        if part.citations:
            block["citations"] = [write_citation(cited) for cited in part.citations]
        return block
    if isinstance(part, parts.ToolCall):
        return write_call(part)
    if isinstance(part, parts.Thinking):
        return shown_thought(part)
    if isinstance(part, parts.ServerPart):
        return part.raw if part.origin == NAME and isinstance(part.raw, dict) else None
    text = shown_media(part)
    return None if text is None else {"type": "text", "text": text}


def write_citation(cited: parts.Citation) -> Block:
    """A source as Anthropic's own, or as the nearest of its kinds."""
    if cited.origin == NAME and isinstance(cited.raw, dict):
        return cited.raw
    if cited.url is not None or cited.document is None:
        return {
            "type": "web_search_result_location",
            "url": cited.url or "",
            "title": cited.title,
            "cited_text": cited.cited_text or "",
            "encrypted_index": "",
        }
    return {
        "type": "char_location",
        "cited_text": cited.cited_text or "",
        "document_index": cited.document,
        "document_title": cited.title,
        "start_char_index": 0,
        "end_char_index": 0,
    }


def shown_media(part: parts.Part) -> str | None:
    """Text for what Messages' answers have no block for."""
    if isinstance(part, parts.RefusalText):
        return part.text
    if isinstance(part, parts.Document) and part.text is not None:
        return part.text
    if isinstance(part, parts.Audio) and part.transcript is not None:
        return part.transcript
    source = getattr(part, "source", None)
    if not isinstance(source, parts.Media):
        return None
    url = source.url
    if url is None and source.data is not None:
        url = f"data:{source.media_type or 'application/octet-stream'};base64,{source.data}"
    return None if url is None else f"![]({url})"
