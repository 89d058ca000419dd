"""What the tables themselves forbid, should everything else fail."""

import pytest
from tests.storage.ledgers import InSql, sqlite_ledger

from faregate.core.errors import StorageError
from faregate.storage.ledger_tables import COUNTER_ACCOUNTS, metadata


@pytest.fixture
def ledger(tmp_path):
    with sqlite_ledger(tmp_path) as ledger:
        ledger.grant("acme", 100)
        ledger.source("a").beat()
        yield ledger


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE grants SET remaining_nano = -1",
        "UPDATE transfers SET amount_nano = -1",
        "INSERT INTO draws VALUES ('a', 'wallet:acme', -1, 0, 0)",
        "INSERT INTO transfers (transfer_id, kind, debit, credit, amount_nano, created_ns) "
        "SELECT transfer_id, kind, debit, credit, amount_nano, created_ns FROM transfers",
    ],
)
def test_what_can_not_be_is_refused(ledger: InSql, statement: str):
    before = ledger.state()
    with pytest.raises(StorageError, match="constraint"):
        ledger.connection.write(lambda session: session.run(statement))
    assert ledger.state() == before


def test_every_counter_account_is_known():
    assert set(COUNTER_ACCOUNTS) >= {"funding", "promotion", "revenue", "unbilled", "shortfall"}
    assert "transfers" in metadata.tables


def test_a_wallets_statement_needs_no_scan(ledger: InSql):
    for side, more in (("debit", ""), ("credit", "AND kind NOT IN ('charge', 'shortfall')")):
        plan = ledger.connection.read(
            lambda session, side=side, more=more: session.rows(
                f"EXPLAIN QUERY PLAN SELECT * FROM transfers WHERE {side} = 'wallet:acme' {more} "
                "AND created_ns >= 5 AND created_ns < 9"
            )
        )
        assert f"USING INDEX ix_transfers_{side}" in str(plan)
