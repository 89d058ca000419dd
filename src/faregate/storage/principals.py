"""Who is behind a token, and what they may do at this moment."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from faregate.core.clock import Clock
from faregate.identity.actors import Actor
from faregate.identity.permissions import Principal
from faregate.identity.sessions import SessionRules
from faregate.identity.tokens import hash_token
from faregate.storage import directory_tables as tables
from faregate.storage.access_tokens import AccessToken, read_token
from faregate.storage.audit_log import write_entry
from faregate.storage.database import Database
from faregate.storage.directory_rows import (
    find_user,
    held_of_account,
    held_of_user,
    user_actor,
)
from faregate.storage.guess_counts import Try

_TOUCH_NS: Final = 60 * 1_000_000_000


class Identified(msgspec.Struct, frozen=True):
    """Who it is. `must_change_password`.

    Until then it may do nothing else, and holds nothing.
    """

    principal: Principal
    user_id: str | None = None
    session_id: str | None = None
    token_id: str | None = None
    must_change_password: bool = False


class Principals:
    """Finds them in `database`; `rules` says how long logins last."""

    def __init__(self, database: Database, clock: Clock, rules: Callable[[], SessionRules]) -> None:
        self._database = database
        self._clock = clock
        self._rules = rules

    def of_session(self, token: str, address: str | None = None) -> Identified | None:
        """Who logged in with this session's token; None for a login that is over."""
        now_ns, rules, table = self._clock.wall_ns(), self._rules(), tables.sessions
        with self._database.reading() as connection:
            row = connection.execute(
                sa.select(table).where(
                    table.c.hash == hash_token(token), table.c.ended_ns.is_(None)
                )
            ).first()
            if row is None or rules.has_ended(row.created_ns, row.used_ns, now_ns):
                return None
            found = _user(connection, row.user_id, address, session_id=row.session_id)
        if found is not None and rules.is_worth_writing(row.used_ns, now_ns):
            with self._database.writing() as connection:
                connection.execute(
                    table.update()
                    .where(table.c.session_id == row.session_id, table.c.used_ns < now_ns)
                    .values(used_ns=now_ns)
                )
        return found

    def of_token(self, token: str, address: str | None = None) -> Identified | None:
        """Whose access token this is.

        None for one that is not there or has expired.

        Raises `WaitError` where an address has shown too many that are not there.
        """
        now_ns, table = self._clock.wall_ns(), tables.access_tokens
        with self._database.reading() as connection:
            row = connection.execute(
                sa.select(table).where(table.c.hash == hash_token(token))
            ).first()
            found = None if row is None else _owner(connection, read_token(row), address)
        if row is None:
            self._note_unknown(now_ns, address)
            return None
        if found is None:
            return None
        if row.expires_ns is not None and row.expires_ns <= now_ns:
            self._note_expired(now_ns, row, found)
            return None
        if row.used_ns is None or now_ns - row.used_ns >= _TOUCH_NS:
            self._note_use(now_ns, row, found, address)
        return found

    def _note_use(self, now_ns: int, row: Any, found: Identified, address: str | None) -> None:
        table = tables.access_tokens
        with self._database.writing() as connection:
            first = connection.execute(
                sa.select(table.c.used_ns).where(table.c.token_id == row.token_id)
            ).first()
            if first is None:
                return
            connection.execute(
                table.update()
                .where(table.c.token_id == row.token_id)
                .values(used_ns=now_ns, used_address=address)
            )
            if first.used_ns is None:
                actor = found.principal.actor
                write_entry(connection, now_ns, actor, "tokens.first_use", f"tokens/{row.name}")

    def _note_expired(self, now_ns: int, row: Any, found: Identified) -> None:
        table = tables.access_tokens
        if row.refused_ns is not None:
            return
        with self._database.writing() as connection:
            changed = connection.execute(
                table.update()
                .where(table.c.token_id == row.token_id, table.c.refused_ns.is_(None))
                .values(refused_ns=now_ns)
            ).rowcount
            if changed:
                write_entry(
                    connection,
                    now_ns,
                    found.principal.actor,
                    "tokens.expired_use",
                    f"tokens/{row.name}",
                    outcome="refused",
                )

    def _note_unknown(self, now_ns: int, address: str | None) -> None:
        """Count a token that nobody has.

        The first of a series and the one that locks are told.
        """
        attempt = Try(None, address, token=True)
        with self._database.writing() as connection:
            attempt.begin(connection, now_ns)
            failure = attempt.fail(connection, now_ns)
            if failure.failures == 1 or failure.locked:
                write_entry(
                    connection,
                    now_ns,
                    Actor("user", "(unknown token)", address=address),
                    "tokens.unknown",
                    f"addresses/{address}",
                    outcome="refused",
                    detail=failure.told(),
                )


def _user(
    connection: sa.Connection,
    user_id: str,
    address: str | None,
    *,
    session_id: str | None = None,
    token: AccessToken | None = None,
) -> Identified | None:
    user = find_user(connection, tables.users.c.user_id == user_id)
    if user is None or user.state != "active":
        return None
    token_id = token.token_id if token else None
    held = () if user.must_change_password else held_of_user(connection, user_id)
    actor = user_actor(user, address, token_id)
    return Identified(
        Principal(actor, held, token.scopes if token else None),
        user_id,
        session_id,
        token_id,
        user.must_change_password,
    )


def _owner(connection: sa.Connection, token: AccessToken, address: str | None) -> Identified | None:
    """Whoever a token belongs to, if they may do anything."""
    if token.user_id is not None:
        return _user(connection, token.user_id, address, token=token)
    accounts = tables.service_accounts
    row = connection.execute(
        sa.select(accounts).where(accounts.c.account_id == token.account_id)
    ).first()
    if row is None or row.state != "active":
        return None
    name = row.name if row.team is None else f"{row.team}/{row.name}"
    actor = Actor("service_account", name, row.account_id, token.token_id, address)
    principal = Principal(actor, held_of_account(connection, row), token.scopes)
    return Identified(principal, token_id=token.token_id)
