"""The books in SQLite and in PostgreSQL keep to one contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgresql import postgresql_server as postgresql_server
from tests.postgresql import postgresql_url as postgresql_url
from tests.storage.ledger_books_contract import BooksContract, Ledger

from faregate.core.clock import ManualClock
from faregate.core.money import NANO
from faregate.storage.home import Home
from faregate.storage.ledger_books import open_books
from faregate.storage.ledger_database import LedgerDatabase


class TestSqlite(BooksContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[Ledger]:
        clock = ManualClock()
        made = Ledger(LedgerDatabase(tmp_path / "ledger.db", None, clock), clock)
        yield made
        made.close()


class TestPostgresql(BooksContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path, postgresql_url: str) -> Iterator[Ledger]:
        clock = ManualClock()
        made = Ledger(LedgerDatabase(tmp_path / "ledger.db", postgresql_url, clock), clock)
        yield made
        made.close()


def test_books_are_opened_where_none_were(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with open_books(home, None) as books:
        books.grant("shop", NANO, "paid", "ada")
    with open_books(home, None) as books:
        assert books.wallet("shop").balance_nano == NANO
        assert books.wallet("none").balance_nano == 0
