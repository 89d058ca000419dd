"""Ollama's /api/embed, and /api/embeddings before it.

Source: Ollama, "API", "Generate embeddings", "Generate embedding"; ollama-python 0.6, `_types`.
"""

from typing import Final

import msgspec

from faregate.core.refusals import Refusal
from faregate.dialects.embeddings.neutral import (
    EmbedReply,
    EmbedRequest,
    Truncation,
    as_text_alone,
    carry_others,
    tell_kinds,
    tell_unknown,
    vectors_of,
)
from faregate.dialects.embeddings.openai import read_numbers
from faregate.dialects.plain_native import PlainNative
from faregate.dialects.plain_usage import count
from faregate.dialects.shapes import (
    Object,
    ShapeError,
    as_count,
    as_flag,
    as_list,
    as_text,
    as_texts,
    decode_object,
    decode_reply,
)
from faregate.dialects.translation import Lost, MalformedReplyError, TargetFacts, Written
from faregate.dialects.usage import Usage
from faregate.dialects.whole_translation import AskedWhole

NAME: Final = "ollama_embeddings"
_KNOWN: Final = frozenset({"model", "input", "prompt", "truncate", "dimensions"})


def _read(request: Object, inputs: str) -> EmbedRequest:
    given = {name: value for name, value in request.items() if value is not None}
    value = given.get(inputs, "" if inputs == "prompt" else None)
    texts = (value,) if isinstance(value, str) else as_texts(value, inputs)
    truncate: Truncation | None = None
    if "truncate" in given:
        truncate = "end" if as_flag(given["truncate"], "truncate") else "none"
    dimensions = given.get("dimensions")
    return EmbedRequest(
        model=as_text(given.get("model"), "model"),
        origin=NAME,
        inputs=texts,
        dimensions=None if dimensions is None else as_count(dimensions, "dimensions"),
        truncate=truncate,
        others={name: value for name, value in given.items() if name not in _KNOWN},
    )


def _write(request: EmbedRequest, target: TargetFacts) -> Written:
    lost: list[Lost] = []
    texts = [as_text_alone(one, at, lost) for at, one in enumerate(request.inputs)]
    body: Object = {"model": target.model, "input": texts[0] if len(texts) == 1 else texts}
    if request.truncate == "start":
        lost.append(Lost("truncate", "Ollama leaves out the end of what is too long."))
    elif request.truncate is not None:
        body["truncate"] = request.truncate == "end"
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    tell_kinds(request, lost)
    tell_unknown(request, lost, "title", "user")
    if request.normalize is False:
        lost.append(Lost("normalize", "Ollama's vectors are normalized."))
    carry_others(request, NAME, body, lost)
    return Written(msgspec.json.encode(body), tuple(lost))


def read_reply(body: bytes) -> EmbedReply:
    """A reply of either address; raises `MalformedReplyError`."""
    try:
        reply = decode_reply(body)
        rows = [reply["embedding"]] if "embedding" in reply else reply.get("embeddings")
        vectors = tuple(
            read_numbers(row, f"embeddings[{at}]")
            for at, row in enumerate(as_list(rows, "embeddings"))
        )
    except ShapeError as error:
        raise MalformedReplyError(str(error)) from None
    model = reply.get("model")
    return EmbedReply(
        vectors={"float": vectors},
        model=model if isinstance(model, str) else None,
        usage=read_usage(body),
    )


class _Counts(msgspec.Struct, gc=False):
    prompt_eval_count: object = None


_decode_counts = msgspec.json.Decoder(_Counts).decode


def read_usage(body: bytes) -> Usage | None:
    """The usage that a whole reply states; /api/embeddings states none."""
    try:
        stated = _decode_counts(body).prompt_eval_count
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    tokens = count({"stated": stated}, "stated")
    return None if tokens is None else Usage(input_tokens=tokens)


def read_usage_in_part(part: bytes) -> Usage | None:
    """The usage in the end of a reply too long to be kept whole."""
    at = part.rfind(b'"prompt_eval_count"')
    end = part.find(b"}", at)
    return read_usage(b"{" + part[at : end + 1]) if 0 <= at < end else None


class OllamaEmbeddings:
    """One of the two addresses; `inputs` is its name for what is embedded."""

    name = NAME

    def __init__(self, inputs: str) -> None:
        self._inputs = inputs

    def read_request(
        self, body: bytes, model: str | None, *, stream: bool
    ) -> EmbedRequest | Refusal:
        """A caller's request; the model is said in the body."""
        request = decode_object(body)
        if isinstance(request, Refusal):
            return request
        try:
            return _read(request, self._inputs)
        except ShapeError as error:
            return error.refusal()

    def write_request(self, request: EmbedRequest, target: TargetFacts) -> Written:
        """The same for a target, always for /api/embed."""
        return _write(request, target)

    def read_reply(self, body: bytes) -> EmbedReply:
        """A vendor's reply."""
        return read_reply(body)

    def write_reply(self, reply: EmbedReply, asked: AskedWhole[EmbedRequest]) -> bytes:
        """A reply for a caller."""
        vectors = vectors_of(reply, "float")
        if self._inputs == "prompt":
            if len(vectors) != 1:
                raise MalformedReplyError(f"the reply has {len(vectors)} vectors for one prompt")
            return msgspec.json.encode({"embedding": vectors[0]})
        tokens = reply.usage.input_tokens if reply.usage is not None else None
        body: Object = {
            "model": asked.request.model,
            "embeddings": vectors,
            "total_duration": 0,
            "load_duration": 0,
            "prompt_eval_count": tokens or 0,
        }
        return msgspec.json.encode(body)


DIALECT: Final = OllamaEmbeddings("input")
LEGACY: Final = OllamaEmbeddings("prompt")
NATIVE: Final = PlainNative(read_usage=read_usage, read_usage_in_part=read_usage_in_part)
