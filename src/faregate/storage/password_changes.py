"""Passwords: changed by their owners, reset by links, given for one use."""

from typing import Final

import sqlalchemy as sa

from faregate.core.clock import Clock
from faregate.core.errors import ConfigurationError, MissingError
from faregate.identity.actors import Actor
from faregate.identity.giving import refuse_taking_over
from faregate.identity.passwords import check_new_password
from faregate.identity.permissions import Principal
from faregate.identity.tokens import hash_token, new_one_time_password, new_token
from faregate.storage import directory_tables as tables
from faregate.storage.audit_log import write_entry
from faregate.storage.database import Database
from faregate.storage.directory_rows import (
    User,
    end_logins,
    find_user,
    held_of_user,
    naming,
    require_user,
)
from faregate.storage.guess_counts import forgive
from faregate.storage.own_password import OwnPassword
from faregate.storage.password_hashes import PasswordHashes

RESET_S: Final = 3_600
_NS: Final = 1_000_000_000


class PasswordChanges:
    """Changes of passwords in `database`."""

    def __init__(self, database: Database, clock: Clock, hashes: PasswordHashes) -> None:
        self._database = database
        self._clock = clock
        self._hashes = hashes
        self._own = OwnPassword(database, clock, hashes)

    def change(self, actor: Actor, current: str, new: str, session_id: str | None) -> None:
        """A user's own: needs the one in force; all other sessions end.

        Raises `ConfigurationError` where the present one is wrong or the new one can't be,
        `WaitError` after too many wrong ones.
        """
        user = self._own.require(actor, current)
        if new == current:
            raise ConfigurationError("new_password: it is the old one", fix="choose another")
        self._set(user, new, actor, "password.change", but=session_id or "")

    def reset_link(self, by: Principal, selector: str) -> tuple[User, str, int]:
        """A token to choose a password with, once, and when it ends, in ns.

        Only for who holds all that the user holds: `ForbiddenError`. An earlier one ends.
        """
        now_ns, token = self._clock.wall_ns(), new_token("reset")
        table = tables.password_resets
        with self._database.writing() as connection:
            user = self._resettable(connection, by, selector)
            connection.execute(table.delete().where(table.c.user_id == user.user_id))
            expires_ns = now_ns + RESET_S * _NS
            connection.execute(
                table.insert().values(
                    user_id=user.user_id,
                    hash=hash_token(token),
                    created_ns=now_ns,
                    expires_ns=expires_ns,
                )
            )
            write_entry(connection, now_ns, by.actor, "password.reset_link", f"users/{user.email}")
        return user, token, expires_ns

    def reset(self, token: str, new: str, address: str | None = None) -> User:
        """Choose a password by a link's token; all sessions end.

        Raises `MissingError` for a token that isn't there, was used or has expired, and
        `ConfigurationError` for a password that can't be.
        """
        user = self._of_token(token)
        actor = Actor("user", user.email, user.user_id, None, address)
        self._set(user, new, actor, "password.reset", token=token)
        return user

    def one_time(self, by: Principal, selector: str) -> tuple[User, str]:
        """A password for one login, after which it must be changed.

        All sessions end.
        """
        password = new_one_time_password()
        stored = self._hashes.hash(password)
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            user = self._resettable(connection, by, selector)
            write_password(connection, now_ns, user, stored, must_change=True)
            write_entry(connection, now_ns, by.actor, "password.one_time", f"users/{user.email}")
        return user, password

    def _resettable(self, connection: sa.Connection, by: Principal, selector: str) -> User:
        user = require_user(connection, selector)
        refuse_taking_over(by, held_of_user(connection, user.user_id))
        if user.state == "invited":
            raise ConfigurationError(
                f"{user.email} has not accepted the invitation yet", fix="invite again"
            )
        return user

    def _of_token(self, token: str, connection: sa.Connection | None = None) -> User:
        if connection is None:
            with self._database.reading() as own:
                return self._of_token(token, own)
        table = tables.password_resets
        row = connection.execute(
            sa.select(table.c.user_id, table.c.expires_ns).where(table.c.hash == hash_token(token))
        ).first()
        user = None
        if row is not None and row.expires_ns > self._clock.wall_ns():
            user = find_user(connection, tables.users.c.user_id == row.user_id)
        if user is None:
            raise MissingError(
                "this link is not valid: it was used, it is older than an hour, or it is not whole",
                fix="ask an administrator for another",
            )
        return user

    def _set(
        self, user: User, new: str, actor: Actor, act: str, *, but: str = "", token: str = ""
    ) -> None:
        with naming("new_password"):
            check_new_password(new, user.email, user.name)
        stored = self._hashes.hash(new)
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            if token:
                self._of_token(token, connection)
            write_password(connection, now_ns, user, stored, must_change=False, but=but)
            write_entry(connection, now_ns, actor, act, f"users/{user.email}")


def write_password(
    connection: sa.Connection,
    now_ns: int,
    user: User,
    stored: str,
    *,
    must_change: bool,
    but: str = "",
) -> None:
    """Set a hash; sessions but one end, and links and failures go."""
    table, resets = tables.users, tables.password_resets
    connection.execute(
        table.update()
        .where(table.c.user_id == user.user_id)
        .values(password_hash=stored, must_change_password=must_change, version=table.c.version + 1)
    )
    connection.execute(resets.delete().where(resets.c.user_id == user.user_id))
    end_logins(connection, user.user_id, now_ns, but)
    forgive(connection, user.email)
