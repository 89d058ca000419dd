"""Gemini's embedContent and batchEmbedContents; Vertex AI's predict.

AI Studio is always asked in batches. Vertex AI takes them for the models whose name has gemini in
it, and `:predict` for the others.

Sources: Gemini API, "Embedding" (embedContent, batchEmbedContents); Vertex AI, "Text embeddings
API"; google-genai 3.4, `models`, `_transformers`.
"""

import re
from typing import Any, Final

import msgspec

from faregate.core.refusals import Refusal
from faregate.dialects.embeddings.neutral import (
    EmbedReply,
    EmbedRequest,
    Image,
    Input,
    Mixed,
    Purpose,
    Tokens,
    carry_others,
    tell_kinds,
    tell_unknown,
    vectors_of,
)
from faregate.dialects.embeddings.openai import read_numbers
from faregate.dialects.gemini import usage_metadata
from faregate.dialects.gemini.spelling import normal
from faregate.dialects.plain_usage import count
from faregate.dialects.shapes import (
    Object,
    ShapeError,
    as_count,
    as_list,
    as_object,
    as_text,
    decode_object,
    decode_reply,
)
from faregate.dialects.translation import Lost, MalformedReplyError, TargetFacts, Written
from faregate.dialects.usage import Usage
from faregate.dialects.whole_translation import AskedWhole

NAME: Final = "gemini_embeddings"
_TASKS: Final[dict[str, Purpose | None]] = {
    "TASK_TYPE_UNSPECIFIED": None,
    "RETRIEVAL_QUERY": "query",
    "RETRIEVAL_DOCUMENT": "document",
    "SEMANTIC_SIMILARITY": "similarity",
    "CLASSIFICATION": "classification",
    "CLUSTERING": "clustering",
    "QUESTION_ANSWERING": "question_answering",
    "FACT_VERIFICATION": "fact_verification",
    "CODE_RETRIEVAL_QUERY": "code_query",
}
_WRITTEN_TASKS: Final = {purpose: task for task, purpose in _TASKS.items() if purpose} | {
    "image": "RETRIEVAL_DOCUMENT"
}
_KNOWN: Final = frozenset({"model", "content", "taskType", "title", "outputDimensionality"})
_DATA_URI: Final = re.compile(r"data:([^;,]{1,100});base64,")
_AT_GOOGLE: Final = re.compile(r"gs://|https://generativelanguage\.googleapis\.com/")


def path(model: str, vendor: str) -> str:
    """What follows the model's name in the address that a target is asked at."""
    return ":predict" if _is_predicted(model, vendor) else ":batchEmbedContents"


def _is_predicted(model: str, vendor: str) -> bool:
    return vendor == "vertex" and "gemini" not in model.rsplit("/", 1)[-1]


# -- callers ---------------------------------------------------------------------------------------


def _part(value: object, place: str) -> str | Image:
    part = normal(as_object(value, place))
    if "text" in part:
        return as_text(part["text"], f"{place}.text")
    for name in ("inlineData", "fileData"):
        if name in part:
            blob = normal(as_object(part[name], f"{place}.{name}"))
            if name == "fileData":
                return Image(as_text(blob.get("fileUri"), f"{place}.{name}.fileUri"))
            mime = as_text(blob.get("mimeType"), f"{place}.{name}.mimeType")
            data = as_text(blob.get("data"), f"{place}.{name}.data")
            return Image(f"data:{mime};base64,{data}")
    raise ShapeError(place, "it must have text, inlineData or fileData")


def _content(value: object, place: str) -> Input:
    if isinstance(value, str):
        return value
    content = normal(as_object(value, place))
    parts = tuple(
        _part(part, f"{place}.parts[{at}]")
        for at, part in enumerate(as_list(content.get("parts"), f"{place}.parts"))
    )
    return parts[0] if len(parts) == 1 and isinstance(parts[0], str) else Mixed(parts)


