"""Commands take a team's names whole, or with the team beside."""

import pytest
from tests.cli.console import Console

from faregate.cli.owned import of_team, owned_name, whole_name
from faregate.configuration.commerce import Application
from faregate.core.errors import FaregateError

OWNERS = """\
teams: [{name: sales}, {name: support}]
applications: [{name: till, team: sales}]
"""


@pytest.fixture
def owned(console: Console) -> Console:
    console.good("config", "apply", console.file(OWNERS))
    return console


@pytest.mark.parametrize(
    ("name", "team", "found"),
    [
        ("shop", None, ("shop", None)),
        ("shop", "sales", ("shop", "sales")),
        ("sales/shop", None, ("sales/shop", "sales")),
        ("sales/shop", "sales", ("sales/shop", "sales")),
    ],
)
def test_a_name_and_whose_it_is(name: str, team: str | None, found: tuple[str, str | None]) -> None:
    assert owned_name(name, team) == found
    assert whole_name("shop", "sales") == whole_name("sales/shop", "sales") == "sales/shop"
    assert whole_name("shop", None) == "shop"


@pytest.mark.parametrize("name", ["a b", "a/b/c", "/a", "a/", ""])
def test_no_names(name: str) -> None:
    with pytest.raises(FaregateError, match="can't be a name"):
        owned_name(name, None)


def test_a_name_of_another_team_is_refused() -> None:
    with pytest.raises(FaregateError, match="a name of the team 'sales', not of 'support'"):
        owned_name("sales/shop", "support")


def test_those_of_a_team() -> None:
    items = [Application(name="sales/a", team="sales"), Application(name="b")]
    assert of_team(items, "sales") == items[:1]
    assert of_team(items, None) == items


def test_applications_and_keys_of_a_team(owned: Console) -> None:
    owned.good("applications", "add", "sales/shop")
    owned.good("applications", "add", "support/desk", "--team", "support")
    told = owned.good("applications", "list", "--team", "sales", "--json").json
    assert [(one["name"], one["team"]) for one in told] == [
        ("till", "sales"),
        ("sales/shop", "sales"),
    ]
    owned.good("keys", "create", "web", "--team", "sales", "--application", "shop")
    owned.good("keys", "create", "support/web", "--application", "desk")
    owned.good("keys", "create", "old", "--application", "till")
    told = owned.good("keys", "list", "--json").json
    assert {(one["name"], one["application"], one["team"]) for one in told} == {
        ("sales/web", "sales/shop", "sales"),
        ("support/web", "support/desk", "support"),
        ("old", "till", "sales"),
    }
    told = owned.good("keys", "list", "--team", "sales", "--application", "till", "--json").json
    assert [one["name"] for one in told] == ["old"]
    assert "Revoked sales/web" in owned.good("keys", "revoke", "web", "--team", "sales").out
    owned.good("keys", "revoke", "support/web")
    owned.good("keys", "revoke", "old")
    owned.good("applications", "remove", "till", "--team", "sales")
    owned.good("applications", "remove", "shop", "--team", "sales")
    assert owned.run("applications", "remove", "desk", "--team", "sales").status == 1
    owned.good("applications", "remove", "support/desk")


def test_a_team_makes_no_key_for_another(owned: Console) -> None:
    said = owned.run("keys", "create", "web", "--team", "support", "--application", "till")
    assert said.status == 1
    assert "there is no application 'till'" in said.err


def test_accounts_models_and_wallets_of_a_team(owned: Console) -> None:
    owned.good("providers", "add", "sales/own", "--base-url", "http://h/v1")
    owned.good("providers", "add", "open", "--base-url", "http://h/v1")
    owned.good("models", "add", "sales/small", "--provider", "sales/own")
    owned.good("models", "add", "vendor/large", "--provider", "open")
    owned.good("wallets", "create", "sales/main", "--team", "sales")
    document = owned.good("config", "export", "--json").json["document"]
    for part, teams in (
        ("providers", {"sales/own": "sales", "open": None}),
        ("models", {"sales/small": "sales", "vendor/large": None}),
        ("wallets", {"sales/main": "sales"}),
    ):
        assert {one["name"]: one.get("team") for one in document[part]} == teams
    said = owned.run("models", "add", "other", "--provider", "sales/own")
    assert "is of the team 'sales', and this is of none" in said.err
    said = owned.run("wallets", "create", "gone/main")
    assert "there is no team 'gone'" in said.err
