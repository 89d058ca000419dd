"""FIELD=VALUE is read as YAML, put in its place, and checked as a file is."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.cli.assignments import (
    EMPTY,
    assigned,
    part_of,
    read_assignment,
    read_part,
    read_path,
    read_value,
    renewed_places,
)
from faregate.configuration.commerce import Limit
from faregate.configuration.document import Document, Provider, ProviderKey, Target, VirtualModel
from faregate.core.errors import ConfigurationError, FaregateError

VIRTUAL = Document(
    virtual_models=(
        VirtualModel(name="v", targets=(Target(model="gpt-5.1"), Target(model="b/c", weight=2))),
    )
)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("max", ("max",)),
        ("settings.models", ("settings", "models")),
        ("targets[gpt-5.1].weight", ("targets", "gpt-5.1", "weight")),
        ("headers[X-A.B]", ("headers", "X-A.B")),
    ],
)
def test_paths(text: str, steps: tuple[str, ...]) -> None:
    assert read_path(text) == steps


@given(st.text(alphabet="ab.[]= ", max_size=8))
def test_any_path_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(FaregateError):
        assert all(read_path(text))


@pytest.mark.parametrize("text", ["", ".", "a..b", "a[", "a[]", "]", "a.[b]c"])
def test_no_paths(text: str) -> None:
    with pytest.raises(FaregateError, match="is no field"):
        read_path(text)


def test_values() -> None:
    assert read_assignment("max=10").value is not None
    assert read_assignment("max=").value is None
    assert read_assignment("max= null ").value is None
    said = read_assignment("when=a == 1").value
    assert said is not None
    assert said.value == "a == 1"
    with pytest.raises(FaregateError, match="'max' has no value"):
        read_assignment("max")


@pytest.mark.parametrize("text", ["[a", "*a", "@a", "!!python/none x", "{a: 1, a: 2}"])
def test_what_is_not_yaml(text: str) -> None:
    with pytest.raises(FaregateError, match="the value of x: ") as caught:
        read_assignment(f"x={text}")
    assert caught.value.fix
    with pytest.raises(FaregateError, match="stdin: "):
        read_value(text, "stdin")


def changed(document: Document, kind: str, *texts: str) -> Document:
    tree = part_of(document, kind, is_list=True)
    return read_part(assigned(tree, map(read_assignment, texts)), kind, is_list=True)


def test_fields_and_items_of_lists() -> None:
    made = changed(VIRTUAL, "virtual_models", "targets[gpt-5.1].weight=3", "strategy=weighted")
    (virtual,) = made.virtual_models
    assert [(one.model, one.weight) for one in virtual.targets] == [("gpt-5.1", 3), ("b/c", 2)]
    made = changed(VIRTUAL, "virtual_models", "targets[b/c]=", "fallbacks.failure=[x]", "canary.x=")
    assert [one.model for one in made.virtual_models[0].targets] == ["gpt-5.1"]
    assert made.virtual_models[0].fallbacks.failure == ("x",)
    made = changed(made, "virtual_models", "fallbacks.failure=", "targets[gpt-5.1]={model: y}")
    assert made.virtual_models[0].fallbacks.failure == ()
    assert made.virtual_models[0].targets == (Target(model="y"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("targets[gpt-5]=", "targets has no 'gpt-5'; did you mean 'gpt-5.1'?"),
        ("strategy.x=1", "strategy is one value"),
        ("stratgy=weighted", "did you mean 'strategy'?"),
        ("targets=", "the field 'targets' is missing"),
        ("total_s=soon", r"virtual_models\[v\].total_s: expected a number"),
    ],
)
def test_refused(text: str, message: str) -> None:
    document = changed(VIRTUAL, "virtual_models", "strategy=weighted")
    with pytest.raises(FaregateError, match=message):
        changed(document, "virtual_models", text)


def test_all_mistakes_at_once_and_no_secrets() -> None:
    limit = Document(limits=(Limit(name="l", each="key", max=1),))
    with pytest.raises(ConfigurationError) as caught:
        changed(limit, "limits", "max=0", "each=x")
    assert len(caught.value.others) == 1
    provider = Document(providers=(Provider(name="p"),))
    with pytest.raises(ConfigurationError, match="must not stand") as caught:
        changed(provider, "providers", "api_key=sk-canary")
    assert "canary" not in str(caught.value)
    with pytest.raises(ConfigurationError) as caught:
        changed(provider, "providers", "api_key=[sk-canary]")
    assert "canary" not in str(caught.value)


def test_a_part_that_was_never_said_is_empty() -> None:
    assert part_of(Document(), "settings", is_list=False) == EMPTY
    assert read_part(EMPTY, "settings", is_list=False) == Document()


def test_variables_that_are_named_are_read_anew() -> None:
    keys = (ProviderKey(name="a", secret="${env:A}"), ProviderKey(name="b", secret="${env:B}"))
    document = Document(providers=(Provider(name="p", keys=keys, base_url="http://${env:H}/v1"),))
    places = {
        "a": "providers[p].keys[a].secret",
        "b": "providers[p].keys[b].secret",
        "h": "providers[p].base_url",
    }

    def found(*said: tuple[str, ...]) -> set[str]:
        return set(renewed_places(document, said, is_list=True))

    assert found() == set()
    assert found(("vendor",)) == set()
    assert found(("base_url",)) == {places["h"]}
    assert found(("keys", "b", "secret")) == {places["b"]}
    assert found(("keys",)) == {places["a"], places["b"]}
    assert found(()) == set(places.values())
