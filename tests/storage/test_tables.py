"""The tables hold their own promises, whoever writes."""

from pathlib import Path

import pytest

from faregate.core.errors import StorageError
from faregate.storage.database import Database

REVISION = "INSERT INTO revisions (created_ns, actor, summary) VALUES (0, 'a', 's')"
KEY = (
    "INSERT INTO keys (key_id, name, prefix, hash, created_ns, revoked_ns, changed, source) "
    "VALUES ({id!r}, {name!r}, 'fg_', x'{hash:064x}', 0, {revoked}, {changed}, {source!r})"
)
GOOD = {"id": "1", "name": "a", "hash": 1, "revoked": "NULL", "changed": 1, "source": "file"}


def insert(path: Path, *rows: dict[str, object]) -> None:
    database = Database(path)
    database.upgrade()
    with database.writing() as connection:
        connection.exec_driver_sql(REVISION)
        for row in rows:
            connection.exec_driver_sql(KEY.format(**(GOOD | row)))


@pytest.mark.parametrize(
    "second",
    [
        {"id": "1", "name": "b", "hash": 2},
        {"id": "2", "name": "b", "hash": 1},
        {"id": "2", "name": "a", "hash": 2},
        {"id": "2", "name": "b", "hash": 2, "changed": 5},
        {"id": "2", "name": "b", "hash": 2, "source": "elsewhere"},
    ],
)
def test_refused(tmp_path: Path, second: dict[str, object]) -> None:
    with pytest.raises(StorageError, match="constraint failed"):
        insert(tmp_path / "x.db", {}, second)


def test_a_revoked_key_gives_its_name_back(tmp_path: Path) -> None:
    insert(tmp_path / "x.db", {"revoked": "5"}, {"id": "2", "hash": 2})
    with Database(tmp_path / "x.db").reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM keys").scalar() == 2
