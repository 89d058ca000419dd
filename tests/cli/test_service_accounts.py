"""Service accounts and their tokens are made and ended, here and elsewhere."""

import pytest
from tests.cli.console import Console

from faregate.identity.tokens import kind_of_token

CI = ("ci", "--team", "sales")


def run(people: Console, *arguments: str) -> str:
    """What a command that succeeds prints."""
    return people.good("service-accounts", *arguments).out


def test_made_listed_removed(people: Console) -> None:
    assert "There are none" in run(people, "list")
    assert "Added ci (sva_" in run(people, "add", *CI, "--role", "team-developer")
    run(people, "add", "books", "--role", "finance", "--summary", "Pays.")
    assert "team-developer" in run(people, "list", "--team", "sales")
    found = people.good("service-accounts", "list", "--json").json
    assert [(one["name"], one["team"]) for one in found] == [("books", None), ("ci", "sales")]
    assert "Removed ci" in run(people, "remove", *CI)
    said = people.good("service-accounts", "remove", "books", "--json").json
    assert said == {"removed": "books", "team": None}


def test_tokens(people: Console) -> None:
    made = people.good("service-accounts", "add", *CI, "--role", "team-viewer", "--json").json
    assert made["state"] == "active"
    assert "has no tokens" in run(people, "list-tokens", *CI)
    said = people.good("service-accounts", "create-token", "ci", "deploy", "--team", "sales")
    assert kind_of_token(said.out.strip()) == "service"
    assert "shown only now" in said.err
    narrow = people.good(
        "service-accounts",
        "create-token",
        "ci",
        "narrow",
        *("--team", "sales", "--scope", "keys.read", "--expires", "30d", "--json"),
    ).json
    assert (narrow["scopes"], narrow["used_at"]) == (["keys.read"], None)
    assert "keys.read" in run(people, "list-tokens", *CI)
    assert said.out.strip() not in run(people, "list-tokens", *CI)
    revoke = ("revoke-token", "ci", "deploy", "--team", "sales")
    assert "Revoked the token deploy" in run(people, *revoke)
    assert "no token 'deploy'" in people.run("service-accounts", *revoke).err
    last = people.good("service-accounts", *revoke[:2], "narrow", *revoke[3:], "--json").json
    assert last == {"revoked": "narrow"}
    assert people.good("service-accounts", "list-tokens", *CI, "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "x", "--role", "team-viewer"), "can't be given in the organisation"),
        (("add", "x", "--role", "auditor", "--team", "sales"), "can't be given in a team"),
        (("add", "x", "--role", "team-viewer", "--team", "none"), "no team 'none'"),
        (("list", "--team", "none"), "no team 'none'"),
        (("remove", "x"), "no service account 'x'"),
        (("list-tokens", "x"), "no service account 'x'"),
        (("revoke-token", "x", "t"), "no service account 'x'"),
        (("add", "x", "--role", "ownr"), "did you mean 'owner'"),
        (("create-token", "x", "t"), "no service account 'x'"),
    ],
)
def test_refused(people: Console, arguments: tuple[str, ...], message: str) -> None:
    said = people.run("service-accounts", *arguments)
    assert said.status == 1
    assert message in said.err
    assert "fix:" in said.err
