"""What the books keep to, whatever database they are in."""

import threading
from itertools import count

import pytest
from tests.calllog.calls import call_id, charge, settled, started

from faregate.calllog.frames import CallRecord
from faregate.calllog.records import WorkerCalls
from faregate.core.clock import ManualClock
from faregate.core.errors import FaregateError
from faregate.core.money import AMOUNT_NANO_MAX, NANO
from faregate.ledger.purses import DrawRequest, PurseSpec, Unit, wallet_purse_id
from faregate.storage.ledger_books import Books
from faregate.storage.ledger_database import LedgerDatabase

WORKER = "0-1-1"
DAY_S = 86_400


class Ledger:
    """A ledger, its books, and calls that are charged to it."""

    def __init__(self, database: LedgerDatabase, clock: ManualClock) -> None:
        database.prepare()
        self.database = database
        self.clock = clock
        self.connection = database.connect()
        self.books = Books(self.connection, clock)
        self.source = database.source(WORKER, "node-1")
        self.posting = database.posting("node-1")
        self._numbers = count(1)

    def close(self) -> None:
        """Let go of the database."""
        self.connection.close()
        self.source.close()
        self.posting.close()

    def call(self, amount_nano: int, wallet: str = "shop", **facts: str) -> str:
        """A call that was charged; gives its id."""
        number = next(self._numbers)
        purses = (wallet_purse_id(wallet),) if wallet else ()
        calls = WorkerCalls(WORKER)
        now_ns = self.clock.wall_ns()
        begin = started(number, started_ns=now_ns, **facts)
        end = settled(number, charge=charge(amount_nano, wallet, purses))
        records: list[CallRecord] = calls.add([begin, end]).closed
        self.posting.post(WORKER, records)
        return call_id(number)

    def draw(self, amount: int, spec: PurseSpec | None = None) -> int:
        """What a worker gets of a purse, of the wallet `shop` by default."""
        wallet = PurseSpec("wallet:shop", "wallet", "shop", "shop", Unit.NANO, None)
        return self.source.draw([DrawRequest(spec or wallet, amount, 0)])[0].granted

    def run(self, statement: str, *values: object) -> None:
        """Change the database behind everybody's back."""
        self.connection.write(lambda session: session.run(statement, *values))


