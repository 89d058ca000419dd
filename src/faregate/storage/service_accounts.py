"""Service accounts.

Programs that manage, with one role and tokens of their own.
"""

from typing import Literal

import msgspec
import sqlalchemy as sa

from faregate.core.clock import Clock
from faregate.core.errors import ConflictError
from faregate.identity.giving import refuse_giving, refuse_taking
from faregate.identity.permissions import Principal
from faregate.storage.access_tokens import require_account
from faregate.storage.audit_log import write_entry
from faregate.storage.database import Database
from faregate.storage.directory_rows import (
    checked_text,
    find_role,
    new_id,
    read_roles,
    refuse_stale,
    refuse_unknown_team,
)
from faregate.storage.directory_tables import service_accounts as table


class ServiceAccount(msgspec.Struct, frozen=True):
    """A program of `team`; of None, the organisation's.

    `version` counts changes.
    """

    account_id: str
    team: str | None
    name: str
    summary: str
    role: str
    state: Literal["active", "disabled"]
    created_ns: int
    version: int


_Accounts = list[ServiceAccount]


class AccountChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be changed of a service account."""

    name: str
    role: str
    summary: str = ""
    state: Literal["active", "disabled"] = "active"


class ServiceAccounts:
    """The service accounts in `database`.

    Every function is bound to one tenant.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def list(self, team: str | None) -> list[ServiceAccount]:
        """Those of a team, or of the organisation, by name.

        Raises `MissingError`.
        """
        with self._database.reading() as connection:
            refuse_unknown_team(connection, team)
            return self._read(connection, table.c.team.is_not_distinct_from(team))

    def of_teams(self, teams: frozenset[str] | None) -> _Accounts:
        """Those of these teams; of None all, the organisation's too."""
        where = sa.true() if teams is None else table.c.team.in_(teams)
        with self._database.reading() as connection:
            return self._read(connection, where)

    def get(self, team: str | None, selector: str) -> ServiceAccount:
        """The one of this id or name. Raises `MissingError`."""
        with self._database.reading() as connection:
            return _account(require_account(connection, team, selector))

    def create(
        self, by: Principal, team: str | None, name: str, role: str, summary: str = ""
    ) -> ServiceAccount:
        """Make one with a role that `by` may give.

        Raises `MissingError` for no team, `ConfigurationError`, `ForbiddenError`, `ConflictError`.
        """
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            refuse_unknown_team(connection, team)
            refuse_giving(by, find_role(connection, role), team)
            account = ServiceAccount(
                new_id("sva"),
                team,
                checked_text("name", name),
                checked_text("summary", summary, 200, empty=True),
                role,
                "active",
                now_ns,
                1,
            )
            _refuse_taken(connection, account)
            connection.execute(table.insert().values(**msgspec.structs.asdict(account)))
            write_entry(
                connection,
                now_ns,
                by.actor,
                "service_accounts.create",
                _place(account),
                team=team,
                after=account,
            )
        return account

    def change(
        self,
        by: Principal,
        team: str | None,
        selector: str,
        change: AccountChange,
        expected: str | None = None,
    ) -> ServiceAccount:
        """Change one. Raises `StaleError` beside what `create` raises."""
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            before = _account(require_account(connection, team, selector))
            refuse_stale(expected, before.version, f"the service account {before.name}")
            if change.role != before.role:
                refuse_giving(by, find_role(connection, change.role), team)
            if (known := read_roles(connection).get(before.role)) is not None:
                refuse_taking(by, known)
            after = msgspec.structs.replace(
                before,
                name=checked_text("name", change.name),
                summary=checked_text("summary", change.summary, 200, empty=True),
                role=change.role,
                state=change.state,
                version=before.version + 1,
            )
            _refuse_taken(connection, after)
            connection.execute(
                table.update()
                .where(table.c.account_id == before.account_id)
                .values(**msgspec.structs.asdict(after))
            )
            write_entry(
                connection,
                now_ns,
                by.actor,
                "service_accounts.change",
                _place(before),
                team=team,
                before=before,
                after=after,
            )
        return after

    def remove(
        self, by: Principal, team: str | None, selector: str, expected: str | None = None
    ) -> None:
        """Remove one with its tokens, which stop at once."""
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            account = _account(require_account(connection, team, selector))
            refuse_stale(expected, account.version, f"the service account {account.name}")
            if (known := read_roles(connection).get(account.role)) is not None:
                refuse_taking(by, known)
            connection.execute(table.delete().where(table.c.account_id == account.account_id))
            write_entry(
                connection,
                now_ns,
                by.actor,
                "service_accounts.remove",
                _place(account),
                team=team,
                before=account,
            )

    def _read(self, connection: sa.Connection, where: sa.ColumnElement[bool]) -> _Accounts:
        statement = sa.select(table).where(where).order_by(table.c.team, table.c.name)
        return [_account(row) for row in connection.execute(statement)]


def _account(row: object) -> ServiceAccount:
    return ServiceAccount(*(getattr(row, name) for name in ServiceAccount.__struct_fields__))


def _place(account: ServiceAccount) -> str:
    owner = f"{account.team}/" if account.team else ""
    return f"service_accounts/{owner}{account.name}"


def _refuse_taken(connection: sa.Connection, account: ServiceAccount) -> None:
    found = connection.execute(
        sa.select(table.c.account_id).where(
            table.c.team.is_not_distinct_from(account.team),
            table.c.name == account.name,
            table.c.account_id != account.account_id,
        )
    ).first()
    if found is not None:
        raise ConflictError(
            f"there is a service account {account.name!r} already", fix="choose another name"
        )
