"""A gate finds one call with its decision, posted or not, without the SQL layer."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.calllog.calls import body, call_id, closed, decided, settled, started

from faregate.calllog.frames import Frame, decode_frame, encode_frame
from faregate.calllog.journal import START
from faregate.calllog.records import WorkerCalls
from faregate.core.errors import StorageError
from faregate.storage.call_log import CallLog
from faregate.storage.call_store import CallStore
from faregate.storage.decision_reader import DecisionReader
from faregate.storage.journal import JournalWriter
from faregate.storage.journal_reader import JournalFolders

WORKER = "0-1-1"


class Office:
    """A worker's journal, a clerk that posts when it is told, and both readers."""

    def __init__(self, root: Path) -> None:
        self.journal, self.database = root / "journal", root / "calls.db"
        self.writer = JournalWriter(self.journal, WORKER, sync="kernel")
        self.reader = DecisionReader(self.journal, self.database)
        self.log = CallLog(self.journal, self.database)
        self._store: CallStore | None = None

    def write(self, *frames: Frame) -> None:
        for frame in frames:
            self.writer.append(encode_frame(frame))

    def post(self) -> None:
        """Post what is new, as the clerk does."""
        if self._store is None:
            self._store = CallStore(self.database)
        calls = WorkerCalls(WORKER, self._store.open_calls(WORKER))
        position = self._store.positions().get(WORKER, START)
        reader = JournalFolders(self.journal).reader(WORKER, position)
        reading = reader.read()
        reader.close()
        changes = calls.add(map(decode_frame, reading.frames))
        self._store.post(WORKER, reading.position, changes)

    def close(self) -> None:
        self.reader.close()
        self.log.close()
        self.writer.close()
        if self._store is not None:
            self._store.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


def test_nothing_yet(tmp_path: Path):
    reader = DecisionReader(tmp_path / "journal", tmp_path / "calls.db")
    assert reader.find(call_id(1)) is None
    reader.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("posted", [0, 1, 2, 3])
def test_it_finds_what_the_call_log_finds(office: Office, posted: int):
    """`posted`: after how many parts of the calls the clerk has posted."""
    parts = [
        (closed(1), decided(1), started(2)),
        (settled(2), decided(2), started(3)),
        (closed(4), settled(3)),
    ]
    for number, frames in enumerate(parts, 1):
        office.write(*frames)
        if number <= posted:
            office.post()
    for number in range(1, 6):
        found, expected = office.reader.find(call_id(number)), office.log.find(call_id(number))
        assert found == expected
        assert (found is None) == (number == 5)
        assert (found is not None and found.decision is not None) == (number in (1, 2))


def test_decisions_of_a_team(office: Office):
    sales = frozenset({"sales"})
    office.write(closed(1, team="sales"), decided(1), closed(2, team="support"), decided(2))
    assert [office.reader.find(call_id(n), sales) is None for n in (1, 2)] == [False, True]
    office.post()
    assert [office.reader.find(call_id(n), sales) is None for n in (1, 2)] == [False, True]
    assert office.reader.find(call_id(1), frozenset()) is None
    assert office.reader.find(call_id(2)) is not None


def test_bodies_are_left_to_others(office: Office):
    office.write(closed(1), body(1, b"{}"), decided(1))
    office.post()
    found = office.reader.find(call_id(1))
    assert found is not None
    assert (found.request_body, found.decision) == (None, decided(1).findings)


def test_a_store_of_the_release_before_has_no_decisions(office: Office):
    office.write(closed(1), decided(1))
    office.post()
    office.reader.find(call_id(1))
    with sqlite3.connect(office.database) as connection:
        connection.execute("DROP TABLE decisions")
        connection.execute("PRAGMA user_version = 1")
    assert office.reader.find(call_id(1), frozenset({"sales"})) is None
    found = office.reader.find(call_id(1))
    assert found is not None
    assert found.decision is None


@pytest.mark.parametrize("content", [b"no database at all" * 100, b""])
def test_a_store_that_cant_be_read_is_said(office: Office, content: bytes):
    office.database.write_bytes(content)
    with pytest.raises(StorageError, match=r"calls\.db"):
        office.reader.find(call_id(1))


def test_the_sql_layer_is_not_loaded():
    program = (
        "import sys, faregate.storage.decision_reader; "
        "sys.exit('sqlalchemy' in sys.modules or 'alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=30).returncode == 0
