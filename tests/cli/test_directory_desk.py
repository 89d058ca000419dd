"""Commands on people and programs give the same here as over the management API."""

import pytest
from tests.cli.anywhere import console_at, on_the_machine
from tests.cli.console import Console

from faregate.cli.directory_desk import opened_desk
from faregate.cli.local_directory import LocalUsers
from faregate.cli.remote_directory import RemoteUsers

CI = ("ci", "--team", "sales")
READ = (
    ("users", "list"),
    ("users", "list", "--role", "team-owner"),
    ("users", "list", "--team", "sales"),
    ("users", "roles", "Bob@example.com"),
    ("roles", "list"),
    ("roles", "show", "finance"),
    ("roles", "show", "support"),
    ("roles", "permissions"),
    ("members", "list", "sales"),
    ("service-accounts", "list"),
    ("service-accounts", "list", "--team", "sales"),
    ("service-accounts", "list-tokens", *CI),
)


@pytest.fixture
def peopled(people: Console) -> Console:
    """With some of everything."""
    for email in ("bob@example.com", "Zoe@example.com", "Ann@example.com"):
        people.good("users", "invite", email, "--role", "auditor")
        people.good("members", "add", "sales", email, "--role", "team-owner")
    people.good("members", "add", "sales", "admin@localhost", "--role", "team-viewer")
    for name in ("support", "analysts"):
        people.good("roles", "add", name, "--permission", "keys.read", "--summary", "Looks.")
    people.good("service-accounts", "add", *CI, "--role", "team-developer")
    people.good("service-accounts", "add", "books", "--role", "finance", "--summary", "Pays.")
    token = ("--scope", "keys.write", "--scope", "keys.read", "--expires", "90d")
    people.good("service-accounts", "create-token", "ci", "a", "--team", "sales", *token)
    people.good("service-accounts", "create-token", "ci", "b", "--team", "sales")
    return people


def test_the_same_words(peopled: Console) -> None:
    for command in READ:
        for options in ((), ("--json",)):
            there = peopled.good(*command, *options).out
            with on_the_machine(peopled):
                assert peopled.good(*command, *options).out == there, command
            assert len(there) > 20


def test_what_a_change_tells(people: Console) -> None:
    """Facts of what was made or changed are those that are read afterwards."""
    role = people.good("roles", "add", "support", "--permission", "keys.read", "--json").json
    user = people.good("users", "roles", "admin@localhost", "--add", "support", "--json").json
    add = ("members", "add", "sales", "admin@localhost", "--role", "team-viewer")
    member = people.good(*add, "--json").json
    user["teams"] = {"sales": ["team-viewer"]}
    account = people.good("service-accounts", "add", *CI, "--role", "team-owner", "--json").json
    create = ("service-accounts", "create-token", "ci", "a", "--team", "sales")
    token = people.good(*create, "--expires", "30d", "--json").json
    assert token.pop("token").startswith("fgs_")
    with on_the_machine(people):
        assert people.good("roles", "show", "support", "--json").json == role
        assert people.good("users", "list", "--json").json == [user]
        assert people.good("members", "list", "sales", "--json").json == [member]
        assert people.good("service-accounts", "list", "--json").json == [account]
        assert people.good("service-accounts", "list-tokens", *CI, "--json").json == [token]


def test_which_installation(empty_console: Console) -> None:
    with console_at("elsewhere", empty_console) as console:
        with opened_desk() as desk:
            assert isinstance(desk.users, RemoteUsers)
        with on_the_machine(console), opened_desk() as desk:
            assert isinstance(desk.users, LocalUsers)
