"""Connections to the ledger's database: one set of statements for two.

Plain drivers, no SQL layer: gate workers use these. A statement is written once, in the SQL that
both speak, with `?` for a value, `IN ?*` for a list of values, and ` FOR UPDATE` at its end where
rows are locked. On SQLite a writer has the whole file to itself from its beginning (BEGIN
IMMEDIATE), so locks of rows are dropped; on PostgreSQL they are what keeps two writers apart, at
READ COMMITTED, and they are taken in the order workers, purses, accounts, spend at providers, each
by name.

`write` and `read` run a function in a transaction. It may be run again, from its beginning: when
PostgreSQL gave it up for another transaction, or had been restarted. So it must not change
anything but the database.
"""

import contextlib
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from faregate.core.errors import StorageError
from faregate.storage.sqlite_errors import BUSY_SECONDS, explain

SCHEMA_HEAD: Final = "0002"  # the newest migration; a test compares it with alembic's
VERSION_TABLE: Final = "ledger_version"

Row = tuple[Any, ...]
Result = TypeVar("Result")


class Bulk(NamedTuple):
    """Where many rows go at once."""

    table: str
    columns: tuple[str, ...]


class Session(Protocol):
    """A transaction, as the function that runs in it sees it."""

    def rows(self, statement: str, *values: Any) -> list[Row]:
        """All rows of a query."""

    def run(self, statement: str, *values: Any) -> int:
        """Change something; how many rows it was."""

    def run_many(self, statement: str, values: Iterable[Row]) -> None:
        """Run a statement once for each row of values."""

    def insert_many(self, into: Bulk, rows: Sequence[Row]) -> None:
        """Insert rows, the fastest way there is."""


class LedgerConnection(Protocol):
    """A database of the ledger; every method raises `StorageError`.

    Used by one thread at a time; the others wait. The connection is made when it is needed and
    made anew after a failure.
    """

    def write(self, work: Callable[[Session], Result], *, repeatable: bool = False) -> Result:
        """Run `work` in a transaction that is kept, or is not, as a whole.

        Where the connection breaks while the transaction is ended nobody knows which. A
        `repeatable` work, which does nothing when it was done before, is then run again; of
        another `uncertain` is set before `StorageError` is raised.
        """

    def read(self, work: Callable[[Session], Result]) -> Result:
        """Run `work` on one state of the database."""

    def version(self) -> str | None:
        """The newest migration that was made; None where there are no tables."""

    def close(self) -> None:
        """Let go of the database; it is connected to again when it is needed."""

    @property
    def uncertain(self) -> bool:
        """Whether a write that raised may have been kept; told once."""


@lru_cache(maxsize=512)
def _for_sqlite(statement: str) -> str:
    plain = statement.rstrip().removesuffix(" FOR UPDATE")
    return plain.replace("IN ?*", "IN (SELECT value FROM json_each(?))")


def _parameters(values: Iterable[Any]) -> list[Any]:
    return [json.dumps(value) if isinstance(value, (list, set)) else value for value in values]


class _SqliteSession:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, *values: Any) -> list[Row]:
        return self._connection.execute(_for_sqlite(statement), _parameters(values)).fetchall()

    def run(self, statement: str, *values: Any) -> int:
        return self._connection.execute(_for_sqlite(statement), _parameters(values)).rowcount

    def run_many(self, statement: str, values: Iterable[Row]) -> None:
        self._connection.executemany(statement, values)

    def insert_many(self, into: Bulk, rows: Sequence[Row]) -> None:
        self._connection.executemany(_insertion(into), rows)


@lru_cache(maxsize=16)
def _insertion(into: Bulk) -> str:
    names, marks = ", ".join(into.columns), ", ".join("?" * len(into.columns))
    return f"INSERT INTO {into.table} ({names}) VALUES ({marks})"  # noqa: S608 - names of ours


class SqliteLedgerConnection:
    """The ledger in the file at `path`."""

    uncertain = False  # the file is at hand, so that its answer is always heard

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def write(self, work: Callable[[Session], Result], *, repeatable: bool = False) -> Result:
        """Run `work` in a transaction that others wait for."""
        return self._transaction("BEGIN IMMEDIATE", work)

    def read(self, work: Callable[[Session], Result]) -> Result:
        """Run `work` on one state of the file."""
        return self._transaction("BEGIN", work)

    def version(self) -> str | None:
        """The newest migration that was made."""
        if not self._path.exists():
            return None
        return self.read(_sqlite_version)

    def make_file(self) -> None:
        """Make the file, readable by nobody else."""
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise StorageError(
                f"the ledger {self._path} can't be made: {error.strerror}",
                fix="run 'faregate init', or check the rights of the folder",
            ) from error
        with self._lock, self._translated():
            # The mode is kept in the file; it can't be changed inside a transaction.
            self._open().execute("PRAGMA journal_mode=WAL")

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._close()

    def _transaction(self, begin: str, work: Callable[[Session], Result]) -> Result:
        with self._lock, self._translated():
            connection = self._open()
            connection.execute(begin)
            try:
                result = work(_SqliteSession(connection))
                connection.execute("COMMIT")
            except BaseException:
                # After some errors SQLite has rolled back already.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        return result

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=BUSY_SECONDS,
                isolation_level=None,  # transactions begin where we say so
                check_same_thread=False,
            )
            self._connection = connection
            # What was granted or posted must be on the disk: journals are deleted after it.
            connection.execute("PRAGMA synchronous=FULL")
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OverflowError) as error:
            # The file may have been replaced: the next call opens it anew.
            with contextlib.suppress(sqlite3.Error):
                self._close()
            raise explain(self._path, error) from error


def _sqlite_version(session: Session) -> str | None:
    tables = session.rows("SELECT name FROM sqlite_master WHERE name = ?", VERSION_TABLE)
    return read_version(session) if tables else None


def read_version(session: Session) -> str | None:
    """The newest migration in the table of versions."""
    rows = session.rows(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - name of ours
    return str(rows[0][0]) if rows else None
