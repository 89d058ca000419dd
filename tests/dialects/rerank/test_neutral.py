"""Documents are texts, whatever they were, and come back as they were given."""

import pytest

from faregate.dialects.rerank import neutral
from faregate.dialects.rerank.neutral import Ranked, RerankReply, RerankRequest
from faregate.dialects.translation import Lost, MalformedReplyError

REQUEST = RerankRequest(
    model="m",
    origin="jina_rerank",
    query="q",
    documents=("a", {"text": "b"}, {"image": "https://example.com/a"}),
    return_documents=True,
)


@pytest.mark.parametrize(
    ("document", "fields", "text"),
    [
        ("a", (), "a"),
        ({"text": "a", "id": 1}, (), "a"),
        ({"text": "a", "id": 1}, ("id",), "id: 1"),
        ({"title": "t", "body": ["x"]}, (), 'title: t\nbody: ["x"]'),
        ({"image": "x"}, (), None),
    ],
)
def test_a_document_is_a_text(
    document: neutral.Document, fields: tuple[str, ...], text: str | None
) -> None:
    assert neutral.text_of(document, fields) == text


def test_an_image_is_told() -> None:
    lost: list[Lost] = []
    assert neutral.texts(REQUEST, lost) == ["a", "b", ""]
    assert [one.name for one in lost] == ["documents.image"]


def test_documents_come_back_as_they_were_given() -> None:
    reply = RerankReply(results=(Ranked(1, 0.5), Ranked(0, 0.25)))
    assert neutral.written_results(reply, REQUEST) == [
        {"index": 1, "relevance_score": 0.5, "document": {"text": "b"}},
        {"index": 0, "relevance_score": 0.25, "document": {"text": "a"}},
    ]
    with pytest.raises(MalformedReplyError, match="3"):
        neutral.written_results(RerankReply(results=(Ranked(3, 0.5),)), REQUEST)
