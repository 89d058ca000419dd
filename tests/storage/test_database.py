"""The database is migrated once and whole; its troubles are told in an operator's words."""

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import faregate.storage.audit_tables
import faregate.storage.device_logins
import faregate.storage.directory_tables
import faregate.storage.management_tables
import faregate.storage.webhook_tables  # noqa: F401
from faregate.core.errors import StorageError
from faregate.storage import database as module
from faregate.storage.database import Database
from faregate.storage.gate_reader import schema_is_current
from faregate.storage.key_rows import find_entries
from faregate.storage.tables import metadata


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(tmp_path / "faregate.db")
    database.upgrade()
    return database


def test_upgrade_once(tmp_path: Path) -> None:
    database = Database(tmp_path / "faregate.db")
    assert database.upgrade()
    assert not database.upgrade()
    assert database.path.stat().st_mode & 0o777 == 0o600


def test_migrations_make_the_tables(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
        checks = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
        assert checks == "ok"


def test_how_the_file_is_kept(database: Database) -> None:
    with database.reading() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_several_processes_upgrade_at_once(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from faregate.storage.database import Database;"
        "sys.stdin.read(1);"
        "print(Database(pathlib.Path(sys.argv[1])).upgrade())"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "faregate.db")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    results = []
    for child in children:
        assert child.stdin is not None
        child.stdin.write("x")
        child.stdin.flush()
    for child in children:
        output, errors = child.communicate(timeout=60)
        results.append((child.returncode, errors))
    assert results == [(0, "")] * 3, output
    assert not Database(tmp_path / "faregate.db").upgrade()


def test_an_exception_undoes_everything(database: Database) -> None:
    def fail() -> None:
        with database.writing() as connection:
            connection.exec_driver_sql(
                "INSERT INTO revisions (created_ns, actor, summary) VALUES (0, 'a', 's')"
            )
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM revisions").scalar() == 0


def test_a_newer_release(database: Database) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StorageError, match="newer release"):
        database.upgrade()


def test_a_failed_migration_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise sa.exc.OperationalError("s", {}, module.sqlite3.OperationalError("disk is full"))

    path = tmp_path / "faregate.db"
    from alembic.operations import Operations

    with monkeypatch.context() as patched:
        patched.setattr(Operations, "create_index", fail)
        with pytest.raises(StorageError, match="disk is full"):
            Database(path).upgrade()
    with Database(path).reading() as connection:
        assert sa.inspect(connection).get_table_names() == []
    assert Database(path).upgrade()


def test_not_a_database(tmp_path: Path) -> None:
    path = tmp_path / "faregate.db"
    path.write_bytes(b"something else, and long enough to be looked at" * 50)
    with pytest.raises(StorageError, match="not a database, or is damaged") as caught:
        Database(path).upgrade()
    assert caught.value.fix == "restore it from a backup"


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="can't be made"):
        Database(tmp_path / "none" / "faregate.db").upgrade()


def test_not_set_up(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageError, match="not set up") as caught,
        Database(tmp_path / "x.db").reading() as connection,
    ):
        connection.exec_driver_sql("SELECT * FROM keys")
    assert caught.value.fix == "run 'faregate init'"


def test_keys_of_the_first_release_stay(tmp_path: Path) -> None:
    database = Database(tmp_path / "faregate.db")
    with database.writing() as connection:
        configuration = module.migrations()
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0001")
        connection.exec_driver_sql(
            "INSERT INTO revisions (created_ns, actor, summary) VALUES (1, 'a', 's')"
        )
        connection.exec_driver_sql(
            "INSERT INTO keys (key_id, name, prefix, hash, created_ns, changed, source) "
            "VALUES ('key_1', 'app', 'fg_abc', zeroblob(32), 1, 1, 'command')"
        )
    assert not schema_is_current(database.path)
    assert database.upgrade()
    assert schema_is_current(database.path)
    with database.reading() as connection:
        record = find_entries(connection)[0].record
    assert (record.name, record.application) == ("app", None)
