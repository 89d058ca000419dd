"""Who belongs to a team, in which roles."""

from collections.abc import Iterable

import msgspec
import sqlalchemy as sa

from faregate.core.clock import Clock
from faregate.core.errors import ConfigurationError, MissingError
from faregate.identity.actors import Author
from faregate.identity.giving import refuse_giving
from faregate.identity.permissions import Principal
from faregate.storage import directory_tables as tables
from faregate.storage.audit_log import write_entry
from faregate.storage.database import Database
from faregate.storage.directory_rows import (
    User,
    find_role,
    raise_version,
    read_users,
    refuse_stale,
    refuse_unknown_team,
    require_user,
)
from faregate.storage.directory_tables import memberships as table


class Member(msgspec.Struct, frozen=True):
    """A user in a team. `version` changes with the roles."""

    team: str
    user_id: str
    email: str
    name: str
    state: str
    roles: tuple[str, ...]

    @property
    def version(self) -> str:
        """What tells two states of a membership apart."""
        return ".".join(self.roles) or "none"


class Members:
    """The memberships in `database`; every function is bound to one team."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def list(self, team: str) -> list[Member]:
        """The members of a team, by address. Raises `MissingError` for no team."""
        chosen = sa.select(table.c.user_id).where(table.c.team == team)
        with self._database.reading() as connection:
            refuse_unknown_team(connection, team)
            users = read_users(connection, tables.users.c.user_id.in_(chosen))
        return [_member(team, user) for user in users]

    def get(self, team: str, selector: str) -> Member:
        """The member of this id or address. Raises `MissingError`."""
        with self._database.reading() as connection:
            return self._require(connection, team, selector)

    def set(
        self,
        by: Principal,
        team: str,
        selector: str,
        roles: tuple[str, ...],
        expected: str | None = None,
    ) -> Member:
        """Give a user these roles in a team, and no others.

        Raises `MissingError` for no user or team, `ConfigurationError` for no role, and
        `ForbiddenError` for one that allows more than `by` may do in the team.
        """
        if not roles:
            raise ConfigurationError(
                "roles: a member has at least one role", fix="remove the member instead"
            )
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            refuse_unknown_team(connection, team)
            user = require_user(connection, selector)
            before = _member(team, user)
            refuse_stale(expected, before.version, f"{user.email} in {team}")
            had, wanted = set(before.roles), set(roles)
            for name in sorted(wanted - had):
                refuse_giving(by, find_role(connection, name), team)
                insert_membership(connection, now_ns, team, user.user_id, name)
            if had - wanted:
                connection.execute(
                    table.delete().where(
                        table.c.team == team,
                        table.c.user_id == user.user_id,
                        table.c.role.in_(had - wanted),
                    )
                )
            raise_version(connection, user.user_id)
            after = _member(team, require_user(connection, user.user_id))
            write_entry(
                connection,
                now_ns,
                by.actor,
                "members.set",
                f"members/{team}/{user.email}",
                team=team,
                before=before.roles,
                after=after.roles,
            )
        return after

    def remove(self, by: Principal, team: str, selector: str, expected: str | None = None) -> None:
        """Take a user out of a team. Raises `MissingError`, `StaleError`."""
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            member = self._require(connection, team, selector)
            refuse_stale(expected, member.version, f"{member.email} in {team}")
            connection.execute(
                table.delete().where(table.c.team == team, table.c.user_id == member.user_id)
            )
            raise_version(connection, member.user_id)
            write_entry(
                connection,
                now_ns,
                by.actor,
                "members.remove",
                f"members/{team}/{member.email}",
                team=team,
                before=member.roles,
            )

    def _require(self, connection: sa.Connection, team: str, selector: str) -> Member:
        missing = MissingError(
            f"{selector[:100]!r} is no member of {team[:63]!r}",
            fix=f"'faregate members list {team[:63]}' shows the members",
        )
        try:
            user = require_user(connection, selector)
        except MissingError:
            raise missing from None
        if team not in user.teams:
            raise missing
        return _member(team, user)


def _member(team: str, user: User) -> Member:
    roles = user.teams.get(team, ())
    return Member(team, user.user_id, user.email, user.name, user.state, roles)


def insert_membership(
    connection: sa.Connection,
    now_ns: int,
    team: str,
    user_id: str,
    role: str,
    source: str = "given",
) -> None:
    """A new row of a membership."""
    connection.execute(
        table.insert().values(
            team=team, user_id=user_id, role=role, source=source, created_ns=now_ns
        )
    )


def forget_teams(
    connection: sa.Connection, now_ns: int, author: Author, teams: Iterable[str]
) -> None:
    """End all that people and programs have in teams that are removed.

    For the transaction that removes them: a later team of the same name inherits nobody.
    """
    for team in sorted(teams):
        counts = [
            connection.execute(one.delete().where(one.c.team == team)).rowcount
            for one in (tables.memberships, tables.invitations, tables.service_accounts)
        ]
        if any(counts):
            write_entry(
                connection,
                now_ns,
                author,
                "members.remove",
                f"members/{team}",
                team=team,
                detail="the team was removed: {} memberships, {} invitations, {} service "
                "accounts".format(*counts),
            )
