"""What commands show of people and programs, wherever these are.

Facts are plain values, the same of an installation here as of one elsewhere, with moments to the
second.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from faregate.cli.output import moment
from faregate.identity.addresses import email_key
from faregate.identity.permissions import BUILT_IN_ROLES, PERMISSIONS, TEAM_PERMISSIONS

Facts = dict[str, Any]
Fields = tuple[str, ...]

USER: Final[Fields] = (
    *("user_id", "email", "name", "state", "roles", "teams"),
    *("must_change_password", "second_factor", "created_at", "login_at"),
)
MEMBER: Final[Fields] = ("team", "user_id", "email", "name", "state", "roles")
ROLE: Final[Fields] = ("name", "summary", "permissions", "of_team", "built_in")
ACCOUNT: Final[Fields] = ("account_id", "name", "team", "role", "state", "summary", "created_at")
PERMISSION: Final[Fields] = ("name", "summary", "of_team")
TOKEN: Final[Fields] = (
    *("token_id", "name", "prefix", "scopes", "created_at", "expires_at", "used_at"),
)
INVITATION: Final[Fields] = ("invitation_id", "email", "role", "team", "expires_at")


def facts_of(record: object, fields: Fields) -> Facts:
    """These fields of what this machine keeps: `used_at` of `used_ns`."""
    return {name: _fact(record, name) for name in fields}


def by_address(people: Iterable[Facts]) -> list[Facts]:
    """Users or members, ordered as all installations order them."""
    return sorted(people, key=lambda one: email_key(one["email"]))


def by_rank(roles: Iterable[Facts]) -> list[Facts]:
    """The built-in roles from the highest down, then the others by name."""
    return sorted(roles, key=lambda one: (*_place(one["name"], BUILT_IN_ROLES), one["name"]))


def by_kind(permissions: Iterable[Facts]) -> list[Facts]:
    """Permissions as they are usually listed, those of one thing together."""
    return sorted(permissions, key=lambda one: (*_place(one["name"], PERMISSIONS), one["name"]))


def known_permissions() -> list[Facts]:
    """The permissions that roles on this machine are made of."""
    return [
        {"name": name, "summary": summary, "of_team": name in TEAM_PERMISSIONS}
        for name, summary in PERMISSIONS.items()
    ]


def _fact(record: object, name: str) -> Any:
    if name.endswith("_at"):
        return moment(getattr(record, f"{name.removesuffix('_at')}_ns"))
    return _plain(getattr(record, name))


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return value


def _place(name: str, known: Mapping[str, Any]) -> tuple[bool, int]:
    """Where `name` stands among those that are known; others come last."""
    names = list(known)
    return (name not in known, names.index(name) if name in known else 0)
