"""Sources of an answer, as chat's annotations.

Chat's annotations are of one kind; a source without a URL has an empty one there, for there are
callers that check what they read. The document's number stands beside, where there is one.

Sources: OpenAI API reference, "The chat completion object"; OpenRouter, "Web search" (`content`).
"""

from collections.abc import Iterable
from typing import Any

from faregate.dialects.neutral.parts import Citation


def read_citation(stated: object, dialect: str) -> Citation | None:
    """One annotation."""
    if not isinstance(stated, dict):
        return None
    kind = stated.get("type")
    inner = stated.get(kind) if isinstance(kind, str) else None
    if kind != "url_citation" or not isinstance(inner, dict):
        return Citation(raw=stated, origin=dialect)
    start, end = _whole(inner.get("start_index")), _whole(inner.get("end_index"))
    if start == end:  # a span must be said, and there is none
        start = end = None
    return Citation(
        url=_text(inner.get("url")),
        title=_text(inner.get("title")),
        cited_text=_text(inner.get("content")),
        start=start,
        end=end,
        document=_whole(inner.get("document")),
    )


def read_citations(stated: object, dialect: str) -> tuple[Citation, ...]:
    """All annotations of a message."""
    if not isinstance(stated, list):
        return ()
    return tuple(found for one in stated if (found := read_citation(one, dialect)) is not None)


def read_sources(results: object, urls: object) -> tuple[Citation, ...]:
    """Sources beside the choices: `search_results`, or URLs.

    Source: Perplexity, "Chat completions".
    """
    if isinstance(results, list) and results:
        stated = [one for one in results if isinstance(one, dict)]
        found = [
            Citation(url=_text(one.get("url")), title=_text(one.get("title"))) for one in stated
        ]
    else:
        found = [Citation(url=_text(url)) for url in (urls if isinstance(urls, list) else ())]
    return tuple(one for one in found if one.url is not None)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def write_citation(citation: Citation, dialect: str, shift: int = 0) -> dict[str, Any]:
    """One annotation; its text begins at `shift` of the whole."""
    if citation.raw is not None and citation.origin == dialect:
        raw: dict[str, Any] = citation.raw
        return raw
    inner: dict[str, Any] = {}
    if citation.start is not None:
        inner["start_index"] = citation.start + shift
    if citation.end is not None:
        inner["end_index"] = citation.end + shift
    if citation.cited_text is not None:
        inner["content"] = citation.cited_text
    if citation.document is not None:
        inner["document"] = citation.document
    # The SDKs want all four.
    inner = {"start_index": shift, "end_index": shift, "title": citation.title or ""} | inner
    return {"type": "url_citation", "url_citation": inner | {"url": citation.url or ""}}


def write_citations(
    citations: Iterable[Citation], dialect: str, shift: int = 0
) -> list[dict[str, Any]]:
    """All of a text's."""
    return [write_citation(one, dialect, shift) for one in citations]


# -- as responses have them ------------------------------------------------------------------------


def read_flat_citation(stated: object, dialect: str) -> Citation | None:
    """One annotation of responses, whose members stand beside its type."""
    if not isinstance(stated, dict):
        return None
    kind = stated.get("type")
    if kind != "url_citation":
        return Citation(raw=stated, origin=dialect)
    return read_citation({"type": kind, kind: stated}, dialect)


def read_flat_citations(stated: object, dialect: str) -> tuple[Citation, ...]:
    """All annotations of a text."""
    if not isinstance(stated, list):
        return ()
    found = (read_flat_citation(one, dialect) for one in stated)
    return tuple(one for one in found if one is not None)


def write_flat_citation(citation: Citation, dialect: str, shift: int = 0) -> dict[str, Any]:
    """One annotation of responses."""
    if citation.raw is not None and citation.origin == dialect:
        raw: dict[str, Any] = citation.raw
        return raw
    written = write_citation(citation, dialect, shift)
    kind = written["type"]
    return {"type": kind, **written[kind]}
