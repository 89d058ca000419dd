"""Service accounts and their tokens are made and ended from the machine itself."""

import pytest
from tests.cli.console import Console

from faregate.identity.tokens import kind_of_token

CI = ("ci", "--team", "sales")


@pytest.fixture
def teams(console: Console) -> Console:
    console.good("config", "apply", console.file("teams: [{name: sales}]\n"))
    return console


def run(teams: Console, *arguments: str) -> str:
    """What a command that succeeds prints."""
    return teams.good("service-accounts", *arguments).out


def test_made_listed_removed(teams: Console) -> None:
    assert "There are none" in run(teams, "list")
    assert "Added ci (sva_" in run(teams, "add", *CI, "--role", "team-developer")
    run(teams, "add", "books", "--role", "finance", "--summary", "Pays.")
    assert "team-developer" in run(teams, "list", "--team", "sales")
    found = teams.good("service-accounts", "list", "--json").json
    assert [(one["name"], one["team"]) for one in found] == [("books", None), ("ci", "sales")]
    assert "Removed ci" in run(teams, "remove", *CI)
    said = teams.good("service-accounts", "remove", "books", "--json").json
    assert said == {"removed": "books", "team": None}


def test_tokens(teams: Console) -> None:
    made = teams.good("service-accounts", "add", *CI, "--role", "team-viewer", "--json").json
    assert made["state"] == "active"
    assert "has no tokens" in run(teams, "list-tokens", *CI)
    said = teams.good("service-accounts", "create-token", "ci", "deploy", "--team", "sales")
    assert kind_of_token(said.out.strip()) == "service"
    assert "shown only now" in said.err
    narrow = teams.good(
        "service-accounts",
        "create-token",
        "ci",
        "narrow",
        *("--team", "sales", "--scope", "keys.read", "--expires", "30d", "--json"),
    ).json
    assert (narrow["scopes"], narrow["used_at"]) == (["keys.read"], None)
    assert "keys.read" in run(teams, "list-tokens", *CI)
    assert said.out.strip() not in run(teams, "list-tokens", *CI)
    revoke = ("revoke-token", "ci", "deploy", "--team", "sales")
    assert "Revoked the token deploy" in run(teams, *revoke)
    assert "no token 'deploy'" in teams.run("service-accounts", *revoke).err
    last = teams.good("service-accounts", *revoke[:2], "narrow", *revoke[3:], "--json").json
    assert last == {"revoked": "narrow"}
    assert teams.good("service-accounts", "list-tokens", *CI, "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "x", "--role", "team-viewer"), "can't be given in the organisation"),
        (("add", "x", "--role", "auditor", "--team", "sales"), "can't be given in a team"),
        (("add", "x", "--role", "team-viewer", "--team", "none"), "no team 'none'"),
        (("remove", "x"), "no service account 'x'"),
        (("create-token", "x", "t"), "no service account 'x'"),
    ],
)
def test_refused(teams: Console, arguments: tuple[str, ...], message: str) -> None:
    said = teams.run("service-accounts", *arguments)
    assert said.status == 1
    assert message in said.err
