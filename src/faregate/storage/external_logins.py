"""Logins that another has checked.

An identity provider of the organisation.
"""

import msgspec
import sqlalchemy as sa

from faregate.core.clock import Clock
from faregate.core.errors import UnidentifiedError
from faregate.identity.actors import Actor
from faregate.identity.addresses import email_key
from faregate.identity.roles import OWNER, RoleGrant
from faregate.storage import directory_tables as tables
from faregate.storage.audit_log import write_entry
from faregate.storage.database import Database
from faregate.storage.directory_rows import (
    User,
    find_user,
    grants_of,
    raise_version,
    read_roles,
    refuse_without_owner,
    require_user,
    team_names,
)
from faregate.storage.logins import Logins, SignedIn
from faregate.storage.members import insert_membership
from faregate.storage.users import insert_user

_SOURCE = "sso"


class ExternalLogin(msgspec.Struct, frozen=True):
    """Who logged in elsewhere.

    `issuer` and `subject` are what tells people apart.

    `roles` are those that follow from the groups there; they replace what followed from them at
    the login before. `create` makes a user who isn't here yet. `link` gives the identity to the
    user of the same address: only where the issuer is trusted to have verified it. Roles that are
    not there, or in teams that are not there, are left out.
    """

    method: str
    issuer: str
    subject: str
    email: str
    name: str
    roles: tuple[RoleGrant, ...] = ()
    create: bool = False
    link: bool = False
    address: str | None = None
    user_agent: str | None = None


class ExternalLogins:
    """Logins from elsewhere to `database`."""

    def __init__(self, database: Database, clock: Clock, logins: Logins) -> None:
        self._database = database
        self._clock = clock
        self._logins = logins

    def sign_in(self, login: ExternalLogin) -> SignedIn:
        """Log in whoever this is.

        Raises `UnidentifiedError` for one who isn't known here and may not be made, or may not
        log in; why is in the audit log.
        """
        with self._database.writing() as connection:
            user, wrong = self._known(connection, login)
            if user is None:
                user, wrong = self._adopted(connection, login)
            if user is not None and wrong is None:
                self._give(connection, user, login.roles)
                user = require_user(connection, user.user_id)
                return self._logins.open(
                    connection, user, login.method, login.address, login.user_agent
                )
            actor = Actor("user", login.email, user.user_id if user else None, None, login.address)
            write_entry(
                connection,
                self._clock.wall_ns(),
                actor,
                "login.failed",
                f"users/{login.email}",
                outcome="refused",
                detail=f"by {login.method}: {wrong}",
            )
        raise UnidentifiedError(
            "there is no user here for this login", fix="ask an administrator to invite you"
        )

    def _known(
        self, connection: sa.Connection, login: ExternalLogin
    ) -> tuple[User | None, str | None]:
        table = tables.identities
        user_id = connection.execute(
            sa.select(table.c.user_id).where(
                table.c.issuer == login.issuer, table.c.subject == login.subject
            )
        ).scalar()
        if user_id is None:
            return None, None
        user = require_user(connection, user_id)
        return user, None if user.state == "active" else f"the user is {user.state}"

    def _adopted(
        self, connection: sa.Connection, login: ExternalLogin
    ) -> tuple[User | None, str | None]:
        """A user for an identity that is new here.

        The one of its address, or a new one.
        """
        now_ns = self._clock.wall_ns()
        where = tables.users.c.email_key == email_key(login.email)
        user = find_user(connection, where)
        if user is not None and not login.link:
            return user, "the address is another user's, and the issuer isn't trusted with it"
        if user is not None and user.state not in ("active", "invited"):
            return user, f"the user is {user.state}"
        if user is None and not login.create:
            return None, "there is no such user"
        if user is None:
            name = "".join(one for one in login.name if one.isprintable())[:100]
            user_id = insert_user(connection, now_ns, login.email, name, "active")
        else:
            user_id = user.user_id
        if user is not None and user.state == "invited":
            connection.execute(
                tables.users.update()
                .where(tables.users.c.user_id == user_id)
                .values(state="active")
            )
        connection.execute(
            tables.identities.insert().values(
                issuer=login.issuer, subject=login.subject, user_id=user_id, created_ns=now_ns
            )
        )
        adopted = require_user(connection, user_id)
        write_entry(
            connection,
            now_ns,
            Actor("system", login.method),
            "users.create" if user is None else "users.link",
            f"users/{adopted.email}",
            after=adopted,
        )
        return adopted, None

    def _give(self, connection: sa.Connection, user: User, grants: tuple[RoleGrant, ...]) -> None:
        """Replace the roles that an earlier login gave; those given by hand stay."""
        now_ns, known = self._clock.wall_ns(), read_roles(connection)
        teams = team_names(connection)
        wanted = {
            (one.role, one.team)
            for one in grants
            if one.role in known
            and known[one.role].of_team == (one.team is not None)
            and (one.team is None or one.team in teams)
        }
        had = {
            (one.role, one.team)
            for one in grants_of(connection, user.user_id)
            if one.source == _SOURCE
        }
        if wanted == had:
            return
        if (OWNER, None) in had - wanted:
            refuse_without_owner(connection, user)
        given, members = tables.user_roles, tables.memberships
        for table in (given, members):
            connection.execute(
                table.delete().where(table.c.user_id == user.user_id, table.c.source == _SOURCE)
            )
        for role, team in sorted(wanted, key=str):
            if team is None:
                connection.execute(
                    given.insert().values(
                        user_id=user.user_id, role=role, source=_SOURCE, created_ns=now_ns
                    )
                )
            else:
                insert_membership(connection, now_ns, team, user.user_id, role, _SOURCE)
        raise_version(connection, user.user_id)
        write_entry(
            connection,
            now_ns,
            Actor("system", _SOURCE),
            "users.roles",
            f"users/{user.email}",
            before=sorted(map(_shown, had)),
            after=sorted(map(_shown, wanted)),
        )


def _shown(grant: tuple[str, str | None]) -> str:
    role, team = grant
    return role if team is None else f"{team}: {role}"
