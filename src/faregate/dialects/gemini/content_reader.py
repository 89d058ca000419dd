"""Reads the parts of Gemini's contents, in requests and in replies.

Sources: Gemini API, "Caching" (Content, Part, Blob, FileData, FunctionCall, FunctionResponse),
"Thought signatures", "Function calling" (multimodal function responses).
"""

import base64
import binascii
import mimetypes
from typing import Any, Final

import msgspec

from faregate.dialects.gemini import signatures
from faregate.dialects.gemini.spelling import normal
from faregate.dialects.neutral import parts
from faregate.dialects.openai.media import audio_format
from faregate.dialects.shapes import (
    Object,
    ShapeError,
    as_object,
    as_text,
    optional_list,
    optional_object,
)

NAME: Final = signatures.NAME
_PROOF: Final = frozenset(("thought", "thoughtSignature"))
_MEDIA: Final = frozenset(("inlineData", "fileData"))
_VIDEO_PLACES: Final = ("https://www.youtube.com/", "https://youtu.be/", "https://youtube.com/")


class ContentReader:
    """Reads contents in their order, and gives ids to calls without one.

    `stem` begins those ids; `detail` is of all images.
    """

    __slots__ = ("_calls", "_detail", "_open", "_stem")

    def __init__(self, stem: str, detail: str | None = None) -> None:
        self._stem = stem
        self._detail = detail
        self._calls = 0
        self._open: dict[str, list[str]] = {}  # ids of the calls without a result, by name

    def read(self, part: object, place: str) -> list[parts.Part]:
        """One part as one or two; raises `ShapeError`."""
        members = normal(as_object(part, place))
        signature = members.get("thoughtSignature")
        if signature is not None:
            as_text(signature, f"{place}.thoughtSignature")
            if signature == signatures.UNSIGNED:
                signature = None
        text = members.get("text")
        if members.keys() <= {"text", *_PROOF} and text is not None:
            as_text(text, f"{place}.text")
            if members.get("thought") is True or (not text and signature):
                if signature:
                    return [signatures.read_thought(signature, text)]
                return [parts.Thinking(text)]
            read: parts.Part = parts.Text(text)
        elif "functionCall" in members and members.keys() <= {"functionCall", *_PROOF}:
            return [self.call(members["functionCall"], signature, f"{place}.functionCall")]
        elif "functionResponse" in members and members.keys() <= {"functionResponse", *_PROOF}:
            read = self.result(members["functionResponse"], f"{place}.functionResponse")
        elif len(members.keys() & _MEDIA) == 1 and members.keys() <= _MEDIA | _PROOF:
            read = self.media(members, place)
        elif not members.keys() - _PROOF:
            if signature:  # Gemini ends a stream with the signature alone
                return [signatures.read_thought(signature, "")]
            raise ShapeError(place, "it holds nothing")
        else:
            return [parts.ServerPart(NAME, members)]
        return [read, signatures.read_thought(signature, "")] if signature else [read]

    def call(self, value: object, signature: str | None, place: str) -> parts.ToolCall:
        """A function call; raises `ShapeError`."""
        members = normal(as_object(value, place))
        name = as_text(members.get("name"), f"{place}.name")
        arguments = members.get("args")
        if arguments is not None:
            as_object(arguments, f"{place}.args")
        call_id = members.get("id") or f"{self._stem}{self._calls}"
        self._calls += 1
        self._open.setdefault(name, []).append(as_text(call_id, f"{place}.id"))
        proof, origin = signatures.read(signature) if signature else (None, "")
        return parts.ToolCall(call_id, name, json_text(arguments or {}), proof, origin)

    def result(self, value: object, place: str) -> parts.ToolResult:
        """A function's response; without an id, to the oldest of its name."""
        members = normal(as_object(value, place))
        name = as_text(members.get("name"), f"{place}.name")
        unanswered = self._open.get(name, [])
        call_id = members.get("id")
        if call_id:
            if as_text(call_id, f"{place}.id") in unanswered:
                unanswered.remove(call_id)
        elif unanswered:
            call_id = unanswered.pop(0)
        else:
            call_id = f"{self._stem}{self._calls}"
            self._calls += 1
        response = optional_object(members.get("response"), f"{place}.response")
        media: dict[str, Any] = {}
        for at, part in enumerate(optional_list(members.get("parts"), f"{place}.parts")):
            inner = f"{place}.parts[{at}]"
            found = normal(as_object(part, inner))
            name_of_part = _display_name(found)
            if name_of_part is None or name_of_part in media:
                name_of_part = f"part_{at}"
            media[name_of_part] = self.media(found, inner)
        read, is_error = _result_parts(response, media)
        return parts.ToolResult(call_id, read, name=name, is_error=is_error)

    def media(self, members: Object, place: str) -> Any:
        """An image, a sound, a film or a document."""
        if members.get("inlineData") is not None:
            place = f"{place}.inlineData"
            blob = normal(as_object(members["inlineData"], place))
            data = signatures.standard(as_text(blob.get("data"), f"{place}.data"))
            kind = as_text(blob.get("mimeType"), f"{place}.mimeType")
            source = parts.Media(media_type=kind, data=data)
        else:
            place = f"{place}.fileData"
            blob = normal(as_object(members.get("fileData"), place))
            uri = as_text(blob.get("fileUri"), f"{place}.fileUri")
            said = blob.get("mimeType")
            if said is not None:
                as_text(said, f"{place}.mimeType")
            kind = guessed_type(uri)
            source = parts.Media(media_type=None if said == kind else said, url=uri)
            kind = said or kind
        return self._medium(source, kind.partition(";")[0].strip().lower(), blob)

    def _medium(self, source: parts.Media, kind: str, blob: Object) -> Any:
        medium = kind.partition("/")[0]
        if medium == "image":
            return parts.Image(source, self._detail)
        if medium == "audio":
            return parts.Audio(source, audio_format(kind))
        if medium == "video":
            return parts.Video(source)
        name = blob.get("displayName")
        if kind == "text/plain" and source.data is not None:
            try:
                text = base64.b64decode(source.data, validate=True).decode()
                return parts.Document(text=text, name=name)
            except (binascii.Error, UnicodeDecodeError):
                pass  # not what it says: it goes on as the bytes that it is
        return parts.Document(source, name=name)


