"""Batches on disk do as every store of them does, for their runner."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.batches.contract import (
    NOW_S,
    DeskContract,
    Stores,
    batch_facts,
    begun,
    call_ids,
    ending,
    kept,
    render,
)
from tests.children import in_child, kill

from faregate.storage.batch_desk import SqliteBatchDesk
from faregate.storage.file_shelf import SqliteFileShelf


def opened(folder: Path) -> Stores:
    paths = (folder / "files.db", folder / "files")
    return Stores(SqliteFileShelf(*paths, lambda: NOW_S), SqliteBatchDesk(*paths))


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    made = opened(tmp_path)
    yield made
    made.shelf.close()
    made.desk.close()


class TestSqliteBatchDesk(DeskContract):
    pass


def test_without_a_database_there_is_nothing_to_see(tmp_path: Path) -> None:
    desk = SqliteBatchDesk(tmp_path / "files.db", tmp_path / "files")
    assert desk.cursor() is None
    assert not (tmp_path / "files.db").exists()


def test_a_kill_forgets_no_line_that_was_begun(tmp_path: Path) -> None:
    made = opened(tmp_path)
    batch = begun(made, 50)
    made.shelf.close()
    made.desk.close()
    taken, told = os.pipe()

    def take() -> None:
        desk = opened(tmp_path).desk
        ids = call_ids()
        while lines := desk.take(batch.batch_id, 1, (), ids, 7):
            os.write(told, b"%d\n" % lines[0].line)
            if lines[0].line % 2:
                desk.keep_result(lines[0], "succeeded", b"%d\n" % lines[0].line)

    child = in_child(take)
    while os.read(taken, 3).count(b"\n") == 0 or not _is_far(tmp_path, batch.batch_id):
        pass
    kill(child)
    os.set_blocking(taken, False)
    desk = opened(tmp_path).desk
    left, open_lines = desk.pending(batch.batch_id), desk.begun(batch.batch_id)
    [found] = desk.open_batches()
    assert found.succeeded + len(open_lines) + left == 50
    assert all(line.call_id for line in open_lines)


def _is_far(folder: Path, batch_id: str) -> bool:
    desk = SqliteBatchDesk(folder / "files.db", folder / "files")
    try:
        return desk.pending(batch_id) < 40
    finally:
        desk.close()


def test_results_leave_the_database_at_the_end(stores: Stores, tmp_path: Path) -> None:
    batch = begun(stores, 40)
    for line in stores.desk.take(batch.batch_id, 40, (), call_ids(), 7):
        stores.desk.keep_result(line, "succeeded", b"x" * 100_000)
    stores.desk.finish(batch.batch_id, ending(), render)
    stores.desk.sweep(NOW_S, 10)
    stores.desk.close()
    stores.shelf.close()
    assert (tmp_path / "files.db").stat().st_size < 1_000_000


def test_bytes_that_nobody_knows_are_swept_once_they_are_old(
    stores: Stores, tmp_path: Path
) -> None:
    file, batch = kept(stores), batch_facts()
    stores.shelf.keep_batch(batch, b"lines", 9)
    old, young = tmp_path / "files" / "file-old.part", tmp_path / "files" / "file-young"
    for path in (old, young, tmp_path / "files" / file.file_id):
        path.write_bytes(b"some")
        if path != young:
            os.utime(path, (time.time() - 7_200,) * 2)
    stores.desk.sweep(NOW_S, 10)
    assert (old.exists(), young.exists()) == (False, True)
    assert stores.shelf.read(file.file_id, 0, 9) == b"some"
    assert stores.desk.read(f"{batch.batch_id}.in", 0, 9) == b"lines"
