"""A clerk's side of the ledger keeps to the contract on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgresql import ledger_url, postgresql_server  # noqa: F401
from tests.storage.ledgers import InSql, postgresql_ledger, sqlite_ledger
from tests.storage.posting_contract import PostingContract


class TestOnSqlite(PostingContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[InSql]:
        with sqlite_ledger(tmp_path) as ledger:
            yield ledger


class TestOnPostgresql(PostingContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path, ledger_url: str) -> Iterator[InSql]:  # noqa: F811
        with postgresql_ledger(tmp_path, ledger_url) as ledger:
            yield ledger
