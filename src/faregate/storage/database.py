"""The database of the configuration: its transactions and its migrations.

Writers take SQLite's write lock when they begin (BEGIN IMMEDIATE), so what a transaction read is
still true when it writes. A transaction is whole on the disk (WAL, synchronous=FULL) or not there.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from faregate.core.errors import StorageError
from faregate.storage.gate_reader import schema_is_current
from faregate.storage.sqlite_errors import BUSY_SECONDS, explain

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"
_WRITING = "faregate_writing"
_AUDIT_KEY = "faregate_audit_key"


class Database:
    """The file at `path`; raises `StorageError` where it can't be used.

    `audit_key` seals the head of the audit log; see `identity.audit_chain`.
    """

    def __init__(self, path: Path, audit_key: bytes | None = None) -> None:
        self.path = path
        self._audit_key = audit_key
        self._engine = sa.create_engine(
            sa.URL.create("sqlite", database=str(path)),
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        )
        sa.event.listen(self._engine, "connect", _prepare)
        sa.event.listen(self._engine, "begin", _begin)

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the database."""
        with self._translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that others wait for; an exception undoes it whole."""
        with self._translated(), self._engine.connect() as plain:
            options = {_WRITING: True, _AUDIT_KEY: self._audit_key}
            connection = plain.execution_options(**options)
            with connection.begin():
                yield connection

    @property
    def audit_key(self) -> bytes | None:
        """The key of the audit log's seals, where it is known."""
        return self._audit_key

    def upgrade(self) -> bool:
        """Bring the tables to this release; whether there was anything to do.

        The file is made when it is missing. Two processes may do it at once.
        """
        if schema_is_current(self.path):
            return False
        # Alembic takes as long to load as all the rest, and is needed once a release.
        import alembic.command
        import alembic.util

        self._make_file()
        with self.writing() as connection:
            config = migrations()
            config.attributes["connection"] = connection
            try:
                alembic.command.upgrade(config, "head")
            except alembic.util.CommandError as error:
                raise StorageError(
                    f"the database {self.path} was made by a newer release of Faregate",
                    fix="install that release, or restore a backup from before the upgrade",
                ) from error
        return True

    def _make_file(self) -> None:
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise StorageError(
                f"the database {self.path} can't be made: {error.strerror}",
                fix="run 'faregate init', or check the rights of the folder",
            ) from error
        try:
            # The mode is kept in the file; it can't be changed inside a transaction.
            with closing(sqlite3.connect(self.path, timeout=BUSY_SECONDS)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.Error as error:
            raise explain(self.path, error) from error

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise explain(self.path, error.orig or error) from error


def audit_key_of(connection: sa.Connection) -> bytes | None:
    """The key of the audit log's seals in a transaction of `writing`.

    Raises `ValueError` in any other.
    """
    options = connection.get_execution_options()
    if not options.get(_WRITING):
        raise ValueError("what is to be audited must be in a transaction of Database.writing")
    found: bytes | None = options.get(_AUDIT_KEY)
    return found


def migrations() -> "Config":
    """Alembic's configuration, without a file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    # Transactions are begun below, not by the driver, which would begin them deferred.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA synchronous=FULL")


def _begin(connection: sa.Connection) -> None:
    writing = connection.get_execution_options().get(_WRITING)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
