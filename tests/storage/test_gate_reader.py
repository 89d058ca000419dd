"""A gate sees whole revisions, every change of a key, and no SQL layer.

The contract holds for the database's reader and for the configuration in memory alike.
"""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from alembic.script import ScriptDirectory
from tests.storage.revisions_world import large

from faregate.configuration.document import Document, Model, Provider
from faregate.core.errors import StorageError
from faregate.gate.memory import MemoryConfiguration
from faregate.gate.ports import Changes, ConfigurationSource
from faregate.identity.keys import generate_key, hash_key
from faregate.storage.database import Database, migrations
from faregate.storage.gate_reader import SCHEMA_HEAD, SqliteConfiguration, schema_is_current
from faregate.storage.keys import Keys
from faregate.storage.revisions import Revisions
from faregate.storage.revisions_items import encoded
from faregate.storage.secrets import SecretBox

BOX = SecretBox(b"k" * 32)
CLEAR = Document(
    providers=(
        Provider(
            name="p", base_url="http://h/v1", api_key="sk-1", headers={"x-token": "t 2", "y": "z"}
        ),
    ),
    models=(Model(name="m", provider="p"),),
)


class Store(Protocol):
    """What a test does to a store, and the source that reads it."""

    source: ConfigurationSource

    def set_document(self, document: Document) -> int: ...
    def add_key(self, name: str, models: frozenset[str] | None = None) -> str: ...
    def revoke_key(self, secret: str) -> None: ...


class MemoryStore:
    def __init__(self) -> None:
        self.source = MemoryConfiguration()
        self.set_document = self.source.set_document

    def add_key(self, name: str, models: frozenset[str] | None = None) -> str:
        return self.source.add_key(name, models=models)

    def revoke_key(self, secret: str) -> None:
        self.source.revoke_key(secret)


class SqliteStore:
    def __init__(self, path: Path) -> None:
        self.database = Database(path)
        self.database.upgrade()
        self.revisions = Revisions(self.database, BOX)
        self.keys = Keys(self.database)
        self.source = SqliteConfiguration(path, BOX)

    def set_document(self, document: Document) -> int:
        written = document
        if document.providers:
            provider = document.providers[0]
            written = Document(
                settings=document.settings,
                models=document.models,
                providers=(
                    Provider(
                        name=provider.name,
                        base_url=provider.base_url,
                        api_key="${env:KEY}",
                        headers={"x-token": "t ${env:TOKEN}", "y": "z"},
                    ),
                ),
            )
        return self.revisions.apply(written, "a", "s", None, {"KEY": "sk-1", "TOKEN": "2"})

    def add_key(self, name: str, models: frozenset[str] | None = None) -> str:
        return self.keys.create(name, "a", models).secret

    def revoke_key(self, secret: str) -> None:
        self.keys.revoke(secret, "a")


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    sqlite = SqliteStore(tmp_path / "faregate.db")
    yield sqlite
    sqlite.source.close()
    sqlite.database.close()


def test_before_anything(store: Store) -> None:
    state = store.source.latest()
    assert (state.revision, state.document) == (0, Document())
    assert store.source.cursor() == 0
    assert store.source.changes_since(0) == Changes(0, None, ())
    assert store.source.find_key(b"\0" * 32) is None


def test_the_newest_revision_is_whole_and_clear(store: Store) -> None:
    number = store.set_document(CLEAR)
    state = store.source.latest()
    assert (state.revision, state.document) == (number, CLEAR)


def test_changes_of_the_document(store: Store) -> None:
    first = store.set_document(CLEAR)
    cursor = store.source.cursor()
    assert cursor == first
    assert store.source.changes_since(cursor) == Changes(cursor, None, ())
    second = store.set_document(Document(models=(), providers=CLEAR.providers))
    third = store.set_document(CLEAR)
    assert first < second < third
    assert store.source.changes_since(cursor) == Changes(third, third, ())
    assert store.source.changes_since(second) == Changes(third, third, ())


def test_keys_do_not_change_the_revision(store: Store) -> None:
    number = store.set_document(CLEAR)
    cursor = store.source.cursor()
    secret = store.add_key("a", frozenset({"m"}))
    changes = store.source.changes_since(cursor)
    assert (changes.revision, changes.key_hashes) == (None, (hash_key(secret),))
    assert changes.cursor == store.source.cursor() > cursor
    assert store.source.latest().revision == number


