"""The password of who is logged in, asked again before what matters."""

import sqlalchemy as sa

from faregate.core.clock import Clock
from faregate.core.errors import ConfigurationError
from faregate.identity.actors import Actor
from faregate.storage import directory_tables as tables
from faregate.storage.audit_log import write_entry
from faregate.storage.database import Database
from faregate.storage.directory_rows import User, require_user
from faregate.storage.guess_counts import Try
from faregate.storage.password_hashes import PasswordHashes


class OwnPassword:
    """Asks for it; wrong answers are counted and slowed as those of logins."""

    def __init__(self, database: Database, clock: Clock, hashes: PasswordHashes) -> None:
        self._database = database
        self._clock = clock
        self._hashes = hashes

    def require(self, actor: Actor, password: str) -> User:
        """The user that `actor` is, if this is the password.

        Raises `ConfigurationError` where it isn't, `WaitError` where it comes too early.
        """
        with self._database.writing() as connection:
            user = require_user(connection, actor.id or "")
            stored = _stored(connection, user)
            attempt = Try(user.email, actor.address)
            attempt.begin(connection, self._clock.wall_ns())
        right = self._hashes.verify(stored, password)
        with self._database.writing() as connection:
            if right and _stored(connection, user) == stored:
                attempt.succeed(connection, whole=False)
                return user
            now_ns = self._clock.wall_ns()
            failure = attempt.fail(connection, now_ns)
            write_entry(
                connection,
                now_ns,
                actor,
                "password.wrong",
                f"users/{user.email}",
                outcome="refused",
                detail=failure.told(),
            )
        raise ConfigurationError(
            "current_password: it is wrong", fix="give the password that you log in with"
        )


def _stored(connection: sa.Connection, user: User) -> str | None:
    found: str | None = connection.execute(
        sa.select(tables.users.c.password_hash).where(tables.users.c.user_id == user.user_id)
    ).scalar()
    return found
