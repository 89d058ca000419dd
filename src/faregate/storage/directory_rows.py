"""Reading people and programs within a transaction.

What all of their stores share.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from faregate.configuration.problems import unknown
from faregate.core.errors import ConfigurationError, ConflictError, MissingError, StaleError
from faregate.identity.actors import Actor
from faregate.identity.addresses import checked_email, email_key
from faregate.identity.permissions import BUILT_IN_ROLES, Held, Principal, Role
from faregate.identity.roles import OWNER, RoleGrant, held_by
from faregate.storage import directory_tables as tables
from faregate.storage.revisions_held import read_document

UserState = Literal["active", "invited", "locked", "disabled"]


class ExternalIdentity(msgspec.Struct, frozen=True):
    """Who somebody is where they log in elsewhere."""

    issuer: str
    subject: str


class User(msgspec.Struct, frozen=True):
    """A person. Times are ns since 1970; `roles` are the organisation's.

    `teams` has the roles in each team. `version` counts changes. `has_password` is false for those
    who only log in elsewhere; `second_factor` is true where one was confirmed.
    """

    user_id: str
    email: str
    name: str
    state: UserState
    roles: tuple[str, ...]
    teams: Mapping[str, tuple[str, ...]]
    must_change_password: bool
    has_password: bool
    second_factor: bool
    identities: tuple[ExternalIdentity, ...]
    created_ns: int
    login_ns: int | None
    version: int


def new_id(prefix: str) -> str:
    """`usr_` and 16 hex digits, and the like; not secret."""
    return f"{prefix}_{secrets.token_hex(8)}"


@contextmanager
def naming(field: str) -> Iterator[None]:
    """A `ConfigurationError` of the block names the field that is wrong."""
    try:
        yield
    except ConfigurationError as error:
        raise ConfigurationError(f"{field}: {error.message}", fix=error.fix) from error


def checked_text(field: str, text: str, most: int = 100, *, empty: bool = False) -> str:
    """The text without spaces around it, on one line.

    Raises `ConfigurationError`.
    """
    found = text.strip()
    if len(found) > most or not (found or empty) or not (found.isprintable() or not found):
        least = 0 if empty else 1
        raise ConfigurationError(
            f"{field}: it must have {least} to {most} characters, on one line",
            fix="shorten it" if len(found) > most else "write a text on one line",
        )
    return found


def email_and_key(email: str) -> tuple[str, str]:
    """The address and what it is compared by. Raises `ConfigurationError`."""
    with naming("email"):
        found = checked_email(email)
    return found, email_key(found)


def refuse_stale(expected: str | None, version: int | str, what: str) -> None:
    """Raise `StaleError` unless the version is the expected one; None is any."""
    if expected is not None and expected != str(version):
        raise StaleError(
            f"{what} was changed meanwhile: it is version {version}, not {expected}",
            fix="read it again, and repeat the change where it still makes sense",
        )


def team_names(connection: sa.Connection) -> list[str]:
    """The teams that there are."""
    row = read_document(connection)
    return [] if row is None else [one.name for one in row[1].written.teams]


def refuse_unknown_team(connection: sa.Connection, team: str | None) -> None:
    """Raise `MissingError` where there is no such team.

    None is the organisation.
    """
    if team is None:
        return
    known = team_names(connection)
    if team not in known:
        raise MissingError(
            unknown("team", team, known), fix="'faregate teams list' shows the teams"
        )


def read_roles(connection: sa.Connection) -> dict[str, Role]:
    """All roles by name, the built-in ones first."""
    found = dict(BUILT_IN_ROLES)
    for row in connection.execute(sa.select(tables.roles).order_by(tables.roles.c.name)):
        permissions = frozenset(msgspec.json.decode(row.permissions, type=list[str]))
        found[row.name] = Role(row.name, row.summary, permissions, row.of_team)
    return found


def find_role(connection: sa.Connection, name: str) -> Role:
    """The role of this name.

    Raises `ConfigurationError`: it is named in a change.
    """
    roles = read_roles(connection)
    if name not in roles:
        raise ConfigurationError(
            f"role: {unknown('role', name, list(roles))}",
            fix="'faregate roles list' shows the roles",
        )
    return roles[name]


def grants_of(connection: sa.Connection, user_id: str) -> list[RoleGrant]:
    """The roles of a user, in the organisation and in teams."""
    ours, theirs = tables.user_roles, tables.memberships
    found = [
        RoleGrant(row.role, None, row.source)
        for row in connection.execute(sa.select(ours).where(ours.c.user_id == user_id))
    ]
    return found + [
        RoleGrant(row.role, row.team, row.source)
        for row in connection.execute(sa.select(theirs).where(theirs.c.user_id == user_id))
    ]


def held_of_user(connection: sa.Connection, user_id: str) -> tuple[Held, ...]:
    """What a user's roles allow."""
    return held_by(grants_of(connection, user_id), read_roles(connection))


