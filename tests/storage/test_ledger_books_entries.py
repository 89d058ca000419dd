"""A movement changes two accounts, or is refused and changes nothing."""

from pathlib import Path

import pytest
from tests.storage.charged_ledgers import ChargedLedger, open_charged_sqlite

from faregate.core.errors import FaregateError
from faregate.core.money import AMOUNT_NANO_MAX, NANO
from faregate.storage.ledger_books_entries import Move, find_entry, lock_wallet, move
from faregate.storage.ledger_connection import Session


def made(amount_nano: int, debit: str = "funding", to: str = "wallet:shop") -> Move:
    return Move("m1", "grant", debit, to, amount_nano, "ada", "why")


def accounts(ledger: ChargedLedger) -> dict[str, int]:
    rows = ledger.connection.read(
        lambda session: session.rows("SELECT account, balance_nano FROM accounts")
    )
    return {account: balance for account, balance in rows if balance}


def test_both_accounts_are_moved(tmp_path: Path):
    ledger = open_charged_sqlite(tmp_path)
    entry = ledger.connection.write(lambda session: move(session, made(NANO), 7))
    assert (entry.wallet, entry.amount_nano, entry.balance_nano) == ("shop", NANO, NANO)
    assert accounts(ledger) == {"funding": -NANO, "wallet:shop": NANO}
    found = ledger.connection.read(lambda session: find_entry(session, "m1"))
    assert found is not None
    assert (found.entry, found.counter) == (entry, "funding")
    ledger.close()


@pytest.mark.parametrize(
    "refused", [made(1, "wallet:shop", "adjustment"), made(AMOUNT_NANO_MAX + 1)]
)
def test_what_does_not_fit_moves_nothing(tmp_path: Path, refused: Move):
    ledger = open_charged_sqlite(tmp_path)
    with pytest.raises(FaregateError, match="would then hold"):
        ledger.connection.write(lambda session: move(session, refused, 7))
    assert accounts(ledger) == {}
    assert ledger.connection.read(lambda session: find_entry(session, "m1")) is None
    ledger.close()


def test_a_locked_wallet_has_a_purse(tmp_path: Path):
    def look(session: Session) -> int:
        return lock_wallet(session, "shop")["wallet:shop"].drawn

    ledger = open_charged_sqlite(tmp_path)
    assert ledger.connection.write(look) == 0
    ledger.books.grant("shop", NANO, "paid", "ada")
    ledger.draw(5)
    assert ledger.connection.write(look) == 5
    ledger.close()
