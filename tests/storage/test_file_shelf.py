"""Files and batches on disk do as every store of them does, for gates."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.batches.contract import NOW_S, ShelfContract, Stores, batch_facts, file_facts

from faregate.batches.facts import Page
from faregate.core.errors import StorageError
from faregate.storage.batch_desk import SqliteBatchDesk
from faregate.storage.file_shelf import SqliteFileShelf


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    paths = (tmp_path / "files.db", tmp_path / "files")
    opened = Stores(SqliteFileShelf(*paths, lambda: NOW_S), SqliteBatchDesk(*paths))
    yield opened
    opened.shelf.close()
    opened.desk.close()


class TestSqliteFileShelf(ShelfContract):
    pass


def test_what_can_not_be_kept_leaves_nothing(stores: Stores, tmp_path: Path) -> None:
    assert not stores.shelf.keep(file_facts(), b"some", 3, 9)
    assert not stores.shelf.keep_batch(batch_facts(), b"some", 0)
    assert list((tmp_path / "files").iterdir()) == []


def test_only_its_user_may_open_the_folder(stores: Stores, tmp_path: Path) -> None:
    assert stores.shelf.keep(file_facts(), b"some", 99, 9)
    assert (tmp_path / "files").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_is_gone_is_told(stores: Stores, tmp_path: Path) -> None:
    file = file_facts()
    assert stores.shelf.keep(file, b"some", 99, 9)
    (tmp_path / "files" / file.file_id).unlink()
    with pytest.raises(StorageError):
        stores.shelf.read(file.file_id, 0, 1)
    with pytest.raises(StorageError):
        stores.shelf.keep_batch(batch_facts(input_file=file.file_id), None, 9)
    assert stores.shelf.delete(None, file.file_id)


def test_people_see_the_files_and_batches_of_their_teams(stores: Stores) -> None:
    shelf, sales, nobody = stores.shelf, frozenset({"sales"}), frozenset[str]()
    assert isinstance(shelf, SqliteFileShelf)
    own, other, old = (
        file_facts(owner=f"application:{team}", team=team) for team in ("sales", "support", "")
    )
    batch, foreign = batch_facts(team="sales"), batch_facts(team="support")
    for file in (own, other, old):
        assert shelf.keep(file, b"some", 99, 9)
    for one in (batch, foreign):
        assert shelf.keep_batch(one, b"some", 9)
    assert shelf.files(None, Page(9), teams=sales) == [own]
    assert shelf.files(None, Page(9), teams=sales | {"support"}) == [other, own]
    assert shelf.files(None, Page(9), teams=nobody) == []
    assert shelf.file(None, own.file_id, sales) == own
    assert shelf.file(None, other.file_id, sales) is None
    assert not shelf.delete(None, other.file_id, sales)
    assert shelf.batches(None, None, Page(9), sales) == [batch]
    assert shelf.batch(None, foreign.batch_id, sales) is None
    assert shelf.cancel(None, foreign.batch_id, sales) is None
    cancelled = shelf.cancel(None, batch.batch_id, sales)
    assert cancelled is not None
    assert (cancelled.state, cancelled.team) == ("cancelling", "sales")
    assert not shelf.delete_batch(None, foreign.batch_id, sales)
    assert len(shelf.files(None, Page(9))) == 3


def test_files_of_the_release_before_are_kept(stores: Stores, tmp_path: Path) -> None:
    shelf, file = stores.shelf, file_facts()
    assert isinstance(shelf, SqliteFileShelf)
    assert shelf.keep(file, b"some", 99, 9)
    stores.desk.close()
    shelf.close()
    with sqlite3.connect(tmp_path / "files.db") as connection:
        for table in ("files", "batches"):
            connection.execute(f"DROP INDEX {table}_of_team")
            connection.execute(f"ALTER TABLE {table} DROP COLUMN team")
        connection.execute("PRAGMA user_version = 1")
    assert shelf.file(file.owner, file.file_id) == file
    assert shelf.files(None, Page(9), teams=frozenset({"sales"})) == []
    assert shelf.keep(file_facts(team="sales"), b"some", 99, 9)
    assert len(shelf.files(None, Page(9), teams=frozenset({"sales"}))) == 1
