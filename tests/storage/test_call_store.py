"""The call store keeps calls and positions together, and finds what a person asks for."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.calllog.calls import BEGIN_NS, body, call_id, closed, decided, settled, started
from tests.storage.call_store_contract import WORKER, CallStoreContract, post

from faregate.calllog.query import CallFilter
from faregate.calllog.records import WorkerCalls, decode_record, encode_record
from faregate.core.errors import StorageError
from faregate.storage.call_store import PRUNE_ROWS_MAX, SCHEMA_VERSION, CallStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.db"


@pytest.fixture
def store(path: Path) -> Iterator[CallStore]:
    store = CallStore(path)
    yield store
    store.close()


class TestCallStore(CallStoreContract):
    def fill(self, store: CallStore) -> None:
        with store._transaction() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


# -- queries ---------------------------------------------------------------------------------------


def test_recent_calls_are_the_newest(store: CallStore):
    post(store, WorkerCalls(WORKER), *(closed(n) for n in range(30)), started(30))
    assert [r.call_id for r in store.recent(3)] == [call_id(n) for n in (30, 29, 28)]


def test_filters_agree_with_their_own_rule(store: CallStore):
    frames = [
        started(1, application="shop", customer="c1", team="sales"),
        settled(1),
        closed(2, application="shop", team="support"),
        started(3, customer="c2"),
        started(4, key_name="other", run="r1"),
    ]
    frames += [settled(4, status=503, outcome="failed")]
    post(store, WorkerCalls(WORKER), *frames)
    everything = store.recent(100)
    filters = [
        CallFilter(key="billing"),
        CallFilter(key="key_1", model="small-2"),
        CallFilter(model="small"),
        CallFilter(refused=True),
        CallFilter(teams=frozenset({"sales"})),
        CallFilter(teams=frozenset({"sales", "support"}), application="shop"),
        CallFilter(since_ns=BEGIN_NS + 2_000_000, until_ns=BEGIN_NS + 4_000_000),
        CallFilter(status_low=400, status_high=600),
        CallFilter(closed=True),
        CallFilter(application="shop"),
        CallFilter(application="shop", customer="c1"),
        CallFilter(run="r1"),
        CallFilter(customer=""),
    ]
    for chosen in filters:
        expected = [record for record in everything if chosen.matches(record)]
        assert store.recent(100, chosen) == expected
        assert 0 < len(expected) < 4 or chosen.model == "small"


def test_each_call_closes_once_for_a_follower(store: CallStore):
    calls = WorkerCalls(WORKER)
    post(store, calls, started(1), closed(2))
    first = store.posted_after(0, 10)
    post(store, calls, closed(3))
    post(store, calls, settled(1))
    later = store.posted_after(first[-1].sequence, 10)
    assert [call.call_id for call in first] == [call_id(2)]
    assert [call.call_id for call in later] == [call_id(3), call_id(1)]
    assert decode_record(later[1].data).status == 200
    assert store.last_sequence() == later[-1].sequence
    assert store.posted_after(later[-1].sequence, 10) == []


def test_the_newest_row_is_replaced_under_a_new_number(store: CallStore):
    calls = WorkerCalls(WORKER)
    post(store, calls, closed(1), started(2))
    seen = store.last_sequence()
    post(store, calls, settled(2))
    assert [call.call_id for call in store.posted_after(seen, 10)] == [call_id(2)]


def test_a_near_id_is_found(store: CallStore):
    post(store, WorkerCalls(WORKER), closed(0x11), closed(0x22))
    assert store.find_near(call_id(0x2F)) == call_id(0x22)
    assert store.find_near("call_ffff") is None


def test_pruning_is_done_in_parts(store: CallStore):
    post(store, WorkerCalls(WORKER), *(closed(n) for n in range(PRUNE_ROWS_MAX + 10)))
    assert store.prune(2**62, 0) == PRUNE_ROWS_MAX
    assert store.prune(2**62, 0) == 10


def test_bodies_are_pruned_with_their_call(store: CallStore, path: Path):
    post(store, WorkerCalls(WORKER), closed(1), body(1, b"x"))
    store.prune(2**62, 0)
    assert sqlite3.connect(path).execute("SELECT count(*) FROM bodies").fetchone() == (0,)


# -- the file --------------------------------------------------------------------------------------


def test_it_is_found_again(path: Path):
    first = CallStore(path)
    post(first, WorkerCalls(WORKER), closed(1))
    first.close()
    second = CallStore(path)
    assert second.find(call_id(1)) is not None
    second.close()


def test_readers_read_while_the_clerk_writes(store: CallStore, path: Path):
    reader = CallStore(path, writable=False)
    post(store, WorkerCalls(WORKER), closed(1))
    assert reader.find(call_id(1)) is not None
    with store._transaction() as connection:
        connection.exec_driver_sql("DELETE FROM calls")
        assert reader.find(call_id(1)) is not None
    assert reader.find(call_id(1)) is None
    with pytest.raises(StorageError):
        post(reader, WorkerCalls(WORKER), closed(2))
    reader.close()


def test_a_reader_makes_no_file(path: Path):
    with pytest.raises(StorageError):
        CallStore(path, writable=False)
    assert not path.exists()


def test_a_folder_with_an_odd_name(tmp_path: Path):
    folder = tmp_path / "a ?#%41&b"
    folder.mkdir()
    store = CallStore(folder / "calls.db")
    post(store, WorkerCalls(WORKER), closed(1))
    store.close()
    assert (folder / "calls.db").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("column", "name"), [("customer", "c1"), ("run", "r1")])
def test_customers_and_runs_are_found_without_looking_at_all_calls(
    store: CallStore, path: Path, column: str, name: str
):
    query = f"SELECT record FROM calls WHERE {column} = ? ORDER BY started_ns DESC LIMIT 9"
    plan = sqlite3.connect(path).execute(f"EXPLAIN QUERY PLAN {query}", (name,)).fetchall()
    assert [f"USING INDEX calls_{column}" in row[3] for row in plan] == [True]


def test_a_team_sees_its_own_calls_alone(store: CallStore):
    frames = [closed(n, team="sales" if n % 2 else "support") for n in range(10)]
    post(store, WorkerCalls(WORKER), *frames, closed(10), decided(1))
    sales, nobody = frozenset({"sales"}), frozenset[str]()
    assert [r.call_id for r in store.recent(99, CallFilter(teams=sales))] == [
        call_id(n) for n in (9, 7, 5, 3, 1)
    ]
    assert store.find(call_id(2), sales) is None
    assert store.find(call_id(10), sales) is None
    assert store.find(call_id(1), nobody) is None
    assert getattr(store.find(call_id(1), sales), "decision", None) == decided(1).findings
    assert store.find_near(call_id(8), sales) == call_id(1)
    assert store.find_near(call_id(8), nobody) is None


def test_calls_in_pages(store: CallStore):
    post(store, WorkerCalls(WORKER), *(closed(n, team="sales") for n in range(7)))
    chosen = CallFilter(teams=frozenset({"sales"}))
    pages, before = [], None
    while page := store.recent(3, chosen, before):
        pages.append([r.call_id for r in page])
        before = (page[-1].started_ns, page[-1].call_id)
    assert pages == [[call_id(n) for n in numbers] for numbers in ((6, 5, 4), (3, 2, 1), (0,))]


def test_a_teams_calls_are_found_by_an_index(store: CallStore):
    post(store, WorkerCalls(WORKER), closed(1, team="sales"))
    with store._transaction() as connection:
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT record FROM calls WHERE team IN (?) "
            "ORDER BY started_ns DESC, call_id DESC LIMIT 50",
            ("sales",),
        ).all()
    assert "calls_team" in str(plan)


# -- the first version of the file -----------------------------------------------------------------

FIRST_VERSION = """
CREATE TABLE calls (sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, call_id TEXT NOT NULL,
 worker TEXT NOT NULL, state TEXT NOT NULL, started_ns BIGINT NOT NULL, key_id TEXT NOT NULL,
 key_name TEXT NOT NULL, model_asked TEXT NOT NULL, model_served TEXT NOT NULL, outcome TEXT,
 status INTEGER, refusal TEXT, record BLOB NOT NULL, UNIQUE (call_id));
