"""Logging in: with a password, with a second factor, or elsewhere.

Nothing tells from outside whether an account exists: the answer, the time it takes and the waits
after wrong tries are the same.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec
import sqlalchemy as sa

from faregate.core.clock import Clock
from faregate.core.errors import ConfigurationError, UnidentifiedError
from faregate.identity.actors import Actor
from faregate.identity.addresses import checked_email, email_key
from faregate.identity.sessions import SessionRules
from faregate.storage import directory_tables as tables
from faregate.storage.audit_log import write_entry
from faregate.storage.database import Database
from faregate.storage.directory_rows import User, find_user, user_actor
from faregate.storage.guess_counts import Failure, Try, prune
from faregate.storage.password_hashes import PasswordHashes
from faregate.storage.second_factors import SecondFactors
from faregate.storage.sessions import Session, open_session

_UNREADABLE: Final = "(no address)"


class Attempt(msgspec.Struct, frozen=True):
    """What somebody shows to log in, and from where."""

    email: str
    password: str
    code: str | None = None
    address: str | None = None
    user_agent: str | None = None

    def __repr__(self) -> str:
        return f"Attempt({self.email!r})"


class SignedIn(msgspec.Struct, frozen=True):
    """A login; `token` is known here and nowhere else."""

    user: User
    session: Session
    token: str

    def __repr__(self) -> str:
        return f"SignedIn({self.user.email!r})"


class Logins:
    """Logins to `database`; `rules` says how long they last."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        hashes: PasswordHashes,
        factors: SecondFactors,
        rules: Callable[[], SessionRules],
    ) -> None:
        self._database = database
        self._clock = clock
        self._hashes = hashes
        self._factors = factors
        self._rules = rules

    def sign_in(self, attempt: Attempt) -> SignedIn | None:
        """Log in; None: a code of the second factor is wanted as well.

        Raises `UnidentifiedError` for anything wrong, `WaitError` after too many wrong tries.
        """
        counted = Try(attempt.email, attempt.address)
        with self._database.writing() as connection:
            counted.begin(connection, self._clock.wall_ns())
            stored = _password_hash(connection, attempt.email)
        right = self._hashes.verify(stored, attempt.password)
        with self._database.writing() as connection:
            now_ns = self._clock.wall_ns()
            user = _find(connection, attempt.email)
            wrong = self._judge(connection, user, right, stored, attempt)
            if wrong == "code wanted":
                counted.succeed(connection, whole=False)
                return None
            if wrong is None and user is not None:
                counted.succeed(connection)
                prune(connection, now_ns)
                return self.open(connection, user, "password", attempt.address, attempt.user_agent)
            _note(connection, now_ns, attempt, user, wrong, counted.fail(connection, now_ns))
        raise UnidentifiedError(
            "the e-mail address, the password or the code is wrong",
            fix="try again, or ask an administrator for a link to reset the password",
        )

    def open(
        self,
        connection: sa.Connection,
        user: User,
        method: str,
        address: str | None,
        user_agent: str | None,
    ) -> SignedIn:
        """A session for somebody who has shown who they are."""
        now_ns = self._clock.wall_ns()
        session, token = open_session(
            connection, now_ns, self._rules(), user.user_id, method, address, user_agent
        )
        connection.execute(
            tables.users.update()
            .where(tables.users.c.user_id == user.user_id)
            .values(login_ns=now_ns)
        )
        write_entry(
            connection,
            now_ns,
            user_actor(user, address),
            "login",
            f"users/{user.email}",
            detail=f"by {method}, as {session.session_id}",
        )
        return SignedIn(user, session, token)

    def _judge(
        self,
        connection: sa.Connection,
        user: User | None,
        right: bool,
        stored: str | None,
        attempt: Attempt,
    ) -> str | None:
        """What is wrong with an attempt, for the audit log; None: nothing."""
        if user is None:
            return "there is no such user"
        if not right or _password_hash(connection, attempt.email) != stored:
            return "wrong password"
        if user.state != "active":
            return f"the user is {user.state}"
        if not user.second_factor:
            return None
        if attempt.code is None:
            return "code wanted"
        now_ns = self._clock.wall_ns()
        way = self._factors.accept(connection, user.user_id, attempt.code, now_ns)
        if way == "recovery":
            write_entry(
                connection,
                now_ns,
                user_actor(user, attempt.address),
                "second_factor.recovery",
                f"users/{user.email}",
            )
        return None if way else "wrong code"


def _find(connection: sa.Connection, email: str) -> User | None:
    return find_user(connection, tables.users.c.email_key == email_key(email))


def _password_hash(connection: sa.Connection, email: str) -> str | None:
    found: str | None = connection.execute(
        sa.select(tables.users.c.password_hash).where(tables.users.c.email_key == email_key(email))
    ).scalar()
    return found


def _note(
    connection: sa.Connection,
    now_ns: int,
    attempt: Attempt,
    user: User | None,
    wrong: str | None,
    failure: Failure,
) -> None:
    name = user.email if user is not None else _UNREADABLE
    if user is None:
        # People type passwords into the wrong field: only addresses are written down.
        with suppress(ConfigurationError):
            name = checked_email(attempt.email)
    actor = Actor("user", name, user.user_id if user else None, None, attempt.address)
    place = f"users/{name}"
    detail = f"{wrong}; {failure.told()}"
    write_entry(connection, now_ns, actor, "login.failed", place, outcome="refused", detail=detail)
    for kind in failure.locked:
        locked = place if kind == "account" else f"addresses/{attempt.address}"
        write_entry(
            connection,
            now_ns,
            actor,
            "login.locked",
            locked,
            outcome="refused",
            detail=f"too many wrong tries; locked for {failure.wait_s} s",
        )
