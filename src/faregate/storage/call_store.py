"""The store of calls: calls.db, which the clerk writes and anyone reads.

A batch of records and the place in the journal up to which they were read are one transaction:
so every call is posted once, whenever the clerk is killed. Rows are only replaced while their
call is open; a closed call never changes. `sequence` grows with every posting, so a reader that
remembers the last one sees each call close once.

The schema is versioned by SQLite's user_version with one step a version below: the file has one
writer and four tables, and the clerk opens it at every start without loading a migration tool.
"""

import contextlib
import itertools
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.pool import StaticPool

from faregate.calllog.frames import Body, CallRecord, Decided
from faregate.calllog.journal import Position
from faregate.calllog.query import EVERY_CALL, CallFilter
from faregate.calllog.records import (
    RecordChanges,
    attach_body,
    attach_decision,
    decode_record,
    encode_record,
)
from faregate.core.errors import StorageError
from faregate.core.findings import Finding

BUSY_TIMEOUT_S: Final = 5.0
CHECKPOINT_PAGES: Final = 4_000
CACHE_KIB: Final = 16_384
PRUNE_ROWS_MAX: Final = 5_000  # a transaction, so that pruning never holds up posting

_metadata = sa.MetaData()

_calls = sa.Table(
    "calls",
    _metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("call_id", sa.Text, nullable=False, unique=True),
    sa.Column("worker", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("started_ns", sa.BigInteger, nullable=False, index=True),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("key_name", sa.Text, nullable=False),
    sa.Column("model_asked", sa.Text, nullable=False),
    sa.Column("model_served", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text),
    sa.Column("status", sa.Integer),
    sa.Column("refusal", sa.Text),
    sa.Column("record", sa.LargeBinary, nullable=False),
    # Of the second version; null where the call names none, so that the indexes stay small.
    sa.Column("application", sa.Text),
    sa.Column("customer", sa.Text),
    sa.Column("run", sa.Text),
    # Of the third.
    sa.Column("team", sa.Text),
    sqlite_autoincrement=True,
)
sa.Index("calls_open", _calls.c.worker, sqlite_where=_calls.c.state == "open")
for _column in (_calls.c.customer, _calls.c.run, _calls.c.team):
    sa.Index(
        f"calls_{_column.name}",
        _column,
        _calls.c.started_ns,
        sqlite_where=_column.is_not(None),
    )

_bodies = sa.Table(
    "bodies",
    _metadata,
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("part", sa.Text, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("whole_bytes", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

_decisions = sa.Table(
    "decisions",
    _metadata,
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("findings", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

_positions = sa.Table(
    "positions",
    _metadata,
    sa.Column("worker", sa.Text, primary_key=True),
    sa.Column("segment", sa.Integer, nullable=False),
    sa.Column("offset", sa.Integer, nullable=False),
)


# The statements from each version to the next; an empty file is made as it is above.
_UPGRADES: Final = (
    (
        "ALTER TABLE calls ADD COLUMN application TEXT",
        "ALTER TABLE calls ADD COLUMN customer TEXT",
        "ALTER TABLE calls ADD COLUMN run TEXT",
        "CREATE INDEX calls_customer ON calls (customer, started_ns) WHERE customer IS NOT NULL",
        "CREATE INDEX calls_run ON calls (run, started_ns) WHERE run IS NOT NULL",
        "CREATE TABLE decisions (call_id TEXT NOT NULL, findings BLOB NOT NULL, "
        "PRIMARY KEY (call_id)) WITHOUT ROWID",
    ),
    (
        "ALTER TABLE calls ADD COLUMN team TEXT",
        "UPDATE calls SET team = team_of(record) WHERE team_of(record) IS NOT NULL",
        "CREATE INDEX calls_team ON calls (team, started_ns) WHERE team IS NOT NULL",
    ),
)
SCHEMA_VERSION: Final = 1 + len(_UPGRADES)
_PAYERS_VERSION: Final = 2  # since then a row has the application, the customer and the run
_TEAMS_VERSION: Final = 3

_FAILURES: Final = (sa.exc.SQLAlchemyError, sqlite3.Error, msgspec.MsgspecError, OSError)

# Parameters go to the driver as they are: processing each by its type would double the time.
_ROW_COLUMNS: Final = [column.name for column in _calls.c if column.name != "sequence"]
_INSERT_CALL: Final = (
    f"INSERT INTO calls ({', '.join(_ROW_COLUMNS)}) "  # noqa: S608 - names of our own columns
    f"VALUES ({', '.join('?' * len(_ROW_COLUMNS))}) ON CONFLICT (call_id) DO NOTHING"
)
_DELETE_OPEN: Final = "DELETE FROM calls WHERE call_id = ? AND state = 'open'"
_INSERT_DECISION: Final = "INSERT OR IGNORE INTO decisions (call_id, findings) VALUES (?, ?)"

_encode_findings: Final = msgspec.msgpack.Encoder().encode
_decode_findings: Final = msgspec.msgpack.Decoder(tuple[Finding, ...]).decode


class PostedCall(NamedTuple):
    """A closed call, its record still encoded, and the number of its posting."""

    sequence: int
    call_id: str
    data: bytes


class CallStore:
    """The store at `path`.

    The writer makes and upgrades the file; a reader (`writable=False`) changes nothing and
    fails where there is no file. Used by one thread at a time. Every method raises
    `StorageError`, and then nothing of it happened.
    """

    def __init__(self, path: Path, *, writable: bool = True) -> None:
        self._path = path
        self._writable = writable
        self._engine = sa.create_engine("sqlite://", creator=self._connect, poolclass=StaticPool)
        sa.event.listen(self._engine, "begin", self._begin)
        self._lock = threading.Lock()
        try:
            self._check_schema()
        except StorageError:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    # -- the clerk's side ------------------------------------------------------------------------

    def positions(self) -> dict[str, Position]:
        """How far each worker's journal was posted."""
        with self._transaction() as connection:
            rows = connection.execute(sa.select(_positions)).all()
        return {row.worker: Position(row.segment, row.offset) for row in rows}

    def open_calls(self, worker: str) -> list[CallRecord]:
        """The calls of `worker` that have no end yet."""
        query = sa.select(_calls.c.record).where(
            _calls.c.state == "open", _calls.c.worker == worker
        )
        with self._transaction() as connection:
            return [decode_record(record) for record in connection.execute(query).scalars()]

    def post(self, worker: str, position: Position, changes: RecordChanges) -> None:
        """Keep what changed, and how far `worker` was read: both or neither."""
        rows = [_row(record) for record in (*changes.opened, *changes.closed)]
        place = {"segment": position.segment, "offset": position.offset}
        statement = insert(_positions).values(worker=worker, **place)
        with self._transaction() as connection:
            if changes.completed:
                ended = [(call_id,) for call_id in changes.completed]
                connection.exec_driver_sql(_DELETE_OPEN, ended)
            if rows:
                connection.exec_driver_sql(_INSERT_CALL, rows)
            if changes.bodies:
                _insert_bodies(connection, changes.bodies)
            if changes.decisions:
                decisions = [
                    (decided.call_id, _encode_findings(decided.findings))
                    for decided in changes.decisions
                ]
                connection.exec_driver_sql(_INSERT_DECISION, decisions)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["worker"], set_=place)
            )

    def forget(self, worker: str) -> None:
        """Drop the position of a worker whose journal is gone."""
        with self._transaction() as connection:
            connection.execute(sa.delete(_positions).where(_positions.c.worker == worker))

    def prune(self, before_ns: int, keep_calls: int) -> int:
        """Delete closed calls that are too old or too many; gives how many.

        At most 5,000 at once. Open calls stay. Called again until it gives 0.
        """
        ids = sa.select(_calls.c.call_id).where(_calls.c.state == "closed")
        with self._transaction() as connection:
            limit = connection.execute(
                sa.select(_calls.c.started_ns)
                .order_by(_calls.c.started_ns.desc())
                .offset(keep_calls)
                .limit(1)
            ).scalar()
            condition = _calls.c.started_ns < before_ns
            if limit is not None:
                condition = sa.or_(condition, _calls.c.started_ns <= limit)
            oldest = ids.where(condition).order_by(_calls.c.started_ns).limit(PRUNE_ROWS_MAX)
            chosen = connection.execute(oldest).scalars().all()
            parameters = [(call_id,) for call_id in chosen]
            if parameters:
                connection.exec_driver_sql("DELETE FROM calls WHERE call_id = ?", parameters)
                connection.exec_driver_sql("DELETE FROM bodies WHERE call_id = ?", parameters)
                connection.exec_driver_sql("DELETE FROM decisions WHERE call_id = ?", parameters)
        return len(parameters)

    # -- the readers' side -----------------------------------------------------------------------

    def recent(
        self,
        count: int,
        chosen: CallFilter = EVERY_CALL,
        before: tuple[int, str] | None = None,
    ) -> list[CallRecord]:
        """The newest `count` calls that `chosen` asks for, the newest first.

        With `before`, a start and a call's id, those that stand behind that call.
        """
        query = _filtered(sa.select(_calls.c.record), chosen)
        if before is not None:
            place = sa.tuple_(_calls.c.started_ns, _calls.c.call_id)
            query = query.where(_calls.c.started_ns <= before[0], place < before)
        query = query.order_by(_calls.c.started_ns.desc(), _calls.c.call_id.desc()).limit(count)
        with self._transaction() as connection:
            if _version(connection) < _version_of(chosen):
                return []
            return [decode_record(record) for record in connection.execute(query).scalars()]

    def find(self, call_id: str, teams: frozenset[str] | None = None) -> CallRecord | None:
        """One call, with its bodies and its decision.

        Of `teams` alone, None is of anybody.
        """
        query = sa.select(_calls.c.record).where(_calls.c.call_id == call_id)
        if teams is not None:
            query = query.where(_calls.c.team.in_(teams))
        with self._transaction() as connection:
            if teams is not None and _version(connection) < _TEAMS_VERSION:
                return None
            data = connection.execute(query).scalar()
            if data is None:
                return None
            record = decode_record(data)
            _attach(connection, record)
        return record

    def attach(self, record: CallRecord) -> None:
        """Complete the record of a call that isn't posted yet."""
        with self._transaction() as connection:
            _attach(connection, record)

    def find_near(self, call_id: str, teams: frozenset[str] | None = None) -> str | None:
        """The id that shares the longest beginning, ten characters at least.

        With `teams`, of their calls alone.
        """
        for length in range(len(call_id), 9, -1):
            begin = call_id[:length]
            query = sa.select(_calls.c.call_id).where(
                _calls.c.call_id >= begin, _calls.c.call_id < begin + "\U0010ffff"
            )
            if teams is not None:
                query = query.where(_calls.c.team.in_(teams))
            with self._transaction() as connection:
                if teams is not None and _version(connection) < _TEAMS_VERSION:
                    return None
                found = connection.execute(query.limit(1)).scalar()
            if found is not None:
                return str(found)
        return None

    def last_sequence(self) -> int:
        """The number of the newest posting; 0 where there is none."""
        with self._transaction() as connection:
            return connection.execute(sa.select(sa.func.max(_calls.c.sequence))).scalar() or 0

    def posted_after(self, sequence: int, count: int) -> list[PostedCall]:
        """The next calls that closed after `sequence`, in order."""
        query = sa.select(_calls.c.sequence, _calls.c.call_id, _calls.c.record)
        query = query.where(_calls.c.sequence > sequence, _calls.c.state == "closed")
        query = query.order_by(_calls.c.sequence).limit(count)
        with self._transaction() as connection:
            return [PostedCall(*row) for row in connection.execute(query)]

    # -- SQLite ----------------------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        if self._writable:
            # Made here so that nobody else can read it; SQLite gives its side files the same mode.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=rw",
            uri=True,
            check_same_thread=False,
            timeout=BUSY_TIMEOUT_S,
            # Transactions begin where we say so: the driver's habits differ between versions.
            isolation_level=None,
        )
        if self._writable:
            connection.execute("PRAGMA journal_mode = WAL")
            # Segments are deleted once they are posted, so a commit must be on the disk.
            connection.execute("PRAGMA synchronous = FULL")
            # Pages of the indexes change with every batch: they are written back less often.
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        else:
            connection.execute("PRAGMA query_only = 1")
        return connection

    def _begin(self, connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if self._writable else "BEGIN")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        try:
            with self._lock, self._engine.begin() as connection:
                yield connection
        except _FAILURES as error:
            raise _unusable(self._path, error) from error

    def _check_schema(self) -> None:
        with self._transaction() as connection:
            version = _version(connection)
            if version > SCHEMA_VERSION:
                raise StorageError(
                    f"{self._path} was written by a newer Faregate",
                    fix="run the newer version, or move the file away to begin a new call store",
                )
            if version < SCHEMA_VERSION and self._writable:
                if version == 0:
                    _metadata.create_all(connection)
                else:
                    driver: Any = connection.connection.driver_connection
                    driver.create_function("team_of", 1, _team_of, deterministic=True)
                    for statement in itertools.chain(*_UPGRADES[version - 1 :]):
                        connection.exec_driver_sql(statement)
                connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _version(connection: sa.Connection) -> int:
    """The version of the file; a reader may look at one that no clerk has upgraded yet."""
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar() or 0)


def _attach(connection: sa.Connection, record: CallRecord) -> None:
    call_id = record.call_id
    bodies = connection.execute(sa.select(_bodies).where(_bodies.c.call_id == call_id))
    for row in bodies:
        attach_body(record, Body(row.call_id, row.part, row.data, row.whole_bytes))
    if _version(connection) < 2:
        return
    query = sa.select(_decisions.c.findings).where(_decisions.c.call_id == call_id)
    findings = connection.execute(query).scalar()
    if findings is not None:
        attach_decision(record, Decided(call_id, _decode_findings(findings)))


def _version_of(chosen: CallFilter) -> int:
    """The version whose rows can be asked so; those of others have no such calls."""
    if chosen.teams is not None:
        return _TEAMS_VERSION
    payers = (chosen.application, chosen.customer, chosen.run)
    return _PAYERS_VERSION if any(name is not None for name in payers) else 1


def _team_of(data: bytes) -> str | None:
    """The team of an encoded record, for rows from before they had one."""
    return decode_record(data).team or None


def _row(record: CallRecord) -> tuple[object, ...]:
    return (
        record.call_id,
        record.worker,
        record.state,
        record.started_ns,
        record.key_id,
        record.key_name,
        record.model_asked,
        record.model_served,
        record.outcome,
        record.status,
        record.refusal,
        encode_record(record),
        record.application or None,
        record.customer or None,
        record.run or None,
        record.team or None,
    )


def _insert_bodies(connection: sa.Connection, bodies: Iterable[Body]) -> None:
    connection.exec_driver_sql(
        "INSERT OR IGNORE INTO bodies (call_id, part, data, whole_bytes) VALUES (?, ?, ?, ?)",
        [(body.call_id, body.part, body.data, body.whole_bytes) for body in bodies],
    )


def _filtered(query: sa.Select[Any], chosen: CallFilter) -> sa.Select[Any]:
    conditions: list[sa.ColumnElement[bool]] = []
    if chosen.teams is not None:
        conditions.append(_calls.c.team.in_(chosen.teams))
    if chosen.since_ns is not None:
        conditions.append(_calls.c.started_ns >= chosen.since_ns)
    if chosen.until_ns is not None:
        conditions.append(_calls.c.started_ns < chosen.until_ns)
    if chosen.closed:
        conditions.append(_calls.c.state == "closed")
    if chosen.key is not None:
        conditions.append(sa.or_(_calls.c.key_name == chosen.key, _calls.c.key_id == chosen.key))
    if chosen.model is not None:
        asked = _calls.c.model_asked == chosen.model
        conditions.append(sa.or_(asked, _calls.c.model_served == chosen.model))
    for column in (_calls.c.application, _calls.c.customer, _calls.c.run):
        wanted = getattr(chosen, column.name)
        if wanted is not None:
            conditions.append(column == wanted if wanted else column.is_(None))
    if chosen.refused:
        conditions.append(_calls.c.outcome == "refused")
    if chosen.status_low is not None and chosen.status_high is not None:
        conditions.append(_calls.c.status >= chosen.status_low)
        conditions.append(_calls.c.status < chosen.status_high)
    return query.where(*conditions)


def _unusable(path: Path, error: Exception) -> StorageError:
    reason = str(getattr(error, "orig", None) or error).splitlines()[0]
    fix = "look at the data folder and its disk"
    if "full" in reason:
        fix = "free space on the disk of the data folder"
    elif "malformed" in reason or "not a database" in reason:
        fix = f"move {path.name} away: the clerk then begins a new call store"
    return StorageError(f"the call store {path} can't be used: {reason}", fix=fix)
