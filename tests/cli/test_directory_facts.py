"""Facts of people and programs are plain, and ordered alike everywhere."""

from typing import Any

import msgspec

from faregate.cli.directory_facts import (
    ROLE,
    by_address,
    by_kind,
    by_rank,
    facts_of,
    known_permissions,
)
from faregate.identity.permissions import BUILT_IN_ROLES, PERMISSIONS


class Record(msgspec.Struct, frozen=True):
    """Something that a store gives."""

    name: str
    scopes: frozenset[str] | None
    teams: dict[str, tuple[str, ...]]
    created_ns: int
    used_ns: int | None = None


def named(*names: str) -> list[dict[str, Any]]:
    """Facts that have a name alone."""
    return [{"name": name} for name in names]


def test_plain() -> None:
    record = Record("a", frozenset({"y", "x"}), {"sales": ("b", "c")}, 1_796_083_200_999_999_999)
    assert facts_of(record, ("name", "scopes", "teams", "created_at", "used_at")) == {
        "name": "a",
        "scopes": ["x", "y"],
        "teams": {"sales": ["b", "c"]},
        "created_at": "2026-12-01T00:00:00+00:00",
        "used_at": None,
    }
    assert facts_of(Record("a", None, {}, 0), ("scopes",)) == {"scopes": None}
    assert facts_of(BUILT_IN_ROLES["owner"], ROLE)["permissions"] == sorted(PERMISSIONS)


def test_ordered() -> None:
    people = [{"email": "bob@x.y"}, {"email": "Ann@x.y"}, {"email": "Zoe@x.y"}]
    assert [one["email"] for one in by_address(people)] == ["Ann@x.y", "bob@x.y", "Zoe@x.y"]
    roles = named("b", "team-viewer", "a", "owner")
    assert by_rank(roles) == named("owner", "team-viewer", "a", "b")
    permissions = named("new.b", "members.read", "new.a", "teams.read")
    assert by_kind(permissions) == named("teams.read", "members.read", "new.a", "new.b")


def test_known_permissions() -> None:
    known = {one["name"]: one for one in known_permissions()}
    assert list(known) == list(PERMISSIONS)
    assert known["keys.read"]["of_team"]
    assert not known["users.read"]["of_team"]
