"""Reads requests to rank, and replies.

All vendors share their shapes, but for a few names.
"""

from typing import Any

from faregate.core.refusals import Refusal
from faregate.dialects.rerank.neutral import Document, Ranked, RerankReply, RerankRequest
from faregate.dialects.shapes import (
    Object,
    ShapeError,
    as_count,
    as_flag,
    as_list,
    as_number,
    as_object,
    as_text,
    as_texts,
    decode_object,
    decode_reply,
)
from faregate.dialects.translation import MalformedReplyError
from faregate.dialects.usage import Usage

_KNOWN = frozenset(
    {
        "model",
        "query",
        "documents",
        "top_n",
        "return_documents",
        "rank_fields",
        "truncation",
        "max_tokens_per_doc",
    }
)


def _documents(value: object) -> tuple[Document, ...]:
    found = as_list(value, "documents")
    if not found:
        raise ShapeError("documents", "it must not be empty")
    return tuple(
        one if isinstance(one, str) else as_object(one, f"documents[{at}]")
        for at, one in enumerate(found)
    )


def _query(value: object) -> str:
    return as_text(value["text"] if isinstance(value, dict) and "text" in value else value, "query")


def _read(request: Object, origin: str) -> RerankRequest:
    given = {name: value for name, value in request.items() if value is not None}

    def read(name: str, reader: Any, default: Any = None) -> Any:
        return reader(given[name], name) if name in given else default

    truncate = read("truncation", as_flag)
    return RerankRequest(
        model=as_text(given.get("model"), "model"),
        origin=origin,
        query=_query(given.get("query")),
        documents=_documents(given.get("documents")),
        top_n=read("top_n", as_count),
        return_documents=read("return_documents", as_flag),
        fields=read("rank_fields", as_texts, ()),
        truncate=None if truncate is None else "end" if truncate else "none",
        document_tokens_max=read("max_tokens_per_doc", as_count),
        others={name: value for name, value in given.items() if name not in _KNOWN},
    )


def read_request(body: bytes, origin: str) -> RerankRequest | Refusal:
    """A caller's request, in whichever of the two dialects."""
    request = decode_object(body)
    if isinstance(request, Refusal):
        return request
    try:
        return _read(request, origin)
    except ShapeError as error:
        return error.refusal()


def read_reply(body: bytes, usage: Usage | None) -> RerankReply:
    """A vendor's reply; Voyage calls its results data.

    Raises `MalformedReplyError`.
    """
    try:
        reply = decode_reply(body)
        name = "data" if "data" in reply and "results" not in reply else "results"
        results = []
        for at, row in enumerate(as_list(reply.get(name), name)):
            one = as_object(row, f"{name}[{at}]")
            score = as_number(one.get("relevance_score", one.get("score")), f"{name}[{at}].score")
            results.append(Ranked(as_count(one.get("index"), f"{name}[{at}].index"), score))
    except ShapeError as error:
        raise MalformedReplyError(str(error)) from None
    model, found = reply.get("model"), reply.get("id")
    return RerankReply(
        results=tuple(results),
        model=model if isinstance(model, str) else None,
        id=found if isinstance(found, str) else None,
        usage=usage,
    )
