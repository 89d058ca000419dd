"""One call with its decision, by plain sqlite3 and the journals."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from faregate.calllog.frames import CallRecord
from faregate.calllog.journal import Position
from faregate.calllog.records import decode_record
from faregate.core.errors import StorageError
from faregate.core.findings import Finding
from faregate.storage.call_finder import CallFinder
from faregate.storage.sqlite_errors import explain

_BUSY_SECONDS: Final = 2.0
_POSITIONS: Final = "SELECT worker, segment, offset FROM positions"
_OPEN: Final = "SELECT record FROM calls WHERE state = 'open' AND worker = ?"
_FIND: Final = "SELECT record FROM calls WHERE call_id = ?"
_FINDINGS: Final = "SELECT findings FROM decisions WHERE call_id = ?"
_OF_TEAMS: Final = (
    "SELECT record FROM calls WHERE call_id = ? AND team IN (SELECT value FROM json_each(?))"
)
_TEAMS_VERSION: Final = 3  # since then it has the teams of calls
_DECISIONS_VERSION: Final = 2  # of the store: since then it keeps decisions

_decode_findings: Final = msgspec.msgpack.Decoder(tuple[Finding, ...]).decode


class PlainCallStore:
    """The call store at `path`, by whichever thread; without bodies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._explained():
            # Not mode=ro: a reader of a WAL database must be able to make its shared-memory file.
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            self._connection.execute("PRAGMA query_only = 1")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def positions(self) -> dict[str, Position]:
        """How far each worker's journal was posted."""
        rows = self._rows(_POSITIONS)
        return {worker: Position(segment, offset) for worker, segment, offset in rows}

    def open_calls(self, worker: str) -> list[CallRecord]:
        """The calls of `worker` that have no end yet."""
        with self._explained():
            return [decode_record(data) for (data,) in self._rows(_OPEN, worker)]

    def find(self, call_id: str, teams: frozenset[str] | None = None) -> CallRecord | None:
        """One call, with its decision; of `teams` alone, None is of anybody."""
        if teams is None:
            rows = self._rows(_FIND, call_id)
        elif self._version() < _TEAMS_VERSION:
            return None
        else:
            rows = self._rows(_OF_TEAMS, call_id, msgspec.json.encode([*teams]).decode())
        if not rows:
            return None
        with self._explained():
            record = decode_record(rows[0][0])
        self.attach(record)
        return record

    def attach(self, record: CallRecord) -> None:
        """Put the decision of a call into its record."""
        if self._version() < _DECISIONS_VERSION:
            return
        for (findings,) in self._rows(_FINDINGS, record.call_id):
            with self._explained():
                record.decision = _decode_findings(findings)

    def _version(self) -> int:
        return int(self._rows("PRAGMA user_version")[0][0])

    def _rows(self, statement: str, *parameters: str) -> list[tuple[Any, ...]]:
        with self._explained():
            return self._connection.execute(statement, parameters).fetchall()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explain(self._path, error) from error
        except msgspec.MsgspecError as error:
            raise StorageError(f"the call store {self._path} is damaged: {error}") from error


class DecisionReader(CallFinder):
    """`gate.ports.DecisionSource` on journals and call store."""

    def __init__(self, journal: Path, calls_database: Path) -> None:
        super().__init__(journal)
        self._database = calls_database
        self._opened: PlainCallStore | None = None

    def store(self) -> PlainCallStore | None:
        """The call store, once the clerk has made it."""
        if self._opened is None and self._database.exists():
            self._opened = PlainCallStore(self._database)
        return self._opened

    def close(self) -> None:
        """Let go of the files."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None
