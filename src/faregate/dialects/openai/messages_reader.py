"""Reads the messages of a chat request, and of a reply.

Understood are also the parts of OpenAI's followers: `video_url` (Qwen, vLLM, OpenRouter), thoughts
in any of their places, Mistral's chunks, `cache_control`.

Sources: OpenAI API reference, "Create chat completion"; Mistral, "Chat completion API".
"""

from collections.abc import Callable
from typing import Any, Final, TypeGuard

import msgspec

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
from faregate.dialects.openai.media import audio_type, read_cache, read_url
from faregate.dialects.openai.shape import MisreadError, items, members, optional_text, text
from faregate.dialects.openai.thoughts import read_proof, read_thoughts

Json = Any
_ROLES: Final[dict[str, Role]] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
}


def read_messages(messages: Json, dialect: str) -> tuple[Message, ...]:
    """The whole conversation; neighbouring results are one message."""
    found: list[Message] = []
    calls: dict[str, ToolCall] = {}
    named: dict[str, str] = {}  # ids of calls by the older form, which has only names
    results: list[ToolResult] = []
    for at, message in enumerate(items(messages, "messages")):
        place = f"messages[{at}]"
        role = text(members(message, place).get("role"), f"{place}.role")
        if role in ("tool", "function"):
            results.append(_read_result(message, place, calls, named))
            continue
        if results:
            found.append(Message("tool", tuple(results)))
            results = []
        known = _ROLES.get(role)
        if known is None:
            raise MisreadError(f"{place}.role", f"there is no role '{role[:40]}'")
        name = optional_text(message.get("name"), f"{place}.name")
        if known != "assistant":
            content = message.get("content")
            found.append(Message(known, read_content(content, f"{place}.content", dialect), name))
            continue
        parts = read_answer(message, place, dialect, number=len(calls) + 1)
        for part in parts:
            if isinstance(part, ToolCall):
                calls[part.id] = part
                named[part.name] = part.id
        found.append(Message(known, parts, name))
    if results:
        found.append(Message("tool", tuple(results)))
    return tuple(found)


def _read_result(
    message: dict[str, Any], place: str, calls: dict[str, ToolCall], named: dict[str, str]
) -> ToolResult:
    name = optional_text(message.get("name"), f"{place}.name")
    call_id = message.get("tool_call_id")
    if call_id is None and name is not None:
        call_id = named.get(name, name)
    call_id = text(call_id, f"{place}.tool_call_id")
    call = calls.get(call_id)
    if name is None and call is not None:
        name = call.name
    content = message.get("content")
    parts = () if content is None else read_content(content, f"{place}.content", "")
    told = tuple(
        part for part in parts if isinstance(part, Text | Image | Document | Audio | Video)
    )
    if len(told) < len(parts):
        raise MisreadError(f"{place}.content", "a tool's result can't have such a part")
    return ToolResult(
        call_id,
        told,
        name=name,
        custom=call is not None and call.custom,
        cache=read_cache(message),
    )


# -- parts -----------------------------------------------------------------------------------------


def read_content(content: Json, place: str, dialect: str) -> tuple[Part, ...]:
    """The parts of a message's content, which may be one string."""
    if isinstance(content, str):
        return (Text(content),)
    return tuple(
        _read_part(members(part, f"{place}[{at}]"), f"{place}[{at}]", dialect)
        for at, part in enumerate(items(content, place))
    )


def _read_part(part: dict[str, Any], place: str, dialect: str) -> Part:
    kind = text(part.get("type"), f"{place}.type")
    if kind == "text":
        return Text(text(part.get("text"), f"{place}.text"), read_cache(part))
    read = _PARTS.get(kind)
    return ServerPart(dialect, part) if read is None else read(part, place, dialect)


def _read_image(part: dict[str, Any], place: str, dialect: str) -> Part:
    image = part.get("image_url")
    detail = None
    if isinstance(image, dict):
        detail = optional_text(image.get("detail"), f"{place}.image_url.detail")
        image = image.get("url")
    return Image(read_url(text(image, f"{place}.image_url")), detail, read_cache(part))


def _read_audio(part: dict[str, Any], place: str, dialect: str) -> Part:
    audio = part.get("input_audio")
    if isinstance(audio, str):  # Mistral: a URL or base64
        media = read_url(audio)
        is_url = media.data is not None or audio.startswith(("https:", "http:"))
        return Audio(media if is_url else Media(data=audio))
    audio = members(audio, f"{place}.input_audio")
    form = text(audio.get("format"), f"{place}.input_audio.format")
    data = text(audio.get("data"), f"{place}.input_audio.data")
    return Audio(Media(media_type=audio_type(form), data=data), form)


def _read_file(part: dict[str, Any], place: str, dialect: str) -> Part:
    if isinstance(part.get("file_id"), str):  # Mistral
        return Document(Media(file_id=part["file_id"]), cache=read_cache(part))
    place = f"{place}.file"
    stated = members(part.get("file"), place)
    name = optional_text(stated.get("filename"), f"{place}.filename")
    file_id = optional_text(stated.get("file_id"), f"{place}.file_id")
    data = optional_text(stated.get("file_data"), f"{place}.file_data")
    if data is None and file_id is None:
        raise MisreadError(place, "it must have file_data or file_id")
    if data is None:
        media = Media(file_id=file_id)
    elif data.startswith(("data:", "https:", "http:")):
        media = read_url(data)
    else:
        media = Media(media_type="application/pdf", data=data)
    return Document(media, name=name, cache=read_cache(part))


