"""Credit is given, given back and corrected, once each, and never below zero."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgresql import postgresql_server as postgresql_server
from tests.postgresql import postgresql_url as postgresql_url
from tests.storage.charged_ledgers import DATABASES, DAY_S, ChargedLedger, open_charged

from faregate.core.errors import FaregateError
from faregate.core.money import AMOUNT_NANO_MAX, NANO
from faregate.storage.home import Home
from faregate.storage.ledger_books import Books, open_books


@pytest.fixture(params=DATABASES)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ChargedLedger]:
    yield from open_charged(request, tmp_path)


def test_credit_is_given_with_author_and_reason(ledger: ChargedLedger):
    entry, is_new = ledger.books.grant("shop", 5 * NANO, "paid", "ada", "invoice 7")
    assert (entry.amount_nano, entry.balance_nano, is_new) == (5 * NANO, 5 * NANO, True)
    assert (entry.author, entry.reason, entry.movement) == ("ada", "invoice 7", "grant")
    given = ledger.books.grants("shop")[0]
    assert (given.amount_nano, given.remaining_nano) == (5 * NANO, 5 * NANO)
    assert (given.author, given.reason) == ("ada", "invoice 7")
    assert ledger.books.verify().discrepancies == ()


def test_a_reference_is_given_once(ledger: ChargedLedger):
    first, _ = ledger.books.grant("shop", NANO, "paid", "ada", reference="r1")
    again, is_new = ledger.books.grant("shop", NANO, "paid", "eve", reference="r1")
    assert (again.at_ns, again.author, is_new) == (first.at_ns, "ada", False)
    for amount, kind in ((2 * NANO, "paid"), (NANO, "promotional")):
        with pytest.raises(FaregateError, match=r"'r1' was used for .*1\.00 already"):
            ledger.books.grant("shop", amount, kind, "ada", reference="r1")
    assert ledger.books.wallet("shop").balance_nano == NANO
    assert ledger.books.grant("other", 2 * NANO, "paid", "ada", reference="r1")[1]


def test_ten_at_once_give_a_reference_once(ledger: ChargedLedger):
    def give() -> None:
        connection = ledger.database.connect()
        entry = Books(connection, ledger.clock).grant("shop", NANO, "paid", "a", "", None, "r")
        connection.close()
        new.append(entry[1])

    new: list[bool] = []
    threads = [threading.Thread(target=give) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(new) == [False] * 9 + [True]
    assert ledger.books.wallet("shop").balance_nano == NANO


def test_promotional_credit_is_shown_with_its_end(ledger: ChargedLedger):
    later_ns = ledger.clock.wall_ns() + 10 * DAY_S * 1_000_000_000
    soon_ns = later_ns - DAY_S * 1_000_000_000
    ledger.books.grant("shop", 3 * NANO, "paid", "ada")
    ledger.books.grant("shop", 2 * NANO, "promotional", "ada", "", later_ns)
    ledger.books.grant("shop", NANO, "promotional", "ada", "", soon_ns)
    state = ledger.books.wallet("shop")
    assert (state.balance_nano, state.promotional_nano) == (6 * NANO, 3 * NANO)
    assert (state.promotional_expires_ns, state.expires_next_nano) == (soon_ns, NANO)
    ledger.clock.advance(9.5 * DAY_S)
    state = ledger.books.wallet("shop")
    assert (state.expired_nano, state.available_nano) == (NANO, 5 * NANO)
    assert (state.promotional_nano, state.promotional_expires_ns) == (2 * NANO, later_ns)


@pytest.mark.parametrize("amount", [0, -1, AMOUNT_NANO_MAX + 1, 2**63])
def test_amounts_that_are_none_are_refused(ledger: ChargedLedger, amount: int):
    books = ledger.books
    for attempt in (
        lambda: books.grant("shop", amount, "paid", "ada"),
        lambda: books.refund("shop", amount, "ada"),
        lambda: books.refund_call("call_1", amount, "ada"),
    ):
        with pytest.raises(FaregateError, match="above zero"):
            attempt()
    assert books.wallets() == []


def test_a_wallet_holds_only_so_much(ledger: ChargedLedger):
    ledger.books.grant("shop", AMOUNT_NANO_MAX, "paid", "ada")
    with pytest.raises(FaregateError, match=r"at most 1000000000\.00"):
        ledger.books.grant("shop", 1, "paid", "ada")
    for number in range(7):
        ledger.books.grant(f"w{number}", AMOUNT_NANO_MAX, "paid", "ada")
    with pytest.raises(FaregateError, match="funding would then hold"):
        ledger.books.grant("one-more", 1, "paid", "ada")
    assert ledger.books.verify().discrepancies == ()


def test_an_expiry_that_is_over_is_refused(ledger: ChargedLedger):
    with pytest.raises(FaregateError, match="expired from the start"):
        ledger.books.grant("shop", NANO, "paid", "ada", "", ledger.clock.wall_ns())
    assert ledger.books.wallet("shop").balance_nano == 0


@pytest.mark.parametrize("text", ["two\nlines", "nul\x00", "x" * 1_001])
def test_texts_that_can_not_be_kept_are_refused(ledger: ChargedLedger, text: str):
    with pytest.raises(FaregateError, match="the reason"):
        ledger.books.grant("shop", NANO, "paid", "ada", text)
    with pytest.raises(FaregateError, match="the reference"):
        ledger.books.grant("shop", NANO, "paid", "ada", "", None, text)
    assert ledger.books.wallets() == []


@pytest.mark.parametrize("reference", ["adjustment:1", "refund:1", "call_1+refund", ""])
def test_references_of_other_movements_are_refused(ledger: ChargedLedger, reference: str):
    with pytest.raises(FaregateError, match="can't be taken"):
        ledger.books.grant("shop", NANO, "paid", "ada", reference=reference)
    assert ledger.books.wallets() == []


def test_a_call_is_refunded_once(ledger: ChargedLedger):
    ledger.books.grant("shop", 5 * NANO, "paid", "ada")
    called = ledger.call(NANO, key_name="till", model_served="small")
    entry = ledger.books.refund_call(called, None, "ada", "wrong answer")
    assert (entry.wallet, entry.amount_nano, entry.balance_nano) == ("shop", NANO, 5 * NANO)
    with pytest.raises(FaregateError, match=r"refunded already: 1.00 by ada"):
        ledger.books.refund_call(called, None, "ada")
    by_key = ledger.books.statement("shop", by="key").lines
    assert {line.name: line.amount_nano for line in by_key} == {"": 5 * NANO, "till": 0}
    by_call = ledger.books.statement("shop", by="call").lines
    assert [line.refunded_nano for line in by_call if line.name == called] == [NANO]
    assert ledger.books.verify().discrepancies == ()


def test_a_call_is_refunded_in_part(ledger: ChargedLedger):
    ledger.books.grant("shop", 5 * NANO, "paid", "ada")
    called = ledger.call(NANO)
    with pytest.raises(FaregateError, match=r"was charged 1\.00"):
        ledger.books.refund_call(called, NANO + 1, "ada")
    assert ledger.books.refund_call(called, 1, "ada").amount_nano == 1
    with pytest.raises(FaregateError, match="refunded already"):
        ledger.books.refund_call(called, 1, "ada")
    assert ledger.books.wallet("shop").balance_nano == 4 * NANO + 1


def test_what_nobody_paid_is_not_refunded(ledger: ChargedLedger):
    ledger.books.grant("shop", NANO, "paid", "ada", reference="r")
    unbilled = ledger.call(NANO, wallet="")
    for name, message in (
        ("call_none", "no charge"),
        ("grant:shop:r", "no charge"),
        (unbilled, "no wallet paid"),
    ):
        with pytest.raises(FaregateError, match=message):
            ledger.books.refund_call(name, None, "ada")
    assert ledger.books.verify().in_wallets_nano == NANO


def test_a_sum_is_given_back_once_a_reference(ledger: ChargedLedger):
    entry, is_new = ledger.books.refund("shop", NANO, "ada", "outage", "outage-1")
    assert (entry.movement, entry.amount_nano, is_new) == ("refund", NANO, True)
    assert ledger.books.refund("shop", NANO, "ada", "outage", "outage-1")[1] is False
    with pytest.raises(FaregateError, match="'outage-1' was used"):
        ledger.books.refund("shop", NANO + 1, "ada", "outage", "outage-1")
    assert ledger.books.wallet("shop").balance_nano == NANO
    assert ledger.books.grants("shop")[0].reason == "outage"


def test_corrections_go_both_ways_and_never_below_zero(ledger: ChargedLedger):
    assert ledger.books.adjust("shop", 2 * NANO, "ada", "missing").balance_nano == 2 * NANO
    assert ledger.books.adjust("shop", -NANO, "ada", "too much").balance_nano == NANO
    with pytest.raises(FaregateError, match=r"1.00 is free") as caught:
        ledger.books.adjust("shop", -NANO - 1, "ada", "too much")
    assert caught.value.fix == "take at most 1.00"
    with pytest.raises(FaregateError, match="needs a reason"):
        ledger.books.adjust("shop", -NANO, "ada", " ")
    assert ledger.books.wallet("shop").balance_nano == NANO
    assert ledger.books.grants("shop")[0].reason == "missing"


def test_what_is_drawn_is_not_taken(ledger: ChargedLedger):
    ledger.books.grant("shop", 5 * NANO, "paid", "ada")
    assert ledger.draw(3 * NANO) == 3 * NANO
    with pytest.raises(FaregateError, match=r"2.00 is free; workers hold 3.00"):
        ledger.books.adjust("shop", -2 * NANO - 1, "ada", "why")
    ledger.books.adjust("shop", -2 * NANO, "ada", "why")
    state = ledger.books.wallet("shop")
    assert (state.balance_nano, state.available_nano) == (3 * NANO, 0)
    assert ledger.draw(1) == 0
    assert ledger.books.verify().discrepancies == ()


def test_expired_credit_is_not_what_a_correction_takes(ledger: ChargedLedger):
    soon_ns = ledger.clock.wall_ns() + 1
    ledger.books.grant("shop", 5 * NANO, "promotional", "ada", "", soon_ns)
    ledger.books.grant("shop", NANO, "paid", "ada")
    ledger.clock.advance(1)
    with pytest.raises(FaregateError, match=r"1.00 is free"):
        ledger.books.adjust("shop", -2 * NANO, "ada", "why")
    ledger.books.adjust("shop", -NANO, "ada", "why")
    assert ledger.books.wallet("shop").balance_nano == 0
    day = ledger.books.statement("shop", by="day").lines[0]
    assert (day.expired_nano, day.adjusted_nano) == (-5 * NANO, -NANO)
    assert ledger.books.verify().discrepancies == ()


def test_many_who_take_at_once_find_what_there_is(ledger: ChargedLedger):
    def take() -> None:
        connection = ledger.database.connect()
        try:
            Books(connection, ledger.clock).adjust("shop", -NANO, "a", "b")
            taken.append(1)
        except FaregateError as error:
            refused.append(str(error))
        finally:
            connection.close()

    ledger.books.grant("shop", 3 * NANO, "paid", "ada")
    taken: list[int] = []
    refused: list[str] = []
    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(taken), len(refused)) == (3, 5)
    assert all("0.00 is free" in one for one in refused)
    assert ledger.books.verify().discrepancies == ()


def test_books_are_opened_where_none_were(tmp_path: Path):
    home = Home(tmp_path)
    with open_books(home, None) as books:
        books.grant("shop", NANO, "paid", "ada")
    with open_books(home, None) as books:
        assert books.wallet("shop").balance_nano == NANO
        assert books.wallet("none").balance_nano == 0
