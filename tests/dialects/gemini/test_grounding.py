"""Sources of a text are read in characters and written in bytes."""

from faregate.dialects.gemini import grounding
from faregate.dialects.neutral.parts import Citation

TEXT = "Zürich is big. Bern is not."
WEB = {"web": {"uri": "https://example.com/z", "title": "Zürich"}}
KEPT = {"retrievedContext": {"uri": "doc", "title": "Bern", "text": "Bern is small"}}
CANDIDATE = {
    "groundingMetadata": {
        "groundingChunks": [WEB, KEPT, {"maps": {"uri": "https://maps", "title": "Map"}}],
        "groundingSupports": [
            {"segment": {"endIndex": 15, "text": "Zürich is big."}, "groundingChunkIndices": [0]},
            {"segment": {"startIndex": 16, "endIndex": 28}, "groundingChunkIndices": [0, 1, 9]},
        ],
    }
}


def test_supports_and_chunks_are_citations() -> None:
    found = grounding.read(CANDIDATE, {4: TEXT})
    assert [part for part, _ in found] == [4, 4, 4, 4]
    shown = [(one.url, one.start, one.end, one.cited_text) for _, one in found]
    assert shown == [
        ("https://example.com/z", 0, 14, None),
        ("https://example.com/z", 15, 27, None),
        ("doc", 15, 27, "Bern is small"),
        ("https://maps", None, None, None),
    ]
    assert found[0][1].raw == WEB
    assert found[0][1].origin == "gemini"


def test_recitations_are_citations_too() -> None:
    candidate = {"citationMetadata": {"citations": [{"uri": "u", "startIndex": 1, "endIndex": 3}]}}
    ((part, citation),) = grounding.read(candidate, {0: "abcdef"})
    assert (part, citation.url, citation.start, citation.end) == (0, "u", 1, 3)


def test_it_comes_back() -> None:
    citations = [
        Citation(url="https://a", title="A", start=0, end=6),
        Citation(url="https://b", title="B", cited_text="quoted", start=7, end=9),
        Citation(url="https://a", title="A"),
    ]
    metadata = grounding.written([(0, TEXT, one) for one in citations])
    assert metadata is not None
    assert len(metadata["groundingChunks"]) == 2
    assert metadata["groundingSupports"][0]["segment"]["endIndex"] == 7  # the ü has two bytes
    read = [one for _, one in grounding.read({"groundingMetadata": metadata}, {0: TEXT})]
    assert [(one.url, one.start, one.end, one.cited_text) for one in read] == [
        ("https://a", 0, 6, None),
        ("https://b", 7, 9, "quoted"),
    ]


def test_nonsense_says_nothing() -> None:
    assert grounding.written([]) is None
    assert grounding.read(CANDIDATE, {}) == []
    wrong = {"groundingChunks": 3, "groundingSupports": [{"segment": 1}, 2]}
    assert grounding.read({"groundingMetadata": wrong, "citationMetadata": []}, {0: "a"}) == []
