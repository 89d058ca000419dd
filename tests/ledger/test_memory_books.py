"""The plain books: every movement has two sides, and refusals change nothing."""

import pytest

from faregate.ledger.memory_books import Books

NOW = 1_000


def test_accounts_add_up_to_zero():
    books = Books()
    books.grant("acme", 100, "june", False, None, NOW)
    books.grant("acme", 50, None, True, NOW, NOW)
    books.adjust("acme", 7, NOW)
    assert books.expire("acme", NOW) == 50
    books.adjust("acme", -7, NOW)
    assert books.accounts == {
        "funding": -100,
        "promotion": -50,
        "expired": 50,
        "adjustment": 0,
        "wallet:acme": 100,
    }
    assert [one.kind for one in books.transfers] == [
        "grant",
        "grant",
        "adjustment",
        "expiry",
        "adjustment",
    ]


def test_a_refusal_changes_nothing():
    books = Books()
    books.grant("acme", 100, "june", False, None, NOW)
    assert not books.grant("acme", 100, "june", False, None, NOW)
    with pytest.raises(ValueError, match="above zero"):
        books.grant("acme", 0, None, False, None, NOW)
    with pytest.raises(ValueError, match="not held"):
        books.adjust("acme", -101, NOW)
    assert len(books.transfers) == 1
    assert books.balance("acme") == 100
