"""Batches as their runner keeps them: no line is lost to a kill."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from faregate.batches.facts import (
    BatchFacts,
    BegunLine,
    Ending,
    FileFacts,
    LineError,
    LineFacts,
    LineOutcome,
    counted,
    ended,
    input_name,
    new_file_id,
    results_name,
)
from faregate.storage.file_tables import (
    FileTables,
    decode_facts,
    find_batch,
    insert_file,
    update_batch,
)

_ORPHAN_S: Final = 3_600  # bytes without a row are being written, or were left by a kill
_COLUMNS: Final = "line, custom_id, model, start, length, call_id, begun_ns, attempts"

Which = Literal["all", "good", "bad"]
_WHICH: Final = {
    "all": "",
    "good": "AND outcome = 'succeeded'",
    "bad": "AND outcome != 'succeeded'",
}
_RESULTS_AT_ONCE: Final = 16  # each may have megabytes

Render = Callable[[BatchFacts, int, str, LineOutcome], bytes]


class SqliteBatchDesk:
    """`runner.ports.BatchDesk` on files.db and the folder of bytes."""

    def __init__(self, database: Path, folder: Path) -> None:
        self._database = database  # states of lines in it: 0 is waiting, 1 begun, 2 done
        self._folder = folder
        self._tables = FileTables(database, folder)

    def close(self) -> None:
        """Let go of the files."""
        self._tables.close()

    def cursor(self) -> int | None:
        """Something that differs once others have written; None: no store."""
        if not self._database.exists():
            return None
        return int(self._tables.rows("PRAGMA data_version")[0][0])

    def open_batches(self) -> list[BatchFacts]:
        """Batches that have their end to come, the oldest first."""
        rows = self._tables.rows("SELECT facts FROM batches WHERE open ORDER BY seq")
        return [decode_facts(facts, BatchFacts) for (facts,) in rows]

    def batch(self, batch_id: str) -> BatchFacts | None:
        """One batch as it is now."""
        with self._tables.transaction() as connection:
            return find_batch(connection, batch_id)

    def read(self, name: str, start: int, length: int) -> bytes:
        """A part of a batch's input."""
        return self._tables.read(name, start, length)

    # -- the beginning -----------------------------------------------------------------------------

    def begin(self, batch_id: str, lines: Sequence[LineFacts], now_s: int) -> None:
        """The input was read and is right: these are its lines."""
        with self._tables.transaction() as connection:
            batch = find_batch(connection, batch_id)
            if batch is None or batch.total:
                return
            connection.executemany(
                "INSERT INTO lines (batch_id, line, custom_id, model, start, length)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                ((batch_id, *line) for line in lines),
            )
            state = "in_progress" if batch.state == "validating" else batch.state
            times = {**batch.times, "in_progress": now_s}
            changed = msgspec.structs.replace(batch, state=state, times=times, total=len(lines))
            update_batch(connection, changed)

    def fail(self, batch_id: str, errors: Sequence[LineError], now_s: int) -> None:
        """The input was read and is wrong: nothing of it is called."""
        with self._tables.transaction() as connection:
            batch = find_batch(connection, batch_id)
            if batch is not None:
                times = {**batch.times, "failed": now_s}
                changed = msgspec.structs.replace(
                    batch, state="failed", times=times, errors=tuple(errors)
                )
                update_batch(connection, changed)
        self._tables.forget(input_name(batch_id))

    # -- lines -------------------------------------------------------------------------------------

    def take(
        self,
        batch_id: str,
        most: int,
        without_models: Sequence[str],
        new_call_id: Callable[[], str],
        now_ns: int,
    ) -> list[BegunLine]:
        """Mark the next lines as begun, each with the id of its call."""
        marks = ", ".join("?" * len(without_models))
        taken = []
        with self._tables.transaction() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM lines WHERE batch_id = ? AND state = 0"  # noqa: S608
                f" AND model NOT IN ({marks}) ORDER BY attempts, line LIMIT ?",
                (batch_id, *without_models, most),
            ).fetchall()
            for line, custom_id, model, start, length, call_id, _, attempts in rows:
                chosen = call_id or new_call_id()
                connection.execute(
                    "UPDATE lines SET state = 1, call_id = ?, begun_ns = ?, attempts = ?"
                    " WHERE batch_id = ? AND line = ?",
                    (chosen, now_ns, attempts + 1, batch_id, line),
                )
                taken.append(
                    BegunLine(
                        batch_id, line, custom_id, model, start, length, chosen, now_ns,
                        attempts + 1,
                    )
                )  # fmt: skip
        return taken

    def put_back(self, line: BegunLine, *, same_call: bool) -> None:
        """A begun line was not called, or is to be called again.

        `same_call`: under the same id, so that it counts once whatever happens.
        """
        with self._tables.transaction() as connection:
            connection.execute(
                "UPDATE lines SET state = 0, call_id = ? WHERE batch_id = ? AND line = ?"
                " AND state = 1",
                (line.call_id if same_call else None, line.batch_id, line.line),
            )

    def keep_result(self, line: BegunLine, outcome: LineOutcome, result: bytes) -> None:
        """A line is done: its result and its mark, in one transaction."""
        with self._tables.transaction() as connection:
            done = connection.execute(
                "UPDATE lines SET state = 2, outcome = ?, result = ?"
                " WHERE batch_id = ? AND line = ? AND state = 1",
                (outcome, result, line.batch_id, line.line),
            ).rowcount
            batch = find_batch(connection, line.batch_id)
            if done and batch is not None:
                update_batch(connection, counted(batch, outcome))

    def begun(self, batch_id: str) -> list[BegunLine]:
        """The lines that were begun and are not done."""
        rows = self._tables.rows(
            f"SELECT {_COLUMNS} FROM lines"  # noqa: S608
            " WHERE batch_id = ? AND state = 1 ORDER BY line",
            (batch_id,),
        )
        return [BegunLine(batch_id, *row) for row in rows]

    def pending(self, batch_id: str) -> int:
        """How many lines have not been begun; a hundred stand for more."""
        rows = self._tables.rows(
            "SELECT count(*) FROM (SELECT 1 FROM lines WHERE batch_id = ? AND state = 0 LIMIT 100)",
            (batch_id,),
        )
        return int(rows[0][0])

    def stop(self, batch_id: str, error: LineError) -> None:
        """Begin no further line of a batch; the first error stays."""
        with self._tables.transaction() as connection:
            batch = find_batch(connection, batch_id)
            if batch is not None and batch.stopped is None:
                update_batch(connection, msgspec.structs.replace(batch, stopped=error))

    # -- the end -----------------------------------------------------------------------------------

    def finish(self, batch_id: str, ending: Ending, render: Render) -> None:
        """End a batch of which no line is begun; `render` tells of the rest.

        Each step may be repeated after a kill: the lines stay until the batch has ended.
        """
        batch = self._close_rest(batch_id, ending, render)
        if batch is None or not batch.is_open:
            return
        files: list[FileFacts] = []
        if batch.dialect == "anthropic":
            self._tables.write(results_name(batch_id), self._results(batch_id, "all"))
        else:
            for succeeded in (True, False):
                file = self._output(batch, ending, succeeded=succeeded)
                if file is not None:
                    files.append(file)
                    change = "output_file" if succeeded else "error_file"
                    batch = msgspec.structs.replace(batch, **{change: file.file_id})
        with self._tables.transaction() as connection:
            for file in files:
                insert_file(connection, file)
            update_batch(connection, ended(batch, ending))
            connection.execute("DELETE FROM lines WHERE batch_id = ?", (batch_id,))
        self._tables.forget(input_name(batch_id))

    def _close_rest(self, batch_id: str, ending: Ending, render: Render) -> BatchFacts | None:
        with self._tables.transaction() as connection:
            batch = find_batch(connection, batch_id)
            if batch is None:
                return None
            rest = connection.execute(
                "SELECT line, custom_id FROM lines WHERE batch_id = ? AND state = 0", (batch_id,)
            ).fetchall()
            outcome = ending.rest
            connection.executemany(
                "UPDATE lines SET state = 2, outcome = ?, result = ?"
                " WHERE batch_id = ? AND line = ?",
                (
                    (outcome, render(batch, line, custom_id, outcome), batch_id, line)
                    for line, custom_id in rest
                ),
            )
            if rest:
                batch = counted(batch, outcome, len(rest))
                update_batch(connection, batch)
            return batch

    def _output(self, batch: BatchFacts, ending: Ending, *, succeeded: bool) -> FileFacts | None:
        """Write the output or the error file, if it has any lines."""
        file_id = new_file_id()
        which: Which = "good" if succeeded else "bad"
        size = self._tables.write(file_id, self._results(batch.batch_id, which))
        if size == 0:
            self._tables.forget(file_id)
            return None
        keep_s = batch.output_keep_s or ending.keep_s
        kind = "output" if succeeded else "error"
        return FileFacts(
            file_id=file_id,
            owner=batch.owner,
            team=batch.team,
            purpose="batch_output",
            filename=f"{batch.batch_id}_{kind}.jsonl",
            size_bytes=size,
            created_s=ending.now_s,
            expires_s=ending.now_s + keep_s,
        )

    def _results(self, batch_id: str, which: Which) -> Iterator[bytes]:
        """Results in the order of the lines, one after the other."""
        line = 0
        while True:
            rows = self._tables.rows(
                "SELECT line, result FROM lines"  # noqa: S608
                f" WHERE batch_id = ? AND line > ? {_WHICH[which]} ORDER BY line LIMIT ?",
                (batch_id, line, _RESULTS_AT_ONCE),
            )
            if not rows:
                return
            line = rows[-1][0]
            yield from (result for _, result in rows)

    # -- housekeeping ------------------------------------------------------------------------------

    def sweep(self, now_s: int, keep_batches_s: int) -> None:
        """Delete what has expired, and bytes that nobody knows of."""
        with self._tables.transaction() as connection:
            gone = [
                name
                for (name,) in connection.execute(
                    "DELETE FROM files WHERE expires_s <= ? RETURNING file_id", (now_s,)
                ).fetchall()
            ]
            gone += [
                results_name(name)
                for (name,) in connection.execute(
                    "DELETE FROM batches WHERE NOT open AND ended_s <= ? RETURNING batch_id",
                    (now_s - keep_batches_s,),
                ).fetchall()
            ]
            known = _known_names(connection)
        self._tables.forget(*gone)
        self._tables.shrink()  # results leave the database at the end
        for path in self._folder.iterdir():
            if path.name not in known and path.stat().st_mtime < time.time() - _ORPHAN_S:
                self._tables.forget(path.name)


def _known_names(connection: sqlite3.Connection) -> set[str]:
    names = {name for (name,) in connection.execute("SELECT file_id FROM files")}
    for (name,) in connection.execute("SELECT batch_id FROM batches"):
        names |= {input_name(name), results_name(name)}
    return names
