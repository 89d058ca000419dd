"""References are replaced in every text, and each that can't be is named with its place."""

import pytest
from hypothesis import given
from tests.configuration.documents import ENVIRONMENT, documents

from faregate.configuration.document import Document, Provider
from faregate.configuration.references import (
    expand,
    has_reference,
    is_reference,
    is_sealed,
    map_texts,
)


def provider(**fields: object) -> Document:
    return Document(providers=(Provider(name="p", **{"base_url": "http://h", **fields}),))


def test_every_text_may_have_some() -> None:
    document = provider(base_url="http://${env:H}:${env:P}", headers={"x": "${env:H}"})
    clear, problems = expand(document, {"H": "host", "P": "1"})
    assert problems == []
    assert clear == provider(base_url="http://host:1", headers={"x": "host"})


def test_values_are_not_expanded_again() -> None:
    clear, problems = expand(provider(api_key="${env:A}"), {"A": "${env:B}"})
    assert problems == []
    assert clear.providers[0].api_key == "${env:B}"


def test_sealed_values_stay() -> None:
    document = provider(api_key="${sealed:v1:AAAA}")
    assert expand(document, {}) == (document, [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${env:NOPE}", "NOPE is not set"),
        ("${env:EMPTY}", "EMPTY is empty"),
        ("${env:1}", "not known"),
        ("${env:A", "not known"),
        ("${other}", "${other} is not known"),
        ("a ${sealed:v1:AA}", "whole text"),
    ],
)
def test_problems(text: str, message: str) -> None:
    _, problems = expand(provider(api_key=text), {"EMPTY": ""})
    assert [problem.path for problem in problems] == [("providers", 0, "api_key")]
    assert message in problems[0].message


def test_kinds() -> None:
    assert is_reference("${env:A}")
    assert is_reference("${sealed:v1:A-_}")
    assert not is_reference("a${env:A}")
    assert has_reference("a${env:A}")
    assert is_sealed("${sealed:v1:AA}")
    assert not is_sealed("${env:A}")


@given(documents())
def test_only_texts_with_references_change(document: Document) -> None:
    assert map_texts(document, lambda _, text: text) == document
    clear, problems = expand(document, ENVIRONMENT)
    assert problems == []
    assert expand(clear, {}) == (clear, [])