def _read_video(part: dict[str, Any], place: str, dialect: str) -> Part:
    video = part.get("video_url")
    if isinstance(video, dict):
        video = video.get("url")
    return Video(read_url(text(video, f"{place}.video_url")), read_cache(part))


def _read_document(part: dict[str, Any], place: str, dialect: str) -> Part:
    url = text(part.get("document_url"), f"{place}.document_url")
    return Document(read_url(url), name=optional_text(part.get("document_name"), place))


def _read_refusal(part: dict[str, Any], place: str, dialect: str) -> Part:
    return RefusalText(text(part.get("refusal"), f"{place}.refusal"))


def _read_thinking(part: dict[str, Any], place: str, dialect: str) -> Part:
    """Mistral's chunk of thoughts, which are chunks themselves."""
    thinking = part.get("thinking")
    if not isinstance(thinking, str):
        said = items(thinking, f"{place}.thinking")
        thinking = "".join(
            inner["text"]
            for inner in said
            if isinstance(inner, dict) and isinstance(inner.get("text"), str)
        )
    proof = read_proof(part, "signature", dialect)
    if proof is None:
        return Thinking(thinking)
    return Thinking(thinking, proof[0], origin=proof[1])


_PARTS: Final[dict[str, Callable[[dict[str, Any], str, str], Part]]] = {
    "image_url": _read_image,
    "input_audio": _read_audio,
    "file": _read_file,
    "video_url": _read_video,
    "document_url": _read_document,
    "refusal": _read_refusal,
    "thinking": _read_thinking,
}


# -- what a model said -----------------------------------------------------------------------------


def read_answer(
    message: dict[str, Any], place: str, dialect: str, *, number: int = 1
) -> tuple[Part, ...]:
    """All parts of an assistant's message.

    `number` is its first call's, where that has no id.
    """
    said = message.get("reasoning_content") or message.get("reasoning")
    plain = said if isinstance(said, str) else None
    details = message.get("reasoning_details")
    parts: list[Part] = []
    if plain is not None or details is not None:
        parts += read_thoughts(details, plain, dialect)
    content = message.get("content")
    if content is not None and content != "":
        parts += read_content(content, f"{place}.content", dialect)
    refusal = optional_text(message.get("refusal"), f"{place}.refusal")
    if refusal:
        parts.append(RefusalText(refusal))
    if message.get("audio") is not None:
        parts.append(_read_answer_audio(members(message["audio"], f"{place}.audio")))
    if message.get("images") is not None:
        parts += read_content(message["images"], f"{place}.images", dialect)
    calls = message.get("tool_calls")
    for at, call in enumerate(items(calls, f"{place}.tool_calls") if calls is not None else ()):
        where = f"{place}.tool_calls[{at}]"
        parts.append(read_call(members(call, where), where, dialect, number + at))
    old = message.get("function_call")
    if old is not None:
        call = {"function": old}
        parts.append(read_call(call, place, dialect, number))
    if not parts and content == "":
        parts.append(Text(""))
    return tuple(parts)


def _read_answer_audio(audio: dict[str, Any]) -> Audio:
    data, stated_id, transcript = audio.get("data"), audio.get("id"), audio.get("transcript")
    return Audio(
        Media(data=data if isinstance(data, str) else None),
        id=stated_id if isinstance(stated_id, str) else None,
        transcript=transcript if isinstance(transcript, str) else None,
    )


def read_call(call: dict[str, Any], place: str, dialect: str, number: int) -> ToolCall:
    """One call; arguments that are an object (Ollama, Mistral) become text."""
    custom = call.get("custom")
    stated = members(custom if custom is not None else call.get("function"), f"{place}.function")
    name = text(stated.get("name"), f"{place}.function.name")
    arguments = stated.get("input" if custom is not None else "arguments")
    proof = read_call_proof(call.get("extra_content"), dialect)
    stated_id = call.get("id")
    return ToolCall(
        stated_id if is_call_id(stated_id) else f"call_{number}",
        name,
        arguments_text(arguments),
        proof[0] if proof else None,
        proof[1] if proof else "",
        custom=custom is not None,
    )


def is_call_id(stated: object) -> TypeGuard[str]:
    """Whether it names a call: Mistral says "null" where it has none."""
    return isinstance(stated, str) and stated not in ("", "null")


def arguments_text(arguments: object) -> str:
    """Arguments as text, however they came."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else msgspec.json.encode(arguments).decode()


def read_call_proof(extra: object, dialect: str) -> tuple[str, str] | None:
    """The signature of the thought behind a call, and its origin.

    Source: Google, "Thought signatures".
    """
    google = extra.get("google") if isinstance(extra, dict) else None
    shown = google.get("thought_signature") if isinstance(google, dict) else None
    return read_signature(shown, dialect) if isinstance(shown, str) else None
