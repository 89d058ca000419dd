"""The configuration and the keys as a gate reads them: plain sqlite3.

A worker must be ready in a fraction of a second and stay small, so it loads no SQL layer. It only
reads; writers never make it wait (WAL).
"""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from sys import intern
from typing import Any, Final

import msgspec

from faregate.configuration.completion import completed
from faregate.configuration.document import Document
from faregate.configuration.state import Changes, ConfigurationState
from faregate.core.errors import StorageError
from faregate.identity.keys import KeyRecord
from faregate.storage.revisions_items import LISTS, assembled, decoded
from faregate.storage.sealing import open_document
from faregate.storage.secrets import SecretBox
from faregate.storage.sqlite_errors import explain

SCHEMA_HEAD: Final = "0008"  # the newest migration; a test compares it with alembic's
_BUSY_SECONDS: Final = 2.0  # readers only meet a lock while the file is recovered after a crash

_LATEST: Final = """
SELECT number FROM revisions WHERE changed_document IS 1 ORDER BY number DESC LIMIT 1
"""
_ITEMS: Final = """
SELECT kind, coalesce(sealed_json, written_json), sealed_json IS NOT NULL
FROM configuration_items WHERE kind != 'keys' ORDER BY kind, position
"""
_CHANGES: Final = """
SELECT r.number, r.changed_document, k.hash
FROM revisions r LEFT JOIN keys k ON k.changed = r.number
WHERE r.number > ? ORDER BY r.number
"""
_KEY: Final = """
SELECT key_id, name, prefix, hash, models, created_ns, expires_ns, revoked_ns, application,
  team
FROM keys WHERE hash = ?
"""
_NAMED_KEY: Final = """
SELECT key_id, name, prefix, hash, models, created_ns, expires_ns, revoked_ns, application,
  team
FROM keys WHERE key_id = ?1 OR name = ?1
ORDER BY revoked_ns IS NOT NULL, created_ns DESC LIMIT 1
"""


_decode_names: Final = msgspec.json.Decoder(frozenset[str]).decode


def _connect(path: Path) -> sqlite3.Connection:
    # Not mode=ro: a reader of a WAL database must be able to make its shared-memory file.
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("PRAGMA query_only=ON")
    return connection


def schema_is_current(path: Path) -> bool:
    """Whether the database at `path` is there and needs no migration."""
    if not path.exists():
        return False
    try:
        with closing(_connect(path)) as connection:
            rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.Error as error:
        if "no such table" in str(error):
            return False
        raise explain(path, error) from error
    return rows == [(SCHEMA_HEAD,)]


class SqliteConfiguration:
    """`gate.ports.ConfigurationSource` on the database at `path`."""

    def __init__(self, path: Path, box: SecretBox) -> None:
        self._path = path
        self._box = box
        self._connection: sqlite3.Connection | None = None

    def latest(self) -> ConfigurationState:
        """The newest revision, secrets in the clear; revision 0 before the first."""
        number, rows = self._latest_rows()
        try:
            document = document_of(rows, self._box)
        except StorageError as error:
            raise StorageError(f"revision {number}: {error.message}", fix=error.fix) from error
        return ConfigurationState(number, completed(document))

    def _latest_rows(self) -> tuple[int, list[Any]]:
        """The newest revision's number and its items, of one moment."""
        self._rows("BEGIN")
        try:
            newest = self._rows(_LATEST)
            rows = self._rows(_ITEMS) if newest else []
        finally:
            if self._connection is not None:  # it is gone where a statement failed
                self._rows("COMMIT")
        return (newest[0][0] if newest else 0), rows

    def cursor(self) -> int:
        """The number of the last change."""
        return int(self._rows("SELECT coalesce(max(number), 0) FROM revisions")[0][0])

    def changes_since(self, cursor: int) -> Changes:
        """What changed after `cursor`; one look at a table's end if nothing."""
        rows = self._rows(_CHANGES, (cursor,))
        if not rows:
            return Changes(cursor, None, ())
        documents = [number for number, has_document, _ in rows if has_document]
        return Changes(
            cursor=rows[-1][0],
            revision=documents[-1] if documents else None,
            key_hashes=tuple(key_hash for _, _, key_hash in rows if key_hash is not None),
        )

    def find_key(self, key_hash: bytes) -> KeyRecord | None:
        """The key of this hash, whatever its state."""
        rows = self._rows(_KEY, (key_hash,))
        return read_key(rows[0]) if rows else None

    def find_named_key(self, name: str) -> KeyRecord | None:
        """The key of this name or id; of several the newest that wasn't revoked."""
        rows = self._rows(_NAMED_KEY, (name,))
        return read_key(rows[0]) if rows else None

    def close(self) -> None:
        """Let go of the file; a later call opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            if self._connection is None:
                self._connection = _connect(self._path)
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            # The file may have been replaced: the next call opens it anew.
            self.close()
            raise explain(self._path, error) from error


def document_of(rows: Iterable[tuple[str, str, int]], box: SecretBox) -> Document:
    """The document of items, which are JSON, with sealed values opened.

    Raises `StorageError` where one can't be read or opened.
    """
    values: dict[str, Sequence[Any]] = {}
    for kind, found in groupby(rows, key=itemgetter(0)):
        some = [*found]
        values[kind] = items = [*decoded(kind, [text for _, text, _ in some])]
        sealed = [at for at, row in enumerate(some) if row[2]]
        if sealed:
            opened = open_document(assembled({kind: [items[at] for at in sealed]}), box)
            clear = getattr(opened, kind) if kind in LISTS else (getattr(opened, kind),)
            for at, value in zip(sealed, clear, strict=True):
                items[at] = value
    return assembled(values)


def read_key(row: Sequence[Any]) -> KeyRecord:
    """The record in a row of the table's columns, in their order."""
    key_id, name, prefix, key_hash, models, created_ns, expires_ns, revoked_ns, *owners = row
    application, team = owners
    return KeyRecord(
        key_id=key_id,
        name=name,
        prefix=prefix,
        hash=key_hash,
        models=None if models is None else _decode_names(models),
        created_ns=created_ns,
        expires_ns=expires_ns,
        revoked_ns=revoked_ns,
        # Many keys have the same: kept once.
        application=None if application is None else intern(application),
        team=None if team is None else intern(team),
    )
