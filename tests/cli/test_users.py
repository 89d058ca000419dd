"""Users are invited, found, locked and let in again from the machine itself."""

import pytest
from tests.cli.console import Console

from faregate.identity.tokens import is_one_time_password, kind_of_token

TEAMS = "teams: [{name: sales}]\n"


@pytest.fixture
def people(console: Console) -> Console:
    console.good("config", "apply", console.file(TEAMS))
    console.good("users", "create-owner", "ann@example.com")
    return console


def emails(console: Console, *options: str) -> list[str]:
    """The addresses of all users."""
    return [one["email"] for one in console.good("users", "list", "--json", *options).json]


def test_the_first_owner_is_there(console: Console) -> None:
    said = console.good("users", "list")
    assert "admin@localhost" in said.out
    assert "owner" in said.out
    assert "never" in said.out


def test_an_owner_is_made_or_found_again(people: Console) -> None:
    made = people.good("users", "create-owner", "ann@example.com", "--json").json
    assert is_one_time_password(made["one_time_password"])
    assert emails(people, "--role", "owner") == ["admin@localhost", "ann@example.com"]
    assert "for one login" in people.good("users", "create-owner").out


def test_invited(people: Console) -> None:
    said = people.good(
        "users", "invite", "bob@example.com", "--team", "sales", "--role", "team-viewer"
    )
    url, _, token = said.out.strip().partition("#token=")
    assert url == "http://127.0.0.1:8403/accept-invitation"
    assert kind_of_token(token) == "invitation"
    assert "shown only now" in said.err
    made = people.good("users", "invite", "eve@example.com", "--role", "auditor", "--json").json
    assert (made["role"], made["team"]) == ("auditor", None)
    found = people.good("users", "list", "--json").json
    assert {one["email"]: one["state"] for one in found}["bob@example.com"] == "invited"


def test_passwords(people: Console) -> None:
    said = people.good("users", "reset-password", "ann@example.com")
    assert is_one_time_password(said.out.strip())
    assert "for one login" in said.err
    link = people.good("users", "reset-password", "ann@example.com", "--link", "--json").json
    assert kind_of_token(link["token"]) == "reset"
    assert link["url"].endswith(link["token"])


def test_locked_and_let_in(people: Console) -> None:
    assert "Locked ann@example.com" in people.good("users", "lock", "ann@example.com").out
    said = people.run("users", "lock", "admin@localhost")
    assert said.status == 1
    assert "last owner" in said.err
    assert people.good("users", "unlock", "ann@example.com", "--json").json["state"] == "active"
    assert "may log in" in people.good("users", "unlock", "ann@example.com").out


def test_roles(people: Console) -> None:
    said = people.good("users", "roles", "ann@example.com", "--add", "finance", "--take", "owner")
    assert said.out == "ann@example.com: finance\n"
    assert people.good("users", "roles", "ann@example.com", "--json").json["roles"] == ["finance"]
    said = people.run("users", "roles", "ann@example.com", "--take", "owner")
    assert "doesn't have the role 'owner'" in said.err


def test_removed(people: Console) -> None:
    assert people.good("users", "remove", "ann@example.com", "--json").json == {
        "removed": "ann@example.com"
    }
    assert emails(people) == ["admin@localhost"]
    said = people.run("users", "remove", "admin@localhost")
    assert "last owner" in said.err
    assert "Removed" in _removed_again(people)


def _removed_again(people: Console) -> str:
    people.good("users", "create-owner", "bob@example.com")
    return people.good("users", "remove", "bob@example.com").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lock", "nobody@example.com"), "there is no user 'nobody@example.com'"),
        (("invite", "nothing", "--role", "auditor"), "is not an e-mail address"),
        (("invite", "a@b.c", "--role", "ownr"), "did you mean 'owner'"),
        (("invite", "a@b.c", "--role", "team-owner", "--team", "x"), "no team 'x'"),
        (("roles", "ann@example.com", "--add", "team-owner"), "in the organisation"),
    ],
)
def test_refused(people: Console, arguments: tuple[str, ...], message: str) -> None:
    said = people.run("users", *arguments)
    assert said.status == 1
    assert message in said.err
    assert "fix:" in said.err
    assert len(emails(people)) == 2


def test_nobody_of_a_team(people: Console) -> None:
    assert "no such users" in people.good("users", "list", "--team", "sales").out
