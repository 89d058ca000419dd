"""Roles are listed, shown, and made of named permissions, here and elsewhere."""

import pytest
from tests.cli.console import Console

ADD = ("roles", "add", "support", "--permission", "calls.read", "--permission", "keys.read")


def test_listed_and_shown(people: Console) -> None:
    assert "team-developer" in people.good("roles", "list").out
    shown = people.good("roles", "show", "finance").out
    assert "Grant, refund and correct credit." in shown
    assert "credit.write" in people.good("roles", "permissions").out
    found = {one["name"]: one for one in people.good("roles", "permissions", "--json").json}
    assert found["keys.read"]["of_team"]
    assert not found["users.read"]["of_team"]


def test_made_given_and_removed(people: Console) -> None:
    assert "Added" in people.good(*ADD, "--summary", "Helps callers.").out
    role = people.good("roles", "show", "support", "--json").json
    assert role == {
        "name": "support",
        "summary": "Helps callers.",
        "permissions": ["calls.read", "keys.read"],
        "of_team": False,
        "built_in": False,
    }
    people.good("users", "roles", "admin@localhost", "--add", "support")
    assert "still have the role" in people.run("roles", "remove", "support").err
    people.good("users", "roles", "admin@localhost", "--take", "support")
    assert "Removed" in people.good("roles", "remove", "support").out
    made = people.good(*ADD, "--of-team", "--json").json
    assert made["of_team"]
    assert people.good("roles", "remove", "support", "--json").json == {"removed": "support"}
    names = [one["name"] for one in people.good("roles", "list", "--json").json]
    assert "support" not in names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "x", "--permission", "key.read"), "did you mean 'keys.read'"),
        (("add", "owner", "--permission", "keys.read"), "built-in role"),
        (("add", "x", "--of-team", "--permission", "users.read"), "means nothing in a team"),
        (("remove", "auditor"), "built-in"),
        (("remove", "nobody"), "there is no role 'nobody'"),
        (("show", "nobody"), "there is no role 'nobody'"),
    ],
)
def test_refused(people: Console, arguments: tuple[str, ...], message: str) -> None:
    said = people.run("roles", *arguments)
    assert said.status == 1
    assert message in said.err
    assert "fix:" in said.err


def test_permissions_need_no_installation(empty_console: Console) -> None:
    assert "credit.write" in empty_console.good("roles", "permissions").out
