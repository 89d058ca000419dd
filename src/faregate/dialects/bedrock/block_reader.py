"""Reads Converse's blocks of content as neutral parts.

A block is an object of one member, which names its kind. Kinds that only Bedrock knows, and
blocks with members that aren't known here, are kept whole.

Source: Amazon Bedrock API reference, "ContentBlock".
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any, Final

import msgspec

from faregate.dialects.bedrock.media import media_type_of
from faregate.dialects.neutral import parts
from faregate.dialects.shapes import Object, ShapeError, as_list, as_object, as_text

NAME: Final = "bedrock_converse"
_FOREIGN: Final = base64.b64encode(b"faregate:").decode()  # nine bytes: nothing hangs over
_CACHED: Final = (
    parts.Text, parts.Image, parts.Video, parts.Document, parts.ToolCall, parts.ToolResult,
)  # fmt: skip


def read_blocks(blocks: object, place: str) -> tuple[parts.Part, ...]:
    """A message's content; a cache point marks the part before it.

    Raises `ShapeError`.
    """
    found: list[parts.Part] = []
    for at, value in enumerate(as_list(blocks, place)):
        block = as_object(value, f"{place}.{at}")
        last = found[-1] if found else None
        mark = read_mark(block)
        if mark is not None and isinstance(last, _CACHED) and last.cache is None:
            found[-1] = msgspec.structs.replace(last, cache=mark)
        else:
            found.append(read_block(block, f"{place}.{at}"))
    return tuple(found)


def read_mark(block: Object) -> parts.CacheMark | None:
    """A block that is nothing but a usual cache point."""
    point = block.get("cachePoint")
    if len(block) != 1 or not isinstance(point, dict) or point.get("type") != "default":
        return None
    ttl = point.get("ttl")
    return parts.CacheMark(ttl) if ttl in (None, "5m", "1h") else None


def read_block(block: Object, place: str) -> parts.Part:
    """One block; raises `ShapeError`."""
    if len(block) == 1:
        ((kind, value),) = block.items()
        read = _READERS.get(kind)
        if read is not None:
            return read(value, f"{place}.{kind}") or parts.ServerPart(NAME, block)
    return parts.ServerPart(NAME, block)


def _read_text(value: object, place: str) -> parts.Part:
    return parts.Text(as_text(value, place))


def _has_only(value: Object, *names: str) -> bool:
    return not value.keys() - set(names)


def _media(kind: str, value: Object, place: str) -> parts.Media | None:
    """Where an image, a document, a film or sound is; None for what isn't known here."""
    source = as_object(value.get("source"), f"{place}.source")
    name = value.get("format")
    media_type = media_type_of(kind, name) if isinstance(name, str) else None
    if isinstance(source.get("bytes"), str) and len(source) == 1:
        return parts.Media(media_type=media_type, data=source["bytes"])
    location = source.get("s3Location")
    if isinstance(location, dict) and location.keys() == {"uri"} and len(source) == 1:
        return parts.Media(media_type=media_type, url=as_text(location["uri"], place))
    if not source:
        raise ShapeError(f"{place}.source", "it must have bytes or s3Location")
    return None


def _read_image(value: object, place: str) -> parts.Part | None:
    image = as_object(value, place)
    media = _media("image", image, place)
    return parts.Image(media) if media and _has_only(image, "format", "source") else None


def _read_video(value: object, place: str) -> parts.Part | None:
    video = as_object(value, place)
    media = _media("video", video, place)
    return parts.Video(media) if media and _has_only(video, "format", "source") else None


def _read_audio(value: object, place: str) -> parts.Part | None:
    audio = as_object(value, place)
    media = _media("audio", audio, place)
    if media is None or not _has_only(audio, "format", "source"):
        return None
    return parts.Audio(media, format=audio.get("format"))


def _read_document(value: object, place: str) -> parts.Part | None:
    document = as_object(value, place)
    if not _has_only(document, "format", "name", "source", "context", "citations"):
        return None
    source = as_object(document.get("source"), f"{place}.source")
    text = source.get("text")
    media = None
    if not isinstance(text, str):
        text, media = None, _media("document", document, place)
        if media is None:
            return None
    elif document.get("format") not in (None, "txt"):
        return None
    cite = as_object(document.get("citations") or {}, f"{place}.citations").get("enabled")
    return parts.Document(
        media,
        text,
        _optional(document, "name", place),
        _optional(document, "context", place),
        cite if isinstance(cite, bool) else None,
    )


