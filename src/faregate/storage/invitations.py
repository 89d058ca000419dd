"""Invitations by link.

Into the organisation or a team, in one role, once.
"""

from typing import Any, Final

import msgspec
import sqlalchemy as sa

from faregate.core.clock import Clock
from faregate.core.errors import ForbiddenError, MissingError
from faregate.identity.actors import Actor
from faregate.identity.giving import refuse_giving
from faregate.identity.passwords import check_new_password
from faregate.identity.permissions import Principal, machine_principal
from faregate.identity.tokens import hash_token, new_token
from faregate.storage import directory_tables as tables
from faregate.storage.audit_log import write_entry
from faregate.storage.database import Database
from faregate.storage.directory_rows import (
    User,
    checked_text,
    email_and_key,
    find_role,
    find_user,
    naming,
    new_id,
    principal_of_inviter,
    raise_version,
    refuse_unknown_team,
    require_user,
    user_actor,
)
from faregate.storage.directory_tables import invitations as table
from faregate.storage.logins import Attempt, Logins, SignedIn
from faregate.storage.members import insert_membership
from faregate.storage.password_hashes import PasswordHashes
from faregate.storage.users import insert_user, write_roles

VALID_S: Final = 7 * 86_400
_NS: Final = 1_000_000_000


class Invitation(msgspec.Struct, frozen=True):
    """An open invitation into `team`; of None, the organisation.

    Times are ns since 1970.
    """

    invitation_id: str
    email: str
    team: str | None
    role: str
    inviter: str
    created_ns: int
    expires_ns: int


class NewInvitation(msgspec.Struct, frozen=True):
    """An invitation that was just made.

    `secret` is known here and nowhere else.
    """

    record: Invitation
    secret: str

    def __repr__(self) -> str:
        return f"NewInvitation({self.record.invitation_id})"


class Acceptance(msgspec.Struct, frozen=True):
    """How somebody accepts.

    `password` is a new one; who is a user already gives the one in force, and a code where a
    second factor is on.
    """

    token: str
    password: str
    name: str = ""
    code: str | None = None
    address: str | None = None
    user_agent: str | None = None

    def __repr__(self) -> str:
        return "Acceptance()"


