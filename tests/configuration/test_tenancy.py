"""Whose things are, and what is there for whom."""

import msgspec
import pytest

from faregate.configuration.commerce import Application
from faregate.configuration.document import Document, Key
from faregate.configuration.tenancy import (
    Hidden,
    Scopes,
    find_owned,
    owned,
    team_named,
    visible_names,
)
from faregate.gate.snapshot import offered

DOCUMENT = msgspec.convert(
    {
        "teams": [{"name": "sales"}, {"name": "support"}],
        "providers": [
            {"name": "open"},
            {"name": "ours", "shared_with": ["sales"]},
            {"name": "none", "shared_with": []},
            {"name": "sales/own", "team": "sales"},
        ],
        "models": [
            {"name": "gpt", "provider": "open", "aliases": ["fast"]},
            {"name": "rare", "provider": "ours"},
            {"name": "kept", "provider": "none"},
            {"name": "sales/small", "provider": "sales/own", "team": "sales"},
        ],
        "virtual_models": [
            {"name": "mixed", "targets": [{"model": "gpt"}, {"model": "rare"}]},
            {"name": "watched", "targets": [{"model": "gpt"}], "shadow": {"model": "kept"}},
        ],
        "applications": [{"name": "till", "team": "sales"}, {"name": "tools"}],
        "wallets": [{"name": "main"}, {"name": "sales/main", "team": "sales"}],
    },
    Document,
)
ITEMS = (
    Application(name="sales/shop", team="sales"),
    Application(name="till", team="sales"),
    Application(name="support/shop", team="support"),
    Application(name="tools"),
)


@pytest.mark.parametrize(
    ("team", "name", "found"),
    [
        ("sales", "shop", "sales/shop"),
        ("sales", "sales/shop", "sales/shop"),
        ("sales", "till", "till"),
        ("sales", "support/shop", None),
        ("sales", "tools", None),
        (None, "tools", "tools"),
        (None, "till", None),
        (None, "sales/shop", None),
    ],
)
def test_a_team_finds_its_own_by_either_name(
    team: str | None, name: str, found: str | None
) -> None:
    item = find_owned(ITEMS, team, name)
    assert (item.name if item is not None else None) == found


def test_owned_by_teams() -> None:
    assert owned(ITEMS, None) == list(ITEMS)
    assert [one.name for one in owned(ITEMS, {"sales"})] == ["sales/shop", "till"]
    assert owned(ITEMS, frozenset()) == []


def test_the_team_that_a_name_says() -> None:
    teams = {"sales", "support"}
    assert team_named("sales/shop", teams) == "sales"
    assert team_named("vendor/model", teams) is None
    assert team_named("sales", teams) is None


@pytest.mark.parametrize(
    ("team", "models"),
    [
        ("sales", {"gpt", "fast", "rare", "mixed", "sales/small"}),
        ("support", {"gpt", "fast"}),
        (None, {"gpt", "fast", "rare", "kept", "mixed", "watched"}),
    ],
)
def test_models_that_things_of_a_team_may_name(team: str | None, models: set[str]) -> None:
    names = Scopes(DOCUMENT).of(team)["model"]
    assert set(names) == models
    assert len(names) == len(models)
    assert names["fast"] == "gpt"
    assert "nobody" not in names


def test_other_things_that_a_team_may_name() -> None:
    scopes = Scopes(DOCUMENT)
    assert set(scopes.of("sales")["wallet"]) == {"main", "sales/main"}
    assert set(scopes.of("support")["wallet"]) == {"main"}
    assert set(scopes.of("sales")["application"]) == {"till"}
    assert set(scopes.of("support")["provider"]) == {"open"}
    assert set(scopes.of("sales")["team"]) == {"sales"}
    assert set(scopes.everything["provider"]) == {"open", "ours", "none", "sales/own"}


def test_whose_a_key_is() -> None:
    scopes = Scopes(DOCUMENT)
    keys = {"sales/k": "till", "k": "till", "t": "tools", "sales/bare": None, "bare": None}
    teams = [
        scopes.team_of_key(Key(name=name, secret="", application=application))
        for name, application in keys.items()
    ]
    assert teams == ["sales", "sales", None, "sales", None]


def test_what_is_not_shared_with_all() -> None:
    hidden = Hidden(DOCUMENT)
    assert hidden.providers == {"ours": frozenset({"sales"}), "none": frozenset()}
    assert hidden.models == {
        "rare": frozenset({"sales"}),
        "kept": frozenset(),
        "mixed": frozenset({"sales"}),
        "watched": frozenset(),
    }


@pytest.mark.parametrize("team", ["sales", "support", None])
def test_what_a_team_may_name_is_what_is_there_for_its_calls(team: str | None) -> None:
    named = set(Scopes(DOCUMENT).of(team)["model"].values())
    called = {offer.name for _, offer in offered(DOCUMENT).of(team or "").offers(None)}
    assert visible_names(DOCUMENT, team) == named == called
