"""What is exported loads back to the same document, and holds no secret in the clear."""

from hypothesis import given
from tests.configuration.documents import ENVIRONMENT, documents

from faregate.configuration.document import Document, Provider
from faregate.configuration.export import brief, export
from faregate.configuration.load import load


@given(documents())
def test_round_trip(document: Document) -> None:
    text = export(document)
    assert load(text, environment=ENVIRONMENT) == document
    assert "sk-hidden" not in text


@given(documents())
def test_the_same_document_is_the_same_text(document: Document) -> None:
    assert export(load(export(document), environment=ENVIRONMENT)) == export(document)


def test_defaults_are_left_out() -> None:
    assert brief(Document()) == {}
    provider = Provider(name="p", base_url="http://h", api_key="${env:KEY}")
    assert brief(Document(providers=(provider,))) == {
        "providers": [{"name": "p", "base_url": "http://h", "api_key": "${env:KEY}"}]
    }
    assert export(Document()).splitlines()[-1] == "version: 1"
