"""The ledger elsewhere, as commands know it: amounts and moments are whole again."""

from collections.abc import Iterator

import pytest
from tests.client.served_api import Served, served_api

from faregate.cli.remote_books import RemoteBooks
from faregate.cli.remote_connection import connected
from faregate.cli.remote_profiles import Profile, Target
from faregate.configuration.commerce import Wallet
from faregate.configuration.document import Document
from faregate.core.errors import FaregateError
from faregate.storage.ledger_books import open_books

DOLLAR = 10**9


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_api(tmp_path_factory.mktemp("api") / "home") as started:
        document = Document(wallets=(Wallet(name="main"), Wallet(name="spare")))
        started.management.installation.revisions.apply(document, "root", "wallets")
        yield started


@pytest.fixture
def books(served: Served) -> Iterator[RemoteBooks]:
    with connected(Target(None, Profile(served.url, served.token))) as connection:
        yield RemoteBooks(connection)


def test_the_same_as_on_the_machine(served: Served, books: RemoteBooks) -> None:
    entry, is_new = books.grant("main", 10 * DOLLAR + 1, "paid", "ann", "paid", None, "inv-1")
    assert (entry.amount_nano, entry.movement, is_new) == (10 * DOLLAR + 1, "grant", True)
    assert books.grant("main", 10 * DOLLAR + 1, "paid", "ann", "paid", None, "inv-1")[1] is False
    later_ns = 2_000_000_000 * 10**9
    books.grant("main", DOLLAR, "promotional", "ann", "a present", later_ns)
    books.refund("main", DOLLAR, "ann", "an outage")
    assert books.adjust("main", -DOLLAR, "ann", "a mistake").amount_nano == -DOLLAR
    with open_books(served.home, None) as here:
        there, local = books.statement("main"), here.statement("main")
        assert [line.amount_nano for line in there.lines] == [
            line.amount_nano for line in local.lines
        ]
        assert (there.opening_nano, there.closing_nano) == (0, local.closing_nano)
        assert books.wallet("main") == here.wallet("main")
        assert {one.name for one in books.wallets()} == {"main", "spare"}
        assert [
            (one.reference, one.remaining_nano, one.expires_ns) for one in books.grants("main")
        ] == [(one.reference, one.remaining_nano, one.expires_ns) for one in here.grants("main")]
        assert books.verify() == here.verify()
        assert (books.budgets(), books.events()) == (here.budgets(), here.events())
        assert books.newest_events(5) == here.newest_events(5)


def test_pages_and_parts(books: RemoteBooks) -> None:
    for number in range(3):
        books.grant("spare", DOLLAR, "paid", "ann", f"number {number}")
    first = books.statement("spare", count=2)
    assert (len(first.lines), first.closing_nano) == (2, 3 * DOLLAR)
    rest = books.statement("spare", page=first.next_page)
    assert [line.reason for line in rest.lines] == ["number 2"]
    assert rest.next_page is None
    by_day = books.statement("spare", by="day")
    assert [line.granted_nano for line in by_day.lines] == [3 * DOLLAR]


def test_what_can_not_be_done(books: RemoteBooks) -> None:
    with pytest.raises(FaregateError):
        books.wallet("nowhere")
    with pytest.raises(FaregateError):
        books.refund_call("call_nowhere", None, "ann", "why")
    with pytest.raises(FaregateError):
        books.adjust("spare", -99 * DOLLAR, "ann", "too much")
