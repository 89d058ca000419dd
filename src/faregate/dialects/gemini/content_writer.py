"""Writes parts as Gemini's, in requests and in replies.

Sources: those of `content_reader`.
"""

import base64
from typing import Any, Final

from faregate.dialects.gemini import signatures
from faregate.dialects.gemini.content_reader import NAME, guessed_type
from faregate.dialects.neutral import parts
from faregate.dialects.shapes import Object, object_of_text

_AUDIO_TYPES: Final = {"pcm16": "audio/pcm", "pcm": "audio/pcm"}
_UNPROVEN: Final = ("text", "inlineData", "fileData")


class ContentWriter:
    """Writes parts, and keeps what it can't carry in `lost`.

    To a vendor (`to_vendor`) thoughts and proofs of another origin are left out: they mean
    nothing there. To a caller they are written so that it can give them back.
    """

    __slots__ = ("_names", "_to_vendor", "lost")

    def __init__(self, *, to_vendor: bool) -> None:
        self._to_vendor = to_vendor
        self._names: dict[str, str] = {}  # of the tools that were called, by the call's id
        self.lost: dict[str, str] = {}

    def write(self, found: tuple[parts.Part, ...]) -> list[Object]:
        """The parts of one content."""
        made: list[Object] = []
        for part in found:
            written = self._part(part, made[-1] if made else None)
            if written is not None:
                made.append(written)
        return made

    def _part(self, part: parts.Part, before: Object | None) -> Object | None:
        if isinstance(part, parts.Text):
            self._note_cache(part.cache)
            return {"text": part.text}
        if isinstance(part, parts.Thinking):
            return self._thought(part, before)
        if isinstance(part, parts.ToolCall):
            return self._call(part)
        if isinstance(part, parts.ToolResult):
            return self._result(part)
        if isinstance(part, parts.RefusalText):
            return {"text": part.text}
        if isinstance(part, parts.ServerPart):
            if part.origin == NAME and isinstance(part.raw, dict):
                return part.raw
            why = "Gemini knows nothing of another vendor's own tools."
            self.lost["messages.server"] = why
            return None
        return self.media(part)

    def _note_cache(self, cache: parts.CacheMark | None) -> None:
        if cache is not None:
            self.lost["cache"] = "Gemini caches by itself; it takes no marks in a prompt."

    def _thought(self, thought: parts.Thinking, before: Object | None) -> Object | None:
        if self._to_vendor and thought.origin not in ("", NAME):
            return None
        proof = signatures.written_thought(thought)
        if thought.text:
            made: Object = {"text": thought.text, "thought": True}
        elif proof is None:
            return None
        elif (
            thought.origin == NAME
            and before is not None
            and "thoughtSignature" not in before
            and "thought" not in before
            and any(name in before for name in _UNPROVEN)
        ):
            before["thoughtSignature"] = proof
            return None
        else:
            made = {"text": ""}
            if thought.origin != NAME:
                made["thought"] = True
        if proof is not None:
            made["thoughtSignature"] = proof
        return made

    def _call(self, call: parts.ToolCall) -> Object:
        self._names[call.id] = call.name
        self._note_cache(call.cache)
        made: Object = {
            "functionCall": {"id": call.id, "name": call.name, "args": self._arguments(call)}
        }
        if call.signature is not None and (call.origin == NAME or not self._to_vendor):
            made["thoughtSignature"] = signatures.written(call.signature, call.origin)
        return made

    def _arguments(self, call: parts.ToolCall) -> Object:
        if call.custom:
            return {"input": call.arguments}
        found = object_of_text(call.arguments) if call.arguments.strip() else {}
        if found is None:
            why = f"The arguments of the call {call.id} are not a JSON object."
            self.lost["messages.tool_call.arguments"] = why
            return {"arguments": call.arguments}
        return found

    def _result(self, result: parts.ToolResult) -> Object:
        self._note_cache(result.cache)
        name = result.name or self._names.get(result.call_id) or result.call_id
        media: list[Object] = []
        content: list[str | Object] = []
        for part in result.parts:
            if isinstance(part, parts.Text):
                self._note_cache(part.cache)
                content.append(part.text)
            elif (written := self.media(part)) is not None:
                media.append(written)
                content.append(written)
        response: Object
        if content and isinstance(content[0], str) and content[1:] == media:
            response = _response_of_text(content[0], result.is_error)
        elif content == media:
            response = {"error": {}} if result.is_error else {}
        else:
            response = {"content": _content(content)}
            if result.is_error:
                response = {"error": response}
        made: Object = {"id": result.call_id, "name": name, "response": response}
        if media:
            made["parts"] = media
        return {"functionResponse": made}

    def media(self, part: Any) -> Object | None:
        """A medium or a document as a part; None where it can't be carried."""
        kind = type(part).__name__.lower()
        source: parts.Media | None = part.source
        self._note_cache(getattr(part, "cache", None))
        name = getattr(part, "name", None)
        if isinstance(part, parts.Document):
            self._note_document(part)
            if source is None:
                data = base64.b64encode((part.text or "").encode()).decode()
                source = parts.Media(media_type="text/plain", data=data)
        elif isinstance(part, parts.Audio) and part.id is not None:
            self.lost["messages.audio.id"] = "Gemini does not keep earlier spoken answers."
            return {"text": part.transcript} if part.transcript else None
        if source is None or (source.data is None and source.url is None):
            self.lost[f"messages.{kind}.file_id"] = "The file is kept by another vendor."
            return None
        media_type = source.media_type
        if source.data is not None:
            blob = {"mimeType": media_type or _default_type(part), "data": source.data}
            if name is not None:
                blob["displayName"] = name
            return {"inlineData": blob}
        blob = {"fileUri": source.url or ""}
        media_type = media_type or guessed_type(blob["fileUri"])
        if media_type != "application/octet-stream":
            blob["mimeType"] = media_type
        if name is not None:
            blob["displayName"] = name
        return {"fileData": blob}

    def _note_document(self, part: parts.Document) -> None:
        if part.context is not None:
            why = "Gemini takes no context of a document beside its text."
            self.lost["messages.document.context"] = why
        if part.cite:
            self.lost["messages.document.cite"] = "Gemini does not cite documents of a prompt."


def _content(found: list[str | Object]) -> list[Object]:
    """A list that keeps the order of texts and media; these are named by their display names."""
    made: list[Object] = []
    labels: set[str] = set()
    for at, one in enumerate(found):
        if isinstance(one, str):
            made.append({"type": "text", "text": one})
            continue
        blob = one.get("inlineData") or one["fileData"]
        label = blob.get("displayName")
        if label is None or label in labels:
            label = blob["displayName"] = f"part_{at}"
        labels.add(label)
        made.append({"$ref": label})
    return made


def _default_type(part: Any) -> str:
    if isinstance(part, parts.Audio):
        form = part.format or "wav"
        return _AUDIO_TYPES.get(form, f"audio/{form}")
    if isinstance(part, parts.Image):
        return "image/png"
    return "video/mp4" if isinstance(part, parts.Video) else "application/pdf"


def _response_of_text(text: str, is_error: bool | None) -> Object:
    """A text as a response: what is a JSON object goes as it."""
    found = object_of_text(text) if text.startswith("{") else None
    if is_error:
        return {"error": text if found is None else found}
    # An object that looks like one of our own wrappings would be read as another thing.
    if found is None or not found or found.keys() <= {"output", "error", "content"}:
        return {"output": text}
    return found
