"""PostgreSQL may restart, refuse, or break off; nothing is done twice or told wrongly."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.postgresql import (  # noqa: F401
    PostgresqlServer,
    ledger_url,
    postgresql_server,
    postgresql_url,
)
from tests.storage.ledger_contract import request
from tests.storage.ledgers import postgresql_ledger, record

from faregate.core.errors import StorageError
from faregate.ledger.purses import Return
from faregate.storage.ledger_postgresql import PostgresqlLedgerConnection

# ruff: noqa: F811

PATH = Path("unused")


def close_connections(url: str) -> None:
    """What an administrator or a restart does to everyone else's."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_restart_is_not_noticed(ledger_url: str):
    with postgresql_ledger(PATH, ledger_url) as ledger:
        ledger.grant("acme", 100)
        source, posting = ledger.source("a"), ledger.posting()
        assert source.draw([request(10)])[0].granted == 10
        posting.post("a", [record(1, {"wallet:acme": 1})])
        close_connections(ledger_url)
        assert source.draw([request(10)])[0].granted == 10
        assert posting.post("a", [record(1, {"wallet:acme": 1})]) == []
        assert ledger.state().purses["wallet:acme"] == (0, 0, 0, 19)


def test_a_real_restart_and_a_crash_of_the_server(
    ledger_url: str, postgresql_server: PostgresqlServer
):
    with postgresql_ledger(PATH, ledger_url) as ledger:
        ledger.grant("acme", 100)
        source = ledger.source("a")
        source.draw([request(10)])
        postgresql_server.restart()
        assert source.draw([request(10)])[0].granted == 10
        postgresql_server.crash()
        with pytest.raises(StorageError, match="failed"):
            source.draw([request(10)])
        postgresql_server.start()
        assert source.draw([request(10)])[0].granted == 10
        assert ledger.state().purses["wallet:acme"] == (0, 0, 0, 30)


class Breaking:
    """A connection whose COMMIT is done, or not, and then not answered."""

    def __init__(self, connection: Any, *, kept: bool) -> None:
        self._connection = connection
        self._kept = kept

    def execute(self, statement: str, *values: Any) -> Any:
        if statement == "COMMIT":
            if self._kept:
                self._connection.execute("COMMIT")
            self._connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return self._connection.execute(statement, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def break_commit(side: Any, *, kept: bool) -> None:
    """The next transaction of `side` ends without an answer."""
    connection = side._connection
    connection.read(lambda session: session.rows("SELECT 1"))
    connection._connection = Breaking(connection._connection, kept=kept)


@pytest.mark.parametrize("kept", [True, False])
def test_a_draw_that_nobody_heard_of_is_undone(ledger_url: str, kept: bool):
    with postgresql_ledger(PATH, ledger_url) as ledger:
        ledger.grant("acme", 100)
        source = ledger.source("a")
        source.draw([request(10)])
        break_commit(source, kept=kept)
        with pytest.raises(StorageError):
            source.draw([request(50)])
        assert source.beat() is True or not kept
        # The worker knows of 10 alone, and so does the ledger once it has heard of the worker.
        assert source.draw([request(99)])[0].granted == 90
        assert ledger.state().draws == {("a", "wallet:acme"): (100, 0, 0)}


@pytest.mark.parametrize("kept", [True, False])
def test_a_return_that_nobody_heard_of_is_undone(ledger_url: str, kept: bool):
    with postgresql_ledger(PATH, ledger_url) as ledger:
        ledger.grant("acme", 100)
        source = ledger.source("a")
        source.draw([request(60)])
        break_commit(source, kept=kept)
        with pytest.raises(StorageError):
            source.give_back([Return("wallet:acme", 40, 0)])
        assert source.beat()
        assert ledger.state().draws == {("a", "wallet:acme"): (60, 0, 0)}


def test_two_that_nobody_heard_of(ledger_url: str):
    with postgresql_ledger(PATH, ledger_url) as ledger:
        ledger.grant("acme", 100)
        source = ledger.source("a")
        source.draw([request(10)])
        for kept in (True, False, True):
            break_commit(source, kept=kept)
            with pytest.raises(StorageError):
                source.draw([request(20)])
        assert source.beat()
        assert ledger.state().draws == {("a", "wallet:acme"): (10, 0, 0)}


def test_a_posting_that_nobody_heard_of_is_done_once(ledger_url: str):
    with postgresql_ledger(PATH, ledger_url) as ledger:
        ledger.grant("acme", 100)
        posting = ledger.posting()
        for kept in (True, False):
            break_commit(posting, kept=kept)
            posting.post("a", [record(1 + kept, {"wallet:acme": 10})])
        assert ledger.state().accounts["wallet:acme"] == 80


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:pa/ss@word@localhost:54x/db",
        "postgresql://ann:hush-hush@localhost:1/db",
        "postgresql://ann:hu%73h-hush@localhost:1/db",
        "postgresql://ann@localhost:1/db?password=hush-hush",
        "postgresql://ann:hush-hush@[::1/db",
        "mysql://ann:hush-hush@localhost/db",
    ],
)
def test_a_password_is_never_shown(url: str):
    with pytest.raises(StorageError) as caught:
        PostgresqlLedgerConnection(url).version()
    error = caught.value
    # What a traceback would show of where it came from counts too.
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    shown = f"{error} {error.fix}"
    assert "hush" not in shown
    assert "pa/ss" not in shown
    assert error.fix


def test_what_is_wrong_is_said(postgresql_url: str):
    connection = PostgresqlLedgerConnection(postgresql_url)
    assert connection.version() is None
    with pytest.raises(StorageError, match="is not set up") as caught:
        connection.read(lambda session: session.rows("SELECT * FROM accounts"))
    assert caught.value.fix == "run 'faregate init'"
    with pytest.raises(StorageError, match="does not exist"):
        PostgresqlLedgerConnection(postgresql_url.replace("/test_", "/no_")).version()


def test_nothing_outlives_a_transaction_on_the_server(ledger_url: str):
    # So that PgBouncer may hand the next transaction to another connection of its own.
    with postgresql_ledger(PATH, ledger_url) as ledger:
        ledger.grant("acme", 1_000)
        source, posting = ledger.source("a"), ledger.posting()
        for number in range(12):
            source.draw([request(10)])
            posting.post("a", [record(number, {"wallet:acme": 1})])
        for side in (source, posting):
            rows = side._connection.read(
                lambda session: session.rows(
                    "SELECT (SELECT count(*) FROM pg_prepared_statements), "
                    "(SELECT count(*) FROM pg_settings WHERE source = 'session' "
                    " AND name IN ('search_path', 'default_transaction_isolation'))"
                )
            )
            assert rows == [(0, 0)]
            assert side._connection._connection.prepare_threshold is None


def test_without_the_driver_it_says_what_to_install():
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from faregate.storage.ledger_postgresql import PostgresqlLedgerConnection\n"
        "try: PostgresqlLedgerConnection('postgresql://localhost/db')\n"
        "except Exception as error: print(type(error).__name__, error.fix)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert result.stdout == "StorageError pip install 'faregate[postgresql]'\n"