def held_of_account(connection: sa.Connection, row: Any) -> tuple[Held, ...]:
    """What the role of a service account allows."""
    return held_by([RoleGrant(row.role, row.team)], read_roles(connection))


def user_actor(user: User, address: str | None = None, token: str | None = None) -> Actor:
    """A user, as histories name them."""
    return Actor("user", user.email, user.user_id, token, address)


def principal_of_inviter(
    connection: sa.Connection, kind: str, name: str, actor_id: str | None
) -> Principal | None:
    """What this actor may do now; None for one that may do nothing any more."""
    if kind == "user" and actor_id is not None:
        user = find_user(connection, tables.users.c.user_id == actor_id)
        if user is None or user.state != "active":
            return None
        return Principal(user_actor(user), held_of_user(connection, actor_id))
    if kind == "service_account" and actor_id is not None:
        accounts = tables.service_accounts
        row = connection.execute(
            sa.select(accounts).where(accounts.c.account_id == actor_id)
        ).first()
        if row is None or row.state != "active":
            return None
        actor = Actor("service_account", name, actor_id)
        return Principal(actor, held_of_account(connection, row))
    return None


def read_users(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> list[User]:
    """The users for whom this holds, by address."""
    rows = connection.execute(
        sa.select(tables.users).where(*where).order_by(tables.users.c.email_key)
    ).all()
    chosen = sa.select(tables.users.c.user_id).where(*where)

    def grouped(table: sa.Table) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for row in connection.execute(sa.select(table).where(table.c.user_id.in_(chosen))):
            found.setdefault(row.user_id, []).append(row)
        return found

    roles, members = grouped(tables.user_roles), grouped(tables.memberships)
    identities = grouped(tables.identities)
    return [
        _user(row, roles.get(row.user_id, ()), members.get(row.user_id, ()), identities)
        for row in rows
    ]


def _user(
    row: Any, roles: Sequence[Any], members: Sequence[Any], identities: dict[str, list[Any]]
) -> User:
    teams: dict[str, set[str]] = {}
    for one in members:
        teams.setdefault(one.team, set()).add(one.role)
    return User(
        user_id=row.user_id,
        email=row.email,
        name=row.name,
        state=row.state,
        roles=tuple(sorted({one.role for one in roles})),
        teams={team: tuple(sorted(names)) for team, names in sorted(teams.items())},
        must_change_password=row.must_change_password,
        has_password=row.password_hash is not None,
        second_factor=row.factor_confirmed,
        identities=tuple(
            ExternalIdentity(one.issuer, one.subject) for one in identities.get(row.user_id, ())
        ),
        created_ns=row.created_ns,
        login_ns=row.login_ns,
        version=row.version,
    )


def find_user(connection: sa.Connection, where: sa.ColumnElement[bool]) -> User | None:
    """The user for whom this holds; None for nobody."""
    found = read_users(connection, where)
    return found[0] if found else None


def require_user(connection: sa.Connection, selector: str) -> User:
    """The user of this id or e-mail address. Raises `MissingError`."""
    columns = tables.users.c
    where = (columns.user_id == selector) | (columns.email_key == email_key(selector))
    user = find_user(connection, where)
    if user is None:
        raise MissingError(
            f"there is no user {selector[:100]!r}", fix="'faregate users list' shows the users"
        )
    return user


def refuse_without_owner(connection: sa.Connection, user: User) -> None:
    """Raise `ConflictError` where this user is the last owner who can log in."""
    if OWNER not in user.roles or user.state != "active":
        return
    given = tables.user_roles
    others = connection.execute(
        sa.select(sa.func.count(sa.distinct(given.c.user_id)))
        .join(tables.users, tables.users.c.user_id == given.c.user_id)
        .where(
            given.c.role == OWNER,
            given.c.user_id != user.user_id,
            tables.users.c.state == "active",
        )
    ).scalar_one()
    if not others:
        raise ConflictError(
            f"{user.email} is the last owner: without one nobody could manage the installation",
            fix="make somebody else an owner first",
        )


def raise_version(connection: sa.Connection, user_id: str) -> None:
    """Count a change of a user."""
    table = tables.users
    connection.execute(
        table.update().where(table.c.user_id == user_id).values(version=table.c.version + 1)
    )


def end_logins(connection: sa.Connection, user_id: str, now_ns: int, but: str = "") -> int:
    """End the sessions of a user, except one; gives how many there were."""
    table = tables.sessions
    return connection.execute(
        table.update()
        .where(table.c.user_id == user_id, table.c.ended_ns.is_(None), table.c.session_id != but)
        .values(ended_ns=now_ns)
    ).rowcount
