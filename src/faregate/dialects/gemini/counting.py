"""Gemini's countTokens: a request and its reply, in both directions.

A caller names contents alone, or (AI Studio) a whole request as `generateContentRequest`; Vertex
AI takes the members of one beside the contents.

Sources: Gemini API, "Counting tokens" (models.countTokens); Vertex AI, "CountTokens API".
"""

from typing import Final

import msgspec

from faregate.core.refusals import Refusal, refuse
from faregate.dialects.gemini.request_reader import read_document
from faregate.dialects.gemini.request_writer import written_document
from faregate.dialects.gemini.spelling import normal
from faregate.dialects.neutral.request import Request
from faregate.dialects.shapes import (
    Object,
    ShapeError,
    as_count,
    as_object,
    decode_object,
    decode_reply,
)
from faregate.dialects.translation import Lost, MalformedReplyError, TargetFacts, Written

_WHOLE: Final = "generateContentRequest"
# What Vertex AI takes beside the contents; nothing else makes tokens.
_COUNTED: Final = ("contents", "systemInstruction", "tools", "generationConfig")


def read_request(body: bytes, model: str | None) -> Request | Refusal:
    """A caller's request to count; `model` is the path's."""
    document = decode_object(body)
    if isinstance(document, Refusal):
        return document
    try:
        members = normal(document)
        if members.get(_WHOLE) is not None:
            members = as_object(members[_WHOLE], _WHOLE)
        return read_document(members, model, stream=False)
    except ShapeError as error:
        return error.refusal()
    except RecursionError:
        return refuse("request_invalid", "The body is nested too deeply.")


def write_request(request: Request, target: TargetFacts) -> Written:
    """The same for a target; `target.vendor` tells Vertex AI from AI Studio."""
    document, lost = written_document(request, target)
    body: Object
    if "vertex" in target.vendor:
        body = {name: document[name] for name in _COUNTED if name in document}
    else:
        body = {_WHOLE: {"model": f"models/{target.model.removeprefix('models/')}"} | document}
    return Written(msgspec.json.encode(body), tuple(Lost(name, why) for name, why in lost.items()))


def read_reply(body: bytes) -> int:
    """How many tokens were counted; raises `MalformedReplyError`."""
    try:
        return as_count(decode_reply(body).get("totalTokens", 0), "totalTokens")
    except ShapeError as error:
        raise MalformedReplyError(str(error)) from None


def write_reply(tokens: int) -> bytes:
    """The same for a caller."""
    details = [{"modality": "TEXT", "tokenCount": tokens}]
    return msgspec.json.encode({"totalTokens": tokens, "promptTokensDetails": details})