class BooksContract:
    """Subclasses give the fixture `ledger`."""

    # -- grants ----------------------------------------------------------------------------------

    def test_credit_is_given_with_author_and_reason(self, ledger: Ledger):
        entry, is_new = ledger.books.grant("shop", 5 * NANO, "paid", "ada", "invoice 7")
        assert (entry.amount_nano, entry.balance_nano, is_new) == (5 * NANO, 5 * NANO, True)
        assert (entry.author, entry.reason, entry.movement) == ("ada", "invoice 7", "grant")
        given = ledger.books.grants("shop")[0]
        assert (given.amount_nano, given.remaining_nano) == (5 * NANO, 5 * NANO)
        assert (given.author, given.reason) == ("ada", "invoice 7")
        assert ledger.books.verify().discrepancies == ()

    def test_a_reference_is_given_once(self, ledger: Ledger):
        first, _ = ledger.books.grant("shop", NANO, "paid", "ada", reference="r1")
        again, is_new = ledger.books.grant("shop", NANO, "paid", "eve", reference="r1")
        assert (again.at_ns, again.author, is_new) == (first.at_ns, "ada", False)
        for amount, kind in ((2 * NANO, "paid"), (NANO, "promotional")):
            with pytest.raises(FaregateError, match=r"'r1' was used for .*1\.00 already"):
                ledger.books.grant("shop", amount, kind, "ada", reference="r1")
        assert ledger.books.wallet("shop").balance_nano == NANO
        assert ledger.books.grant("other", 2 * NANO, "paid", "ada", reference="r1")[1]

    def test_ten_at_once_give_a_reference_once(self, ledger: Ledger):
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

    def test_promotional_credit_is_shown_with_its_end(self, ledger: Ledger):
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
    def test_amounts_that_are_none_are_refused(self, ledger: Ledger, amount: int):
        books = ledger.books
        for attempt in (
            lambda: books.grant("shop", amount, "paid", "ada"),
            lambda: books.refund("shop", amount, "ada"),
            lambda: books.refund_call("call_1", amount, "ada"),
        ):
            with pytest.raises(FaregateError, match="above zero"):
                attempt()
        assert books.wallets() == []

    def test_a_wallet_holds_only_so_much(self, ledger: Ledger):
        ledger.books.grant("shop", AMOUNT_NANO_MAX, "paid", "ada")
        with pytest.raises(FaregateError, match=r"at most 1000000000\.00"):
            ledger.books.grant("shop", 1, "paid", "ada")
        for number in range(7):
            ledger.books.grant(f"w{number}", AMOUNT_NANO_MAX, "paid", "ada")
        with pytest.raises(FaregateError, match="funding would then hold"):
            ledger.books.grant("one-more", 1, "paid", "ada")
        assert ledger.books.verify().discrepancies == ()

    def test_an_expiry_that_is_over_is_refused(self, ledger: Ledger):
        with pytest.raises(FaregateError, match="expired from the start"):
            ledger.books.grant("shop", NANO, "paid", "ada", "", ledger.clock.wall_ns())
        assert ledger.books.wallet("shop").balance_nano == 0

    @pytest.mark.parametrize("text", ["two\nlines", "nul\x00", "x" * 1_001])
    def test_texts_that_can_not_be_kept_are_refused(self, ledger: Ledger, text: str):
        with pytest.raises(FaregateError, match="the reason"):
            ledger.books.grant("shop", NANO, "paid", "ada", text)
        with pytest.raises(FaregateError, match="the reference"):
            ledger.books.grant("shop", NANO, "paid", "ada", "", None, text)
        assert ledger.books.wallets() == []

    @pytest.mark.parametrize("reference", ["adjustment:1", "refund:1", "call_1+refund", ""])
    def test_references_of_other_movements_are_refused(self, ledger: Ledger, reference: str):
        with pytest.raises(FaregateError, match="can't be taken"):
            ledger.books.grant("shop", NANO, "paid", "ada", reference=reference)
        assert ledger.books.wallets() == []

    # -- refunds ---------------------------------------------------------------------------------

    def test_a_call_is_refunded_once(self, ledger: Ledger):
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

    def test_a_call_is_refunded_in_part(self, ledger: Ledger):
        ledger.books.grant("shop", 5 * NANO, "paid", "ada")
        called = ledger.call(NANO)
        with pytest.raises(FaregateError, match=r"was charged 1\.00"):
            ledger.books.refund_call(called, NANO + 1, "ada")
        assert ledger.books.refund_call(called, 1, "ada").amount_nano == 1
        with pytest.raises(FaregateError, match="refunded already"):
            ledger.books.refund_call(called, 1, "ada")
        assert ledger.books.wallet("shop").balance_nano == 4 * NANO + 1

    def test_what_nobody_paid_is_not_refunded(self, ledger: Ledger):
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

    def test_a_sum_is_given_back_once_a_reference(self, ledger: Ledger):
        entry, is_new = ledger.books.refund("shop", NANO, "ada", "outage", "outage-1")
        assert (entry.movement, entry.amount_nano, is_new) == ("refund", NANO, True)
        assert ledger.books.refund("shop", NANO, "ada", "outage", "outage-1")[1] is False
        with pytest.raises(FaregateError, match="'outage-1' was used"):
            ledger.books.refund("shop", NANO + 1, "ada", "outage", "outage-1")
        assert ledger.books.wallet("shop").balance_nano == NANO
        assert ledger.books.grants("shop")[0].reason == "outage"

    # -- corrections -----------------------------------------------------------------------------

    def test_corrections_go_both_ways_and_never_below_zero(self, ledger: Ledger):
        assert ledger.books.adjust("shop", 2 * NANO, "ada", "missing").balance_nano == 2 * NANO
        assert ledger.books.adjust("shop", -NANO, "ada", "too much").balance_nano == NANO
        with pytest.raises(FaregateError, match=r"1.00 is free") as caught:
            ledger.books.adjust("shop", -NANO - 1, "ada", "too much")
        assert caught.value.fix == "take at most 1.00"
        with pytest.raises(FaregateError, match="needs a reason"):
            ledger.books.adjust("shop", -NANO, "ada", " ")
        assert ledger.books.wallet("shop").balance_nano == NANO
        assert ledger.books.grants("shop")[0].reason == "missing"

    def test_what_is_drawn_is_not_taken(self, ledger: Ledger):
        ledger.books.grant("shop", 5 * NANO, "paid", "ada")
        assert ledger.draw(3 * NANO) == 3 * NANO
        with pytest.raises(FaregateError, match=r"2.00 is free; workers hold 3.00"):
            ledger.books.adjust("shop", -2 * NANO - 1, "ada", "why")
        ledger.books.adjust("shop", -2 * NANO, "ada", "why")
        state = ledger.books.wallet("shop")
        assert (state.balance_nano, state.available_nano) == (3 * NANO, 0)
        assert ledger.draw(1) == 0
        assert ledger.books.verify().discrepancies == ()

    def test_expired_credit_is_not_what_a_correction_takes(self, ledger: Ledger):
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

    def test_many_who_take_at_once_find_what_there_is(self, ledger: Ledger):
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

    # -- budgets and events ----------------------------------------------------------------------

    def test_budgets_stand_as_draws_left_them(self, ledger: Ledger):
        now_ns = ledger.clock.wall_ns()
        hour_ns = 3_600 * 1_000_000_000
        specs = [
            PurseSpec(
                "budget:b:k:1", "budget", "b", "k", Unit.NANO, NANO, now_ns, now_ns + hour_ns
            ),
            PurseSpec("quota:q:a", "quota", "q", "a", Unit.TOKENS, 100, rolling_ns=hour_ns),
            PurseSpec("budget:old", "budget", "b", "k", Unit.NANO, 1, now_ns - 2, now_ns - 1),
        ]
        for spec in specs:
            ledger.draw(10, spec)
        first, second = ledger.books.budgets()
        assert (first.name, first.subject, first.capacity, first.drawn) == ("b", "k", NANO, 10)
        assert (first.left, first.resets_ns) == (NANO - 10, now_ns + hour_ns)
        assert (second.unit, second.left, second.rolling_ns) == (Unit.TOKENS, 90, hour_ns)

    def test_events_are_read_in_order(self, ledger: Ledger):
        ledger.books.grant("shop", NANO, "paid", "ada")
        ledger.call(NANO)
        ledger.books.grant("other", NANO, "paid", "ada")
        ledger.call(2 * NANO, wallet="other")
        events = ledger.books.events()
        assert [number for number, _ in events] == sorted(number for number, _ in events)
        assert events[0][1].kind == "wallet_empty"
        assert {event.kind for _, event in events} == {"wallet_empty", "shortfall"}
        assert ledger.books.events(events[0][0], 1) == events[1:2]
        assert ledger.books.newest_events(1) == events[-1:]
        assert ledger.books.events(events[-1][0]) == []

    # -- the audit -------------------------------------------------------------------------------

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
    def test_every_discrepancy_is_found(self, ledger: Ledger, statement: str, message: str):
        ledger.books.grant("shop", 5 * NANO, "paid", "ada")
        ledger.books.refund_call(ledger.call(NANO), None, "ada")
        ledger.draw(3)
        found = ledger.books.verify()
        assert (found.discrepancies, found.wallets, found.transfers) == ((), 1, 3)
        ledger.run(statement)
        assert message in "\n".join(ledger.books.verify().discrepancies)

    def test_an_empty_ledger_agrees(self, ledger: Ledger):
        found = ledger.books.verify()
        assert (found.discrepancies, found.wallets, found.in_wallets_nano) == ((), 0, 0)
