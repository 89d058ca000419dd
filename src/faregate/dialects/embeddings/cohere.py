"""Cohere's embed, version 2.

Sources: Cohere API v2 reference, "Embed"; cohere 7.3, `v2.embed`.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from faregate.core.refusals import Refusal
from faregate.dialects import cohere_units
from faregate.dialects.embeddings.neutral import (
    KINDS,
    EmbedReply,
    EmbedRequest,
    Image,
    Input,
    Kind,
    Mixed,
    Purpose,
    Tokens,
    Vector,
    carry_others,
    tell_unknown,
    vectors_of,
)
from faregate.dialects.embeddings.openai import read_numbers
from faregate.dialects.plain_native import PlainNative
from faregate.dialects.shapes import (
    Object,
    ShapeError,
    as_count,
    as_list,
    as_object,
    as_text,
    as_texts,
    decode_object,
    decode_reply,
)
from faregate.dialects.translation import Lost, MalformedReplyError, TargetFacts, Written
from faregate.dialects.whole_translation import AskedWhole

NAME: Final = "cohere_embeddings"
_TYPES: Final[dict[str, Purpose]] = {
    "search_query": "query",
    "search_document": "document",
    "classification": "classification",
    "clustering": "clustering",
    "image": "image",
}
_WRITTEN_TYPES: Final[dict[Purpose | None, str]] = {
    "query": "search_query",
    "question_answering": "search_query",
    "fact_verification": "search_query",
    "code_query": "search_query",
    "classification": "classification",
    "clustering": "clustering",
    "similarity": "clustering",
    "image": "image",
    "document": "search_document",
    None: "search_document",  # it must be said
}
_ENDS: Final[dict[str, Any]] = {"NONE": "none", "START": "start", "END": "end"}
_KNOWN: Final = frozenset(
    {
        "model",
        "input_type",
        "texts",
        "images",
        "inputs",
        "output_dimension",
        "embedding_types",
        "truncate",
    }
)


def _part(value: object, place: str) -> str | Image:
    part = as_object(value, place)
    if part.get("type") == "text":
        return as_text(part.get("text"), f"{place}.text")
    address = part.get("image_url")
    if isinstance(address, dict):
        address = address.get("url")
    return Image(as_text(address, f"{place}.image_url"))


def _inputs(given: Object) -> tuple[Input, ...]:
    named = [name for name in ("texts", "images", "inputs") if name in given]
    if len(named) != 1:
        raise ShapeError("texts", "one of texts, images and inputs must be there")
    if named == ["texts"]:
        return as_texts(given["texts"], "texts")
    if named == ["images"]:
        return tuple(Mixed((Image(url),)) for url in as_texts(given["images"], "images"))
    found: list[Input] = []
    for at, one in enumerate(as_list(given["inputs"], "inputs")):
        place = f"inputs[{at}]"
        content = as_list(as_object(one, place).get("content"), f"{place}.content")
        parts = tuple(
            _part(part, f"{place}.content[{within}]") for within, part in enumerate(content)
        )
        found.append(parts[0] if len(parts) == 1 and isinstance(parts[0], str) else Mixed(parts))
    return tuple(found)


def read_body(request: Object, model: str) -> EmbedRequest:
    """A request whose model is known; raises `ShapeError`."""
    given = {name: value for name, value in request.items() if value is not None}
    purpose = None
    others = {name: value for name, value in given.items() if name not in _KNOWN}
    if "input_type" in given:
        word = as_text(given["input_type"], "input_type")
        purpose = _TYPES.get(word)
        if purpose is None:
            raise ShapeError("input_type", f"it must be one of {', '.join(_TYPES)}")
    truncate = given.get("truncate")
    if truncate is not None and truncate not in _ENDS:
        raise ShapeError("truncate", "it must be NONE, START or END")
    kinds: list[Kind] = []
    for at, kind in enumerate(as_texts(given.get("embedding_types", []), "embedding_types")):
        if kind not in KINDS:
            raise ShapeError(f"embedding_types[{at}]", f"it must be one of {sorted(KINDS)}")
        kinds.append(kind)  # type: ignore[arg-type]
    dimensions = given.get("output_dimension")
    return EmbedRequest(
        model=model,
        origin=NAME,
        inputs=_inputs(given),
        dimensions=None if dimensions is None else as_count(dimensions, "output_dimension"),
        kinds=tuple(dict.fromkeys(kinds)) or ("float",),
        purpose=purpose,
        truncate=None if truncate is None else _ENDS[truncate],
        others=others,
    )


def _written_part(part: str | Image) -> Object:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    return {"type": "image_url", "image_url": {"url": part.url}}


def _written_inputs(inputs: tuple[Input, ...], lost: list[Lost]) -> Object:
    held: list[str | Mixed] = []
    for at, one in enumerate(inputs):
        if isinstance(one, Tokens):
            lost.append(Lost("inputs.tokens", f"Input {at} is tokens, and it takes texts alone."))
            one = " "
        held.append(one)
    texts = [one for one in held if isinstance(one, str)]
    if len(texts) == len(held):
        return {"texts": texts}
    alone = [one.parts[0] for one in held if isinstance(one, Mixed) and len(one.parts) == 1]
    images = [one.url for one in alone if isinstance(one, Image)]
    if len(images) == len(held) and all(url.startswith("data:") for url in images):
        return {"images": images}
    parts = [one.parts if isinstance(one, Mixed) else (one,) for one in held]
    return {"inputs": [{"content": [_written_part(part) for part in one]} for one in parts]}


def write_body(request: EmbedRequest, lost: list[Lost]) -> Object:
    """A request without its model; what can't be carried goes to `lost`."""
    body = _written_inputs(request.inputs, lost)
    purpose = request.purpose
    if "images" in body and purpose is None:
        purpose = "image"
    body["input_type"] = _WRITTEN_TYPES[purpose]
    # Numbers are the one form that every model gives; base64 is made of them.
    kinds: Iterable[str] = request.kinds
    if request.origin != NAME:
        kinds = dict.fromkeys("float" if kind == "base64" else kind for kind in kinds)
    body["embedding_types"] = list(kinds)
    if request.dimensions is not None:
        body["output_dimension"] = request.dimensions
    if request.truncate is not None:
        body["truncate"] = request.truncate.upper()
    tell_unknown(request, lost, "title", "user")
    if request.normalize is False:
        lost.append(Lost("normalize", "Cohere's vectors are as the model makes them."))
    carry_others(request, NAME, body, lost)
    return body


