"""Logins on the server's side: opened, used, listed and ended."""

from collections.abc import Callable
from typing import Final

import msgspec
import sqlalchemy as sa

from faregate.core.clock import Clock
from faregate.core.errors import MissingError
from faregate.identity.giving import refuse_touching
from faregate.identity.permissions import Principal
from faregate.identity.sessions import SessionRules
from faregate.identity.tokens import hash_token, new_token
from faregate.storage.audit_log import write_entry
from faregate.storage.database import Database
from faregate.storage.directory_rows import end_logins, held_of_user, new_id, require_user
from faregate.storage.directory_tables import sessions as table

OPEN_MAX: Final = 100  # of one user; the oldest end first
_AGENT_CHARACTERS_MAX: Final = 300
_KEPT_NS: Final = 30 * 86_400 * 1_000_000_000  # ended ones, for their user to see


class Session(msgspec.Struct, frozen=True):
    """One login. `method` is password, or where it was.

    Times are ns since 1970.
    """

    session_id: str
    user_id: str
    method: str
    address: str | None
    user_agent: str | None
    created_ns: int
    used_ns: int
    ends_ns: int
    ended_ns: int | None = None


class Sessions:
    """The sessions in `database`; `rules` says how long they last."""

    def __init__(self, database: Database, clock: Clock, rules: Callable[[], SessionRules]) -> None:
        self._database = database
        self._clock = clock
        self._rules = rules

    def list(self, user_id: str) -> list[Session]:
        """The open sessions of a user, the newest first."""
        now_ns, rules = self._clock.wall_ns(), self._rules()
        statement = sa.select(table).where(table.c.user_id == user_id, table.c.ended_ns.is_(None))
        with self._database.reading() as connection:
            rows = connection.execute(statement.order_by(table.c.created_ns.desc())).all()
        found = [read_session(row, rules) for row in rows]
        return [one for one in found if one.ends_ns > now_ns]

    def end(self, by: Principal, user_id: str, session_id: str, act: str = "sessions.end") -> None:
        """End one session of a user. Raises `MissingError`, `ForbiddenError`."""
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            user = require_user(connection, user_id)
            if by.actor.id != user.user_id:
                refuse_touching(by, held_of_user(connection, user.user_id))
            ended = connection.execute(
                table.update()
                .where(
                    table.c.session_id == session_id,
                    table.c.user_id == user.user_id,
                    table.c.ended_ns.is_(None),
                )
                .values(ended_ns=now_ns)
            ).rowcount
            if not ended:
                raise MissingError(
                    f"there is no open session {session_id[:40]!r}",
                    fix="list the sessions again: it may have ended by itself",
                )
            write_entry(
                connection, now_ns, by.actor, act, f"users/{user.email}/sessions/{session_id}"
            )

    def end_all(self, by: Principal, user_id: str, but: str | None = None) -> int:
        """End all sessions of a user, except one; gives how many there were."""
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            user = require_user(connection, user_id)
            if by.actor.id != user.user_id:
                refuse_touching(by, held_of_user(connection, user.user_id))
            count = end_logins(connection, user.user_id, now_ns, but or "")
            write_entry(
                connection,
                now_ns,
                by.actor,
                "sessions.end",
                f"users/{user.email}/sessions",
                detail=f"{count} ended",
            )
        return count


def open_session(
    connection: sa.Connection,
    now_ns: int,
    rules: SessionRules,
    user_id: str,
    method: str,
    address: str | None,
    user_agent: str | None,
) -> tuple[Session, str]:
    """A new session and its token, which is known here and nowhere else."""
    token = new_token("session")
    agent = None
    if user_agent:
        printable = "".join(one for one in user_agent if one.isprintable())
        agent = printable[:_AGENT_CHARACTERS_MAX]
    session = Session(
        new_id("ses"),
        user_id,
        method,
        address,
        agent,
        now_ns,
        now_ns,
        rules.ends_ns(now_ns, now_ns),
    )
    _tidy(connection, now_ns, rules, user_id)
    values = msgspec.structs.asdict(session)
    del values["ends_ns"]
    connection.execute(table.insert().values(**values, hash=hash_token(token)))
    return session, token


def read_session(row: sa.Row[tuple[object, ...]] | object, rules: SessionRules) -> Session:
    """The session in a row of the table."""
    fields = {name: getattr(row, name) for name in Session.__struct_fields__ if name != "ends_ns"}
    return Session(**fields, ends_ns=rules.ends_ns(fields["created_ns"], fields["used_ns"]))


def _tidy(connection: sa.Connection, now_ns: int, rules: SessionRules, user_id: str) -> None:
    """Forget what ended long ago, and end the oldest of too many."""
    ended = sa.func.coalesce(table.c.ended_ns, table.c.created_ns + rules.total_ns)
    connection.execute(table.delete().where(ended < now_ns - _KEPT_NS))
    oldest = (
        sa.select(table.c.session_id)
        .where(table.c.user_id == user_id, table.c.ended_ns.is_(None))
        .order_by(table.c.created_ns.desc())
        .offset(OPEN_MAX - 1)
    )
    connection.execute(table.update().where(table.c.session_id.in_(oldest)).values(ended_ns=now_ns))
