"""Models are found by name and alias, and a key is told only of what it may use."""

import pytest

from faregate.catalogue.models import Catalogue, Offer

BIG = Offer("big", "acme", "acme-big-1")
SMALL = Offer("small", "acme", "small")
CATALOGUE = Catalogue([(BIG, ("large", "best")), (SMALL, ("tiny",))])


def test_an_alias_leads_to_its_model() -> None:
    assert CATALOGUE.find("big") is CATALOGUE.find("large") is CATALOGUE.find("best") is BIG
    assert CATALOGUE.find("small") is SMALL


@pytest.mark.parametrize("name", ["", "Big", "bi", "acme-big-1", "big "])
def test_nothing_else_leads_to_a_model(name: str) -> None:
    assert CATALOGUE.find(name) is None


@pytest.mark.parametrize(
    ("allowed", "names"),
    [
        (None, ["best", "big", "large", "small", "tiny"]),
        (frozenset({"big"}), ["best", "big", "large"]),
        (frozenset({"large"}), ["large"]),  # an alias gives no right to the other names
        (frozenset({"tiny", "best"}), ["best", "tiny"]),
        (frozenset({"gone"}), []),
        (frozenset(), []),
    ],
)
def test_a_key_may_ask_for_what_it_names(allowed: frozenset[str] | None, names: list[str]) -> None:
    assert CATALOGUE.names(allowed) == names
    known = ["big", "large", "best", "small", "tiny"]
    assert sorted(name for name in known if CATALOGUE.permits(name, allowed)) == names


def test_near_names_come_from_what_is_allowed() -> None:
    assert CATALOGUE.nearest("smal", None)[0] == "small"
    assert CATALOGUE.nearest("smal", frozenset({"big"})) == []
    assert CATALOGUE.nearest("bigg", frozenset({"large"})) == []
    assert CATALOGUE.nearest("zzzzzz", None) == []


def test_near_names_are_few() -> None:
    many = Catalogue((Offer(f"model-{n}", "acme", "x"), ()) for n in range(500))
    assert len(many.nearest("model-", None)) == 3
