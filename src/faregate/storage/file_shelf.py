"""Files and batches as gate workers and commands keep them."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from faregate.batches.facts import (
    BatchFacts,
    Dialect,
    FileFacts,
    Page,
    cancelled,
    input_name,
    results_name,
)
from faregate.storage.file_tables import (
    FileTables,
    decode_facts,
    encode_facts,
    find_batch,
    insert_file,
    update_batch,
)

_HELD: Final = (
    "SELECT count(*), coalesce(sum(size_bytes), 0) FROM files"
    " WHERE owner = ? AND coalesce(expires_s > ?, 1)"
)


def _now_s() -> int:
    return int(time.time())


Teams = frozenset[str] | None


class SqliteFileShelf:
    """`gate.ports.FileShelf` on files.db and the folder of bytes.

    People see by `teams` beside: what is of none of these is not there for them; None is all.
    """

    def __init__(self, database: Path, folder: Path, now_s: Callable[[], int] = _now_s) -> None:
        self._tables = FileTables(database, folder)
        self._now_s = now_s

    def close(self) -> None:
        """Let go of the files."""
        self._tables.close()

    # -- files -------------------------------------------------------------------------------------

    def keep(self, file: FileFacts, data: bytes, total_bytes_max: int, count_max: int) -> bool:
        """Keep a file; False where its owner has no room for it."""
        tables = self._tables
        if not self._has_room(file, total_bytes_max, count_max):
            return False
        tables.write(file.file_id, (data,))
        with tables.transaction() as connection:
            [(count, held)] = connection.execute(_HELD, (file.owner, self._now_s()))
            fits = bool(count < count_max and held + file.size_bytes <= total_bytes_max)
            if fits:
                insert_file(connection, file)
        if not fits:
            tables.forget(file.file_id)
        return fits

    def _has_room(self, file: FileFacts, total_bytes_max: int, count_max: int) -> bool:
        """Whether it would fit: looked at before anything is written."""
        [(count, held)] = self._tables.rows(_HELD, (file.owner, self._now_s()))
        return bool(count < count_max and held + file.size_bytes <= total_bytes_max)

    def file(self, owner: str | None, file_id: str, teams: Teams = None) -> FileFacts | None:
        """A file of that owner; of None, whoever's it is."""
        condition, values = _of_teams(teams)
        rows = self._tables.rows(
            "SELECT facts FROM files WHERE file_id = ? AND coalesce(owner = ?, 1)"  # noqa: S608
            f" AND coalesce(expires_s > ?, 1){condition}",
            (file_id, owner, self._now_s(), *values),
        )
        return decode_facts(rows[0][0], FileFacts) if rows else None

    def files(
        self, owner: str | None, page: Page, purpose: str | None = None, teams: Teams = None
    ) -> list[FileFacts]:
        """A page of an owner's files, the newest first unless asked otherwise."""
        condition, chosen = _of_teams(teams)
        where = "coalesce(owner = ?, 1) AND coalesce(purpose = ?, 1) AND coalesce(expires_s > ?, 1)"
        values = [owner, purpose, self._now_s(), *chosen]
        rows = self._page("files", "file_id", where + condition, values, page)
        return [decode_facts(facts, FileFacts) for (facts,) in rows]

    def delete(self, owner: str | None, file_id: str, teams: Teams = None) -> bool:
        """Delete a file; batches that were made of it go on."""
        condition, values = _of_teams(teams)
        with self._tables.transaction() as connection:
            gone = connection.execute(
                "DELETE FROM files WHERE file_id = ? AND coalesce(owner = ?, 1)"  # noqa: S608
                f"{condition}",
                (file_id, owner, *values),
            ).rowcount
        if gone:
            self._tables.forget(file_id)
        return bool(gone)

    def read(self, name: str, start: int, length: int) -> bytes:
        """A part of a file's bytes, or of a batch's results."""
        return self._tables.read(name, start, length)

    def size(self, name: str) -> int:
        """How many bytes that has."""
        return self._tables.size(name)

    # -- batches -----------------------------------------------------------------------------------

    def keep_batch(self, batch: BatchFacts, requests: bytes | None, open_max: int) -> bool:
        """Keep a batch with its requests, or with those of its input file.

        False where its owner has as many open ones as it may. Raises `StorageError` also where
        the input file is gone.
        """
        tables = self._tables
        name = input_name(batch.batch_id)
        if requests is None:
            # A link: deleting the file takes nothing from the batch.
            with tables.transaction():
                os.link(tables.path(batch.input_file), tables.path(name))
        else:
            tables.write(name, (requests,))
        with tables.transaction() as connection:
            [(count,)] = connection.execute(
                "SELECT count(*) FROM batches WHERE open AND owner = ?", (batch.owner,)
            )
            if count < open_max:
                connection.execute(
                    "INSERT INTO batches (batch_id, owner, dialect, open, facts, team)"
                    " VALUES (?, ?, ?, 1, ?, ?)",
                    (batch.batch_id, batch.owner, batch.dialect, encode_facts(batch), batch.team),
                )
                return True
        tables.forget(name)
        return False

    def batch(self, owner: str | None, batch_id: str, teams: Teams = None) -> BatchFacts | None:
        """A batch of that owner; of None, whoever's it is."""
        condition, values = _of_teams(teams)
        rows = self._tables.rows(
            "SELECT facts FROM batches WHERE batch_id = ? AND coalesce(owner = ?, 1)"  # noqa: S608
            f"{condition}",
            (batch_id, owner, *values),
        )
        return decode_facts(rows[0][0], BatchFacts) if rows else None

    def batches(
        self, owner: str | None, dialect: Dialect | None, page: Page, teams: Teams = None
    ) -> list[BatchFacts]:
        """A page of an owner's batches, the newest first."""
        condition, values = _of_teams(teams)
        where = f"coalesce(owner = ?, 1) AND coalesce(dialect = ?, 1){condition}"
        rows = self._page("batches", "batch_id", where, [owner, dialect, *values], page)
        return [decode_facts(facts, BatchFacts) for (facts,) in rows]

    def cancel(self, owner: str | None, batch_id: str, teams: Teams = None) -> BatchFacts | None:
        """Ask for a batch's end; an open one is cancelled once its calls are."""
        with self._tables.transaction() as connection:
            batch = find_batch(connection, batch_id)
            if batch is None or (owner is not None and batch.owner != owner):
                return None
            if teams is not None and batch.team not in teams:
                return None
            changed = cancelled(batch, self._now_s())
            if changed is not batch:
                update_batch(connection, changed)
            return changed

    def delete_batch(self, owner: str | None, batch_id: str, teams: Teams = None) -> bool:
        """Delete a batch that has ended, with its results."""
        condition, values = _of_teams(teams)
        with self._tables.transaction() as connection:
            gone = connection.execute(
                "DELETE FROM batches WHERE batch_id = ? AND coalesce(owner = ?, 1)"  # noqa: S608
                f" AND NOT open{condition}",
                (batch_id, owner, *values),
            ).rowcount
        if gone:
            self._tables.forget(results_name(batch_id))
        return bool(gone)

    def _page(self, table: str, key: str, where: str, values: list[Any], page: Page) -> list[Any]:
        order = "ASC" if page.oldest_first else "DESC"
        behind, before = (">", "<") if page.oldest_first else ("<", ">")
        for cursor, sign in ((page.after, behind), (page.before, before)):
            if cursor is not None:
                where += f" AND seq {sign} (SELECT seq FROM {table} WHERE {key} = ?)"  # noqa: S608
                values.append(cursor)
        # Before an id: those that stand next to it.
        turned = page.before is not None and page.after is None
        if turned:
            order = "DESC" if page.oldest_first else "ASC"
        rows = self._tables.rows(
            f"SELECT facts FROM {table} WHERE {where} ORDER BY seq {order} LIMIT ?",  # noqa: S608
            [*values, page.limit],
        )
        return rows[::-1] if turned else rows


def _of_teams(teams: Teams) -> tuple[str, tuple[str, ...]]:
    """The condition that a row is of one of these teams, and its values."""
    if teams is None:
        return "", ()
    return f" AND team IN ({', '.join('?' * len(teams))})", tuple(teams)
