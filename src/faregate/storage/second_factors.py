"""Second factors: begun, confirmed by a code, and their recovery codes."""

import hashlib

import sqlalchemy as sa

from faregate.core.clock import Clock
from faregate.core.errors import ConfigurationError, ConflictError
from faregate.identity.actors import Actor
from faregate.identity.giving import refuse_taking_over
from faregate.identity.permissions import Principal
from faregate.identity.second_factor import (
    RECOVERY_CODES,
    accepted_step,
    enrolment_uri,
    new_factor_secret,
)
from faregate.identity.tokens import new_recovery_code, plain_recovery_code
from faregate.storage import directory_tables as tables
from faregate.storage.audit_log import write_entry
from faregate.storage.database import Database
from faregate.storage.directory_rows import User, held_of_user, raise_version, require_user
from faregate.storage.own_password import OwnPassword
from faregate.storage.password_hashes import PasswordHashes
from faregate.storage.secrets import SecretBox


class SecondFactors:
    """The second factors in `database`; their secrets are sealed with `box`."""

    def __init__(
        self, database: Database, box: SecretBox, clock: Clock, hashes: PasswordHashes
    ) -> None:
        self._database = database
        self._box = box
        self._clock = clock
        self._own = OwnPassword(database, clock, hashes)

    def begin(self, actor: Actor, password: str) -> tuple[str, str]:
        """A new secret and its URI for an authenticator.

        It counts once it is confirmed.

        Raises `ConfigurationError` for a wrong password, `ConflictError` where one is in force.
        """
        user = self._own.require(actor, password)
        secret = new_factor_secret()
        with self._database.writing() as connection:
            if require_user(connection, user.user_id).second_factor:
                raise ConflictError(
                    "a second factor is in force", fix="turn it off first, then begin again"
                )
            _set(
                connection,
                user,
                factor_secret=self._box.seal(secret, _place(user.user_id)),
                factor_step=None,
            )
        return secret, enrolment_uri(secret, user.email)

    def confirm(self, actor: Actor, code: str) -> list[str]:
        """Turn it on with a first code.

        Gives the recovery codes, which are shown once.

        Raises `ConflictError` where none was begun, `ConfigurationError` for a wrong code.
        """
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            user = require_user(connection, actor.id or "")
            secret = self._secret(connection, user.user_id)
            if user.second_factor or secret is None:
                raise ConflictError(
                    "no second factor was begun", fix="begin one, which gives its secret"
                )
            step = accepted_step(secret, code, now_ns, None)
            if step is None:
                raise ConfigurationError(
                    "code: it is wrong",
                    fix="give the code that is shown now; check the clocks of both devices",
                )
            _set(connection, user, factor_confirmed=True, factor_step=step)
            codes = _renew(connection, user)
            raise_version(connection, user.user_id)
            write_entry(connection, now_ns, actor, "second_factor.on", f"users/{user.email}")
        return codes

    def renew_codes(self, actor: Actor, password: str) -> list[str]:
        """New recovery codes; the old ones no longer work."""
        user = self._own.require(actor, password)
        with self._database.writing() as connection:
            if not require_user(connection, user.user_id).second_factor:
                raise ConflictError("no second factor is in force", fix="turn one on first")
            codes = _renew(connection, user)
            write_entry(
                connection,
                self._clock.wall_ns(),
                actor,
                "second_factor.codes",
                f"users/{user.email}",
            )
        return codes

    def disable(self, actor: Actor, password: str) -> None:
        """A user turns the own one off.

        Raises `ConfigurationError` for a wrong password.
        """
        self._off(actor, self._own.require(actor, password))

    def remove(self, by: Principal, selector: str) -> None:
        """Turn another's off, who lost it.

        Only for who holds all that the user holds.
        """
        with self._database.reading() as connection:
            user = require_user(connection, selector)
            refuse_taking_over(by, held_of_user(connection, user.user_id))
        self._off(by.actor, user)

    def codes_left(self, user_id: str) -> int:
        """How many recovery codes were not used yet."""
        table = tables.recovery_codes
        with self._database.reading() as connection:
            count: int = connection.execute(
                sa.select(sa.func.count())
                .select_from(table)
                .where(table.c.user_id == user_id, table.c.used_ns.is_(None))
            ).scalar_one()
        return count

    def accept(self, connection: sa.Connection, user_id: str, code: str, now_ns: int) -> str | None:
        """Whether this code may be accepted now, once.

        `code`, `recovery`, or None for no.
        """
        table = tables.users
        secret = self._secret(connection, user_id)
        if secret is None:
            return None
        last = connection.execute(
            sa.select(table.c.factor_step).where(table.c.user_id == user_id)
        ).scalar()
        step = accepted_step(secret, code, now_ns, last)
        if step is not None:
            connection.execute(
                table.update().where(table.c.user_id == user_id).values(factor_step=step)
            )
            return "code"
        plain = plain_recovery_code(code)
        codes = tables.recovery_codes
        if (
            plain is not None
            and connection.execute(
                codes.update()
                .where(
                    codes.c.user_id == user_id,
                    codes.c.hash == _hashed(user_id, plain),
                    codes.c.used_ns.is_(None),
                )
                .values(used_ns=now_ns)
            ).rowcount
        ):
            return "recovery"
        return None

    def _off(self, actor: Actor, user: User) -> None:
        codes = tables.recovery_codes
        with self._database.writing() as connection:
            if not require_user(connection, user.user_id).second_factor:
                raise ConflictError(f"{user.email} has no second factor")
            _set(connection, user, factor_secret=None, factor_confirmed=False, factor_step=None)
            connection.execute(codes.delete().where(codes.c.user_id == user.user_id))
            raise_version(connection, user.user_id)
            write_entry(
                connection,
                self._clock.wall_ns(),
                actor,
                "second_factor.off",
                f"users/{user.email}",
            )

    def _secret(self, connection: sa.Connection, user_id: str) -> str | None:
        table = tables.users
        sealed = connection.execute(
            sa.select(table.c.factor_secret).where(table.c.user_id == user_id)
        ).scalar()
        return None if sealed is None else self._box.open(sealed, _place(user_id))


def _place(user_id: str) -> str:
    return f"users[{user_id}].factor_secret"


def _hashed(user_id: str, code: str) -> bytes:
    return hashlib.sha256(f"{user_id}\0{code}".encode()).digest()


def _set(connection: sa.Connection, user: User, **values: object) -> None:
    table = tables.users
    connection.execute(table.update().where(table.c.user_id == user.user_id).values(**values))


def _renew(connection: sa.Connection, user: User) -> list[str]:
    table = tables.recovery_codes
    codes = [new_recovery_code() for _ in range(RECOVERY_CODES)]
    connection.execute(table.delete().where(table.c.user_id == user.user_id))
    connection.execute(
        table.insert(),
        [{"user_id": user.user_id, "hash": _hashed(user.user_id, code)} for code in codes],
    )
    return codes
