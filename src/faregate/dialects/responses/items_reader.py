"""Reads items of a conversation: a request's input, a response's output.

What a model put out in a row (thoughts, a message, calls) is one message of the neutral form; so
are results of tools that follow each other. Items that only OpenAI's own tools make stay as they
are.

Source: OpenAI API reference, "Create a model response" (input), "The response object" (output).
"""

from collections.abc import Callable
from typing import Any, Final

from faregate.dialects.neutral.call_proofs import with_proofs
from faregate.dialects.neutral.parts import (
    Audio,
    Document,
    Image,
    Media,
    Part,
    RefusalText,
    ServerPart,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Video,
    read_signature,
)
from faregate.dialects.neutral.request import Message, Role
from faregate.dialects.openai.citations import read_flat_citations
from faregate.dialects.openai.media import audio_type, read_cache, read_url
from faregate.dialects.openai.shape import MisreadError, items, members, optional_text, text

DIALECT: Final = "openai_responses"
REDACTED: Final = "redacted:"  # in front of foreign thoughts that are encrypted whole
_ROLES: Final[dict[str, Role]] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
}
_OUTPUTS: Final = frozenset({"function_call_output", "custom_tool_call_output"})


def read_input(stated: Any) -> tuple[Message, ...]:
    """A request's input: a text or a list of items."""
    if isinstance(stated, str):
        return (Message("user", (Text(stated),)),)
    found: list[Message] = []
    calls: dict[str, ToolCall] = {}
    for at, item in enumerate(items(stated, "input")):
        place = f"input[{at}]"
        kind = text(members(item, place).get("type", "message"), f"{place}.type")
        if kind == "message":
            role, parts, item_id = _read_message(item, place)
            if role == "assistant":
                _add(found, role, parts, item_id)
            else:
                found.append(Message(role, parts, id=item_id))
        elif kind in _OUTPUTS:
            _add(found, "tool", (_read_result(item, place, calls),), None)
        else:
            made = read_output_item(item, place)
            for part in made:
                if isinstance(part, ToolCall):
                    calls[part.id] = part
            _add(found, "assistant", made, None)
    return tuple(
        Message(message.role, with_proofs(message.parts, DIALECT), message.name, message.id)
        if message.role == "assistant"
        else message
        for message in found
    )


def _add(found: list[Message], role: Role, parts: tuple[Part, ...], item_id: str | None) -> None:
    """Go on with the last message if it has the same role."""
    if found and found[-1].role == role:
        last = found[-1]
        found[-1] = Message(role, (*last.parts, *parts), last.name, last.id or item_id)
    else:
        found.append(Message(role, parts, id=item_id))


def _read_message(item: dict[str, Any], place: str) -> tuple[Role, tuple[Part, ...], str | None]:
    stated = text(item.get("role"), f"{place}.role")
    role = _ROLES.get(stated)
    if role is None:
        raise MisreadError(f"{place}.role", f"there is no role '{stated[:40]}'")
    parts = read_content(item.get("content"), f"{place}.content")
    return role, parts, optional_text(item.get("id"), f"{place}.id")


def _read_result(item: dict[str, Any], place: str, calls: dict[str, ToolCall]) -> ToolResult:
    call_id = text(item.get("call_id"), f"{place}.call_id")
    parts = read_content(item.get("output"), f"{place}.output")
    told = tuple(
        part for part in parts if isinstance(part, Text | Image | Document | Audio | Video)
    )
    if len(told) < len(parts):
        raise MisreadError(f"{place}.output", "a tool's result can't have such a part")
    call = calls.get(call_id)
    return ToolResult(
        call_id,
        told,
        name=call.name if call is not None else optional_text(item.get("name"), f"{place}.name"),
        custom=item["type"] == "custom_tool_call_output",
    )


# -- parts -----------------------------------------------------------------------------------------


def read_content(content: Any, place: str) -> tuple[Part, ...]:
    """The parts of a message or of a tool's result."""
    if isinstance(content, str):
        return (Text(content),)
    found: list[Part] = []
    for at, part in enumerate(items(content, place)):
        where = f"{place}[{at}]"
        kind = text(members(part, where).get("type"), f"{where}.type")
        read = _PARTS.get(kind)
        found.append(ServerPart(DIALECT, part) if read is None else read(part, where))
    return tuple(found)


def _read_text(part: dict[str, Any], place: str) -> Part:
    return Text(
        text(part.get("text"), f"{place}.text"),
        read_cache(part),
        read_flat_citations(part.get("annotations"), DIALECT),
    )


