"""The database of files and batches, and the folder of their bytes.

Plain sqlite3, for a gate worker loads no SQL layer. What is committed survives a power cut
(synchronous=FULL): a line that was marked as begun must not be forgotten.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from faregate.batches.facts import BatchFacts, FileFacts
from faregate.core.errors import StorageError
from faregate.storage.sqlite_errors import BUSY_SECONDS, explain

SCHEMA_VERSION: Final = 2
READ_BYTES_MAX: Final = 1 << 20  # of a file at once, while it is copied
_FOLDER_MODE: Final = 0o700

_SCHEMA: Final = """
CREATE TABLE files (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, file_id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL,
    purpose TEXT NOT NULL, size_bytes INTEGER NOT NULL, expires_s INTEGER, facts BLOB NOT NULL,
    team TEXT NOT NULL DEFAULT ''
);
CREATE INDEX files_of_team ON files (team, seq);
CREATE INDEX files_of_owner ON files (owner, seq);
CREATE INDEX files_by_expiry ON files (expires_s) WHERE expires_s IS NOT NULL;
CREATE TABLE batches (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, batch_id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL,
    dialect TEXT NOT NULL, open INTEGER NOT NULL, ended_s INTEGER, facts BLOB NOT NULL,
    team TEXT NOT NULL DEFAULT ''
);
CREATE INDEX batches_of_team ON batches (team, seq);
CREATE INDEX batches_of_owner ON batches (owner, dialect, seq);
CREATE INDEX batches_open ON batches (seq) WHERE open;
CREATE TABLE lines (
    batch_id TEXT NOT NULL, line INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0, custom_id TEXT NOT NULL, model TEXT NOT NULL,
    start INTEGER NOT NULL, length INTEGER NOT NULL, call_id TEXT, begun_ns INTEGER,
    outcome TEXT, result BLOB, PRIMARY KEY (batch_id, line)
);
CREATE INDEX lines_due ON lines (batch_id, state, attempts, line);
"""

# From the first version: what was kept before is the organisation's to see, and its owner's.
_UPGRADE: Final = tuple(
    statement
    for table in ("files", "batches")
    for statement in (
        f"ALTER TABLE {table} ADD COLUMN team TEXT NOT NULL DEFAULT ''",
        f"CREATE INDEX {table}_of_team ON {table} (team, seq)",
    )
)

Facts = TypeVar("Facts", FileFacts, BatchFacts)
_encode: Final = msgspec.json.Encoder().encode


class FileTables:
    """A connection to the database, and the bytes below `folder`.

    Methods may be called from any thread, one at a time; they raise `StorageError`.
    """

    def __init__(self, database: Path, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        """Let go of the file; a later call opens it again."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    # -- the database ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction that writes: whole or not at all."""
        with self._lock, self._explained():
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """What a query finds."""
        with self._lock, self._explained():
            return self._opened().execute(statement, values).fetchall()

    def shrink(self) -> None:
        """Give room that rows have left back to the disk."""
        with self._lock, self._explained():
            # A script: a statement of its own would be ended after its first page.
            self._opened().executescript("PRAGMA incremental_vacuum")

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
            connection = sqlite3.connect(
                self._database, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection = connection
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            _prepare(connection)
        return self._connection

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explain(self._database, error) from error
        except msgspec.MsgspecError as error:
            raise StorageError(f"the database {self._database} is damaged: {error}") from error
        except OSError as error:
            raise StorageError(
                f"{error.filename or self._folder} can't be used: {error.strerror or error}",
                fix="check the rights and the free space of the data folder",
            ) from error

    # -- the bytes ---------------------------------------------------------------------------------

    def path(self, name: str) -> Path:
        """Where the bytes of that name are."""
        return self._folder / name

    def read(self, name: str, start: int, length: int) -> bytes:
        """A part of some bytes; shorter at their end."""
        with self._explained(), self.path(name).open("rb") as file:
            file.seek(start)
            return file.read(length)

    def size(self, name: str) -> int:
        """How many bytes there are under a name."""
        with self._explained():
            return self.path(name).stat().st_size

    def write(self, name: str, pieces: Iterable[bytes]) -> int:
        """Keep bytes under a name, durably, whole or not at all; gives how many."""
        draft = self.path(f"{name}.part")
        with self._explained():
            self._folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
            with draft.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            draft.replace(self.path(name))
        return size

    def forget(self, *names: str) -> None:
        """Delete bytes; those that aren't there are no matter."""
        with self._explained():
            for name in names:
                self.path(name).unlink(missing_ok=True)


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables, unless another process has."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version < SCHEMA_VERSION:
            for statement in _UPGRADE if version else _SCHEMA.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    finally:
        connection.execute("COMMIT")


def encode_facts(facts: FileFacts | BatchFacts) -> bytes:
    """Facts as they are stored."""
    return _encode(facts)


def decode_facts(data: bytes, kind: type[Facts]) -> Facts:
    """Facts as stored; members added since have their defaults."""
    return msgspec.json.decode(data, type=kind)


def insert_file(connection: sqlite3.Connection, file: FileFacts) -> None:
    """Add a row of a file."""
    connection.execute(
        "INSERT INTO files (file_id, owner, purpose, size_bytes, expires_s, facts, team)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            file.file_id,
            file.owner,
            file.purpose,
            file.size_bytes,
            file.expires_s,
            encode_facts(file),
            file.team,
        ),
    )


def update_batch(connection: sqlite3.Connection, batch: BatchFacts) -> None:
    """Put a batch's facts in the place of those before."""
    ended_s = None if batch.is_open else batch.times.get(batch.state)
    connection.execute(
        "UPDATE batches SET open = ?, ended_s = ?, facts = ? WHERE batch_id = ?",
        (batch.is_open, ended_s, encode_facts(batch), batch.batch_id),
    )


def find_batch(connection: sqlite3.Connection, batch_id: str) -> BatchFacts | None:
    """A batch, within a transaction."""
    row = connection.execute("SELECT facts FROM batches WHERE batch_id = ?", (batch_id,)).fetchone()
    return decode_facts(row[0], BatchFacts) if row is not None else None
