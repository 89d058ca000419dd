"""The tables are made once, and a transaction is whole or not at all."""

from pathlib import Path

import pytest
from tests.batches.contract import batch_facts, file_facts

from faregate.batches.facts import FileFacts
from faregate.core.errors import StorageError
from faregate.storage.file_tables import (
    FileTables,
    decode_facts,
    encode_facts,
    find_batch,
    insert_file,
)


def tables(folder: Path) -> FileTables:
    return FileTables(folder / "files.db", folder / "files")


def test_two_connections_share_the_tables(tmp_path: Path) -> None:
    one, two = tables(tmp_path), tables(tmp_path)
    file = file_facts()
    with one.transaction() as connection:
        insert_file(connection, file)
    [(stored,)] = two.rows("SELECT facts FROM files")
    assert decode_facts(stored, FileFacts) == file
    assert decode_facts(encode_facts(batch_facts(owner="x")), type(batch_facts())).owner == "x"
    one.close()
    assert len(one.rows("SELECT 1 FROM files")) == 1  # it opens again
    one.close()
    two.close()


def test_what_fails_has_changed_nothing(tmp_path: Path) -> None:
    made = tables(tmp_path)

    def fail() -> None:
        with made.transaction() as connection:
            insert_file(connection, file_facts())
            assert find_batch(connection, "none") is None
            raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        fail()
    assert made.rows("SELECT 1 FROM files") == []
    made.close()


def test_bytes_are_whole_or_not_there(tmp_path: Path) -> None:
    made = tables(tmp_path)

    def pieces():
        yield b"some"
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError):
        made.write("a", pieces())
    with pytest.raises(StorageError):
        made.read("a", 0, 1)
    assert made.write("a", (b"so", b"me")) == 4
    assert (made.read("a", 1, 9), made.size("a")) == (b"ome", 4)
    made.forget("a", "none")
    with pytest.raises(StorageError):
        made.size("a")


def test_a_damaged_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "files.db").write_bytes(b"this is no database, however one looks at it" * 99)
    with pytest.raises(StorageError, match="not a database"):
        tables(tmp_path).rows("SELECT 1")
