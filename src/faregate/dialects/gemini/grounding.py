"""Where an answer's text comes from: Gemini's grounding and ours.

A support names a segment of a part's text in bytes of UTF-8 and the chunks, the sources, that
carry it. Ours is one citation for each pair, in characters.

Sources: Gemini API, "Grounding with Google Search" (groundingMetadata), "Generating content"
(CitationMetadata, Segment).
"""

from typing import Any, Final

from faregate.dialects.gemini.signatures import NAME
from faregate.dialects.neutral.parts import Citation
from faregate.dialects.shapes import Object

_PLACES: Final = ("web", "retrievedContext", "maps")


def read(candidate: Object, texts: dict[int, str]) -> list[tuple[int, Citation]]:
    """The citations of a candidate, each with the number of its part.

    `texts` are the answer's texts by the numbers that Gemini's parts have. What has another
    shape than it should says nothing.
    """
    if not texts:
        return []
    found: list[tuple[int, Citation]] = []
    first = min(texts)
    metadata = candidate.get("groundingMetadata")
    if isinstance(metadata, dict):
        chunks = _listed(metadata.get("groundingChunks"))
        used: set[int] = set()
        for support in _listed(metadata.get("groundingSupports")):
            segment = support.get("segment")
            segment = segment if isinstance(segment, dict) else {}
            part = _whole(segment.get("partIndex")) or 0
            if part not in texts:
                part = first
            indices = support.get("groundingChunkIndices")
            for index in indices if isinstance(indices, list) else ():
                if isinstance(index, int) and 0 <= index < len(chunks):
                    used.add(index)
                    found.append((part, _citation(chunks[index], segment, texts[part])))
        for index, chunk in enumerate(chunks):
            if index not in used:
                found.append((first, _citation(chunk, {}, "")))
    recited = candidate.get("citationMetadata")
    if isinstance(recited, dict):
        listed = _listed(recited.get("citations") or recited.get("citationSources"))
        found += [(first, _recited(one, texts[first])) for one in listed]
    return found


def _citation(chunk: Object, segment: Object, text: str) -> Citation:
    place: Object = {}
    for name in _PLACES:
        if isinstance(chunk.get(name), dict):
            place = chunk[name]
    start, end = _characters(segment, text)
    return Citation(
        url=_text(place.get("uri")),
        title=_text(place.get("title")),
        cited_text=_text(place.get("text")),
        start=start,
        end=end,
        raw=chunk,
        origin=NAME,
    )


def _recited(one: Object, text: str) -> Citation:
    start, end = _characters(one, text)
    return Citation(
        url=_text(one.get("uri")),
        title=_text(one.get("title")),
        start=start,
        end=end,
        raw=one,
        origin=NAME,
    )


def _characters(segment: Object, text: str) -> tuple[int | None, int | None]:
    """Characters of bytes; a start of zero is left out by Google's JSON."""
    end = _whole(segment.get("endIndex"))
    if end is None:
        return None, None
    start = _whole(segment.get("startIndex")) or 0
    if text.isascii():
        return start, end
    encoded = text.encode()
    before, whole = (len(encoded[:at].decode(errors="ignore")) for at in (start, end))
    return before, whole


def written(citations: list[tuple[int, str, Citation]]) -> Object | None:
    """Grounding of citations, each with its part's number and text."""
    if not citations:
        return None
    chunks: list[Object] = []
    supports: list[Object] = []
    for part, text, citation in citations:
        place = {"uri": citation.url or "", "title": citation.title or ""}
        if citation.cited_text is None:
            chunk: Object = {"web": place}
        else:
            chunk = {"retrievedContext": place | {"text": citation.cited_text}}
        if chunk not in chunks:
            chunks.append(chunk)
        if citation.end is not None:
            start = citation.start or 0
            segment = {
                "partIndex": part,
                "startIndex": len(text[:start].encode()),
                "endIndex": len(text[: citation.end].encode()),
                "text": text[start : citation.end],
            }
            supports.append({"segment": segment, "groundingChunkIndices": [chunks.index(chunk)]})
    made: Object = {"groundingChunks": chunks}
    if supports:
        made["groundingSupports"] = supports
    return made


def _listed(value: Any) -> list[Object]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
