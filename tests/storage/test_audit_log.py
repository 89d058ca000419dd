"""What was done stays on record, whoever writes at once or dies."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from faregate.core.clock import ManualClock
from faregate.core.errors import StorageError
from faregate.identity.actors import Actor
from faregate.identity.audit_chain import audit_key
from faregate.identity.keys import generate_key
from faregate.storage.audit_log import AuditLog, AuditQuery, keep_days, write_entry
from faregate.storage.audit_tables import entries
from faregate.storage.database import Database

KEY = audit_key(b"m" * 32)
ANN = Actor("user", "ann@example.com", "user_1", "tok_1", "192.0.2.7")
DAY_NS = 86_400 * 1_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Database(tmp_path / "faregate.db").upgrade()
    return tmp_path / "faregate.db"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def log(path: Path, clock: ManualClock) -> AuditLog:
    return AuditLog(Database(path, KEY), clock)


def fill(log: AuditLog, count: int) -> None:
    for number in range(count):
        log.record("ann", "keys.create", f"keys/sales/{number}", team="sales", after={"n": number})


def tamper(path: Path, *statements: str) -> None:
    """What somebody does who may write the file."""
    with closing(sqlite3.connect(path)) as connection:
        triggers = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for _, sql in triggers:
            connection.execute(sql)
        connection.commit()


def test_an_entry_says_who_what_and_from_where(log: AuditLog, clock: ManualClock) -> None:
    number = log.record(
        ANN,
        "providers.write",
        "providers/openai",
        team="sales",
        before={"api_key": "sk-live-0123456789abcdef"},
        after={"api_key": "${env:KEY}", "keys": [{"secret": "plain", "weight": 2}]},
        outcome="refused",
        detail="not allowed",
    )
    entry = log.get(number)
    assert entry is not None
    assert (entry.sequence, entry.created_ns, entry.actor) == (1, clock.wall_ns(), ANN)
    assert (entry.act, entry.object, entry.team) == ("providers.write", "providers/openai", "sales")
    assert (entry.outcome, entry.detail) == ("refused", "not allowed")
    assert json.loads(entry.before or "") == {"api_key": "[hidden]"}
    assert json.loads(entry.after or "") == {
        "api_key": "${env:KEY}",
        "keys": [{"secret": "[hidden]", "weight": 2}],
    }
    assert log.get(2) is None
    assert log.verify().whole


def test_keys_in_names_and_details_are_hidden(log: AuditLog, path: Path) -> None:
    key = generate_key()
    log.record(f"by {key}", "keys.revoke", f"keys/{key}", detail=f"given {key}", after=[key])
    kept = path.read_bytes() + path.with_suffix(".db-wal").read_bytes()
    assert key.encode() not in kept
    assert b"keys/[hidden]" in kept


def test_an_entry_is_written_with_its_act_or_not_at_all(path: Path) -> None:
    database = Database(path, KEY)

    def fail() -> None:
        with database.writing() as connection:
            write_entry(connection, 1, "ann", "a.b", "c")
            raise ValueError("the act failed")

    with pytest.raises(ValueError, match="the act failed"):
        fail()
    assert AuditLog(database).find() == []
    with database.reading() as connection, pytest.raises(ValueError, match="writing"):
        write_entry(connection, 1, "ann", "a.b", "c")


def test_entries_are_found_by_what_they_say(log: AuditLog, clock: ManualClock) -> None:
    began = clock.wall_ns()
    log.record(ANN, "keys.create", "keys/sales/a", team="sales")
    clock.advance(10)
    log.record("bob", "keys.revoke", "keys/sales/b", team="sales", outcome="failed")
    clock.advance(10)
    log.record("bob", "login.fail", "users/bob", outcome="refused")

    def found(**query: object) -> list[int]:
        return [entry.sequence for entry in log.find(AuditQuery(**query))]  # type: ignore[arg-type]

    assert found() == [3, 2, 1]
    assert found(actor="user_1") == found(actor="ann@example.com") == [1]
    assert (found(act="keys.*"), found(act="keys")) == ([2, 1], [])
    assert (found(object="keys/sales/*"), found(object="users/bob")) == ([2, 1], [3])
    assert (found(team="sales"), found(outcome="failed")) == ([2, 1], [2])
    assert found(since_ns=began + 10_000_000_000, until_ns=clock.wall_ns()) == [2]
    assert [entry.sequence for entry in log.find(before=3, limit=1)] == [2]
    assert [entry.sequence for entry in log.walk(AuditQuery(actor="bob"))] == [2, 3]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET act = 'x' WHERE sequence = 2",
        "DELETE FROM audit_entries WHERE sequence = 1",
        "DELETE FROM audit_entries",
        "INSERT OR REPLACE INTO audit_entries SELECT * FROM audit_entries WHERE sequence = 2",
        "UPDATE audit_marks SET sequence = 2",
        "DELETE FROM audit_marks",
        "INSERT OR REPLACE INTO audit_marks SELECT * FROM audit_marks",
    ],
)
def test_the_tables_refuse_changes(log: AuditLog, path: Path, statement: str) -> None:
    fill(log, 3)
    with closing(sqlite3.connect(path)) as connection:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
        connection.rollback()
    assert log.verify().whole


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE audit_entries SET actor_name = 'eve' WHERE sequence = 3", 3),
        ("UPDATE audit_entries SET detail = x'ff00' WHERE sequence = 3", 3),
        ("UPDATE audit_entries SET detail = CAST(x'ff00' AS TEXT) WHERE sequence = 3", 3),
        ("UPDATE audit_entries SET hash = 'text' WHERE sequence = 1", 1),
        ("DELETE FROM audit_entries WHERE sequence = 2", 2),
        ("DELETE FROM audit_entries WHERE sequence = 5", 5),
        ("DELETE FROM audit_marks", 5),
        ("UPDATE audit_marks SET seal = zeroblob(32)", 5),
        ("UPDATE audit_marks SET seal = NULL", 5),
    ],
)
def test_verification_tells_the_first_broken_entry(
    log: AuditLog, path: Path, statement: str, broken_at: int
) -> None:
    fill(log, 5)
    tamper(path, statement)
    verdict = log.verify()
    assert not verdict.whole
    assert verdict.broken_at == broken_at


COLUMNS = tuple(column.name for column in entries.c)[1:]


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_single_change_is_found(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "any.db"
    for old in tmp_path.glob("any.db*"):
        old.unlink()
    database = Database(path, KEY)
    database.upgrade()
    log = AuditLog(database, ManualClock())
    count = data.draw(st.integers(1, 6))
    fill(log, count)
    at = data.draw(st.integers(1, count))
    kind = data.draw(st.sampled_from(["change", "remove", "insert", "swap"]))
    before = Database(path, KEY)
    if kind == "change":
        column = data.draw(st.sampled_from(COLUMNS))
        value = data.draw(st.sampled_from(["NULL", "''", "'x'", "7", "x'00'", "1.5"]))
        statements = [f'UPDATE audit_entries SET "{column}" = {value} WHERE sequence = {at}']
    elif kind == "remove":
        statements = [f"DELETE FROM audit_entries WHERE sequence = {at}"]
    elif kind == "insert":
        new = data.draw(st.integers(-3, count + 3).filter(lambda n: not 1 <= n <= count))
        names = ", ".join(f'"{name}"' for name in COLUMNS)
        statements = [
            f"INSERT INTO audit_entries (sequence, {names}) "
            f"SELECT {new}, {names} FROM audit_entries WHERE sequence = {at}"
        ]
    else:
        other = data.draw(st.integers(1, count))
        statements = [
            f"UPDATE audit_entries SET sequence = -1 WHERE sequence = {at}",
            f"UPDATE audit_entries SET sequence = {at} WHERE sequence = {other}",
            f"UPDATE audit_entries SET sequence = {other} WHERE sequence = -1",
        ]
    content = _content(path)
    try:
        tamper(path, *statements)
    except sqlite3.IntegrityError:
        return  # the table itself refused it
    assert AuditLog(before).verify().whole == (_content(path) == content)
    database.close()
    before.close()


def _content(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM audit_entries ORDER BY sequence").fetchall()


def test_a_chain_rebuilt_without_the_key_is_found(log: AuditLog, path: Path) -> None:
    fill(log, 4)
    other = path.with_name("other.db")
    Database(other).upgrade()
    fill(AuditLog(Database(other, audit_key(b"x" * 32)), ManualClock()), 3)
    tamper(
        path,
        f"ATTACH '{other}' AS other",
        "DELETE FROM audit_entries",
        "DELETE FROM audit_marks",
        "INSERT INTO audit_entries SELECT * FROM other.audit_entries",
        "INSERT INTO audit_marks SELECT * FROM other.audit_marks",
    )
    assert AuditLog(Database(path)).verify().whole  # without the key nobody can tell
    verdict = log.verify()
    assert (verdict.broken_at, verdict.problem) == (3, "the head bears no valid seal")
    # An honest writer that comes next doesn't make it good.
    log.record("ann", "keys.create", "keys/a")
    assert log.verify().broken_at == 4
    told = log.get(4)
    assert told is not None
    assert (told.act, told.outcome) == ("audit.break", "failed")
    assert "no seal of this master key" in (told.detail or "")


def test_a_writer_tells_that_the_last_entry_was_changed(log: AuditLog, path: Path) -> None:
    fill(log, 2)
    tamper(path, "DELETE FROM audit_entries WHERE sequence = 2")
    log.record("ann", "keys.create", "keys/a")
    told = log.get(3)
    assert told is not None
    assert told.act == "audit.break"
    assert log.verify().broken_at == 2


def test_a_writer_without_the_key_is_refused(log: AuditLog, path: Path) -> None:
    fill(log, 1)
    with pytest.raises(StorageError, match="sealed with the master key"):
        AuditLog(Database(path)).record("ann", "a.b", "c")
    assert log.verify().whole


def test_a_log_put_back_whole_is_seen_by_a_head_noted_elsewhere(log: AuditLog, path: Path) -> None:
    fill(log, 2)
    with (
        closing(sqlite3.connect(path)) as source,
        closing(sqlite3.connect(path.with_name("copy.db"))) as copy,
    ):
        source.backup(copy)
    fill(log, 1)
    noted = log.head()
    assert noted is not None
    assert log.holds(3, noted.hash.hex())
    with (
        closing(sqlite3.connect(path.with_name("copy.db"))) as source,
        closing(sqlite3.connect(path)) as target,
    ):
        source.backup(target)
    assert log.verify().whole
    assert log.holds(3, noted.hash.hex()) is False


def test_retention_takes_the_oldest_and_the_rest_still_verifies(
    log: AuditLog, clock: ManualClock, path: Path
) -> None:
    fill(log, 3)
    noted = log.head()
    assert noted is not None
    clock.advance(10 * 86_400)
    fill(log, 2)
    assert keep_days(log, None, clock.wall_ns()) == 0
    assert keep_days(log, 30, clock.wall_ns()) == 0
    assert keep_days(log, 5, clock.wall_ns()) == 3
    assert [entry.sequence for entry in log.find()] == [6, 5, 4]
    verdict = log.verify()
    assert (verdict.whole, verdict.start, verdict.head, verdict.entries) == (True, 3, 6, 3)
    assert log.holds(3, noted.hash.hex())
    assert log.holds(2, "00") is None
    assert (log.get(6) or 0).act == "audit.prune"  # type: ignore[union-attr]
    clock.advance(10 * 86_400)
    assert keep_days(log, 5, clock.wall_ns()) == 3  # all that is left
    assert log.verify().whole
    fill(log, 1)
    assert [entry.sequence for entry in log.find()] == [8, 7]
    tamper(path, "UPDATE audit_marks SET sequence = 5 WHERE kind = 'start'")
    assert log.verify().broken_at == 6


def test_retention_takes_nothing_from_a_broken_log(
    log: AuditLog, clock: ManualClock, path: Path
) -> None:
    fill(log, 3)
    tamper(path, "UPDATE audit_entries SET act = 'x' WHERE sequence = 2")
    clock.advance(86_400)
    with pytest.raises(StorageError, match="entry 2 is not what was written"):
        log.prune(clock.wall_ns())
    assert len(log.find()) == 3


WRITER = """
import sys, pathlib
from faregate.identity.audit_chain import audit_key
from faregate.storage.audit_log import AuditLog
from faregate.storage.database import Database
log = AuditLog(Database(pathlib.Path(sys.argv[1]), audit_key(b"m" * 32)))
print("ready", flush=True)
sys.stdin.read(1)
for number in range(int(sys.argv[2])):
    print(log.record("process", "a.b", f"things/{number}"), flush=True)
"""


def _writer(path: Path, count: int) -> "subprocess.Popen[str]":
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def _go(child: "subprocess.Popen[str]") -> None:
    assert child.stdin is not None
    child.stdin.write("x")
    child.stdin.flush()


def test_processes_that_write_at_once_make_one_chain(log: AuditLog, path: Path) -> None:
    children = [_writer(path, 40) for _ in range(3)]
    for child in children:
        _go(child)
    told = [list(map(int, child.communicate(timeout=60)[0].split())) for child in children]
    assert sorted(number for one in told for number in one) == list(range(1, 121))
    verdict = log.verify()
    assert (verdict.whole, verdict.entries) == (True, 120)


def test_a_writer_that_is_killed_leaves_a_whole_log(log: AuditLog, path: Path) -> None:
    last = 0
    for after in (1, 7, 23):
        child = _writer(path, 100_000)
        _go(child)
        assert child.stdout is not None
        last = [int(child.stdout.readline()) for _ in range(after)][-1]
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        verdict = log.verify()
        assert verdict.whole
        assert verdict.head >= last
    assert log.record("ann", "a.b", "c") == log.verify().head
