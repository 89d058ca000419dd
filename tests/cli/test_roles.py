"""Roles are listed, shown, and made of named permissions."""

import pytest
from tests.cli.console import Console

ADD = ("roles", "add", "support", "--permission", "calls.read", "--permission", "keys.read")


def test_listed_and_shown(console: Console) -> None:
    assert "team-developer" in console.good("roles", "list").out
    shown = console.good("roles", "show", "finance").out
    assert "Grant, refund and correct credit." in shown
    assert "credit.write" in console.good("roles", "permissions").out
    found = {one["name"]: one for one in console.good("roles", "permissions", "--json").json}
    assert found["keys.read"]["of_team"]
    assert not found["users.read"]["of_team"]


def test_made_given_and_removed(console: Console) -> None:
    assert "Added" in console.good(*ADD, "--summary", "Helps callers.").out
    role = console.good("roles", "show", "support", "--json").json
    assert role == {
        "name": "support",
        "summary": "Helps callers.",
        "permissions": ["calls.read", "keys.read"],
        "of_team": False,
        "built_in": False,
    }
    console.good("users", "roles", "admin@localhost", "--add", "support")
    assert "still have the role" in console.run("roles", "remove", "support").err
    console.good("users", "roles", "admin@localhost", "--take", "support")
    assert "Removed" in console.good("roles", "remove", "support").out
    made = console.good(*ADD, "--of-team", "--json").json
    assert made["of_team"]
    assert console.good("roles", "remove", "support", "--json").json == {"removed": "support"}
    names = [one["name"] for one in console.good("roles", "list", "--json").json]
    assert "support" not in names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "x", "--permission", "key.read"), "did you mean 'keys.read'"),
        (("add", "owner", "--permission", "keys.read"), "built-in role"),
        (("add", "x", "--of-team", "--permission", "users.read"), "means nothing in a team"),
        (("remove", "auditor"), "built-in"),
        (("show", "nobody"), "there is no role 'nobody'"),
    ],
)
def test_refused(console: Console, arguments: tuple[str, ...], message: str) -> None:
    said = console.run("roles", *arguments)
    assert said.status == 1
    assert message in said.err