def test_a_key_is_found_by_its_hash(store: Store) -> None:
    store.set_document(CLEAR)
    secret = store.add_key("a", frozenset({"m"}))
    record = store.source.find_key(hash_key(secret))
    assert record is not None
    assert (record.name, record.prefix, record.models) == ("a", secret[:9], {"m"})
    assert record.hash == hash_key(secret)
    assert record.state(2**62) == "active"
    assert store.source.find_key(hash_key(generate_key())) is None


def test_a_revoked_key_is_a_change_and_stays_found(store: Store) -> None:
    secret, other = store.add_key("a"), store.add_key("b")
    cursor = store.source.cursor()
    store.revoke_key(secret)
    assert store.source.changes_since(cursor).key_hashes == (hash_key(secret),)
    record = store.source.find_key(hash_key(secret))
    assert record is not None
    assert record.state(0) == "revoked"
    assert set(store.source.changes_since(0).key_hashes) == {hash_key(secret), hash_key(other)}


def test_several_changes_at_once(store: Store) -> None:
    secret = store.add_key("a")
    number = store.set_document(CLEAR)
    store.revoke_key(secret)
    changes = store.source.changes_since(0)
    assert changes == Changes(store.source.cursor(), number, (hash_key(secret),))


# -- the database's reader alone -----------------------------------------------------------------


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "faregate.db")
    yield store
    store.source.close()
    store.database.close()


def test_schema_head_is_alembics() -> None:
    assert ScriptDirectory.from_config(migrations()).get_heads() == [SCHEMA_HEAD]


def test_schema_is_current(tmp_path: Path, sqlite: SqliteStore) -> None:
    assert schema_is_current(sqlite.database.path)
    assert not schema_is_current(tmp_path / "none.db")
    (tmp_path / "empty.db").touch()
    assert not schema_is_current(tmp_path / "empty.db")
    (tmp_path / "other.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError, match="damaged"):
        schema_is_current(tmp_path / "other.db")


def test_another_master_key(sqlite: SqliteStore) -> None:
    sqlite.set_document(CLEAR)
    with pytest.raises(StorageError, match="another master key"):
        SqliteConfiguration(sqlite.database.path, SecretBox(b"x" * 32)).latest()


def test_a_store_that_is_gone_and_comes_back(sqlite: SqliteStore, tmp_path: Path) -> None:
    sqlite.set_document(CLEAR)
    path = sqlite.database.path
    sqlite.database.close()
    sqlite.source.close()
    path.rename(tmp_path / "away.db")
    for call in (sqlite.source.latest, sqlite.source.cursor):
        with pytest.raises(StorageError, match="can't be opened"):
            call()
    (tmp_path / "away.db").rename(path)
    assert sqlite.source.latest().document == CLEAR


def test_a_reader_never_holds_up_a_writer(sqlite: SqliteStore) -> None:
    sqlite.source.latest()
    with sqlite.database.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO revisions (number, created_ns, actor, summary) VALUES (7, 0, 'a', 's')"
        )
        assert sqlite.source.cursor() == 0
    assert sqlite.source.cursor() == 7


def test_asking_is_a_search_by_number(sqlite: SqliteStore) -> None:
    from faregate.storage import gate_reader

    with sqlite3.connect(sqlite.database.path) as connection:
        for statement in (gate_reader._CHANGES, gate_reader._KEY, gate_reader._LATEST):
            values = (b"x",) if "?" in statement else ()
            plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
            details = [row[3] for row in plan]
            assert all("SEARCH" in one or "ix_revisions_document" in one for one in details), plan


def test_a_company_is_read_in_no_time(tmp_path: Path) -> None:
    path = tmp_path / "faregate.db"
    SqliteStore(path).set_document(CLEAR)
    document = large(1_000, 50)
    rows = [
        (kind, item.name, at, encoded(item))
        for kind, items in (("teams", document.teams), ("applications", document.applications))
        for at, item in enumerate(items)
    ]
    with sqlite3.connect(path) as connection:
        connection.executemany(
            "INSERT INTO configuration_items (kind, name, position, written_json, changed) "
            "VALUES (?, ?, ?, ?, 1)",
            rows,
        )
    source = SqliteConfiguration(path, BOX)
    begun = time.perf_counter()
    found = source.latest().document
    # Ten times what is measured, and still within what a start may take.
    assert time.perf_counter() - begun < 1.5
    assert (found.teams, found.applications) == (document.teams, document.applications)
    assert found.providers[0].api_key == "sk-1"


def test_a_gate_loads_no_sql_layer(tmp_path: Path) -> None:
    program = (
        "import sys, faregate.storage.preparation; "
        "print([m for m in ('sqlalchemy', 'alembic', 'typer', 'rich', 'yaml') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert result.stdout.strip() == "[]"
