"""What is exported loads back to the same document, and holds no secret in the clear."""

from decimal import Decimal

from hypothesis import given
from tests.configuration.documents import ENVIRONMENT, documents

from faregate.configuration.commerce import Price
from faregate.configuration.document import Document, Provider
from faregate.configuration.export import brief, export, yaml_text
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


def test_amounts_are_numbers() -> None:
    prices = (
        Price(model="m", input=Decimal("0.150"), output=Decimal("1E+3"), request=Decimal("1E-9")),
    )
    lines = export(Document(prices=prices)).splitlines()
    assert lines[-4:] == [
        "- model: m",
        "  input: 0.15",
        "  output: 1000",
        "  request: 0.000000001",
    ]


def test_a_plain_value_is_a_line() -> None:
    assert yaml_text("word") == "word\n"
    assert yaml_text(Decimal("0.10")) == "0.1\n"
    assert yaml_text(None) == "null\n"
    assert yaml_text([]) == "[]\n"
    assert yaml_text({"title": "more..."}) == "title: more...\n"
    assert yaml_text("...") == "'...'\n"
