"""Teams are added and removed one at a time, and stay while they own something."""

import pytest
from tests.cli.console import Console

WALLET = "wallets: [{name: w}]\nteams: [{name: old, wallet: w}]\n"


@pytest.fixture
def owned(console: Console) -> Console:
    console.good("config", "apply", console.file(WALLET))
    return console


def test_add_list_remove(owned: Console) -> None:
    owned.good("teams", "add", "sales", "--wallet", "w")
    owned.good("applications", "add", "shop", "--team", "sales")
    owned.good("applications", "add", "site", "--team", "sales")
    lines = [line.split() for line in owned.good("teams", "list").out.splitlines()]
    assert lines[1:] == [["old", "w"], ["sales", "w", "shop,", "site"]]
    assert [one["name"] for one in owned.good("teams", "list", "--json").json] == ["old", "sales"]
    assert "revision 5" in owned.good("teams", "remove", "old").out
    assert owned.good("teams", "add", "new", "--json").json["team"]["name"] == "new"
    assert owned.good("teams", "remove", "new", "--json").json == {"revision": 7, "removed": "new"}


def test_there_are_none(console: Console) -> None:
    assert "no teams" in console.good("teams", "list").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "old"), "a team 'old' is already there"),
        (("add", "a b"), "can't be a name"),
        (("add", "new", "--wallet", "ww"), "there is no wallet 'ww'; did you mean 'w'?"),
        (("remove", "none"), "there is no team 'none'"),
        (("remove", "old"), "applications[shop].team: there is no team 'old'"),
    ],
)
def test_refused(owned: Console, arguments: tuple[str, ...], message: str) -> None:
    owned.good("applications", "add", "shop", "--team", "old")
    said = owned.run("teams", *arguments)
    assert said.status == 1
    assert message in said.err
    assert len(owned.good("teams", "list", "--json").json) == 1
