"""People: made, changed, locked and removed; the last owner stays."""

from typing import Final, Literal

import msgspec
import sqlalchemy as sa

from faregate.core.clock import Clock
from faregate.core.errors import ConfigurationError, ConflictError
from faregate.identity.giving import (
    refuse_giving,
    refuse_taking,
    refuse_taking_over,
    refuse_touching,
)
from faregate.identity.permissions import Principal
from faregate.storage import directory_tables as tables
from faregate.storage.audit_log import write_entry
from faregate.storage.database import Database
from faregate.storage.directory_rows import (
    User,
    UserState,
    checked_text,
    email_and_key,
    end_logins,
    find_role,
    find_user,
    held_of_user,
    new_id,
    read_roles,
    read_users,
    refuse_stale,
    refuse_without_owner,
    require_user,
)
from faregate.storage.guess_counts import forgive

_SETTABLE: Final = ("active", "locked", "disabled")


class UserChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be changed of a user; `roles` are the organisation's."""

    email: str
    name: str
    state: Literal["active", "invited", "locked", "disabled"]
    roles: tuple[str, ...] = ()


class Users:
    """The users in `database`.

    What `by` may do at all is judged before; here it is kept from rising by it. All raise
    `MissingError` for nobody, `ForbiddenError` for what would raise somebody above `by`, and
    `StorageError`.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def list(
        self, *, state: str | None = None, role: str | None = None, team: str | None = None
    ) -> list[User]:
        """All users, or those of a state, with a role, or in a team; by address."""
        users, given, members = tables.users.c, tables.user_roles.c, tables.memberships.c
        where: list[sa.ColumnElement[bool]] = []
        if state is not None:
            where.append(users.state == state)
        if role is not None:
            of_team = sa.select(members.user_id).where(members.role == role)
            holders = sa.select(given.user_id).where(given.role == role).union(of_team)
            where.append(users.user_id.in_(holders))
        if team is not None:
            where.append(users.user_id.in_(sa.select(members.user_id).where(members.team == team)))
        with self._database.reading() as connection:
            return read_users(connection, *where)

    def get(self, selector: str) -> User:
        """The user of this id or address."""
        with self._database.reading() as connection:
            return require_user(connection, selector)

    def create(
        self,
        by: Principal,
        email: str,
        name: str = "",
        roles: tuple[str, ...] = (),
        *,
        state: UserState = "active",
    ) -> User:
        """Make a user without a password.

        Raises `ConflictError` where the address is taken.
        """
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            user_id = insert_user(connection, now_ns, email, name, state)
            self._set_roles(connection, by, user_id, (), roles)
            user = require_user(connection, user_id)
            write_entry(connection, now_ns, by.actor, "users.create", _place(user), after=user)
        return user

    def change(
        self, by: Principal, selector: str, change: UserChange, expected: str | None = None
    ) -> User:
        """Change a user to `change`.

        Whoever may not log in is logged out at once.

        Raises `StaleError` unless `expected` is the version, `ConflictError` for the last owner or
        a taken address, `ConfigurationError` for what can't be.
        """
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            user = require_user(connection, selector)
            refuse_stale(expected, user.version, user.email)
            held = held_of_user(connection, user.user_id)
            email, key = email_and_key(change.email)
            if email != user.email:
                refuse_taking_over(by, held)
                _refuse_taken(connection, key, user.user_id)
            elif (change.name, change.state) != (user.name, user.state):
                refuse_touching(by, held)
            _refuse_state(user, change.state)
            self._set_roles(connection, by, user.user_id, user.roles, change.roles)
            if change.state != "active" or "owner" not in change.roles:
                refuse_without_owner(connection, user)
            connection.execute(
                tables.users.update()
                .where(tables.users.c.user_id == user.user_id)
                .values(
                    email=email,
                    email_key=key,
                    name=checked_text("name", change.name, empty=True),
                    state=change.state,
                    version=user.version + 1,
                )
            )
            if change.state not in ("active", "invited"):
                end_logins(connection, user.user_id, now_ns)
            changed = require_user(connection, user.user_id)
            write_entry(
                connection,
                now_ns,
                by.actor,
                "users.change",
                _place(user),
                before=user,
                after=changed,
            )
        return changed

    def set_state(self, by: Principal, selector: str, state: UserState) -> User:
        """Lock, unlock or disable a user."""
        user = self.get(selector)
        change = UserChange(user.email, user.name, state, user.roles)
        return self.change(by, user.user_id, change, str(user.version))

    def set_roles(self, by: Principal, selector: str, roles: tuple[str, ...]) -> User:
        """Give a user these roles of the organisation, and no others."""
        user = self.get(selector)
        change = UserChange(user.email, user.name, user.state, roles)
        return self.change(by, user.user_id, change, str(user.version))

    def forgive(self, by: Principal, selector: str) -> bool:
        """Forget wrong tries at a user's password, which lock it.

        Whether there were any.
        """
        with self._database.writing() as connection:
            user = require_user(connection, selector)
            refuse_touching(by, held_of_user(connection, user.user_id))
            forgiven = forgive(connection, user.email)
            write_entry(connection, self._clock.wall_ns(), by.actor, "users.unlock", _place(user))
        return forgiven

    def remove(self, by: Principal, selector: str, expected: str | None = None) -> None:
        """Remove a user.

        Sessions, tokens and open invitations by them end at once.
        """
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            user = require_user(connection, selector)
            refuse_stale(expected, user.version, user.email)
            refuse_touching(by, held_of_user(connection, user.user_id))
            refuse_without_owner(connection, user)
            invited = tables.invitations
            connection.execute(
                invited.delete().where(
                    (invited.c.inviter_id == user.user_id)
                    | (invited.c.email_key == email_and_key(user.email)[1])
                )
            )
            # All else of the user goes with the row.
            connection.execute(tables.users.delete().where(tables.users.c.user_id == user.user_id))
            write_entry(connection, now_ns, by.actor, "users.remove", _place(user), before=user)

    def _set_roles(
        self,
        connection: sa.Connection,
        by: Principal,
        user_id: str,
        had: tuple[str, ...],
        wanted: tuple[str, ...],
    ) -> None:
        known = read_roles(connection)
        for name in sorted(set(wanted) - set(had)):
            refuse_giving(by, find_role(connection, name), None)
        for name in sorted(set(had) - set(wanted)):
            if name in known:
                refuse_taking(by, known[name])
        write_roles(connection, user_id, had, wanted, self._clock.wall_ns())


def write_roles(
    connection: sa.Connection,
    user_id: str,
    had: tuple[str, ...],
    wanted: tuple[str, ...],
    now_ns: int,
    source: str = "given",
) -> None:
    """Write the difference of two sets of roles of the organisation."""
    given = tables.user_roles
    gone = set(had) - set(wanted)
    if gone:
        connection.execute(given.delete().where(given.c.user_id == user_id, given.c.role.in_(gone)))
    for name in sorted(set(wanted) - set(had)):
        connection.execute(
            given.insert().values(user_id=user_id, role=name, source=source, created_ns=now_ns)
        )


def insert_user(
    connection: sa.Connection, now_ns: int, email: str, name: str, state: UserState
) -> str:
    """A new user's row; gives the id.

    Raises `ConflictError`, `ConfigurationError`.
    """
    email, key = email_and_key(email)
    _refuse_taken(connection, key)
    user_id = new_id("usr")
    connection.execute(
        tables.users.insert().values(
            user_id=user_id,
            email=email,
            email_key=key,
            name=checked_text("name", name, empty=True),
            state=state,
            must_change_password=False,
            factor_confirmed=False,
            created_ns=now_ns,
            version=1,
        )
    )
    return user_id


def _place(user: User) -> str:
    return f"users/{user.email}"


def _refuse_taken(connection: sa.Connection, key: str, but: str = "") -> None:
    found = find_user(connection, tables.users.c.email_key == key)
    if found is not None and found.user_id != but:
        raise ConflictError(f"there is a user {found.email} already", fix="choose another address")


def _refuse_state(user: User, state: UserState) -> None:
    if state == user.state:
        return
    if state not in _SETTABLE:
        raise ConfigurationError(
            f"state: a user can't be made {state}", fix=f"use one of: {', '.join(_SETTABLE)}"
        )
    if user.state == "invited" and state == "active":
        raise ConfigurationError(
            "state: an invited user becomes active by accepting the invitation",
            fix="invite again, where the link is lost",
        )
