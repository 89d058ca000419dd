"""Who may give, take and change what another holds: nobody rises by it."""

from collections.abc import Iterable

from faregate.core.errors import ConfigurationError, ForbiddenError
from faregate.identity.permissions import Held, Principal, Role
from faregate.identity.roles import OWNERS_PERMISSION


def refuse_giving(by: Principal, role: Role, team: str | None) -> None:
    """Raise unless `by` may give `role` in `team`.

    Of None, in the organisation.

    `ConfigurationError` for a role of the wrong kind, `ForbiddenError` for one that allows more
    than `by` may do.
    """
    if role.of_team != (team is not None):
        kind = "of teams" if role.of_team else "of the organisation"
        place = "in the organisation" if role.of_team else "in a team"
        raise ConfigurationError(
            f"role: {role.name!r} is a role {kind}, and can't be given {place}",
            fix="'faregate roles list' shows the roles and where they are given",
        )
    refuse_permissions(by, role.permissions, team)


def refuse_permissions(by: Principal, permissions: Iterable[str], team: str | None) -> None:
    """Raise `ForbiddenError` where `by` lacks one of these.

    Nobody gives what they don't hold.
    """
    missing = sorted(name for name in permissions if not by.may(name, team))
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ForbiddenError(
            f"nobody gives what they don't hold: {missing[0]}{more}",
            fix="ask somebody who holds it",
        )


def refuse_taking(by: Principal, role: Role) -> None:
    """Raise `ForbiddenError` where only owners may take this role away."""
    if OWNERS_PERMISSION in role.permissions and not by.may(OWNERS_PERMISSION):
        raise ForbiddenError(
            "only owners make and unmake owners", fix="ask an owner of the organisation"
        )


def refuse_touching(by: Principal, held: Iterable[Held]) -> None:
    """Raise `ForbiddenError` where an owner holds this and `by` is none."""
    if any(OWNERS_PERMISSION in one.permissions for one in held):
        refuse_taking(by, Role("owner", "", frozenset({OWNERS_PERMISSION})))


def refuse_taking_over(by: Principal, held: Iterable[Held]) -> None:
    """Raise `ForbiddenError` unless `by` holds all of this too.

    Whoever gives another a new password, or makes a token of an account, can act as it.
    """
    for one in held:
        missing = sorted(name for name in one.permissions if not by.may(name, one.team))
        if missing:
            raise ForbiddenError(
                f"who could act in its place would gain {missing[0]}",
                fix="ask somebody who holds all of its permissions",
            )
