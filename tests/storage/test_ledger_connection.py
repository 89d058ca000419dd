"""One set of statements for two databases; a failed transaction leaves nothing."""

import threading
from pathlib import Path

import pytest
from tests.storage.ledgers import InSql, sqlite_ledger

from faregate.core.errors import StorageError
from faregate.storage import ledger_postgresql
from faregate.storage.ledger_connection import (
    Bulk,
    SqliteLedgerConnection,
    _for_sqlite,
)

STATEMENT = "\nSELECT a FROM b WHERE c IN ?* AND d = ? ORDER BY a FOR UPDATE\n"


@pytest.fixture
def ledger(tmp_path: Path):
    with sqlite_ledger(tmp_path) as ledger:
        yield ledger


def test_a_statement_is_written_once():
    assert _for_sqlite(STATEMENT) == (
        "\nSELECT a FROM b WHERE c IN (SELECT value FROM json_each(?)) AND d = ? ORDER BY a"
    )
    assert ledger_postgresql._for_postgresql(STATEMENT) == (
        "\nSELECT a FROM b WHERE c = ANY(%s) AND d = %s ORDER BY a FOR UPDATE\n"
    )


def test_lists_and_many_rows(ledger: InSql):
    into = Bulk("accounts", ("account", "balance_nano"))
    names = ["wallet:a'b", 'wallet:"c', "wallet:é\u2028"]
    ledger.connection.write(
        lambda session: session.insert_many(into, [(name, 5) for name in names])
    )
    found = ledger.connection.read(
        lambda session: session.rows("SELECT account FROM accounts WHERE account IN ?*", names)
    )
    assert sorted(name for (name,) in found) == sorted(names)


def test_a_failed_transaction_leaves_nothing_and_the_next_works(ledger: InSql):
    def work(session):
        session.run("DELETE FROM accounts")
        session.run("SELECT nothing")

    before = ledger.connection.read(lambda session: session.rows("SELECT * FROM accounts"))
    with pytest.raises(StorageError):
        ledger.connection.write(work)
    assert ledger.connection.read(lambda s: s.rows("SELECT * FROM accounts")) == before
    assert ledger.connection.uncertain is False


def test_a_number_that_is_too_large_is_said(ledger: InSql):
    with pytest.raises(StorageError):
        ledger.connection.write(
            lambda session: session.run("UPDATE accounts SET balance_nano = ?", 2**70)
        )


def test_several_threads_wait_for_each_other(ledger: InSql):
    def add() -> None:
        for _ in range(20):
            ledger.connection.write(
                lambda s: s.run("UPDATE accounts SET balance_nano = balance_nano + 1")
            )

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    rows = ledger.connection.read(lambda s: s.rows("SELECT DISTINCT balance_nano FROM accounts"))
    assert rows == [(80,)]


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 99])
def test_a_file_that_is_no_ledger(tmp_path: Path, content: bytes):
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    connection = SqliteLedgerConnection(path)
    with pytest.raises(StorageError) as caught:
        connection.read(lambda session: session.rows("SELECT * FROM accounts"))
    assert caught.value.fix in {"run 'faregate init'", "restore it from a backup"}


def test_a_file_that_was_replaced_is_opened_anew(tmp_path: Path, ledger: InSql):
    path = tmp_path / "ledger.db"
    ledger.connection.close()
    path.rename(tmp_path / "away.db")
    with pytest.raises(StorageError, match="can't be opened"):
        ledger.connection.read(lambda session: session.rows("SELECT * FROM accounts"))
    (tmp_path / "away.db").rename(path)
    assert ledger.connection.version() is not None
