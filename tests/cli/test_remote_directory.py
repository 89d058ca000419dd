"""People and programs elsewhere are managed as far as one may, and as they were seen."""

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from tests.cli.anywhere import console_at, on_the_machine
from tests.cli.console import Console
from tests.client.served_api import Served, served_api

from faregate.cli.remote_connection import Connection
from faregate.cli.remote_directory import (
    RemoteAccounts,
    RemoteMembers,
    RemoteRoles,
    RemoteUsers,
    second,
    shown,
)
from faregate.cli.remote_profiles import Profile, Target
from faregate.client.management import Client
from faregate.client.operations import Link
from faregate.client.requests import Answer, Request
from faregate.configuration.commerce import Team
from faregate.configuration.document import Document
from faregate.core.errors import FaregateError, MissingError, StaleError
from faregate.identity.actors import Actor
from faregate.identity.permissions import Role, machine_principal
from faregate.storage.service_accounts import AccountChange
from faregate.storage.users import UserChange

T = TypeVar("T")
ROOT = machine_principal(Actor("command", "root"))
ANN = "ann@example.com"

CHANGES = (
    (("users", "invite", "eve@example.com", "--role", "auditor"), "users.write"),
    (("users", "reset-password", ANN, "--link"), "users.write"),
    (("users", "lock", ANN), "users.write"),
    (("users", "unlock", ANN), "users.write"),
    (("users", "remove", ANN), "users.write"),
    (("users", "roles", ANN, "--add", "finance"), "users.write"),
    (("roles", "add", "x", "--permission", "keys.read"), "roles.write"),
    (("roles", "remove", "support"), "roles.write"),
    (("members", "add", "sales", ANN, "--role", "team-owner"), "members.write"),
    (("members", "remove", "sales", ANN), "members.write"),
    (("service-accounts", "add", "x", "--role", "auditor"), "service_accounts.write"),
    (("service-accounts", "remove", "looker"), "service_accounts.write"),
    (("service-accounts", "create-token", "looker", "x"), "service_accounts.write"),
    (("service-accounts", "revoke-token", "looker", "t"), "service_accounts.write"),
)


class Overtaken(Connection):
    """A connection on which something happens after each look at a thing."""

    meanwhile: Callable[[], Any] | None = None

    def fetch(self, request: Request[T]) -> Answer[T]:
        """The answer, which is out of date by then."""
        found = super().fetch(request)
        if request.method == "GET" and self.meanwhile is not None:
            self.meanwhile()
        return found


@pytest.fixture
def served(empty_console: Console) -> Iterator[Served]:
    """An installation with two owners, a member, a role and a service account."""
    with served_api(empty_console.root / "elsewhere") as served:
        served.management.installation.revisions.apply(
            Document(teams=(Team(name="sales"),)), "root", "test"
        )
        directory = served.management.directory
        for email in (ANN, "bob@example.com"):
            directory.users.create(ROOT, email, roles=("owner",))
        directory.members.set(ROOT, "sales", ANN, ("team-owner",))
        directory.roles.add(ROOT, Role("support", "", frozenset({"keys.read"})))
        directory.service_accounts.create(ROOT, None, "ci", "auditor")
        yield served


@pytest.fixture
def connection(served: Served) -> Iterator[Overtaken]:
    with Client(served.url, served.token) as client:
        yield Overtaken(Target("prod", Profile(served.url, served.token)), client)


def test_what_was_changed_meanwhile(served: Served, connection: Overtaken) -> None:
    directory = served.management.directory
    users, members = RemoteUsers(connection), RemoteMembers(connection)
    names = iter("abcdefgh")

    def rename() -> None:
        user = directory.users.get(ANN)
        change = UserChange(ANN, next(names), "active", user.roles)
        directory.users.change(ROOT, ANN, change)

    connection.meanwhile = rename
    for act in (
        lambda: users.lock(ANN),
        lambda: users.remove(ANN),
        lambda: users.change_roles(ANN, lambda one: [*one["roles"], "finance"]),
    ):
        with pytest.raises(StaleError, match="changed meanwhile") as raised:
            act()
        assert raised.value.fix
    connection.meanwhile = lambda: directory.members.set(ROOT, "sales", ANN, ("team-viewer",))
    with pytest.raises(StaleError, match=r"ann@example\.com in sales"):
        members.remove("sales", ANN)
    connection.meanwhile = lambda: directory.roles.change(
        ROOT, Role("support", next(names), frozenset({"keys.read"}))
    )
    with pytest.raises(StaleError, match="the role support"):
        RemoteRoles(connection).remove("support")
    found = directory.users.get(ANN)
    assert (found.state, found.roles, found.teams) == (
        "active",
        ("owner",),
        {"sales": ("team-viewer",)},
    )


def test_a_program_that_was_changed_meanwhile(served: Served, connection: Overtaken) -> None:
    accounts = served.management.directory.service_accounts
    connection.meanwhile = lambda: accounts.change(ROOT, None, "ci", AccountChange("ci", "auditor"))
    with pytest.raises(StaleError, match="the service account ci"):
        RemoteAccounts(connection).remove(None, "ci")
    assert [one.name for one in accounts.list(None)] == ["ci"]


