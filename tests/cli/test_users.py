"""Users are invited, found, locked and let in again, here and elsewhere."""

import pytest
from tests.cli.anywhere import console_at, on_the_machine
from tests.cli.console import Console

from faregate.identity.tokens import is_one_time_password, kind_of_token

ANN = "ann@example.com"


@pytest.fixture
def owners(people: Console) -> Console:
    """Ann is an owner, too."""
    with on_the_machine(people):
        people.good("users", "create-owner", ANN)
    return people


def emails(console: Console, *options: str) -> list[str]:
    """The addresses of all users."""
    return [one["email"] for one in console.good("users", "list", "--json", *options).json]


def test_the_first_owner_is_there(console: Console) -> None:
    said = console.good("users", "list")
    assert "admin@localhost" in said.out
    assert "owner" in said.out
    assert "never" in said.out


def test_an_owner_is_made_or_found_again(console: Console) -> None:
    made = console.good("users", "create-owner", ANN, "--json").json
    assert is_one_time_password(made["one_time_password"])
    assert emails(console, "--role", "owner") == ["admin@localhost", ANN]
    assert "for one login" in console.good("users", "create-owner").out


def test_invited(owners: Console) -> None:
    said = owners.good(
        "users", "invite", "bob@example.com", "--team", "sales", "--role", "team-viewer"
    )
    url, _, token = said.out.strip().partition("#token=")
    assert url.startswith("http://127.0.0.1:")
    assert url.endswith("/accept-invitation")
    assert kind_of_token(token) == "invitation"
    assert "shown only now" in said.err
    made = owners.good("users", "invite", "eve@example.com", "--role", "auditor", "--json").json
    assert (made["role"], made["team"]) == ("auditor", None)
    assert made["expires_at"].endswith("+00:00")
    found = owners.good("users", "list", "--json").json
    assert {one["email"]: one["state"] for one in found}["bob@example.com"] == "invited"


def test_a_link_for_a_password(owners: Console) -> None:
    link = owners.good("users", "reset-password", ANN, "--link", "--json").json
    assert kind_of_token(link["token"]) == "reset"
    assert link["url"].endswith(link["token"])
    said = owners.good("users", "reset-password", ANN, "--link")
    assert f"By this link {ANN} chooses a password" in said.err
    assert "#token=" in said.out


def test_a_password(console: Console) -> None:
    said = console.good("users", "reset-password", "admin@localhost")
    assert is_one_time_password(said.out.strip())
    assert "for one login" in said.err


def test_what_needs_the_machine(empty_console: Console) -> None:
    with console_at("elsewhere", empty_console) as console:
        said = console.run("users", "reset-password", ANN)
        assert (said.status, said.out) == (1, "")
        assert "only on the machine of the installation" in said.err
        assert "--link" in said.err
        said = console.run("users", "create-owner", ANN)
        assert "faregate users create-owner works only on the machine" in said.err
        assert emails(console) == []


def test_locked_and_let_in(owners: Console) -> None:
    assert f"Locked {ANN}" in owners.good("users", "lock", "Ann@Example.com").out
    said = owners.run("users", "lock", "admin@localhost")
    assert said.status == 1
    assert "last owner" in said.err
    assert owners.good("users", "unlock", ANN, "--json").json["state"] == "active"
    assert "may log in" in owners.good("users", "unlock", ANN).out


def test_roles(owners: Console) -> None:
    said = owners.good("users", "roles", ANN, "--add", "finance", "--take", "owner")
    assert said.out == f"{ANN}: finance\n"
    assert owners.good("users", "roles", ANN, "--json").json["roles"] == ["finance"]
    said = owners.run("users", "roles", ANN, "--take", "owner")
    assert "doesn't have the role 'owner'" in said.err
    said = owners.run("users", "roles", "admin@localhost", "--take", "owner")
    assert "last owner" in said.err


def test_named_by_id(owners: Console) -> None:
    ids = {one["email"]: one["user_id"] for one in owners.good("users", "list", "--json").json}
    ann = ids[ANN]
    assert owners.good("users", "lock", ann, "--json").json["email"] == ANN
    assert owners.good("users", "unlock", ann, "--json").json["user_id"] == ann
    assert owners.good("users", "roles", ann).out == f"{ANN}: owner\n"
    assert owners.good("users", "reset-password", ann, "--link", "--json").json["email"] == ANN
    assert owners.good("users", "remove", ann).out == f"Removed {ANN}.\n"


def test_removed(owners: Console) -> None:
    assert owners.good("users", "remove", ANN, "--json").json == {"removed": ANN}
    assert emails(owners) == ["admin@localhost"]
    said = owners.run("users", "remove", "admin@localhost")
    assert "last owner" in said.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lock", "nobody@example.com"), "there is no user 'nobody@example.com'"),
        (("reset-password", "nobody", "--link"), "there is no user 'nobody'"),
        (("invite", "nothing", "--role", "auditor"), "is not an e-mail address"),
        (("invite", "a@b.c", "--role", "ownr"), "did you mean 'owner'"),
        (("invite", "a@b.c", "--role", "team-owner", "--team", "x"), "no team 'x'"),
        (("roles", "ann@example.com", "--add", "team-owner"), "in the organisation"),
    ],
)
def test_refused(owners: Console, arguments: tuple[str, ...], message: str) -> None:
    said = owners.run("users", *arguments)
    assert said.status == 1
    assert message in said.err
    assert "fix:" in said.err
    assert len(emails(owners)) == 2


def test_nobody_of_a_team(owners: Console) -> None:
    assert "no such users" in owners.good("users", "list", "--team", "sales").out