def json_text(value: Any) -> str:
    """A value as compact JSON text."""
    return msgspec.json.encode(value).decode()


def guessed_type(uri: str) -> str:
    """The media type by the address alone."""
    if uri.startswith(_VIDEO_PLACES):
        return "video/mp4"
    return mimetypes.guess_type(uri.partition("?")[0])[0] or "application/octet-stream"


def _display_name(part: Object) -> str | None:
    for kind in _MEDIA:
        blob = part.get(kind)
        if isinstance(blob, dict):
            name = normal(blob).get("displayName")
            if isinstance(name, str):
                return name
    return None


def _result_parts(response: Object, media: dict[str, Any]) -> tuple[tuple[Any, ...], bool | None]:
    """The parts of a response in their order, and whether the tool failed."""
    is_error = None
    value: Any = response
    if response.keys() == {"error"}:
        is_error, value = True, response["error"]
    elif response.keys() == {"output"}:
        value = response["output"]
    if isinstance(value, dict) and value.keys() == {"content"}:
        ordered = _ordered(value["content"], media)
        if ordered is not None:
            return ordered, is_error
    if value == {} and media:
        return tuple(media.values()), is_error
    text = value if isinstance(value, str) else json_text(value)
    return (parts.Text(text), *media.values()), is_error


def _ordered(content: Any, media: dict[str, Any]) -> tuple[Any, ...] | None:
    """Parts that stand in a list, as `content_writer` and MCP write them."""
    if not isinstance(content, list):
        return None
    left = dict(media)
    found: list[Any] = []
    for one in content:
        if not isinstance(one, dict):
            return None
        if one.keys() == {"type", "text"} and isinstance(one["text"], str):
            found.append(parts.Text(one["text"]))
        elif one.keys() == {"$ref"} and isinstance(one["$ref"], str) and one["$ref"] in left:
            found.append(left.pop(one["$ref"]))
        else:
            return None
    return (*found, *left.values())