def test_nothing_is_sent_where_nothing_changes(served: Served, connection: Overtaken) -> None:
    before = served.management.directory.users.get(ANN)
    users = RemoteUsers(connection)
    assert users.change_roles(ANN, lambda one: one["roles"])["roles"] == ["owner"]
    assert users.unlock(ANN)["state"] == "active"
    assert served.management.directory.users.get(ANN) == before


def test_what_is_not_there(connection: Overtaken) -> None:
    members, accounts = RemoteMembers(connection), RemoteAccounts(connection)
    for act in (
        lambda: members.all("sale"),
        lambda: members.set("sale", ANN, ["team-owner"]),
        lambda: members.remove("sale", ANN),
        lambda: accounts.all("sale"),
        lambda: accounts.add("sale", "x", "team-owner", ""),
        lambda: accounts.tokens("sale", "ci"),
        lambda: RemoteUsers(connection).invite("eve@example.com", "team-owner", "sale"),
    ):
        with pytest.raises(MissingError, match="there is no team 'sale'") as raised:
            act()
        assert raised.value.fix == "'faregate teams list' shows the teams"
    with pytest.raises(MissingError, match="no service account 'ci'"):
        accounts.remove("sales", "ci")
    with pytest.raises(MissingError, match="is no member of 'sales'"):
        members.remove("sales", "bob@example.com")


def test_no_password_of_another(connection: Overtaken) -> None:
    with pytest.raises(FaregateError, match="only on the machine of the installation") as raised:
        RemoteUsers(connection).reset(ANN)
    assert "--link" in (raised.value.fix or "")


@pytest.mark.parametrize("name", ["a/b c?", "..", ".", "%2E", "\N{SNOWMAN}#"])
def test_names_with_any_signs(connection: Overtaken, name: str) -> None:
    accounts = RemoteAccounts(connection)
    accounts.add("sales", name, "team-viewer", "")
    accounts.create_token("sales", name, name, None, None)
    assert [one["name"] for one in accounts.tokens("sales", name)] == [name]
    accounts.revoke_token("sales", name, name)
    accounts.remove("sales", name)
    assert accounts.all("sales") == []


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_names_that_are_no_path(connection: Overtaken, name: str) -> None:
    users, accounts = RemoteUsers(connection), RemoteAccounts(connection)
    for act in (
        lambda: users.lock(name),
        lambda: users.remove(name),
        lambda: RemoteRoles(connection).remove(name),
        lambda: RemoteMembers(connection).all(name),
        lambda: accounts.remove(None, name),
        lambda: accounts.revoke_token(None, "ci", name),
    ):
        with pytest.raises(
            MissingError, match=f"there is no [a-z ]+ '{re.escape(name)}'"
        ) as raised:
            act()
        assert raised.value.fix


def test_a_page_is_not_all(served: Served, connection: Overtaken) -> None:
    for number in range(501):
        name = f"role-{number:03}"
        role = Role(name, "", frozenset({"keys.read"}))
        served.management.directory.roles.add(ROOT, role)
    assert len(RemoteRoles(connection).all()) == 7 + 1 + 501


def test_who_only_looks_changes_nothing(empty_console: Console) -> None:
    with console_at("elsewhere", empty_console) as console:
        console.good("teams", "add", "sales")
        with on_the_machine(console):
            console.good("users", "create-owner", ANN)
        console.good("members", "add", "sales", ANN, "--role", "team-viewer")
        console.good("roles", "add", "support", "--permission", "calls.read")
        console.good("service-accounts", "add", "looker", "--role", "auditor")
        made = console.good("service-accounts", "create-token", "looker", "t", "--json").json
        console.setenv("FAREGATE_TOKEN", made["token"])
        before = [console.good(*one, "--json").json for one in _lists()]
        for command, permission in CHANGES:
            said = console.run(*command)
            assert said.status == 1, command
            assert f"needs the permission {permission}" in said.err, said
            assert "fix:" in said.err
        after = [console.good(*one, "--json").json for one in _lists()]
        assert after == before


def test_who_may_not_look(empty_console: Console) -> None:
    with console_at("elsewhere", empty_console) as console:
        console.good("roles", "add", "nosy", "--permission", "calls.read")
        console.good("service-accounts", "add", "x", "--role", "nosy")
        token = console.good("service-accounts", "create-token", "x", "t").out.strip()
        console.setenv("FAREGATE_TOKEN", token)
        assert "permission users.read" in console.run("users", "list").err
        assert "permission roles.read" in console.run("roles", "list").err
        assert "there is no team 'sales'" in console.run("members", "list", "sales").err
        assert "service_accounts.read" in console.run("service-accounts", "list").err
        console.good("roles", "permissions")
        console.setenv("FAREGATE_TOKEN", "fgs_nobody")
        assert "doesn't take the token" in console.run("users", "list").err


def test_what_is_shown() -> None:
    link = Link(token="t", url="u", expires_at="2026-12-01T00:00:00.999Z")
    assert shown(link, ("url", "team", "expires_at"), team="sales") == {
        "url": "u",
        "team": "sales",
        "expires_at": "2026-12-01T00:00:00+00:00",
    }
    assert second(None) is None


def _lists() -> list[tuple[str, ...]]:
    return [
        ("users", "list"),
        ("roles", "list"),
        ("members", "list", "sales"),
        ("service-accounts", "list"),
    ]
