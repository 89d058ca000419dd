"""Rerank as Cohere, Jina and Voyage have it.

Jina's shape is Cohere's first version with tokens for units; Cohere's second takes texts alone
and gives no documents back; Voyage is a target alone.

Sources: Cohere API v1 and v2 reference, "Rerank"; cohere 7.3, `v2.rerank`; Jina AI, "Reranker
API"; Voyage AI API reference, "Rerankers"; voyageai 0.3.5.
"""

from typing import Any, Final

import msgspec

from faregate.core.refusals import Refusal
from faregate.dialects import cohere_units
from faregate.dialects.plain_native import PlainNative
from faregate.dialects.rerank import reading, units
from faregate.dialects.rerank.neutral import RerankReply, RerankRequest, texts, written_results
from faregate.dialects.shapes import Object
from faregate.dialects.translation import Lost, TargetFacts, Written
from faregate.dialects.whole_translation import AskedWhole

COHERE: Final = "cohere_rerank"
JINA: Final = "jina_rerank"
VOYAGE: Final = "voyage_rerank"


def _body(request: RerankRequest, target: TargetFacts, name: str, lost: list[Lost]) -> Object:
    documents: list[Any] = list(request.documents)
    if name != JINA or request.fields or not all(map(_is_jinas, documents)):
        documents = texts(request, lost)
    body: Object = {"model": target.model, "query": request.query, "documents": documents}
    if request.top_n is not None:
        body["top_k" if name == VOYAGE else "top_n"] = request.top_n
    if request.document_tokens_max is not None:
        if name == COHERE:
            body["max_tokens_per_doc"] = request.document_tokens_max
        else:
            lost.append(Lost("document_tokens_max", "It can't be told how much of each to read."))
    for member, value in request.others.items():
        if request.origin == name:
            body[member] = value
        elif member != "priority":  # changes when a call is served, and not its result
            lost.append(Lost(f"others.{member}", f"{name} doesn't know it."))
    return body


def _is_jinas(document: Any) -> bool:
    return isinstance(document, str) or document.keys() <= {"text", "image"}


class RerankDialect:
    """One of the three, by its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def read_request(
        self, body: bytes, model: str | None, *, stream: bool
    ) -> RerankRequest | Refusal:
        """A caller's request; the model is said in the body."""
        return reading.read_request(body, self.name)

    def write_request(self, request: RerankRequest, target: TargetFacts) -> Written:
        """The same for a target. Documents are given back by us."""
        lost: list[Lost] = []
        body = _body(request, target, self.name, lost)
        if self.name != COHERE:
            body["return_documents"] = False
        if request.truncate is not None:
            if self.name == VOYAGE:
                body["truncation"] = request.truncate == "end"
            elif request.truncate == "none":
                lost.append(Lost("truncate", "It leaves out the end of what is too long."))
        return Written(msgspec.json.encode(body), tuple(lost))

    def read_reply(self, body: bytes) -> RerankReply:
        """A vendor's reply."""
        return reading.read_reply(body, units.read_usage(body))

    def write_reply(self, reply: RerankReply, asked: AskedWhole[RerankRequest]) -> bytes:
        """A reply for a caller."""
        results = written_results(reply, asked.request)
        if self.name == COHERE:
            meta = {"api_version": {"version": "2"}} | cohere_units.written(reply.usage)
            return msgspec.json.encode(
                {"id": reply.id or asked.call_id, "results": results, "meta": meta}
            )
        tokens = (reply.usage.input_tokens if reply.usage is not None else None) or 0
        body: Object = {
            "id": reply.id or asked.call_id,
            "model": reply.model or asked.request.model,
            "object": "list",
            "results": results,
            "usage": {"total_tokens": tokens, "prompt_tokens": tokens},
        }
        # Callers of Cohere's first version ask at the same address as Jina's.
        if said := cohere_units.written(reply.usage):
            body["meta"] = {"api_version": {"version": "1"}} | said
        return msgspec.json.encode(body)


DIALECTS: Final = {name: RerankDialect(name) for name in (COHERE, JINA, VOYAGE)}
NATIVE: Final = PlainNative(
    read_usage=units.read_usage,
    read_usage_in_part=units.read_usage_in_part,
    most=units.most,
    likely=units.likely,
    priced=("query", "documents"),
)