def _optional(members: Object, name: str, place: str) -> str | None:
    value = members.get(name)
    return None if value is None else as_text(value, f"{place}.{name}")


def _read_call(value: object, place: str) -> parts.Part | None:
    call = as_object(value, place)
    if call.get("type") is not None:
        return None  # a tool that the vendor runs
    found = as_object(call.get("input", {}), f"{place}.input")
    return parts.ToolCall(
        as_text(call.get("toolUseId"), f"{place}.toolUseId"),
        as_text(call.get("name"), f"{place}.name"),
        msgspec.json.encode(found).decode(),
    )


def _read_result(value: object, place: str) -> parts.Part | None:
    result = as_object(value, place)
    if result.get("type") is not None:
        return None
    found: list[Any] = []
    for at, inner in enumerate(as_list(result.get("content", []), f"{place}.content")):
        block = as_object(inner, f"{place}.content.{at}")
        if "json" in block and len(block) == 1:
            found.append(parts.Text(msgspec.json.encode(block["json"]).decode()))
            continue
        part = read_block(block, f"{place}.content.{at}")
        if not isinstance(part, (parts.Text, parts.Image, parts.Document, parts.Video)):
            return None
        found.append(part)
    status = result.get("status")
    return parts.ToolResult(
        as_text(result.get("toolUseId"), f"{place}.toolUseId"),
        tuple(found),
        is_error=None if status is None else status == "error",
    )


def _read_thought(value: object, place: str) -> parts.Part | None:
    thought = as_object(value, place)
    redacted = thought.get("redactedContent")
    if isinstance(redacted, str):
        return read_redacted(redacted)
    said = as_object(thought.get("reasoningText"), f"{place}.reasoningText")
    text = as_text(said.get("text"), f"{place}.reasoningText.text")
    signature = said.get("signature")
    if not isinstance(signature, str) or not signature:
        return parts.Thinking(text)
    proof, origin = parts.read_signature(signature, NAME)
    return parts.Thinking(text, proof, origin=origin)


def read_redacted(data: str) -> parts.Thinking:
    """Encrypted thoughts, in base64; another vendor's say whose they are."""
    if data.startswith(_FOREIGN):
        try:
            shown = base64.b64decode(data, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return parts.Thinking(redacted=data, origin=NAME)
        found, origin = parts.read_signature(shown, NAME)
        return parts.Thinking(redacted=found, origin=origin)
    return parts.Thinking(redacted=data, origin=NAME)


def _read_cited(value: object, place: str) -> parts.Part | None:
    cited = as_object(value, place)
    pieces = [
        as_text(as_object(one, place).get("text"), place)
        for one in as_list(cited.get("content") or [], f"{place}.content")
    ]
    sources = as_list(cited.get("citations") or [], f"{place}.citations")
    found = tuple([read_citation(as_object(one, place)) for one in sources])
    return parts.Text("".join(pieces), citations=found)


def read_citation(raw: Object) -> parts.Citation:
    """One source; what other dialects can say of it, and all of it."""
    location = raw.get("location")
    location = location if isinstance(location, dict) else {}
    web = location.get("web")
    url = web.get("url") if isinstance(web, dict) else None
    documents = [
        one.get("documentIndex")
        for name, one in location.items()
        if name.startswith("document") and isinstance(one, dict)
    ]
    pieces = raw.get("sourceContent")
    texts = [
        one["text"]
        for one in (pieces if isinstance(pieces, list) else ())
        if isinstance(one, dict) and isinstance(one.get("text"), str)
    ]
    title = raw.get("title")
    return parts.Citation(
        url=url if isinstance(url, str) else None,
        title=title if isinstance(title, str) else None,
        cited_text="".join(texts) or None,
        document=documents[0] if documents and isinstance(documents[0], int) else None,
        raw=raw,
        origin=NAME,
    )


_READERS: Final[dict[str, Callable[[object, str], parts.Part | None]]] = {
    "text": _read_text,
    "image": _read_image,
    "video": _read_video,
    "audio": _read_audio,
    "document": _read_document,
    "toolUse": _read_call,
    "toolResult": _read_result,
    "reasoningContent": _read_thought,
    "citationsContent": _read_cited,
}
