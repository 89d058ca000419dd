"""Rerank, as Cohere, Jina and Voyage shape it.

Sources: Cohere's API reference: Rerank (v1, v2); Jina's "Reranker API"; Voyage AI's "Reranker".
"""

import zlib
from typing import Any, Final

import msgspec

from faregate.simulator.answer import encode, tokens_of
from faregate.simulator.errors import RefusedError
from faregate.simulator.exchange import Exchange, Message
from faregate.simulator.replies import needs
from faregate.simulator.script import Script

DOCUMENTS_MAX: Final = 10_000
DOCUMENTS_PER_UNIT: Final = 100  # Cohere bills a search for each


class Rerank(Exchange):
    """One call; `vendor` says in whose form it is answered."""

    def __init__(self, document: dict[str, Any], vendor: str) -> None:
        self.model = document["model"]
        self._vendor = vendor
        self._query = str(document["query"])
        self._documents = document["documents"]
        self._most = document.get("top_n") or document.get("top_k") or len(self._documents)
        self._shown = bool(document.get("return_documents"))

    def whole(self, script: Script) -> bytes:
        """The body of the answer."""
        vendor = script.vendor or self._vendor
        rows = [self._row(index, script.seed) for index in range(len(self._documents))]
        rows.sort(key=lambda row: (-row["relevance_score"], row["index"]))
        rows = rows[: self._most]
        texts = [_text(document) for document in self._documents]
        tokens = sum(map(tokens_of, [self._query, *texts]))
        tokens = tokens if script.input is None else script.input
        if self._shown:
            for row in rows:
                text = texts[row["index"]]
                row["document"] = text if vendor == "voyage" else {"text": text}
        if vendor == "voyage":
            listed: dict[str, Any] = {"object": "list", "data": rows, "model": self.model}
            return encode({**listed, "usage": {"total_tokens": tokens}})
        if vendor == "cohere":
            units = -(-len(texts) // DOCUMENTS_PER_UNIT)
            meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": units}}
            return encode({"id": "sim", "results": rows, "meta": meta})
        usage = {"total_tokens": tokens}
        return encode({"model": self.model, "usage": usage, "results": rows})

    def _row(self, index: int, seed: int) -> dict[str, Any]:
        asked = f"{self._query}\n{_text(self._documents[index])}".encode()
        score = zlib.crc32(asked, seed & 0xFFFFFFFF) / 0xFFFFFFFF
        return {"index": index, "relevance_score": round(score, 6)}


def read_rerank(message: Message) -> Rerank:
    """A call of rerank; /v2 is Cohere's, and top_k is Voyage's."""
    document = msgspec.json.decode(message.body)
    needs(document.get("model") or "", "query", len(document.get("query") or ""))
    documents = document.get("documents")
    if not isinstance(documents, list) or not 1 <= len(documents) <= DOCUMENTS_MAX:
        raise RefusedError(f"documents must be a list of 1 to {DOCUMENTS_MAX}", param="documents")
    vendor = message.vendor
    if not vendor and message.path.startswith("/v2/"):
        vendor = "cohere"
    if not vendor:
        vendor = "voyage" if "top_k" in document else "jina"
    return Rerank(document, vendor)


def _text(document: object) -> str:
    return str(document.get("text", "")) if isinstance(document, dict) else str(document)
