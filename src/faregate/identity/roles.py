"""Roles as they are given.

What may be in one, and what people hold by them.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from faregate.core.errors import ConfigurationError
from faregate.identity.permissions import (
    BUILT_IN_ROLES,
    PERMISSIONS,
    TEAM_PERMISSIONS,
    Held,
    Role,
)

OWNER: Final = "owner"
OWNERS_PERMISSION: Final = "owners.write"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class RoleGrant(msgspec.Struct, frozen=True):
    """A role that is given in a team; without one, in the organisation.

    `source` is `given` by a person or a program, or `sso`: by the groups of a login elsewhere.
    """

    role: str
    team: str | None = None
    source: str = "given"


def checked_role(role: Role) -> Role:
    """`role`, if it may be a custom one; raises `ConfigurationError`."""
    if not _NAME.fullmatch(role.name):
        raise ConfigurationError(
            f"{role.name[:80]!r} can't be a role's name",
            fix="use 1 to 63 small letters, digits and '-', beginning with a letter or a digit",
        )
    if role.name in BUILT_IN_ROLES:
        raise ConfigurationError(
            f"{role.name!r} is a built-in role", fix="choose another name for the custom one"
        )
    if not role.permissions:
        raise ConfigurationError(
            "a role without permissions allows nothing", fix="name at least one permission"
        )
    checked_permissions(role.permissions, of_team=role.of_team)
    return msgspec.structs.replace(role, built_in=False)


def checked_permissions(names: Iterable[str], *, of_team: bool = False) -> frozenset[str]:
    """`names`, if all are permissions, and of teams where `of_team`.

    Raises `ConfigurationError` that names the first that is not.
    """
    found = frozenset(names)
    for name in sorted(found):
        if name not in PERMISSIONS:
            near = difflib.get_close_matches(name, PERMISSIONS, 1)
            also = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigurationError(
                f"there is no permission {name[:80]!r}{also}",
                fix="'faregate roles permissions' lists them",
            )
        if of_team and name not in TEAM_PERMISSIONS:
            raise ConfigurationError(
                f"{name!r} is of the organisation, and means nothing in a team",
                fix="leave it out, or make a role of the organisation",
            )
    return found


def held_by(grants: Iterable[RoleGrant], roles: Mapping[str, Role]) -> tuple[Held, ...]:
    """What these grants allow, one `Held` for the organisation and each team.

    A role that is not there any more allows nothing. A role of the organisation has no effect
    where it is given in a team, and the other way round.
    """
    found: dict[str | None, frozenset[str]] = {}
    for grant in grants:
        role = roles.get(grant.role)
        if role is None or role.of_team != (grant.team is not None):
            continue
        found[grant.team] = found.get(grant.team, frozenset()) | role.permissions
    return tuple(
        Held(permissions, team)
        for team, permissions in sorted(found.items(), key=lambda item: item[0] or "")
    )
