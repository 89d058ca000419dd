"""OpenAI's embeddings, with what others who speak them have added.

Jina's inputs may be objects with a text or an image, and its `task` says what a vector is for;
NVIDIA's `input_type` does.

Sources: OpenAI API reference, "Embeddings"; Jina AI, "Embeddings API"; NVIDIA NIM, "Text
Embedding, API reference".
"""

from typing import Any, Final

import msgspec

from faregate.core.refusals import Refusal
from faregate.dialects import plain_usage
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
    Truncation,
    Vector,
    as_text_alone,
    carry_others,
    tell_unknown,
    vectors_of,
)
from faregate.dialects.plain_native import PlainNative
from faregate.dialects.shapes import (
    Object,
    ShapeError,
    as_count,
    as_flag,
    as_list,
    as_number,
    as_object,
    as_text,
    decode_object,
    decode_reply,
)
from faregate.dialects.translation import Lost, MalformedReplyError, TargetFacts, Written
from faregate.dialects.usage import Usage
from faregate.dialects.whole_translation import AskedWhole

NAME: Final = "openai_embeddings"
_TASKS: Final[dict[str, Purpose]] = {
    "retrieval.query": "query",
    "retrieval.passage": "document",
    "text-matching": "similarity",
    "classification": "classification",
    "separation": "clustering",
    "code.query": "code_query",
    "code.passage": "document",
    "query": "query",
    "passage": "document",
    "document": "document",
}
_JINA_TASKS: Final[dict[Purpose, str]] = {
    "query": "retrieval.query",
    "question_answering": "retrieval.query",
    "fact_verification": "retrieval.query",
    "document": "retrieval.passage",
    "image": "retrieval.passage",
    "similarity": "text-matching",
    "classification": "classification",
    "clustering": "separation",
    "code_query": "code.query",
}
_ASKING: Final = frozenset({"query", "question_answering", "fact_verification", "code_query"})
_KNOWN: Final = frozenset(
    {
        "model",
        "input",
        "dimensions",
        "encoding_format",
        "embedding_type",
        "task",
        "input_type",
        "truncate",
        "normalized",
        "user",
    }
)
_ENDS: Final[dict[str, Any]] = {"NONE": "none", "START": "start", "END": "end"}


def read_input(value: object, place: str) -> Input:
    """One input: a text, tokens, or Jina's object."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return Tokens(tuple(as_count(token, f"{place}[{at}]") for at, token in enumerate(value)))
    part = as_object(value, place)
    for name in ("image", "text"):
        if name in part:
            read = as_text(part[name], f"{place}.{name}")
            return read if name == "text" else Mixed((Image(_address(read)),))
    raise ShapeError(place, "it must be a text, a list of tokens, or have a text or an image")


def _address(image: str) -> str:
    """Jina's images are addresses or bare base64."""
    return image if ":" in image[:16] else f"data:image/png;base64,{image}"


def _inputs(value: object) -> tuple[Input, ...]:
    if isinstance(value, str):
        return (value,)
    items = as_list(value, "input")
    if not items:
        raise ShapeError("input", "it must not be empty")
    if isinstance(items[0], int):
        return (read_input(items, "input"),)
    return tuple(read_input(one, f"input[{at}]") for at, one in enumerate(items))


def _read(request: Object) -> EmbedRequest:
    for needed in ("model", "input"):
        if needed not in request:
            raise ShapeError(needed, "it is missing")
    given = {name: value for name, value in request.items() if value is not None}
    others = {name: value for name, value in given.items() if name not in _KNOWN}
    purpose: Purpose | None = None
    truncate: Truncation | None = None
    for name in ("task", "input_type"):
        if name in given:
            word = as_text(given[name], name)
            purpose = _TASKS.get(word)
            if purpose is None:
                others[name] = word
    if "truncate" in given:
        end = given["truncate"]
        truncate = ("end" if end else "none") if isinstance(end, bool) else _ENDS.get(str(end))
        if truncate is None:
            raise ShapeError("truncate", "it must be true, false, NONE, START or END")
    dimensions = given.get("dimensions")
    return EmbedRequest(
        model=as_text(request["model"], "model"),
        origin=NAME,
        inputs=_inputs(request["input"]),
        dimensions=None if dimensions is None else as_count(dimensions, "dimensions"),
        kinds=_kinds(given),
        purpose=purpose,
        truncate=truncate,
        normalize=as_flag(given["normalized"], "normalized") if "normalized" in given else None,
        user=as_text(given["user"], "user") if "user" in given else None,
        others=others,
    )


def _kinds(given: Object) -> tuple[Kind, ...]:
    found: list[Kind] = []
    for name in ("encoding_format", "embedding_type"):
        value = given.get(name, [])
        for one in value if isinstance(value, list) else [value]:
            if not isinstance(one, str) or one not in KINDS:
                raise ShapeError(name, "it must be float or base64")
            found.append(one)  # type: ignore[arg-type]
    return tuple(dict.fromkeys(found)) or ("float",)


def _written_input(one: Input, at: int, target: TargetFacts, lost: list[Lost]) -> Any:
    if isinstance(one, str):
        return one
    if isinstance(one, Tokens):
        return list(one.ids)
    if target.vendor == "jina" and len(one.parts) == 1 and isinstance(one.parts[0], Image):
        return {"image": one.parts[0].url}
    return as_text_alone(one, at, lost)