def _one(given: Object, model: str, place: str) -> EmbedRequest:
    given = {name: value for name, value in normal(given).items() if value is not None}
    task = as_text(given.get("taskType", "TASK_TYPE_UNSPECIFIED"), f"{place}taskType")
    if task not in _TASKS:
        raise ShapeError(f"{place}taskType", f"it must be one of {', '.join(_TASKS)}")
    length = given.get("outputDimensionality")
    return EmbedRequest(
        model=model,
        origin=NAME,
        inputs=(_content(given.get("content"), f"{place}content"),),
        dimensions=None if length is None else as_count(length, f"{place}outputDimensionality"),
        purpose=_TASKS[task],
        title=as_text(given["title"], f"{place}title") if "title" in given else None,
        others={name: value for name, value in given.items() if name not in _KNOWN},
    )


def _batch(given: Object, model: str) -> EmbedRequest:
    each = [
        _one(as_object(one, f"requests[{at}]"), model, f"requests[{at}].")
        for at, one in enumerate(as_list(given.get("requests"), "requests"))
    ]
    if not each:
        raise ShapeError("requests", "it must not be empty")
    first = each[0]
    for at, one in enumerate(each):
        if msgspec.structs.replace(one, inputs=first.inputs) != first:
            problem = (
                "all must ask for the same, but for their content, where another vendor serves"
            )
            raise ShapeError(f"requests[{at}]", problem)
    return msgspec.structs.replace(first, inputs=tuple(one.inputs[0] for one in each))


# -- targets ---------------------------------------------------------------------------------------


def _written_part(part: str | Image, lost: list[Lost]) -> Object:
    if isinstance(part, str):
        return {"text": part}
    head = _DATA_URI.match(part.url)
    if head is not None:
        return {"inlineData": {"mimeType": head[1], "data": part.url[head.end() :]}}
    if _AT_GOOGLE.match(part.url) is None:
        lost.append(Lost("inputs.image", "Gemini takes images as base64, or files that it keeps."))
    return {"fileData": {"fileUri": part.url}}


def _written_content(one: Input, at: int, lost: list[Lost]) -> Object:
    parts: tuple[str | Image, ...] = (one,) if isinstance(one, str) else ()
    if isinstance(one, Mixed):
        parts = one.parts
    elif isinstance(one, Tokens):
        lost.append(Lost("inputs.tokens", f"Input {at} is tokens, and Gemini takes none."))
        parts = ("",)
    return {"parts": [_written_part(part, lost) for part in parts]}


def _asked(request: EmbedRequest) -> Object:
    asked: Object = {}
    if request.purpose is not None:
        asked["taskType"] = _WRITTEN_TASKS[request.purpose]
    if request.title is not None:
        asked["title"] = request.title
    if request.dimensions is not None:
        asked["outputDimensionality"] = request.dimensions
    return asked


def _write(request: EmbedRequest, target: TargetFacts) -> Written:
    lost: list[Lost] = []
    tell_kinds(request, lost)
    tell_unknown(request, lost, "user", "normalize")
    is_vertex = target.vendor == "vertex"
    if request.truncate == "start" or (request.truncate == "none" and not is_vertex):
        lost.append(Lost("truncate", "Gemini leaves out the end of what is too long."))
    if _is_predicted(target.model, target.vendor):
        body = _predicted(request, lost)
    else:
        asked = _asked(request)
        carry_others(request, NAME, asked, lost)
        if is_vertex:
            if request.truncate is not None:
                asked["autoTruncate"] = request.truncate == "end"
            asked = {"embedContentConfig": asked} if asked else {}
        else:
            asked = {"model": f"models/{target.model.removeprefix('models/')}"} | asked
        contents = [_written_content(one, at, lost) for at, one in enumerate(request.inputs)]
        body = {"requests": [{**asked, "content": content} for content in contents]}
    return Written(msgspec.json.encode(body), tuple(lost))


