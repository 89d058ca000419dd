"""A ledger of the release before goes on without loss, and knows what was spent."""

import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from tests.postgresql import postgresql_server, postgresql_url  # noqa: F401
from tests.storage.ledger_contract import request as wanted
from tests.storage.ledgers import record, wallet

from faregate.core.clock import SystemClock
from faregate.ledger.spending import WINDOWS
from faregate.storage.ledger_books import Books
from faregate.storage.ledger_connection import SqliteLedgerConnection
from faregate.storage.ledger_database import LedgerDatabase, migrations
from faregate.storage.ledger_tables import metadata

TABLES = [name for name in metadata.tables if name != "provider_spend"]
COPIED = (
    "INSERT INTO transfers (transfer_id, kind, debit, credit, amount_nano, created_ns, called_ns,"
    " provider, cost_nano) VALUES (?, ?, 'unbilled', 'revenue', 0, ?, ?, ?, ?)"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> LedgerDatabase:
    on_server = request.param == "postgresql"
    url = request.getfixturevalue("postgresql_url") if on_server else None
    return LedgerDatabase(tmp_path / "ledger.db", url)


def migrate(ledger: LedgerDatabase, to: str) -> None:
    """Bring the tables to a version, as `prepare` would."""
    if ledger._url is None:
        SqliteLedgerConnection(ledger._path).make_file()
        engine = sa.create_engine(f"sqlite:///{ledger._path}")
    else:
        engine = sa.create_engine(ledger._url.replace("postgresql://", "postgresql+psycopg://"))
    config = migrations()
    with engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, to)
    engine.dispose()


def contents(ledger: LedgerDatabase) -> dict[str, list[tuple[object, ...]]]:
    connection = ledger.connect()
    try:
        return {
            table: connection.read(
                lambda session, table=table: sorted(
                    map(repr, session.rows(f"SELECT * FROM {table}"))
                )
            )
            for table in TABLES
        }
    finally:
        connection.close()


def test_nothing_is_lost_and_what_was_posted_counts(ledger: LedgerDatabase):
    migrate(ledger, "0001")
    now_ns = time.time_ns()
    connection = ledger.connect()
    Books(connection, SystemClock()).grant("acme", 10**9, "paid", "ann", "x", None, None)
    source = ledger.source("a", "node-1")
    source.draw([wanted(500, wallet("acme"))])
    source.close()
    rows = [
        ("c1", "charge", now_ns, now_ns, "openai", 40),
        ("c2", "charge", now_ns, now_ns, "openai", 2),
        ("c3", "charge", now_ns, now_ns, "other", 7),
        ("c4", "charge", now_ns, now_ns, "other", None),
        ("c5", "charge", now_ns, now_ns, "", 9),
        ("c6", "refund", now_ns, now_ns, "other", 9),
        ("c7", "charge", now_ns, now_ns - 370 * 86_400 * 10**9, "other", 9),
    ]
    connection.write(lambda session: session.run_many(COPIED, rows))
    connection.close()
    before = contents(ledger)
    assert ledger.prepare()
    assert not ledger.prepare()
    assert contents(ledger) == before
    posting = ledger.posting("node-1")
    spent = posting.spent()
    posting.post("a", [record(1, {}, charge_nano=20, started_ns=now_ns, provider="openai")])
    after = posting.spent()
    posting.close()
    assert {name: by["year"][1] for name, by in spent.items()} == {"openai": 42, "other": 7}
    # Shorter windows may have ended meanwhile.
    assert set(spent["openai"]) <= set(WINDOWS)
    assert {nano for _, nano in spent["openai"].values()} == {42}
    assert after["openai"]["year"][1] == 52
