"""Roles hold what they say, and nothing is allowed by default."""

import pytest

from faregate.identity.actors import Actor
from faregate.identity.permissions import (
    BUILT_IN_ROLES,
    PERMISSIONS,
    TEAM_PERMISSIONS,
    Held,
    Principal,
    machine_principal,
)

ADA = Actor("user", "ada@example.com", id="usr_1")


def holder(role: str, team: str | None = None, scopes: frozenset[str] | None = None) -> Principal:
    return Principal(ADA, (Held(BUILT_IN_ROLES[role].permissions, team),), scopes)


def test_who_holds_nothing_may_nothing() -> None:
    nobody = Principal(ADA)
    assert not any(nobody.may(permission) for permission in PERMISSIONS)
    assert not any(nobody.may(permission, "sales") for permission in PERMISSIONS)
    assert nobody.teams_with("keys.read") == frozenset()


@pytest.mark.parametrize("role", sorted(BUILT_IN_ROLES))
def test_a_role_holds_known_permissions_alone(role: str) -> None:
    found = BUILT_IN_ROLES[role]
    assert found.permissions <= set(PERMISSIONS)
    assert not found.of_team or found.permissions <= TEAM_PERMISSIONS


def test_an_auditor_changes_nothing() -> None:
    auditor = BUILT_IN_ROLES["auditor"].permissions
    assert {name for name in auditor if not name.endswith(".read")} == {"audit.export"}


@pytest.mark.parametrize("permission", sorted(TEAM_PERMISSIONS))
def test_a_member_of_one_team_is_nobody_in_another(permission: str) -> None:
    member = holder("team-owner", "sales")
    assert member.may(permission, "sales") == (permission != "credit.write")
    assert not member.may(permission, "other")
    assert not member.may(permission)
    assert not member.sees_team("other")


def test_the_organisation_holds_in_all_teams() -> None:
    finance = holder("finance")
    assert finance.may("credit.write", "sales")
    assert finance.teams_with("credit.write") is None
    assert not finance.may("keys.write", "sales")
    assert holder("team-viewer", "sales").teams_with("keys.read") == {"sales"}


def test_a_permission_of_the_organisation_is_not_held_through_a_team() -> None:
    everything = Principal(ADA, (Held(frozenset(PERMISSIONS), "sales"),))
    assert not everything.may("settings.write", "sales")
    assert everything.may("keys.write", "sales")


def test_scopes_narrow() -> None:
    narrow = holder("owner", scopes=frozenset({"keys.read"}))
    assert narrow.may("keys.read", "sales")
    assert not narrow.may("keys.write")


def test_nobody_gives_what_they_do_not_hold() -> None:
    owner = holder("team-owner", "sales")
    assert owner.may_give(BUILT_IN_ROLES["team-developer"].permissions, "sales")
    assert not owner.may_give(BUILT_IN_ROLES["team-developer"].permissions, "other")
    assert not owner.may_give(BUILT_IN_ROLES["finance"].permissions)


def test_whoever_is_on_the_machine_may_everything() -> None:
    machine = machine_principal(Actor("command", "root"))
    assert all(machine.may(permission) for permission in PERMISSIONS)