CREATE TABLE bodies (call_id TEXT NOT NULL, part TEXT NOT NULL, data BLOB NOT NULL,
 whole_bytes BIGINT NOT NULL, PRIMARY KEY (call_id, part)) WITHOUT ROWID;
CREATE TABLE positions (worker TEXT NOT NULL, segment INTEGER NOT NULL, "offset" INTEGER NOT NULL,
 PRIMARY KEY (worker));
CREATE INDEX ix_calls_started_ns ON calls (started_ns);
CREATE INDEX calls_open ON calls (worker) WHERE state = 'open';
PRAGMA user_version = 1;
"""


@pytest.fixture
def first_version(path: Path) -> Path:
    """A file of the first version with an answered call in it."""
    with sqlite3.connect(path) as connection:
        connection.executescript(FIRST_VERSION)
        (record,) = WorkerCalls(WORKER).add([started(1, team="sales"), settled(1)]).closed
        connection.execute(
            "INSERT INTO calls VALUES (1, ?, ?, 'closed', ?, '', 'billing', '', '', 'answered', "
            "200, NULL, ?)",
            (record.call_id, WORKER, record.started_ns, encode_record(record)),
        )
    return path


def _columns_and_indexes(path: Path) -> list[object]:
    with sqlite3.connect(path) as connection:
        tables = ("calls", "bodies", "decisions", "positions")
        columns = [connection.execute(f"PRAGMA table_info({name})").fetchall() for name in tables]
        indexes = "SELECT name FROM sqlite_master WHERE type = 'index' ORDER BY name"
        version = connection.execute("PRAGMA user_version").fetchone()
        return [*columns, connection.execute(indexes).fetchall(), version]


def test_a_file_of_the_first_version_becomes_like_a_new_one(first_version: Path):
    CallStore(first_version).close()
    fresh = first_version.with_name("fresh.db")
    CallStore(fresh).close()
    assert _columns_and_indexes(first_version) == _columns_and_indexes(fresh)


def test_a_file_of_the_first_version_is_used(first_version: Path):
    store = CallStore(first_version)
    post(store, WorkerCalls(WORKER), closed(2, application="shop"), decided(2), decided(1))
    assert [r.call_id for r in store.recent(9)] == [call_id(2), call_id(1)]
    assert [r.call_id for r in store.recent(9, CallFilter(application="shop"))] == [call_id(2)]
    assert [getattr(store.find(call_id(n)), "decision", None) for n in (1, 2)] == [
        decided(1).findings,
        decided(2).findings,
    ]
    store.close()


def test_a_reader_reads_a_file_that_no_clerk_has_upgraded(first_version: Path):
    reader = CallStore(first_version, writable=False)
    assert [r.call_id for r in reader.recent(9, CallFilter(key="billing"))] == [call_id(1)]
    assert reader.recent(9, CallFilter(run="r1")) == []
    sales = frozenset({"sales"})
    assert reader.recent(9, CallFilter(teams=sales)) == []
    assert reader.find(call_id(1), sales) is None
    assert reader.find_near(call_id(1), sales) is None
    assert getattr(reader.find(call_id(1)), "outcome", None) == "answered"
    CallStore(first_version).close()
    assert reader.recent(9, CallFilter(run="r1")) == []
    assert [r.call_id for r in reader.recent(9, CallFilter(teams=sales))] == [call_id(1)]
    assert reader.recent(9, CallFilter(teams=frozenset({"support"}))) == []
    reader.close()


def test_a_file_of_a_newer_version_is_refused(path: Path):
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(StorageError, match="newer Faregate"):
        CallStore(path)


def test_a_file_of_something_else_is_refused(path: Path):
    path.write_bytes(b"no database at all, but long enough to be read as one" * 100)
    with pytest.raises(StorageError) as caught:
        CallStore(path)
    assert "move calls.db away" in (caught.value.fix or "")
