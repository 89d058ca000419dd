"""Files and batches on disk do as every store of them does, for gates."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.batches.contract import NOW_S, ShelfContract, Stores, batch_facts, file_facts

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
