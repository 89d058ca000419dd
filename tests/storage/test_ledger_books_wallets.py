"""Wallets are shown by their names, grants with who gave them."""

from pathlib import Path

from tests.storage.charged_ledgers import open_charged_sqlite

from faregate.core.money import NANO
from faregate.ledger.bookkeeping import WalletState
from faregate.storage.ledger_books_wallets import transfer_name


def test_wallets_are_listed_by_name(tmp_path: Path):
    ledger = open_charged_sqlite(tmp_path)
    for name in ("b", "a", "a-2"):
        ledger.books.grant(name, NANO, "paid", "ada")
    ledger.call(NANO // 2, wallet="a")
    assert [(one.name, one.balance_nano) for one in ledger.books.wallets()] == [
        ("a", NANO // 2),
        ("a-2", NANO),
        ("b", NANO),
    ]
    assert ledger.books.wallet("c") == WalletState("c")
    ledger.close()


def test_grants_are_shown_newest_first(tmp_path: Path):
    ledger = open_charged_sqlite(tmp_path)
    ledger.books.grant("a", NANO, "paid", "ada", "first", None, "r1")
    ledger.books.adjust("a", NANO, "bob", "second")
    ledger.books.refund("a", NANO, "eve", "third", "r1")
    assert [(one.author, one.reason) for one in ledger.books.grants("a")] == [
        ("eve", "third"),
        ("bob", "second"),
        ("ada", "first"),
    ]
    assert len(ledger.books.grants("a", 2)) == 2
    ledger.close()


def test_every_kind_of_credit_has_its_transfer():
    assert transfer_name("shop", "file:opening") == "grant:shop:file:opening"
    assert transfer_name("shop", "refund:r1") == "refund:shop:r1"
    assert transfer_name("shop", "adjustment:9") == "adjustment:shop:9"
    assert transfer_name("shop", "call_1+refund") == "call_1+refund"
