"""Rows of keys keep what a record says; the file's rules are in `test_revisions`."""

import datetime as dt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.configuration.document import Key
from faregate.identity.keys import KeyRecord
from faregate.storage.database import Database
from faregate.storage.key_rows import (
    find_entries,
    insert_key,
    key_hash,
    new_key_id,
    synchronise_keys,
    update_key,
)
from faregate.storage.revisions import insert_revision

RECORD = KeyRecord("key_1", "a", "fg_abc", b"h" * 32, frozenset({"m", "n"}), 5, 6, None)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Database:
    database = Database(tmp_path_factory.mktemp("rows") / "x.db")
    database.upgrade()
    return database


@given(
    models=st.none() | st.frozensets(st.text(max_size=5), max_size=3),
    application=st.none() | st.text(max_size=5),
)
def test_kept_as_given(
    database: Database, models: frozenset[str] | None, application: str | None
) -> None:
    record = msgspec.structs.replace(RECORD, models=models, application=application)
    with database.writing() as connection:
        number = insert_revision(connection, 0, "a", "s")
        insert_key(connection, record, "command", number)
        assert [entry.record for entry in find_entries(connection)] == [record]
        revoked = msgspec.structs.replace(record, revoked_ns=9)
        update_key(connection, revoked, number)
        assert [entry.record for entry in find_entries(connection)] == [revoked]
        connection.exec_driver_sql("DELETE FROM keys")


def test_expiry_to_the_microsecond(database: Database) -> None:
    moment = dt.datetime(2031, 2, 3, 4, 5, 6, 789_012, tzinfo=dt.UTC)
    key = Key(name="a", secret="sha256:" + "0" * 64, expires_at=moment)
    with database.writing() as connection:
        number = insert_revision(connection, 0, "a", "s")
        synchronise_keys(connection, (key,), (), number=number, now_ns=1)
        record = find_entries(connection)[0].record
        connection.exec_driver_sql("DELETE FROM keys")
    assert record.expires_ns is not None
    assert record.expires_ns % 1_000_000_000 == 789_012_000
    assert record.hash == key_hash(key) == b"\0" * 32


def test_the_file_moves_a_key_to_another_application(database: Database) -> None:
    key = Key(name="a", secret="sha256:" + "0" * 64, application="shop")
    with database.writing() as connection:
        number = insert_revision(connection, 0, "a", "s")
        synchronise_keys(connection, (key,), (), number=number, now_ns=1)
        assert find_entries(connection)[0].record.application == "shop"
        moved = msgspec.structs.replace(key, application="site")
        synchronise_keys(connection, (moved,), (key,), number=number, now_ns=2)
        assert [entry.record.application for entry in find_entries(connection)] == ["site"]
        connection.exec_driver_sql("DELETE FROM keys")


def test_ids_differ() -> None:
    assert len({new_key_id() for _ in range(100)}) == 100
