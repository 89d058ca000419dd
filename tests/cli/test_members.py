"""Members of a team are added, listed and removed."""

import pytest
from tests.cli.console import Console


@pytest.fixture
def teams(console: Console) -> Console:
    console.good("config", "apply", console.file("teams: [{name: sales}]\n"))
    return console


def test_added_listed_removed(teams: Console) -> None:
    assert "no members" in teams.good("members", "list", "sales").out
    add = ("members", "add", "sales", "admin@localhost", "--role")
    assert teams.good(*add, "team-viewer").out == "admin@localhost in sales: team-viewer\n"
    assert teams.good(*add, "team-owner", "--json").json["roles"] == ["team-owner"]
    assert "team-owner" in teams.good("members", "list", "sales").out
    (member,) = teams.good("members", "list", "sales", "--json").json
    assert (member["team"], member["email"]) == ("sales", "admin@localhost")
    said = teams.good("members", "remove", "sales", "admin@localhost")
    assert "no member of sales any more" in said.out
    teams.good(*add, "team-viewer")
    removed = teams.good("members", "remove", "sales", "admin@localhost", "--json").json
    assert removed == {"team": "sales", "removed": "admin@localhost"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("list", "sale"), "did you mean 'sales'"),
        (("add", "sales", "nobody@x.y", "--role", "team-viewer"), "there is no user"),
        (("add", "sales", "admin@localhost", "--role", "owner"), "can't be given in a team"),
        (("remove", "sales", "admin@localhost"), "is no member of 'sales'"),
    ],
)
def test_refused(teams: Console, arguments: tuple[str, ...], message: str) -> None:
    said = teams.run("members", *arguments)
    assert said.status == 1
    assert message in said.err
