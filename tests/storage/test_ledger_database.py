"""The ledger's tables are made once and whole, on both databases, by whoever comes first."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from tests.postgresql import postgresql_server, postgresql_url  # noqa: F401

from faregate.core.errors import StorageError
from faregate.storage.home import Home
from faregate.storage.ledger_connection import SCHEMA_HEAD, VERSION_TABLE
from faregate.storage.ledger_database import LedgerDatabase, migrations, open_ledger
from faregate.storage.ledger_tables import COUNTER_ACCOUNTS, metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> LedgerDatabase:
    on_server = request.param == "postgresql"
    url = request.getfixturevalue("postgresql_url") if on_server else None
    return LedgerDatabase(tmp_path / "ledger.db", url)


def engine_of(ledger: LedgerDatabase) -> sa.Engine:
    if ledger._url is None:
        return sa.create_engine(f"sqlite:///{ledger._path}")
    return sa.create_engine(ledger._url.replace("postgresql://", "postgresql+psycopg://"))


def test_tables_are_made_once(ledger: LedgerDatabase):
    assert ledger.connect().version() is None
    assert ledger.prepare()
    assert not ledger.prepare()
    connection = ledger.connect()
    rows = connection.read(lambda session: session.rows("SELECT account FROM accounts"))
    assert sorted(row[0] for row in rows) == sorted(COUNTER_ACCOUNTS)
    connection.close()


def test_migrations_make_the_tables(ledger: LedgerDatabase):
    ledger.prepare()
    engine = engine_of(ledger)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []


def test_the_head_is_alembics():
    assert ScriptDirectory.from_config(migrations()).get_current_head() == SCHEMA_HEAD


def test_several_processes_at_once(ledger: LedgerDatabase):
    program = (
        "import sys, pathlib; from faregate.storage.ledger_database import LedgerDatabase;"
        "ledger = LedgerDatabase(pathlib.Path(sys.argv[1]), sys.argv[2] or None);"
        "sys.stdin.read(1); ledger.prepare(); print(ledger.connect().version())"
    )
    arguments = [sys.executable, "-c", program, str(ledger._path), ledger._url or ""]
    children = [
        subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    answers = [child.communicate("x", timeout=90)[0] for child in children]
    assert answers == [f"{SCHEMA_HEAD}\n"] * 3


def test_a_newer_ledger_is_left_alone(ledger: LedgerDatabase):
    ledger.prepare()
    connection = ledger.connect()
    connection.write(lambda session: session.run(f"UPDATE {VERSION_TABLE} SET version_num='9999'"))
    connection.close()
    with pytest.raises(StorageError, match="newer release"):
        ledger.prepare()


def test_how_the_file_is_kept(tmp_path: Path):
    ledger = LedgerDatabase(tmp_path / "ledger.db")
    ledger.prepare()
    assert (tmp_path / "ledger.db").stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_what_a_home_has(tmp_path: Path):
    home = Home(tmp_path)
    assert open_ledger(home).prepare()
    assert home.ledger_database.exists()


def test_a_folder_that_is_not_there(tmp_path: Path):
    with pytest.raises(StorageError, match="can't be made"):
        LedgerDatabase(tmp_path / "none" / "ledger.db").prepare()


def test_workers_load_no_sql_layer(tmp_path: Path):
    LedgerDatabase(tmp_path / "ledger.db").prepare()
    program = (
        "import sys, pathlib; from faregate.storage.ledger_database import LedgerDatabase;"
        "source = LedgerDatabase(pathlib.Path(sys.argv[1])).source('a', 'node');"
        "print(source.beat(), {'sqlalchemy', 'alembic', 'psycopg'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "ledger.db")],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert result.stdout == "True set()\n"
