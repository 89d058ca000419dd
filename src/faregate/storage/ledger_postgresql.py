"""The ledger on PostgreSQL: psycopg 3, loaded when it is configured.

Nothing outlives a transaction on the server (no prepared statements, no session settings), so
PgBouncer may stand between in transaction mode. A password never shows: parts of an address that
can't be read are not repeated, and what the server says is searched for it.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from faregate.core.errors import StorageError
from faregate.storage.ledger_connection import (
    VERSION_TABLE,
    Bulk,
    Result,
    Row,
    Session,
    read_version,
)

if TYPE_CHECKING:
    import psycopg
    import psycopg.sql

TRIES_MAX: Final = 8  # of a transaction that others get in the way of
CONNECT_TIMEOUT_S: Final = 5
_WAIT_S: Final = 0.01  # before it is tried again; grows with each try

# Nobody may wait for ever: a lock for five seconds, a statement for thirty.
_LIMITS: Final = "SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '30s'"
_BEGIN: Final = f"BEGIN ISOLATION LEVEL READ COMMITTED; {_LIMITS}"
_BEGIN_READING: Final = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {_LIMITS}"

# Another transaction won; ours was rolled back. Two that post the same calls meet in the second.
_GIVEN_UP: Final = ("SerializationFailure", "UniqueViolation", "DeadlockDetected")

_SCHEMES: Final = ("postgresql://", "postgres://")
_NO_ADDRESS: Final = "the ledger's url is not the address of a PostgreSQL database"
_ADDRESS_FIX: Final = (
    "write it as postgresql://user:password@host:5432/database, with special characters of the "
    "password percent-encoded"
)


@lru_cache(maxsize=512)
def _for_postgresql(statement: str) -> str:
    return statement.replace("IN ?*", "= ANY(%s)").replace("?", "%s")


@lru_cache(maxsize=16)
def _copying(into: Bulk) -> str:
    return f"COPY {into.table} ({', '.join(into.columns)}) FROM STDIN"


class _PostgresqlSession:
    def __init__(self, connection: "psycopg.Connection[Row]") -> None:
        self._connection = connection

    def rows(self, statement: str, *values: Any) -> list[Row]:
        return self._execute(statement, values).fetchall()

    def run(self, statement: str, *values: Any) -> int:
        return self._execute(statement, values).rowcount

    def run_many(self, statement: str, values: Iterable[Row]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(_text(_for_postgresql(statement)), values)

    def insert_many(self, into: Bulk, rows: Sequence[Row]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(_text(_copying(into))) as copy:
            for row in rows:
                copy.write_row(row)

    def _execute(self, statement: str, values: Sequence[Any]) -> "psycopg.Cursor[Row]":
        given = [list(value) if isinstance(value, set) else value for value in values]
        return self._connection.execute(_text(_for_postgresql(statement)), given)


def _text(statement: str) -> Any:
    """psycopg wants literals, to keep values out; ours are made of constants alone."""
    return statement


class PostgresqlLedgerConnection:
    """The ledger in the database at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._place, self._secrets = _read_address(url)
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Row] | None = None
        self._uncertain = False
        _driver()

    @property
    def uncertain(self) -> bool:
        """Whether a write that raised may have been kept; told once."""
        uncertain, self._uncertain = self._uncertain, False
        return uncertain

    def write(self, work: Callable[[Session], Result], *, repeatable: bool = False) -> Result:
        """Run `work` in a transaction, again where others got in its way."""
        return self._transaction(_BEGIN, work, repeatable)

    def read(self, work: Callable[[Session], Result]) -> Result:
        """Run `work` on one state of the database."""
        return self._transaction(_BEGIN_READING, work, repeatable=True)

    def version(self) -> str | None:
        """The newest migration that was made."""
        return self.read(_postgresql_version)

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:
            self._close()

    def connect(self, *, autocommit: bool = True) -> "psycopg.Connection[Row]":
        """A connection of its own, as migrations need one."""
        driver = _driver()
        try:
            connection: psycopg.Connection[Row] = driver.connect(
                self._url,
                autocommit=autocommit,
                prepare_threshold=None,
                connect_timeout=CONNECT_TIMEOUT_S,
                application_name="faregate",
                # A server that is cut off is noticed, rather than waited for.
                keepalives_idle=10,
                keepalives_interval=5,
                keepalives_count=3,
                tcp_user_timeout=15_000,
            )
        except driver.ProgrammingError:
            raise StorageError(_NO_ADDRESS, fix=_ADDRESS_FIX) from None
        except driver.Error as error:
            raise self.explain(error) from None
        return connection

    def explain(self, error: BaseException) -> StorageError:
        """What an error means, without the password."""
        psycopg = _driver()
        lines = str(error).strip().splitlines() or [type(error).__name__]
        reason = lines[0]
        for secret in self._secrets:
            reason = reason.replace(secret, "***")
        fix = "check that the database runs and can be reached, and what its log says"
        message = f"the ledger's database at {self._place} failed: {reason}"
        if isinstance(error, psycopg.errors.UndefinedTable):
            message, fix = f"the ledger at {self._place} is not set up", "run 'faregate init'"
        elif isinstance(error, psycopg.errors.InsufficientPrivilege):
            fix = "let the user of the ledger's url create and use tables there"
        elif "authentication failed" in reason:
            fix = "check user and password in settings.ledger.url"
        elif isinstance(error, psycopg.errors.DiskFull):
            fix = "free space on the disk of the database"
        return StorageError(message, fix=fix)

    def _transaction(
        self, begin: str, work: Callable[[Session], Result], repeatable: bool
    ) -> Result:
        psycopg = _driver()
        with self._lock:
            reconnected = False
            for tried in range(1, TRIES_MAX + 1):
                ending = [False]
                try:
                    return self._try(begin, work, ending)
                except psycopg.Error as error:
                    broken = self._roll_back()
                    if broken:
                        if ending[0] and not repeatable:
                            self._uncertain = True
                            raise self.explain(error) from None
                        if reconnected:
                            raise self.explain(error) from None
                        reconnected = True
                    elif type(error).__name__ not in _GIVEN_UP or tried == TRIES_MAX:
                        raise self.explain(error) from None
                    else:
                        time.sleep(_WAIT_S * tried)
                except BaseException:
                    self._roll_back()
                    raise
        raise AssertionError("unreachable")  # pragma: no cover

    def _try(self, begin: str, work: Callable[[Session], Result], ending: list[bool]) -> Result:
        if self._connection is None:
            self._connection = self.connect()
        connection = self._connection
        connection.execute(_text(begin))
        result = work(_PostgresqlSession(connection))
        ending[0] = True
        connection.execute("COMMIT")
        return result

    def _roll_back(self) -> bool:
        """Undo; whether the connection was lost instead."""
        psycopg = _driver()
        if self._connection is None:
            return True
        with contextlib.suppress(psycopg.Error):
            self._connection.execute("ROLLBACK")
            return False
        self._close()
        return True

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(_driver().Error):
                connection.close()


def _driver() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise StorageError(
            "the ledger's database is PostgreSQL, and its driver is not installed",
            fix="pip install 'faregate[postgresql]'",
        ) from error
    return psycopg


def _read_address(url: str) -> tuple[str, list[str]]:
    """Host and database, to be shown, and passwords however written, to be hidden."""
    if not url.startswith(_SCHEMES):
        raise StorageError(_NO_ADDRESS, fix=_ADDRESS_FIX)
    try:
        parts = urlsplit(url)
        host = parts.hostname or "its socket"
    except ValueError:
        raise StorageError(_NO_ADDRESS, fix=_ADDRESS_FIX) from None
    given = [parts.password or "", *parse_qs(parts.query).get("password", [])]
    secrets = {secret for text in given for secret in (text, unquote(text)) if secret}
    return f"{host}{parts.path}", sorted(secrets, key=len, reverse=True)


def _postgresql_version(session: Session) -> str | None:
    known = session.rows("SELECT to_regclass(?) IS NOT NULL", VERSION_TABLE)
    return read_version(session) if known[0][0] else None
