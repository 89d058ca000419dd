"""Applications are added and removed one at a time, and stay while keys need them."""

import pytest
from tests.cli.console import Console

OWNERS = """\
wallets: [{name: ours}, {name: own}]
teams: [{name: sales, wallet: ours}]
plans: [{name: basic}]
"""


@pytest.fixture
def owned(console: Console) -> Console:
    console.good("config", "apply", console.file(OWNERS))
    return console


def test_add_list_remove(owned: Console) -> None:
    assert "no applications" in owned.good("applications", "list").out
    owned.good("applications", "add", "shop", "--team", "sales", "--plan", "basic")
    owned.good("applications", "add", "site", "--team", "sales", "--wallet", "own")
    owned.good("applications", "add", "free")
    lines = [line.split() for line in owned.good("applications", "list").out.splitlines()]
    assert lines[1:] == [
        ["shop", "sales", "ours", "basic"],
        ["site", "sales", "own"],
        ["free", "none"],
    ]
    assert "revision 5" in owned.good("applications", "remove", "shop").out
    names = [one["name"] for one in owned.good("applications", "list", "--json").json]
    assert names == ["site", "free"]
    told = owned.good("applications", "add", "new", "--json").json
    assert (told["revision"], told["application"]["name"]) == (6, "new")
    told = owned.good("applications", "remove", "new", "--json").json
    assert told == {"revision": 7, "removed": "new"}


def test_a_key_keeps_its_application(owned: Console) -> None:
    owned.good("applications", "add", "shop")
    owned.good("keys", "create", "till", "--application", "shop")
    said = owned.run("applications", "remove", "shop")
    assert said.status == 1
    assert "the key 'till', made by command, belongs to the application 'shop'" in said.err
    assert "keep the application, or run 'faregate keys revoke till' first" in said.err
    owned.good("keys", "revoke", "till")
    owned.good("applications", "remove", "shop")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "old"), "an application 'old' is already there"),
        (("add", "a b"), "can't be a name"),
        (("add", "new", "--team", "sale"), "there is no team 'sale'; did you mean 'sales'?"),
        (("add", "new", "--wallet", "our"), "there is no wallet 'our'; did you mean 'ours'?"),
        (("add", "new", "--plan", "basics"), "no plan 'basics'; did you mean 'basic'?"),
        (("remove", "none"), "there is no application 'none'"),
    ],
)
def test_refused(owned: Console, arguments: tuple[str, ...], message: str) -> None:
    owned.good("applications", "add", "old")
    said = owned.run("applications", *arguments)
    assert said.status == 1
    assert message in said.err
    assert len(owned.good("applications", "list", "--json").json) == 1