class Invitations:
    """The invitations in `database`; every function is bound to one tenant."""

    def __init__(
        self, database: Database, clock: Clock, hashes: PasswordHashes, logins: Logins
    ) -> None:
        self._database = database
        self._clock = clock
        self._hashes = hashes
        self._logins = logins

    def list(self, team: str | None) -> list[Invitation]:
        """The open ones into a team, or into the organisation, the newest first."""
        where = table.c.team.is_not_distinct_from(team)
        return self._list(where)

    def of_teams(self, teams: frozenset[str] | None) -> "_Invitations":
        """The open ones into these teams; of None all, the organisation's too."""
        return self._list(sa.true() if teams is None else table.c.team.in_(teams))

    def create(self, by: Principal, email: str, role: str, team: str | None) -> NewInvitation:
        """Invite somebody to a role that `by` may give.

        An earlier one like it ends.

        Raises `MissingError` for no team, `ConfigurationError`, `ForbiddenError`.
        """
        email, key = email_and_key(email)
        now_ns, secret = self._clock.wall_ns(), new_token("invitation")
        record = Invitation(
            new_id("inv"), email, team, role, by.actor.name, now_ns, now_ns + VALID_S * _NS
        )
        with self._database.writing() as connection:
            refuse_unknown_team(connection, team)
            refuse_giving(by, find_role(connection, role), team)
            connection.execute(
                table.delete().where(
                    table.c.email_key == key, table.c.team.is_not_distinct_from(team)
                )
            )
            if find_user(connection, tables.users.c.email_key == key) is None:
                insert_user(connection, now_ns, email, "", "invited")
            connection.execute(
                table.insert().values(
                    invitation_id=record.invitation_id,
                    hash=hash_token(secret),
                    email=email,
                    email_key=key,
                    team=team,
                    role=role,
                    inviter_kind=by.actor.kind,
                    inviter_name=by.actor.name,
                    inviter_id=by.actor.id,
                    created_ns=now_ns,
                    expires_ns=record.expires_ns,
                )
            )
            write_entry(
                connection,
                now_ns,
                by.actor,
                "invitations.create",
                _place(record),
                team=team,
                after=record,
            )
        return NewInvitation(record, secret)

    def withdraw(self, by: Principal, team: str | None, invitation_id: str) -> None:
        """Take an open one back; somebody who was only invited is a user no more."""
        with self._database.writing() as connection:
            row = connection.execute(
                sa.select(table).where(
                    table.c.invitation_id == invitation_id,
                    table.c.team.is_not_distinct_from(team),
                )
            ).first()
            if row is None:
                raise MissingError(
                    f"there is no open invitation {invitation_id[:100]!r}",
                    fix="list the invitations: it may have been accepted, or have expired",
                )
            self._close(connection, row)
            others = connection.execute(
                sa.select(sa.func.count())
                .select_from(table)
                .where(table.c.email_key == row.email_key)
            ).scalar_one()
            users = tables.users
            if not others:
                connection.execute(
                    users.delete().where(
                        users.c.email_key == row.email_key, users.c.state == "invited"
                    )
                )
            record = _invitation(row)
            write_entry(
                connection,
                self._clock.wall_ns(),
                by.actor,
                "invitations.withdraw",
                _place(record),
                team=team,
                before=record,
            )

    def look(self, token: str) -> tuple[Invitation, bool]:
        """The invitation of a link, and whether its address is a user's already.

        Raises `MissingError` for one that isn't open any more.
        """
        with self._database.reading() as connection:
            row = self._open(connection, token)
            user = find_user(connection, tables.users.c.email_key == row.email_key)
        return _invitation(row), user is not None and user.state != "invited"

    def accept(self, acceptance: Acceptance) -> SignedIn | None:
        """Accept by a link's token, and log in.

        None: a second factor's code is wanted.

        Raises `MissingError` for one that isn't open any more, or whose inviter may not give the
        role any more; `ConfigurationError` for a password that can't be; and for somebody who is
        a user already what `Logins.sign_in` raises.
        """
        invitation, exists = self.look(acceptance.token)
        if exists:
            return self._join(invitation, acceptance)
        name = checked_text("name", acceptance.name, empty=True)
        with naming("password"):
            check_new_password(acceptance.password, invitation.email, name)
        stored = self._hashes.hash(acceptance.password)
        users = tables.users
        with self._database.writing() as connection:
            row = self._open(connection, acceptance.token)
            user = require_user(connection, row.email)
            if user.state != "invited":
                raise _over()
            connection.execute(
                users.update()
                .where(users.c.user_id == user.user_id)
                .values(state="active", name=name, password_hash=stored)
            )
            user = self._enter(connection, row, user, acceptance.address)
            return self._logins.open(
                connection, user, "password", acceptance.address, acceptance.user_agent
            )

    def _join(self, invitation: Invitation, acceptance: Acceptance) -> SignedIn | None:
        attempt = Attempt(
            invitation.email,
            acceptance.password,
            acceptance.code,
            acceptance.address,
            acceptance.user_agent,
        )
        signed_in = self._logins.sign_in(attempt)
        if signed_in is None:
            return None
        with self._database.writing() as connection:
            row = self._open(connection, acceptance.token)
            user = require_user(connection, signed_in.user.user_id)
            user = self._enter(connection, row, user, acceptance.address)
        return msgspec.structs.replace(signed_in, user=user)

    def _enter(self, connection: sa.Connection, row: Any, user: User, address: str | None) -> User:
        """Give what was promised, if whoever promised it still may."""
        now_ns = self._clock.wall_ns()
        self._refuse_promise(connection, row)
        if row.team is None:
            write_roles(connection, user.user_id, user.roles, (*user.roles, row.role), now_ns)
        elif row.role not in user.teams.get(row.team, ()):
            insert_membership(connection, now_ns, row.team, user.user_id, row.role)
        raise_version(connection, user.user_id)
        self._close(connection, row)
        after = require_user(connection, user.user_id)
        write_entry(
            connection,
            now_ns,
            user_actor(after, address),
            "invitations.accept",
            _place(_invitation(row)),
            team=row.team,
            after=after,
        )
        return after

    def _refuse_promise(self, connection: sa.Connection, row: Any) -> None:
        inviter = (
            machine_principal(Actor("command", row.inviter_name))
            if row.inviter_kind in ("command", "system")
            else principal_of_inviter(
                connection, row.inviter_kind, row.inviter_name, row.inviter_id
            )
        )
        if inviter is None:
            raise _over()
        try:
            refuse_unknown_team(connection, row.team)
            refuse_giving(inviter, find_role(connection, row.role), row.team)
        except ForbiddenError:
            raise _over() from None

    def _list(self, where: sa.ColumnElement[bool]) -> "_Invitations":
        statement = (
            sa.select(table)
            .where(where, table.c.expires_ns > self._clock.wall_ns())
            .order_by(table.c.created_ns.desc())
        )
        with self._database.reading() as connection:
            return [_invitation(row) for row in connection.execute(statement)]

    def _open(self, connection: sa.Connection, token: str) -> Any:
        row = connection.execute(sa.select(table).where(table.c.hash == hash_token(token))).first()
        if row is None or row.expires_ns <= self._clock.wall_ns():
            raise _over()
        return row

    def _close(self, connection: sa.Connection, row: Any) -> None:
        connection.execute(table.delete().where(table.c.invitation_id == row.invitation_id))


_Invitations = list[Invitation]


def _over() -> MissingError:
    return MissingError(
        "this invitation is not valid: it was accepted or withdrawn, it is older than a week, or "
        "the link is not whole",
        fix="ask for another",
    )


def _invitation(row: Any) -> Invitation:
    return Invitation(
        row.invitation_id,
        row.email,
        row.team,
        row.role,
        row.inviter_name,
        row.created_ns,
        row.expires_ns,
    )


def _place(record: Invitation) -> str:
    return f"invitations/{record.email}"
