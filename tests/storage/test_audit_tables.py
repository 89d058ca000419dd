"""The tables of the audit log are made with their triggers."""

from pathlib import Path

from faregate.storage.audit_tables import entries, marks
from faregate.storage.database import Database
from faregate.storage.tables import metadata


def test_the_tables_and_their_triggers(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.db")
    database.upgrade()
    assert {entries.name, marks.name} <= set(metadata.tables)
    with database.reading() as connection:
        found = connection.exec_driver_sql(
            "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'audit_%'"
        ).scalar()
    assert found == 6
