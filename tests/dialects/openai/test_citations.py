"""Sources come back, in chat's form and that of responses."""

import pytest

from faregate.dialects.neutral.parts import Citation
from faregate.dialects.openai.citations import (
    read_citations,
    read_flat_citations,
    write_citations,
    write_flat_citation,
)

CHAT = "openai_chat"
CITATIONS = [
    Citation(url="https://a.example", title="A", start=1, end=4, cited_text="said"),
    Citation(title="paper.pdf", cited_text="said", document=2),
    Citation(raw={"type": "file_path", "file_id": "f", "index": 1}, origin=CHAT),
]


@pytest.mark.parametrize("citation", CITATIONS)
def test_a_citation_comes_back(citation: Citation):
    assert read_citations(write_citations([citation], CHAT), CHAT) == (citation,)
    assert read_flat_citations([write_flat_citation(citation, CHAT)], CHAT) == (citation,)


def test_a_citation_has_what_the_sdk_wants():
    (written,) = write_citations([Citation(url="https://a.example")], CHAT, 7)
    assert written == {
        "type": "url_citation",
        "url_citation": {
            "start_index": 7, "end_index": 7, "title": "", "url": "https://a.example",
        },
    }  # fmt: skip


def test_places_are_shifted():
    (written,) = write_citations([CITATIONS[0]], CHAT, 10)
    stated = written["url_citation"]
    assert (stated["start_index"], stated["end_index"]) == (11, 14)


def test_strange_annotations_are_passed_over():
    assert read_citations("x", CHAT) == ()
    assert read_citations([1], CHAT) == ()
    assert read_flat_citations(None, CHAT) == ()


def test_an_annotation_of_no_kind_stays_as_it_is():
    strange = {"type": []}
    (citation,) = read_flat_citations([strange], CHAT)
    assert write_flat_citation(citation, CHAT) == strange
