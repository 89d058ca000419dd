"""A request to rank documents and its reply, in no vendor's words.

Sources: Cohere API v1 and v2 reference, "Rerank"; Jina AI, "Reranker API"; Voyage AI API
reference, "Rerankers".
"""

from typing import Any, Literal

import msgspec

from faregate.dialects.shapes import Object
from faregate.dialects.translation import Lost, MalformedReplyError
from faregate.dialects.usage import Usage

Document = str | Object  # an object has a text, an image, or fields of the caller's


class RerankRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What shall be ranked.

    `fields` are those of documents with fields that count; `others` are members that only dialects
    like `origin` know.
    """

    model: str
    origin: str
    query: str
    documents: tuple[Document, ...]
    top_n: int | None = None
    return_documents: bool | None = None
    fields: tuple[str, ...] = ()
    truncate: Literal["none", "end"] | None = None
    document_tokens_max: int | None = None
    others: dict[str, Any] = {}


class Ranked(msgspec.Struct, frozen=True):
    """A document by its place in the request; a higher score is better."""

    index: int
    score: float


class RerankReply(msgspec.Struct, frozen=True, kw_only=True):
    """The documents, the best first."""

    results: tuple[Ranked, ...]
    model: str | None = None
    id: str | None = None
    usage: Usage | None = None


def text_of(document: Document, fields: tuple[str, ...] = ()) -> str | None:
    """A document as text, its fields a line each; None: it is an image."""
    if isinstance(document, str):
        return document
    if isinstance(text := document.get("text"), str) and not fields:
        return text
    if "image" in document:
        return None
    kept = {name: value for name, value in document.items() if not fields or name in fields}
    return "\n".join(
        f"{name}: {value if isinstance(value, str) else msgspec.json.encode(value).decode()}"
        for name, value in kept.items()
    )


def texts(request: RerankRequest, lost: list[Lost]) -> list[str]:
    """The documents as texts; images are told, and stand empty."""
    found = []
    for at, document in enumerate(request.documents):
        text = text_of(document, request.fields)
        if text is None:
            lost.append(Lost("documents.image", f"Document {at} is an image; it ranks texts."))
        found.append(text or "")
    return found


def written_results(reply: RerankReply, request: RerankRequest) -> list[Object]:
    """The results for a caller.

    They have the documents that it gave, where it wants them back. Raises `MalformedReplyError`
    for a document that isn't there.
    """
    found: list[Object] = []
    for one in reply.results:
        if one.index >= len(request.documents):
            raise MalformedReplyError(f"there is no document {one.index}")
        result: Object = {"index": one.index, "relevance_score": one.score}
        if request.return_documents:
            document = request.documents[one.index]
            result["document"] = {"text": document} if isinstance(document, str) else document
        found.append(result)
    return found