def read_reply(body: bytes) -> EmbedReply:
    """A reply by type, or of numbers alone; raises `MalformedReplyError`."""
    try:
        reply = decode_reply(body)
        stated = reply.get("embeddings")
        by_kind = {"float": stated} if isinstance(stated, list) else as_object(stated, "embeddings")
        vectors: dict[Kind, tuple[Vector, ...]] = {}
        for kind in by_kind:
            if kind in KINDS and by_kind[kind] is not None:
                rows = as_list(by_kind[kind], f"embeddings.{kind}")
                vectors[kind] = tuple(  # type: ignore[index]
                    row if isinstance(row, str) else read_numbers(row, f"embeddings.{kind}[{at}]")
                    for at, row in enumerate(rows)
                )
    except ShapeError as error:
        raise MalformedReplyError(str(error)) from None
    found = reply.get("id")
    return EmbedReply(
        vectors=vectors,
        id=found if isinstance(found, str) else None,
        usage=cohere_units.read_usage(body),
    )


class CohereEmbeddings:
    """Cohere's embed as a dialect."""

    name = NAME

    def read_request(
        self, body: bytes, model: str | None, *, stream: bool
    ) -> EmbedRequest | Refusal:
        """A caller's request; the model is said in the body."""
        request = decode_object(body)
        if isinstance(request, Refusal):
            return request
        try:
            return read_body(request, as_text(request.get("model"), "model"))
        except ShapeError as error:
            return error.refusal()

    def write_request(self, request: EmbedRequest, target: TargetFacts) -> Written:
        """The same for a target."""
        lost: list[Lost] = []
        body = {"model": target.model} | write_body(request, lost)
        return Written(msgspec.json.encode(body), tuple(lost))

    def read_reply(self, body: bytes) -> EmbedReply:
        """A vendor's reply."""
        return read_reply(body)

    def write_reply(self, reply: EmbedReply, asked: AskedWhole[EmbedRequest]) -> bytes:
        """A reply for a caller, with every form that it asked for."""
        request = asked.request
        body: Object = {
            "id": reply.id or asked.call_id,
            "embeddings": {kind: vectors_of(reply, kind) for kind in request.kinds},
            "texts": [one for one in request.inputs if isinstance(one, str)],
            "meta": {"api_version": {"version": "2"}} | cohere_units.written(reply.usage),
            "response_type": "embeddings_by_type",
        }
        return msgspec.json.encode(body)


DIALECT: Final = CohereEmbeddings()
NATIVE: Final = PlainNative(
    read_usage=cohere_units.read_usage, read_usage_in_part=cohere_units.read_usage_in_part
)