def _told_apart(request: EmbedRequest, target: TargetFacts) -> Object:
    """How the purpose is said; models that make no difference aren't told."""
    if request.purpose is None:
        return {}
    if target.vendor == "jina":
        if request.purpose == "code_query" and "v4" not in target.model:
            return {"task": "retrieval.query"}
        return {"task": _JINA_TASKS[request.purpose]}
    if target.vendor == "nvidia_nim":
        return {"input_type": "query" if request.purpose in _ASKING else "passage"}
    return {}


def _written_truncation(request: EmbedRequest, target: TargetFacts, lost: list[Lost]) -> Object:
    if request.truncate is None:
        return {}
    if target.vendor == "nvidia_nim":
        return {"truncate": request.truncate.upper()}
    if target.vendor == "jina" and request.truncate != "start":
        return {"truncate": request.truncate == "end"}
    if request.truncate != "none":
        lost.append(Lost("truncate", "It refuses inputs that are too long."))
    return {}


def _write(request: EmbedRequest, target: TargetFacts) -> Written:
    lost: list[Lost] = []
    inputs = [_written_input(one, at, target, lost) for at, one in enumerate(request.inputs)]
    single = len(inputs) == 1 and isinstance(inputs[0], (str, list))
    body: Object = {"model": target.model, "input": inputs[0] if single else inputs}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    kind = request.kinds[0]
    if target.vendor == "jina" and request.kinds != ("float",):
        body["embedding_type"] = kind if len(request.kinds) == 1 else list(request.kinds)
    elif kind in ("float", "base64") and len(request.kinds) == 1:
        if kind == "base64":
            body["encoding_format"] = kind
    elif set(request.kinds) != {"float", "base64"}:
        lost.append(Lost("kinds", "It gives vectors of floats, as numbers or as base64."))
    body |= _told_apart(request, target) | _written_truncation(request, target, lost)
    if request.normalize is not None and target.vendor == "jina":
        body["normalized"] = request.normalize
    elif request.normalize is False:
        lost.append(Lost("normalize", "Its vectors are normalized or not as the model has it."))
    tell_unknown(request, lost, "title")
    if request.user is not None:
        body["user"] = request.user
    carry_others(request, NAME, body, lost)
    return Written(msgspec.json.encode(body), tuple(lost))


def read_reply(body: bytes) -> EmbedReply:
    """A reply in this shape, which Voyage's has too.

    Raises `MalformedReplyError`.
    """
    try:
        reply = decode_reply(body)
        found = [
            (as_count(one.get("index", at), "index"), _vector(one.get("embedding"), f"data[{at}]"))
            for at, one in enumerate(_objects(as_list(reply.get("data"), "data")))
        ]
    except ShapeError as error:
        raise MalformedReplyError(str(error)) from None
    found.sort(key=lambda one: one[0])
    vectors = tuple(vector for _, vector in found)
    kind: Kind = "base64" if vectors and isinstance(vectors[0], str) else "float"
    if any(isinstance(one, str) != (kind == "base64") for one in vectors):
        raise MalformedReplyError("vectors are partly numbers, partly base64")
    model = reply.get("model")
    return EmbedReply(
        vectors={kind: vectors},
        model=model if isinstance(model, str) else None,
        usage=plain_usage.read_usage(body),
    )


def _objects(items: list[Any]) -> list[Object]:
    return [as_object(one, f"data[{at}]") for at, one in enumerate(items)]


def _vector(value: object, place: str) -> Vector:
    if isinstance(value, str):
        return value
    return read_numbers(value, f"{place}.embedding")


def read_numbers(value: object, place: str) -> list[float]:
    """A list of numbers; raises `ShapeError`."""
    numbers = as_list(value, place)
    if not all(type(one) is float for one in numbers):
        return [as_number(one, place) for one in numbers]
    return numbers


def _written_usage(usage: Usage | None) -> Object:
    tokens = (usage.input_tokens if usage is not None else None) or 0
    return {"prompt_tokens": tokens, "total_tokens": tokens}


class OpenAIEmbeddings:
    """OpenAI's embeddings as a dialect."""

    name = NAME

    def read_request(
        self, body: bytes, model: str | None, *, stream: bool
    ) -> EmbedRequest | Refusal:
        """A caller's request; the model is said in the body."""
        request = decode_object(body)
        if isinstance(request, Refusal):
            return request
        try:
            return _read(request)
        except ShapeError as error:
            return error.refusal()

    def write_request(self, request: EmbedRequest, target: TargetFacts) -> Written:
        """The same for a target."""
        return _write(request, target)

    def read_reply(self, body: bytes) -> EmbedReply:
        """A vendor's reply."""
        return read_reply(body)

    def write_reply(self, reply: EmbedReply, asked: AskedWhole[EmbedRequest]) -> bytes:
        """A reply for a caller, in the first form that it asked for."""
        vectors = vectors_of(reply, asked.request.kinds[0])
        return msgspec.json.encode(
            {
                "object": "list",
                "data": [
                    {"object": "embedding", "index": at, "embedding": vector}
                    for at, vector in enumerate(vectors)
                ],
                "model": reply.model or asked.request.model,
                "usage": _written_usage(reply.usage),
            }
        )


DIALECT: Final = OpenAIEmbeddings()
NATIVE: Final = PlainNative(
    read_usage=plain_usage.read_usage, read_usage_in_part=plain_usage.read_usage_in_part
)
