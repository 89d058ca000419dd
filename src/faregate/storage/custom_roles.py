"""Roles: built-in ones, and custom ones of named permissions."""

from typing import Any

import msgspec
import sqlalchemy as sa

from faregate.configuration.problems import unknown
from faregate.core.clock import Clock
from faregate.core.errors import ConfigurationError, ConflictError, MissingError
from faregate.identity.giving import refuse_permissions, refuse_taking
from faregate.identity.permissions import BUILT_IN_ROLES, Principal, Role
from faregate.identity.roles import checked_role
from faregate.storage import directory_tables as tables
from faregate.storage.audit_log import write_entry
from faregate.storage.database import Database
from faregate.storage.directory_rows import checked_text, naming, read_roles, refuse_stale
from faregate.storage.directory_tables import roles as table


class StoredRole(msgspec.Struct, frozen=True):
    """A role and the count of its changes; 0 for a built-in one."""

    role: Role
    version: int = 0


class CustomRoles:
    """The roles in `database`.

    The built-in ones are among them and stay as they are.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def list(self) -> list[StoredRole]:
        """All roles, the built-in ones first."""
        with self._database.reading() as connection:
            versions = {
                row.name: row.version
                for row in connection.execute(sa.select(table.c.name, table.c.version))
            }
            roles = read_roles(connection)
        return [StoredRole(role, versions.get(name, 0)) for name, role in roles.items()]

    def get(self, name: str) -> StoredRole:
        """The role of this name. Raises `MissingError`."""
        found = {one.role.name: one for one in self.list()}
        if name not in found:
            raise MissingError(
                unknown("role", name[:100], list(found)),
                fix="'faregate roles list' shows the roles",
            )
        return found[name]

    def add(self, by: Principal, role: Role) -> StoredRole:
        """Make a role of permissions that `by` holds.

        Raises `ConfigurationError`, `ConflictError` for a taken name, `ForbiddenError`.
        """
        role = _checked(role)
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            if role.name in read_roles(connection):
                raise ConflictError(
                    f"there is a role {role.name!r} already", fix="choose another name"
                )
            refuse_permissions(by, role.permissions, None)
            connection.execute(table.insert().values(**_values(role), created_ns=now_ns, version=1))
            write_entry(connection, now_ns, by.actor, "roles.create", _place(role), after=role)
        return StoredRole(role, 1)

    def change(self, by: Principal, role: Role, expected: str | None = None) -> StoredRole:
        """Change a role, for all who have it.

        What is added to it, `by` must hold.

        Raises `StaleError` beside what `add` raises, and `MissingError`.
        """
        role = _checked(role)
        now_ns = self._clock.wall_ns()
        before = self._custom(role.name)
        with self._database.writing() as connection:
            before = self._again(connection, before)
            refuse_stale(expected, before.version, f"the role {role.name}")
            if role.of_team != before.role.of_team:
                raise ConfigurationError(
                    "of_team: a role can't move between teams and the organisation",
                    fix="make another role",
                )
            refuse_taking(by, before.role)
            refuse_permissions(by, role.permissions - before.role.permissions, None)
            connection.execute(
                table.update()
                .where(table.c.name == role.name)
                .values(**_values(role), version=before.version + 1)
            )
            write_entry(
                connection,
                now_ns,
                by.actor,
                "roles.change",
                _place(role),
                before=before.role,
                after=role,
            )
        return StoredRole(role, before.version + 1)

    def remove(self, by: Principal, name: str, expected: str | None = None) -> None:
        """Remove a role that nobody has.

        Raises `ConflictError` where somebody has.
        """
        now_ns = self._clock.wall_ns()
        before = self._custom(name)
        with self._database.writing() as connection:
            before = self._again(connection, before)
            refuse_stale(expected, before.version, f"the role {name}")
            count = _holders(connection, name)
            if count:
                raise ConflictError(
                    f"{count} still have the role {name!r}, or are invited to it",
                    fix="give them another role first",
                )
            connection.execute(table.delete().where(table.c.name == name))
            write_entry(
                connection, now_ns, by.actor, "roles.remove", _place(before.role), before=before
            )

    def _custom(self, name: str) -> StoredRole:
        found = self.get(name)
        if found.role.built_in:
            raise ConflictError(
                f"{name!r} is a built-in role and stays as it is", fix="make a role of your own"
            )
        return found

    def _again(self, connection: sa.Connection, seen: StoredRole) -> StoredRole:
        """The role as it is now that nobody else writes. Raises `MissingError`."""
        row = connection.execute(
            sa.select(table.c.version).where(table.c.name == seen.role.name)
        ).first()
        if row is None:
            raise MissingError(f"there is no role {seen.role.name!r} any more")
        return StoredRole(read_roles(connection)[seen.role.name], row.version)


def _checked(role: Role) -> Role:
    with naming("permissions" if role.name not in BUILT_IN_ROLES else "name"):
        found = checked_role(role)
    summary = checked_text("summary", role.summary, 200, empty=True)
    return msgspec.structs.replace(found, summary=summary)


def _values(role: Role) -> dict[str, Any]:
    return {
        "name": role.name,
        "summary": role.summary,
        "permissions": msgspec.json.encode(sorted(role.permissions)).decode(),
        "of_team": role.of_team,
    }


def _place(role: Role) -> str:
    return f"roles/{role.name}"


def _holders(connection: sa.Connection, name: str) -> int:
    holding = (
        tables.user_roles,
        tables.memberships,
        tables.service_accounts,
        tables.invitations,
    )
    return sum(
        connection.execute(
            sa.select(sa.func.count()).select_from(one).where(one.c.role == name)
        ).scalar_one()
        for one in holding
    )
