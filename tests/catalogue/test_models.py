"""Models are found by name and alias, and a caller is told only of what is there for it."""

import pytest

from faregate.catalogue.models import Catalogue, Offer

BIG = Offer("big", "acme", "acme-big-1")
SMALL = Offer("small", "acme", "small")
CATALOGUE = Catalogue([(BIG, ("large", "best")), (SMALL, ("tiny",))])
ALL = CATALOGUE.of("")

RARE = Offer("rare", "ours", "rare", shared_with=frozenset({"sales"}))
OWN_BIG = Offer("sales/big", "sales/own", "big", "sales")
OWN = Offer("sales/soup", "sales/own", "soup", "sales")
DARK = Offer("support/dark", "support/own", "dark", "support")
TEAMS = Catalogue(
    [
        (BIG, ("large",)),
        (SMALL, ()),
        (RARE, ("scarce",)),
        (OWN_BIG, ("sales/huge",)),
        (OWN, ()),
        (DARK, ("support/night",)),
    ],
    {"lab": frozenset({"small", "rare"}), "support": frozenset({"big"})},
)


def test_an_alias_leads_to_its_model() -> None:
    assert ALL.find("big") is ALL.find("large") is ALL.find("best") is BIG
    assert ALL.find("small") is SMALL


@pytest.mark.parametrize("name", ["", "Big", "bi", "acme-big-1", "big "])
def test_nothing_else_leads_to_a_model(name: str) -> None:
    assert ALL.find(name) is None


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
    assert ALL.names(allowed) == names
    known = ["big", "large", "best", "small", "tiny"]
    assert sorted(name for name in known if ALL.find(name, allowed) is not None) == names


def test_near_names_come_from_what_is_allowed() -> None:
    assert ALL.nearest("smal", None)[0] == "small"
    assert ALL.nearest("smal", frozenset({"big"})) == []
    assert ALL.nearest("bigg", frozenset({"large"})) == []
    assert ALL.nearest("zzzzzz", None) == []


def test_near_names_are_few() -> None:
    many = Catalogue((Offer(f"model-{n}", "acme", "x"), ()) for n in range(500)).of("")
    assert len(many.nearest("model-", None)) == 3


@pytest.mark.parametrize(
    ("team", "names"),
    [
        ("", ["big", "large", "rare", "scarce", "small"]),
        (
            "sales",
            ["big", "large", "rare", "sales/big", "sales/huge", "sales/soup", "scarce", "small"],
        ),
        ("support", ["big", "large", "support/dark", "support/night"]),
        ("lab", ["small"]),
        ("nobody", ["big", "large", "small"]),
    ],
)
def test_each_team_sees_its_own_and_what_is_shared_with_it(team: str, names: list[str]) -> None:
    scope = TEAMS.of(team)
    assert scope.names(None) == names
    every = [*TEAMS.of("sales").names(None), *TEAMS.of("support").names(None)]
    assert sorted({name for name in every if scope.find(name) is not None}) == names
    assert scope is TEAMS.of(team)


def test_a_team_calls_its_own_by_their_local_names() -> None:
    sales, support = TEAMS.of("sales"), TEAMS.of("support")
    assert sales.find("soup") is sales.find("sales/soup") is OWN
    assert sales.find("huge") is OWN_BIG
    assert support.find("night") is DARK
    assert support.find("soup") is None
    assert TEAMS.of("").find("soup") is None
    assert "soup" in sales.nearest("soop", None)
    assert support.nearest("soop", None) == []


def test_the_nearest_name_wins_among_those_that_a_key_may_use() -> None:
    sales = TEAMS.of("sales")
    assert sales.find("big") is OWN_BIG
    assert sales.find("big", frozenset({"sales/big"})) is OWN_BIG
    assert sales.find("big", frozenset({"big"})) is BIG
    assert dict(sales.offers(None))["big"] is OWN_BIG
    assert dict(sales.offers(frozenset({"big"}))) == {"big": BIG, "large": BIG}