def _read_refusal(part: dict[str, Any], place: str) -> Part:
    return RefusalText(text(part.get("refusal"), f"{place}.refusal"))


def _read_image(part: dict[str, Any], place: str) -> Part:
    url = optional_text(part.get("image_url"), f"{place}.image_url")
    file_id = optional_text(part.get("file_id"), f"{place}.file_id")
    if url is None and file_id is None:
        raise MisreadError(place, "it must have image_url or file_id")
    media = Media(file_id=file_id) if url is None else read_url(url)
    return Image(media, optional_text(part.get("detail"), f"{place}.detail"), read_cache(part))


def _read_file(part: dict[str, Any], place: str) -> Part:
    name = optional_text(part.get("filename"), f"{place}.filename")
    data = optional_text(part.get("file_data"), f"{place}.file_data")
    url = optional_text(part.get("file_url"), f"{place}.file_url")
    file_id = optional_text(part.get("file_id"), f"{place}.file_id")
    if data is not None:
        media = read_url(data)
        if media.data is None:
            media = Media(media_type="application/pdf", data=data)
    elif url is not None or file_id is not None:
        media = Media(url=url, file_id=file_id)
    else:
        raise MisreadError(place, "it must have file_data, file_url or file_id")
    return Document(media, name=name, cache=read_cache(part))


def _read_audio(part: dict[str, Any], place: str) -> Part:
    audio = members(part.get("input_audio"), f"{place}.input_audio")
    form = text(audio.get("format"), f"{place}.input_audio.format")
    data = text(audio.get("data"), f"{place}.input_audio.data")
    return Audio(Media(media_type=audio_type(form), data=data), form)


_PARTS: Final[dict[str, Callable[[dict[str, Any], str], Part]]] = {
    "input_text": _read_text,
    "output_text": _read_text,
    "text": _read_text,
    "refusal": _read_refusal,
    "input_image": _read_image,
    "input_file": _read_file,
    "input_audio": _read_audio,
}


# -- what a model put out --------------------------------------------------------------------------


def read_output_item(item: dict[str, Any], place: str) -> tuple[Part, ...]:
    """The parts that one item of an output is."""
    kind = item.get("type")
    if kind == "message":
        return read_content(item.get("content"), f"{place}.content")
    if kind in ("function_call", "custom_tool_call"):
        return (read_call(item, place),)
    if kind == "reasoning":
        return (read_reasoning(item),)
    if kind == "image_generation_call" and isinstance(item.get("result"), str):
        form = item.get("output_format")
        media_type = f"image/{form}" if isinstance(form, str) else "image/png"
        return (Image(Media(media_type=media_type, data=item["result"])),)
    return (ServerPart(DIALECT, item),)


def read_call(item: dict[str, Any], place: str) -> ToolCall:
    """A call of a function or of a tool of free text."""
    custom = item.get("type") == "custom_tool_call"
    said = item.get("input" if custom else "arguments")
    return ToolCall(
        text(item.get("call_id"), f"{place}.call_id"),
        text(item.get("name"), f"{place}.name"),
        said if isinstance(said, str) else "",
        custom=custom,
    )


def read_proof(item: dict[str, Any]) -> tuple[str | None, str | None, str]:
    """A reasoning item's signature or encrypted thoughts, and the origin."""
    shown = item.get("encrypted_content")
    if not isinstance(shown, str) or not shown:
        return None, None, ""
    proof, origin = read_signature(shown, DIALECT)
    if origin != DIALECT and proof.startswith(REDACTED):
        return None, proof[len(REDACTED) :], origin
    return proof, None, origin


def read_reasoning(item: dict[str, Any]) -> Thinking:
    """A model's thoughts: in full where they are shown, or a summary.

    Its id belongs to what proves it.
    """
    full, summary = _joined(item.get("content")), _joined(item.get("summary"))
    signature, redacted, origin = read_proof(item)
    item_id = item.get("id") if origin == DIALECT else None
    return Thinking(
        full or summary,
        signature,
        redacted,
        item_id if isinstance(item_id, str) else None,
        is_summary=bool(summary and not full),
        origin=origin,
    )


def _joined(pieces: Any) -> str:
    if not isinstance(pieces, list):
        return ""
    return "\n\n".join(
        piece["text"]
        for piece in pieces
        if isinstance(piece, dict) and isinstance(piece.get("text"), str)
    )
