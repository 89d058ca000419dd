"""Members of a team are added, listed and removed, here and elsewhere."""

import pytest
from tests.cli.console import Console


def test_added_listed_removed(people: Console) -> None:
    assert "no members" in people.good("members", "list", "sales").out
    add = ("members", "add", "sales", "admin@localhost", "--role")
    assert people.good(*add, "team-viewer").out == "admin@localhost in sales: team-viewer\n"
    assert people.good(*add, "team-owner", "--json").json["roles"] == ["team-owner"]
    assert "team-owner" in people.good("members", "list", "sales").out
    (member,) = people.good("members", "list", "sales", "--json").json
    assert (member["team"], member["email"]) == ("sales", "admin@localhost")
    said = people.good("members", "remove", "sales", "admin@localhost")
    assert "no member of sales any more" in said.out
    people.good(*add, "team-viewer")
    removed = people.good("members", "remove", "sales", "admin@localhost", "--json").json
    assert removed == {"team": "sales", "removed": "admin@localhost"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("list", "sale"), "there is no team 'sale'"),
        (("add", "sale", "admin@localhost", "--role", "team-viewer"), "there is no team 'sale'"),
        (("add", "sales", "nobody@x.y", "--role", "team-viewer"), "there is no user"),
        (("add", "sales", "admin@localhost", "--role", "owner"), "can't be given in a team"),
        (("remove", "sales", "admin@localhost"), "is no member of 'sales'"),
    ],
)
def test_refused(people: Console, arguments: tuple[str, ...], message: str) -> None:
    said = people.run("members", *arguments)
    assert said.status == 1
    assert message in said.err
    assert "fix:" in said.err


def test_named_by_id(people: Console) -> None:
    (user,) = people.good("users", "list", "--json").json
    add = ("members", "add", "sales", user["user_id"], "--role", "team-viewer")
    assert people.good(*add, "--json").json["email"] == "admin@localhost"
    removed = people.good("members", "remove", "sales", user["user_id"], "--json").json
    assert removed["removed"] == "admin@localhost"
