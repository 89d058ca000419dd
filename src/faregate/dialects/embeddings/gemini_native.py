"""Gemini's embeddings where bytes pass through.

The model is the path's, but each request of a batch names it as well, and must name the same.

Source: Gemini API, "Embedding" (EmbedContentRequest: model).
"""

from typing import Any, Final

import msgspec

from faregate.core.refusals import Refusal, refuse
from faregate.dialects import json_text
from faregate.dialects.gemini import usage_metadata
from faregate.dialects.gemini.native import NATIVE as GENERATING
from faregate.dialects.openai_chat import misread
from faregate.dialects.plain_native import Peek, PlainNative
from faregate.dialects.usage import Usage

_ERRORS: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Body(msgspec.Struct, gc=False):
    requests: list[msgspec.Raw] | None = None


class _Reply(msgspec.Struct, gc=False):
    usageMetadata: Any = None  # noqa: N815


_decode_body = msgspec.json.Decoder(_Body).decode
_decode_reply = msgspec.json.Decoder(_Reply).decode


def _named(text: bytes, model: bytes) -> bytes:
    """One request that names this model, where it named one; raises `DuplicateMemberError`."""
    member = json_text.find_member(text, "model")
    return text if member is None else json_text.replace_value(text, member, model)


def read_usage(body: bytes) -> Usage | None:
    """The usage that a whole reply states."""
    try:
        return usage_metadata.read(_decode_reply(body).usageMetadata)
    except _ERRORS:
        return None


class GeminiEmbeddingsNative(PlainNative):
    """Both addresses; the model is named once more in their bodies."""

    def peek(self, body: bytes, model: str | None, *, stream: bool) -> Peek | Refusal:
        """Read what the gate needs; the model is the path's."""
        if model is None:
            return refuse("request_invalid", "The path names no model.", param="model")
        try:
            _decode_body(body)
        except _ERRORS as error:
            return misread(error)
        return Peek(model)

    def splice_model(self, body: bytes, asked: str, served: str) -> bytes | Refusal:
        """`body` with another model's name wherever it names one."""
        if asked == served or (b"model" not in body and b"\\" not in body):
            return body
        model = msgspec.json.encode(f"models/{served.removeprefix('models/')}")
        try:
            requests = json_text.find_member(body, "requests")
            if requests is None:
                return _named(body, model)
            each = [_named(bytes(one), model) for one in _decode_body(body).requests or ()]
        except json_text.DuplicateMemberError as error:
            return refuse("request_invalid", f"The field '{error}' stands twice.", param=str(error))
        except ValueError as error:  # a request that is no object
            return refuse("request_invalid", f"A request is no object: {error}.", param="requests")
        return json_text.replace_value(body, requests, b"[%b]" % b",".join(each))


NATIVE: Final = GeminiEmbeddingsNative(
    read_usage=read_usage, read_usage_in_part=GENERATING.read_usage_in_part
)
