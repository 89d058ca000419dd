"""Secrets in the clear are sealed for their place; references are only what they may be."""

from typing import Any

import msgspec
import pytest

from faregate.configuration.document import Document
from faregate.control.problems import ProblemError
from faregate.control.resources.secrets import names_variables_anew, refuse_variables, sealed, texts
from faregate.control.resources.views import HIDDEN
from faregate.storage.secrets import SecretBox

BOX = SecretBox(bytes(32))
SECRET = "sk-planted-0123456789"


def of(**provider: Any) -> Document:
    """A document with one provider."""
    return msgspec.convert({"providers": [{"name": "x", **provider}]}, Document)


def test_each_secret_is_sealed_for_its_place() -> None:
    made = sealed(
        of(keys=[{"name": "k", "secret": SECRET}], headers={"x-token": SECRET, "x-plain": "p"}),
        {},
        BOX,
    ).providers[0]
    assert BOX.open(made.keys[0].secret, "providers[x].keys[k].secret") == SECRET
    assert BOX.open(made.headers["x-token"], "providers[x].headers[x-token]") == SECRET
    assert made.headers["x-plain"] == "p"


def test_references_stay() -> None:
    made = of(api_key="${env:KEY}")
    assert sealed(made, {}, BOX) is made
    half = of(api_key="abc${env:KEY}")
    assert sealed(half, {}, BOX) is half, "the rules refuse it, without repeating it"


def test_the_same_secret_again_changes_nothing() -> None:
    first = sealed(of(api_key=SECRET), {}, BOX)
    assert sealed(of(api_key=SECRET), texts(first), BOX) == first
    other = sealed(of(api_key=SECRET + "x"), texts(first), BOX)
    assert other != first
    strange = SecretBox(bytes([1] * 32))
    assert sealed(of(api_key=SECRET), texts(sealed(of(api_key=SECRET), {}, strange)), BOX) != first


def test_a_placeholder_means_what_is_there() -> None:
    first = sealed(of(api_key=SECRET), {}, BOX)
    assert sealed(of(api_key=HIDDEN), texts(first), BOX) == first
    with pytest.raises(ProblemError, match="no secret is kept here"):
        sealed(of(api_key=HIDDEN), {}, BOX)


def test_a_sealed_value_of_elsewhere_is_refused() -> None:
    foreign = BOX.seal(SECRET, "providers[other].api_key")
    for text in (foreign, "${sealed:v1:AAAA}"):
        with pytest.raises(ProblemError) as refused:
            sealed(of(api_key=text), {}, BOX)
        assert refused.value.problem.errors[0].field == "providers[x].api_key"
        sealed(of(api_key=text), {"providers[x].api_key": text}, BOX)


@pytest.mark.parametrize(
    ("text", "of_team", "message"),
    [
        ("${env:KEY}", False, None),
        ("${env:KEY}", True, "the organisation's"),
        ("${env:FAREGATE_MASTER_KEY}", False, "Faregate itself"),
        ("plain", True, None),
    ],
)
def test_variables(text: str, of_team: bool, message: str | None) -> None:
    made = of(base_url=text)
    if message is None:
        refuse_variables(made, {}, of_team=of_team)
        return
    with pytest.raises(ProblemError, match=message):
        refuse_variables(made, {}, of_team=of_team)
    refuse_variables(made, texts(made), of_team=of_team)  # it was there already


def test_variables_that_are_new() -> None:
    made = of(api_key="${env:KEY}")
    assert names_variables_anew(made, {})
    assert not names_variables_anew(made, texts(made))
    assert not names_variables_anew(of(api_key="plain"), {})
