"""Custom roles are permissions that their makers hold; the built-in ones stay."""

from pathlib import Path

import msgspec
import pytest
from tests.storage.directories import MACHINE, People

from faregate.core.errors import (
    ConfigurationError,
    ConflictError,
    ForbiddenError,
    MissingError,
    StaleError,
)
from faregate.identity.permissions import BUILT_IN_ROLES, Role

SUPPORT = Role("support", "Looks at calls.", frozenset({"calls.read", "keys.read"}))


@pytest.fixture
def people(tmp_path: Path) -> People:
    made = People(tmp_path)
    made.add("ann@example.com", "owner")
    return made


def test_made_changed_removed(people: People) -> None:
    roles = people.directory.roles
    assert roles.add(MACHINE, SUPPORT).version == 1
    assert [one.role.name for one in roles.list()] == [*BUILT_IN_ROLES, "support"]
    bob = people.add("bob@example.com", "support")
    assert people.principal(bob).may("keys.read", "sales")
    wider = msgspec.structs.replace(SUPPORT, permissions=frozenset({"calls.read", "files.read"}))
    assert roles.change(MACHINE, wider, "1").version == 2
    assert roles.get("support").role == wider
    assert not people.principal(bob).may("keys.read")
    assert people.principal(bob).may("files.read")
    with pytest.raises(ConflictError, match="1 still have the role"):
        roles.remove(MACHINE, "support")
    people.directory.users.set_roles(MACHINE, bob, ())
    roles.remove(MACHINE, "support")
    assert people.acts()[-1] == "roles.remove"
    with pytest.raises(MissingError):
        roles.get("support")


def test_two_writers(people: People) -> None:
    roles = people.directory.roles
    roles.add(MACHINE, SUPPORT)
    roles.change(MACHINE, SUPPORT, "1")
    with pytest.raises(StaleError):
        roles.change(MACHINE, SUPPORT, "1")
    with pytest.raises(StaleError):
        roles.remove(MACHINE, "support", "1")


def test_nobody_makes_a_role_above_the_own(people: People) -> None:
    by = people.principal(people.add("adam@example.com", "administrator"))
    roles = people.directory.roles
    with pytest.raises(ForbiddenError, match=r"credit\.write"):
        roles.add(by, Role("rich", "", frozenset({"credit.write"})))
    roles.add(by, SUPPORT)
    risen = msgspec.structs.replace(SUPPORT, permissions=frozenset({"owners.write"}))
    with pytest.raises(ForbiddenError):
        roles.change(by, risen)
    roles.add(MACHINE, Role("twin", "", frozenset({"owners.write"})))
    with pytest.raises(ForbiddenError, match="only owners"):
        roles.change(by, Role("twin", "", frozenset({"users.read"})))
    assert roles.get("support").role == SUPPORT


@pytest.mark.parametrize(
    ("role", "error", "message"),
    [
        (Role("owner", "", frozenset({"keys.read"})), ConfigurationError, "built-in"),
        (Role("x", "", frozenset({"key.read"})), ConfigurationError, "did you mean"),
        (Role("x", "", frozenset()), ConfigurationError, "allows nothing"),
        (Role("x", "", frozenset({"sso.read"}), of_team=True), ConfigurationError, "in a team"),
        (Role("x", "a" * 201, frozenset({"sso.read"})), ConfigurationError, "summary"),
        (SUPPORT, ConflictError, "a role 'support' already"),
    ],
)
def test_what_can_not_be(people: People, role: Role, error: type[Exception], message: str) -> None:
    people.directory.roles.add(MACHINE, SUPPORT)
    with pytest.raises(error, match=message):
        people.directory.roles.add(MACHINE, role)


def test_the_built_in_ones_stay(people: People) -> None:
    with pytest.raises(ConflictError, match="built-in"):
        people.directory.roles.remove(MACHINE, "owner")
    with pytest.raises(ConfigurationError, match="built-in"):
        people.directory.roles.change(MACHINE, BUILT_IN_ROLES["auditor"])
    people.directory.roles.add(MACHINE, SUPPORT)
    with pytest.raises(ConfigurationError, match="can't move"):
        people.directory.roles.change(MACHINE, msgspec.structs.replace(SUPPORT, of_team=True))
