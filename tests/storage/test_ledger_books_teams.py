"""A team's books show its own wallets, budgets and events, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgresql import postgresql_server as postgresql_server
from tests.postgresql import postgresql_url as postgresql_url
from tests.storage.charged_ledgers import DATABASES, ChargedLedger, open_charged

from faregate.core.errors import FaregateError, MissingError
from faregate.core.money import NANO
from faregate.ledger.events import provider_event
from faregate.ledger.purses import PurseSpec, Unit
from faregate.storage.ledger_books_teams import events_of

SALES, SUPPORT = frozenset({"sales"}), frozenset({"support"})


@pytest.fixture(params=DATABASES)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ChargedLedger]:
    yield from open_charged(request, tmp_path)


def test_wallets_of_teams(ledger: ChargedLedger):
    books = ledger.books
    for name in ("sales/main", "sales/other", "salesman/main", "support/main", "sales", "common"):
        books.grant(name, NANO, "paid", "ada")
    assert [one.name for one in books.wallets(SALES)] == ["sales/main", "sales/other"]
    assert [one.name for one in books.wallets(SALES | SUPPORT)] == [
        "sales/main",
        "sales/other",
        "support/main",
    ]
    assert books.wallets(frozenset()) == []
    assert len(books.wallets()) == 6
    assert books.wallet("sales/main", SALES).balance_nano == NANO


@pytest.mark.parametrize("name", ["support/main", "common", "sales", "salesman/main", "gone"])
def test_another_wallet_is_not_there(ledger: ChargedLedger, name: str):
    books = ledger.books
    books.grant(name, NANO, "paid", "ada")
    for look in (
        lambda: books.wallet(name, SALES),
        lambda: books.grants(name, teams=SALES),
        lambda: books.statement(name, teams=SALES),
        lambda: books.grant(name, NANO, "paid", "eve", teams=SALES),
        lambda: books.refund(name, NANO, "eve", teams=SALES),
        lambda: books.adjust(name, NANO, "eve", "because", teams=SALES),
    ):
        with pytest.raises(MissingError, match="there is no wallet"):
            look()
    assert books.wallet(name).balance_nano == NANO


def test_calls_of_others_are_not_refunded(ledger: ChargedLedger):
    books = ledger.books
    for name in ("sales/main", "support/main"):
        books.grant(name, 2 * NANO, "paid", "ada")
    own, other = ledger.call(NANO, "sales/main"), ledger.call(NANO, "support/main")
    with pytest.raises(FaregateError) as foreign:
        books.refund_call(other, None, "eve", teams=SALES)
    with pytest.raises(FaregateError) as missing:
        books.refund_call("call_x", None, "eve", teams=SALES)
    assert str(foreign.value).replace(other, "") == str(missing.value).replace("call_x", "")
    assert books.refund_call(own, None, "eve", teams=SALES).amount_nano == NANO
    assert books.statement("sales/main", teams=SALES).closing_nano == 2 * NANO


def test_budgets_of_teams(ledger: ChargedLedger):
    for spec in (
        PurseSpec("budget:sales/b:sales", "budget", "sales/b", "sales", Unit.NANO, NANO),
        PurseSpec("limit:sales/l:k", "limit", "sales/l", "k", Unit.TOKENS, 100),
        PurseSpec("quota:sales/q:a", "quota", "sales/q", "a", Unit.TOKENS, 100),
        PurseSpec("budget:b:sales/k", "budget", "b", "sales/k", Unit.NANO, NANO),
        PurseSpec("budget:support/b:c", "budget", "support/b", "sales/x", Unit.NANO, NANO),
    ):
        ledger.draw(10, spec)
    assert [one.name for one in ledger.books.budgets(SALES)] == ["sales/b", "sales/l"]
    assert ledger.books.budgets(frozenset()) == []
    assert len(ledger.books.budgets()) == 5


def test_events_of_teams(ledger: ChargedLedger):
    books = ledger.books
    for name in ("sales/main", "support/main", "common"):
        books.grant(name, NANO, "paid", "ada")
        ledger.call(NANO, wallet=name)
    ledger.posting.note(
        [
            ("1", provider_event("broken", "sales/openai:key", "auth", 5)),
            ("2", provider_event("broken", "sales:key", "auth", 5)),
            ("3", provider_event("broken", "support/openai", "auth", 5)),
        ]
    )
    told = [event for _, event in books.events(teams=SALES)]
    assert [(one.kind, one.purse_id or one.subject) for one in told] == [
        ("wallet_empty", "wallet:sales/main"),
        ("provider_event", "sales/openai:key"),
    ]
    assert books.newest_events(1, SALES) == books.events(teams=SALES)[-1:]
    assert books.events(teams=frozenset()) == []
    assert len(books.events()) == 6


def test_a_customer_does_not_look_like_a_team():
    condition, values = events_of(SALES)
    assert "kind = 'provider_event' AND" in condition
    assert values == ["wallet:sales/", "budget:sales/", "limit:sales/", "sales/"]
