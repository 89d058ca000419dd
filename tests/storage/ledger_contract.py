"""What every ledger keeps to towards workers: slices, and how purses stand."""

import pytest
from tests.storage.ledgers import DAY_NS, WALLET, AnyLedger, purse, record, wallet

from faregate.ledger.purses import DrawRequest, Return, Standing, Unit

SECOND_NS = 1_000_000_000


def request(want: int, spec=WALLET, settled: int = 0) -> DrawRequest:
    return DrawRequest(spec, want, settled)


class DrawsContract:
    """Subclasses give the fixture `ledger`."""

    def test_a_slice_is_what_there_is(self, ledger: AnyLedger):
        ledger.grant("acme", 1_000)
        source = ledger.source("a")
        first, second, third = (source.draw([request(400)])[0] for _ in range(3))
        assert (first.granted, second.granted, third.granted) == (400, 400, 200)
        assert first.standing == Standing(1_000, 0, 400, 600, 400)
        assert third.standing == Standing(1_000, 0, 1_000, 0, 1_000)

    def test_several_purses_are_drawn_at_once(self, ledger: AnyLedger):
        ledger.grant("acme", 1_000)
        tokens = purse("quota:1", 70, "quota", Unit.TOKENS)
        drawn = ledger.source("a").draw([request(500), request(300, purse()), request(99, tokens)])
        assert [one.granted for one in drawn] == [500, 300, 70]
        assert drawn[1].standing == Standing(1_000, 0, 300, 700, 300)
        assert ledger.state().purses == {
            "wallet:acme": (0, 0, 0, 500),
            "budget:month:app": (1_000, 0, 0, 300),
            "quota:1": (70, 0, 0, 70),
        }

    def test_an_unknown_wallet_is_empty(self, ledger: AnyLedger):
        drawn = ledger.source("a").draw([request(1)])
        assert (drawn[0].granted, drawn[0].standing.cap) == (0, 0)

    def test_a_wish_below_zero_takes_nothing(self, ledger: AnyLedger):
        ledger.grant("acme", 10)
        assert ledger.source("a").draw([request(-5)])[0].granted == 0

    def test_the_same_purse_twice_in_one_draw(self, ledger: AnyLedger):
        ledger.grant("acme", 10)
        drawn = ledger.source("a").draw([request(7), request(7)])
        assert [one.granted for one in drawn] == [7, 3]

    def test_workers_share_one_purse(self, ledger: AnyLedger):
        ledger.grant("acme", 100)
        assert ledger.source("a").draw([request(80)])[0].granted == 80
        assert ledger.source("b").draw([request(80)])[0].granted == 20

    def test_unused_parts_go_back(self, ledger: AnyLedger):
        ledger.grant("acme", 100)
        source = ledger.source("a")
        source.draw([request(80)])
        source.give_back([Return("wallet:acme", 50, 0)])
        assert ledger.source("b").draw([request(99)])[0].granted == 70

    def test_more_than_was_drawn_can_not_go_back(self, ledger: AnyLedger):
        ledger.grant("acme", 100)
        source = ledger.source("a")
        source.draw([request(30)])
        source.give_back([Return("wallet:acme", 99, 10), Return("budget:none", 5, 0)])
        assert ledger.state().draws == {("a", "wallet:acme"): (10, 10, 0)}
        source.give_back([Return("wallet:acme", -5, 10)])
        assert ledger.state().purses["wallet:acme"] == (0, 0, 0, 10)

    def test_what_is_settled_does_not_come_back(self, ledger: AnyLedger):
        ledger.grant("acme", 100)
        source, posting = ledger.source("a"), ledger.posting()
        source.draw([request(60)])
        drawn = source.draw([request(0, settled=50)])
        assert (drawn[0].standing.drawn, drawn[0].standing.coming_back) == (60, 10)
        posting.post("a", [record(1, {"wallet:acme": 50})])
        assert source.standings([WALLET]) == [Standing(50, 0, 10, 40, 10)]

    def test_posted_before_it_was_told_is_not_counted_twice(self, ledger: AnyLedger):
        ledger.grant("acme", 100)
        source, posting = ledger.source("a"), ledger.posting()
        source.draw([request(60)])
        posting.post("a", [record(1, {"wallet:acme": 50})])
        assert source.draw([request(0, settled=50)])[0].standing.coming_back == 10

    def test_standings_change_nothing(self, ledger: AnyLedger):
        ledger.grant("acme", 100)
        before = ledger.state()
        standings = ledger.source("a").standings([WALLET, purse(), wallet("other")])
        assert [one.available for one in standings] == [100, 1_000, 0]
        assert ledger.state() == before

    def test_a_cap_follows_the_configuration(self, ledger: AnyLedger):
        source = ledger.source("a")
        source.draw([request(600, purse(cap=1_000))])
        lowered = source.draw([request(10, purse(cap=500))])[0]
        assert (lowered.granted, lowered.standing.available) == (0, 0)
        raised = source.draw([request(999, purse(cap=700))])[0]
        assert (raised.granted, raised.standing.cap) == (100, 700)

    def test_what_was_left_is_carried_over(self, ledger: AnyLedger):
        source, posting = ledger.source("a"), ledger.posting()
        september = purse("q:9", 100, "quota", Unit.REQUESTS, starts_ns=0, ends_ns=DAY_NS)
        source.draw([request(60, september)])
        posting.post("a", [record(1, {"q:9": 25})])
        october = purse("q:10", 100, "quota", Unit.REQUESTS, carry_from="q:9", carry_max=50)
        # 25 are spent and 35 still drawn: 40 are left.
        assert source.standings([october])[0].cap == 140
        assert source.draw([request(999, october)])[0].granted == 140

    def test_at_most_the_maximum_is_carried_over_once(self, ledger: AnyLedger):
        source = ledger.source("a")
        source.draw([request(0, purse("q:9", 100))])
        october = purse("q:10", 100, carry_from="q:9", carry_max=30)
        assert source.draw([request(0, october)])[0].standing.cap == 130
        source.draw([request(90, purse("q:9", 100))])
        assert source.draw([request(0, october)])[0].standing.cap == 130

    def test_nothing_is_carried_from_a_period_that_nobody_opened(self, ledger: AnyLedger):
        october = purse("q:10", 100, carry_from="q:9", carry_max=30)
        assert ledger.source("a").draw([request(0, october)])[0].standing.cap == 100

    def test_spend_leaves_a_rolling_window(self, ledger: AnyLedger):
        source, posting = ledger.source("a"), ledger.posting()
        hour = purse(cap=100, rolling_ns=3_600 * SECOND_NS)
        source.draw([request(100, hour)])
        posting.post("a", [record(1, {hour.purse_id: 70}, started_ns=ledger.clock.wall_ns())])
        standing = source.standings([hour])[0]
        assert (standing.spent, standing.drawn, standing.available) == (70, 30, 0)
        ((frees_ns, amount),) = standing.frees
        wait_s = (frees_ns - ledger.clock.wall_ns()) / SECOND_NS
        assert amount == 70
        assert 3_600 <= wait_s <= 3_661
        ledger.clock.advance(wait_s - 1)
        assert source.draw([request(99, hour)])[0].granted == 0
        ledger.clock.advance(1)
        drawn = source.draw([request(99, hour)])[0]
        assert (drawn.granted, drawn.standing.spent, drawn.standing.frees) == (70, 0, ())

    def test_others_are_asked_for_what_they_do_not_use(self, ledger: AnyLedger):
        asking, asked = ledger.source("a"), ledger.source("b")
        cursor, purses = asked.asked_back(0)
        assert purses == []
        asking.ask_back(["wallet:acme", "q:9"])
        assert asking.asked_back(cursor)[1] == []
        cursor, purses = asked.asked_back(cursor)
        assert purses == ["q:9", "wallet:acme"]
        assert asked.asked_back(cursor) == (cursor, [])
        asking.ask_back(["q:9"])
        assert asked.asked_back(cursor)[1] == ["q:9"]

    def test_a_worker_that_vanished_is_told(self, ledger: AnyLedger):
        ledger.grant("acme", 100)
        source, posting = ledger.source("a"), ledger.posting("node-2")
        assert source.beat() is True
        source.draw([request(60)])
        ledger.clock.advance(900)
        events = posting.close_vanished(ledger.clock.wall_ns() - 800 * SECOND_NS)
        assert [(event.kind, event.subject) for event in events] == [("worker_vanished", "a")]
        assert posting.close_vanished(ledger.clock.wall_ns() - 800 * SECOND_NS) == []
        assert ledger.source("b").draw([request(99)])[0].granted == 99
        assert source.draw([request(1)])[0].granted == 0
        assert source.beat() is False
        assert source.beat() is True
        assert source.draw([request(9)])[0].granted == 1

    def test_a_worker_that_beats_is_kept(self, ledger: AnyLedger):
        ledger.grant("acme", 100)
        source, posting = ledger.source("a"), ledger.posting()
        source.draw([request(60)])
        ledger.clock.advance(900)
        assert source.beat()
        assert posting.close_vanished(ledger.clock.wall_ns() - 800 * SECOND_NS) == []
        assert ledger.state().purses["wallet:acme"] == (0, 0, 0, 60)

    def test_a_worker_without_slices_vanishes_silently(self, ledger: AnyLedger):
        source, posting = ledger.source("a"), ledger.posting()
        assert source.beat()
        ledger.clock.advance(900)
        assert posting.close_vanished(ledger.clock.wall_ns()) == []
        assert source.beat() is False

    @pytest.mark.parametrize("offset_ns", [-1, 0])
    def test_credit_that_has_expired_is_not_drawn(self, ledger: AnyLedger, offset_ns: int):
        now_ns = ledger.clock.wall_ns()
        ledger.grant("acme", 30, promotional=True, expires_ns=now_ns + 10 * SECOND_NS)
        ledger.grant("acme", 5)
        source = ledger.source("a")
        assert source.draw([request(10)])[0].granted == 10
        ledger.clock.jump_wall(10 + offset_ns / SECOND_NS)
        expired = ledger.clock.wall_ns() >= now_ns + 10 * SECOND_NS
        drawn = source.draw([request(99)])[0]
        # 10 of 35 are drawn: of the 25 others all are of what has expired.
        assert drawn.granted == (0 if expired else 25)
        assert drawn.standing.cap == (10 if expired else 35)
