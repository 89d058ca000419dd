"""Whatever does not agree is found."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgresql import postgresql_server as postgresql_server
from tests.postgresql import postgresql_url as postgresql_url
from tests.storage.charged_ledgers import DATABASES, ChargedLedger, open_charged

from faregate.core.money import NANO


@pytest.fixture(params=DATABASES)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ChargedLedger]:
    yield from open_charged(request, tmp_path)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE accounts SET balance_nano = 7 WHERE account = 'funding'", "all accounts"),
        ("UPDATE accounts SET balance_nano = -1 WHERE account = 'wallet:shop'", "below zero"),
        ("UPDATE grants SET remaining_nano = 1", "of its grants 0.000000002 is left"),
        ("UPDATE purses SET drawn = 5", "draws add up to 3"),
        ("UPDATE transfers SET amount_nano = 1 WHERE kind = 'grant'", "add up to"),
        ("UPDATE transfers SET balance_nano = 1 WHERE kind = 'charge'", "after it"),
        ("DELETE FROM transfers WHERE kind = 'charge'", "its transfers add up to"),
        ("UPDATE transfers SET amount_nano = 2 * 1000000000 WHERE kind = 'refund'", "back of"),
    ],
)
def test_every_discrepancy_is_found(ledger: ChargedLedger, statement: str, message: str):
    ledger.books.grant("shop", 5 * NANO, "paid", "ada")
    ledger.books.refund_call(ledger.call(NANO), None, "ada")
    ledger.draw(3)
    found = ledger.books.verify()
    assert (found.discrepancies, found.wallets, found.transfers) == ((), 1, 3)
    ledger.run(statement)
    assert message in "\n".join(ledger.books.verify().discrepancies)


def test_an_empty_ledger_agrees(ledger: ChargedLedger):
    found = ledger.books.verify()
    assert (found.discrepancies, found.wallets, found.in_wallets_nano) == ((), 0, 0)