def _predicted(request: EmbedRequest, lost: list[Lost]) -> Object:
    instances = []
    for at, one in enumerate(request.inputs):
        parts = _written_content(one, at, lost)["parts"]
        if any("text" not in part for part in parts):
            lost.append(Lost("inputs.image", f"Input {at} has an image; it embeds texts alone."))
        instance = {"content": "\n".join(part.get("text", "") for part in parts)}
        if request.purpose is not None:
            instance["task_type"] = _WRITTEN_TASKS[request.purpose]
        if request.title is not None:
            instance["title"] = request.title
        instances.append(instance)
    parameters: Object = {}
    if request.dimensions is not None:
        parameters["outputDimensionality"] = request.dimensions
    if request.truncate is not None:
        parameters["autoTruncate"] = request.truncate == "end"
    carry_others(request, NAME, parameters, lost)
    return {"instances": instances} | ({"parameters": parameters} if parameters else {})


# -- replies ---------------------------------------------------------------------------------------


def _predictions(reply: Object) -> list[Any]:
    rows = as_list(reply["predictions"], "predictions")
    return [as_object(one, f"predictions[{at}]").get("embeddings") for at, one in enumerate(rows)]


def _counted(rows: list[Object]) -> Usage | None:
    """What Vertex AI states beside each vector."""
    tokens = []
    for row in rows:
        statistics = row.get("statistics")
        stated = count(statistics, "token_count", "tokenCount") if statistics else None
        if stated is None:
            return None
        tokens.append(stated)
    return Usage(input_tokens=sum(tokens)) if tokens else None


def _read(body: bytes) -> EmbedReply:
    try:
        reply = decode_reply(body)
        if "predictions" in reply:
            rows = _predictions(reply)
        elif "embedding" in reply:
            rows = [reply["embedding"]]
        else:
            rows = as_list(reply.get("embeddings"), "embeddings")
        objects = [as_object(row, f"embeddings[{at}]") for at, row in enumerate(rows)]
        vectors = tuple(
            read_numbers(row.get("values"), f"embeddings[{at}].values")
            for at, row in enumerate(objects)
        )
    except ShapeError as error:
        raise MalformedReplyError(str(error)) from None
    usage = usage_metadata.read(reply.get("usageMetadata")) or _counted(objects)
    return EmbedReply(vectors={"float": vectors}, usage=usage)


class GeminiEmbeddings:
    """Gemini's embeddings at one of two addresses; the model is the path's."""

    name = NAME

    def __init__(self, *, batches: bool) -> None:
        self._batches = batches

    def read_request(
        self, body: bytes, model: str | None, *, stream: bool
    ) -> EmbedRequest | Refusal:
        """A caller's request."""
        request = decode_object(body)
        if isinstance(request, Refusal):
            return request
        try:
            if self._batches:
                return _batch(normal(request), model or "")
            return _one(request, model or "", "")
        except ShapeError as error:
            return error.refusal()

    def write_request(self, request: EmbedRequest, target: TargetFacts) -> Written:
        """The same for a target, at the address that `path` tells."""
        return _write(request, target)

    def read_reply(self, body: bytes) -> EmbedReply:
        """A vendor's reply of any of the addresses."""
        return _read(body)

    def write_reply(self, reply: EmbedReply, asked: AskedWhole[EmbedRequest]) -> bytes:
        """A reply for a caller."""
        rows = [{"values": vector} for vector in vectors_of(reply, "float")]
        body: Object = {"embeddings": rows}
        if not self._batches:
            if len(rows) != 1:
                raise MalformedReplyError(f"the reply has {len(rows)} vectors for one content")
            body = {"embedding": rows[0]}
        tokens = reply.usage.input_tokens if reply.usage is not None else None
        if tokens is not None:
            body["usageMetadata"] = {"promptTokenCount": tokens, "totalTokenCount": tokens}
        return msgspec.json.encode(body)


DIALECT: Final = GeminiEmbeddings(batches=False)
BATCH: Final = GeminiEmbeddings(batches=True)
