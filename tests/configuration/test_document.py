"""A document is what it says: complete by default, closed to unknown fields, whole as JSON."""

import msgspec
import pytest
from hypothesis import given
from tests.configuration.documents import documents

from faregate.configuration.document import Document, Model, Provider


def test_the_empty_document_is_complete() -> None:
    document = Document()
    assert document.version == 1
    assert document.providers == document.models == document.keys == ()


@given(documents())
def test_json_and_back(document: Document) -> None:
    assert msgspec.json.decode(msgspec.json.encode(document), type=Document) == document


@pytest.mark.parametrize("name", ["a", "A-1._", "a" * 63, "team/a"])
def test_names(name: str) -> None:
    tree = {"name": name, "base_url": "http://h"}
    assert msgspec.convert(tree, Provider).name == name


@pytest.mark.parametrize("name", ["", "-a", "a b", "a\n", "a" * 64, "a/b/c", "/b", "a/", "ä"])
def test_no_names(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"name": name, "base_url": "http://h"}, Provider)


@pytest.mark.parametrize("name", ["gpt-4.1", "meta/llama-3:8b", "a@b+c"])
def test_model_names(name: str) -> None:
    assert msgspec.convert({"name": name, "provider": "p"}, Model).name == name


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"name": "a", "base_url": "http://h", "url": ""}, Provider)
