"""Items are found, made, changed and removed by what they go by."""

from typing import Any

import pytest

from faregate.cli.assignments import read_assignment, read_value
from faregate.cli.item_changes import (
    Wish,
    find_item,
    find_kind,
    renewed_of,
    require_item,
    with_item,
    without_items,
)
from faregate.configuration.commerce import Application, Limit, Price, Team
from faregate.configuration.document import Document
from faregate.core.errors import FaregateError, MissingError

DOCUMENT = Document(
    teams=(Team(name="sales"), Team(name="research")),
    applications=(Application(name="shop", team="sales"),),
    limits=(
        Limit(name="hourly", each="key", max=1),
        Limit(name="sales/hourly", team="sales", each="key", max=2),
    ),
)
LIMITS = find_kind("limits")


def made(kind: str, name: str, *fields: str, team: str | None = None, base: str = "") -> Any:
    tree = read_value(base, "base") if base else None
    wish = Wish(name, team, tree, [read_assignment(one) for one in fields])
    return with_item(find_kind(kind), DOCUMENT, wish)


def test_kinds() -> None:
    assert find_kind("virtual_models") is find_kind("virtual-models")
    for word, told in (("limit", "did you mean 'limits'"), ("things", "there is no kind")):
        with pytest.raises(MissingError, match=told) as caught:
            find_kind(word)
        assert "the kinds are teams, " in str(caught.value.fix)
    for word in ("keys", "settings", "callers"):
        with pytest.raises(MissingError) as caught:
            find_kind(word)
        assert f"'faregate {word}'" in str(caught.value.fix)


def test_names_of_teams() -> None:
    assert find_item(LIMITS, DOCUMENT, "hourly", None).max == 1
    assert find_item(LIMITS, DOCUMENT, "hourly", "sales").max == 2
    assert find_item(LIMITS, DOCUMENT, "sales/hourly", None).max == 2
    assert find_item(LIMITS, DOCUMENT, "sales/hourly", "research") is None
    assert find_item(LIMITS, DOCUMENT, "other/hourly", None) is None
    applications = find_kind("applications")
    assert find_item(applications, DOCUMENT, "sales/shop", None).name == "shop"
    with pytest.raises(FaregateError, match="teams own no plans"):
        find_item(find_kind("plans"), DOCUMENT, "pro", "sales")
    with pytest.raises(MissingError, match="no limit 'hourl'; did you mean 'hourly'"):
        require_item(LIMITS, DOCUMENT, "hourl", None)


def test_a_changed_item_keeps_its_place_and_name() -> None:
    found = made("limits", "hourly", "max=5")
    assert (found.is_new, found.item.max) == (False, 5)
    assert [one.name for one in found.document.limits] == ["hourly", "sales/hourly"]
    assert made("limits", "hourly", "max=5", team="sales").item.name == "sales/hourly"
    assert made("applications", "sales/shop", "plan=pro").item == Application(
        name="shop", team="sales", plan="pro"
    )
    found = made("limits", "sales/hourly", base="{name: hourly, each: team, max: 9}")
    assert found.item == Limit(name="sales/hourly", team="sales", each="team", max=9)


@pytest.mark.parametrize(
    ("name", "team", "more"),
    [("daily", "sales", ()), ("sales/daily", None, ()), ("daily", None, ("team=sales",))],
)
def test_a_new_item_has_its_whole_name(name: str, team: str | None, more: tuple[str, ...]) -> None:
    found = made("limits", name, "each=key", "max=3", *more, team=team)
    assert found.is_new
    assert found.item == Limit(name="sales/daily", team="sales", each="key", max=3)
    assert found.document.limits[-1] is found.item


def test_prices_go_by_model_and_moment() -> None:
    document = made("prices", "gpt from 2030-01-01", "input=1.10", "output=2").document
    (price,) = document.prices
    assert isinstance(price, Price)
    for name in ("gpt from 2030-01-01T00:00:00Z", "gpt from 2030-01-01T01:00+01:00"):
        assert find_item(find_kind("prices"), document, name, None) is price
    assert find_item(find_kind("prices"), document, "gpt", None) is None
    wish = Wish("gpt from 2030-01-01", None, None, [read_assignment("input=3")])
    assert with_item(find_kind("prices"), document, wish).item.input == 3
    with pytest.raises(FaregateError, match="would be 'gpt from 2031"):
        made("prices", "gpt", "input=1", "output=1", "from_time=2031-01-01")


@pytest.mark.parametrize(
    ("name", "field", "message"),
    [
        ("hourly", "name=daily", "would be 'daily'"),
        ("hourly", "team=sales", "it stays with its team"),
        ("new", "name=other", "would be 'other'"),
    ],
)
def test_nothing_is_renamed(name: str, field: str, message: str) -> None:
    with pytest.raises(FaregateError, match=message) as caught:
        made("limits", name, "each=key", "max=1", field)
    assert caught.value.fix


def test_a_file_must_have_fields() -> None:
    with pytest.raises(FaregateError, match="expected fields"):
        made("limits", "hourly", base="[a]")
    with pytest.raises(FaregateError, match="unknown field 'limits'"):
        made("limits", "hourly", base="limits: []")


def test_several_are_removed_or_none() -> None:
    document = without_items(LIMITS, DOCUMENT, ["hourly", "sales/hourly"], None)
    assert document.limits == ()
    with pytest.raises(MissingError, match="no limit 'gone'"):
        without_items(LIMITS, DOCUMENT, ["hourly", "gone"], None)


def test_variables_are_read_anew_where_they_are_named() -> None:
    wish = Wish("p", None, None, [read_assignment("api_key=${env:K}")])
    kind = find_kind("providers")
    item = with_item(kind, DOCUMENT, wish).item
    assert renewed_of(kind, item, wish) == {"providers[p].api_key"}
    assert renewed_of(kind, item, wish._replace(assignments=())) == frozenset()
    whole = wish._replace(assignments=(), base=read_value("{}", "base"))
    assert renewed_of(kind, item, whole) == {"providers[p].api_key"}
