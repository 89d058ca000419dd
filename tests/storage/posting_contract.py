"""What every ledger keeps to towards clerks: charges once, draws of the dead, expiry."""

import pytest
from tests.storage.ledger_contract import SECOND_NS, request
from tests.storage.ledgers import DAY_NS, WALLET, AnyLedger, purse, record, wallet

from faregate.ledger.events import provider_event
from faregate.ledger.purses import Unit
from faregate.ledger.spending import WINDOWS, current


def standing_wallet(ledger: AnyLedger, name: str = "acme"):
    return ledger.source("looking").standings([wallet(name)])[0]


class PostingContract:
    """Subclasses give the fixture `ledger`."""

    def test_a_charge_moves_from_draw_to_revenue(self, ledger: AnyLedger):
        ledger.grant("acme", 1_000)
        ledger.source("a").draw([request(500), request(300, purse())])
        used = {"wallet:acme": 120, "budget:month:app": 120}
        assert ledger.posting().post("a", [record(1, used)]) == []
        state = ledger.state()
        assert state.accounts == {"funding": -1_000, "wallet:acme": 880, "revenue": 120}
        assert state.purses == {
            "wallet:acme": (0, 0, 0, 380),
            "budget:month:app": (1_000, 0, 120, 180),
        }
        assert state.draws == {
            ("a", "wallet:acme"): (380, 0, 120),
            ("a", "budget:month:app"): (180, 0, 120),
        }
        assert state.transfers["charge", "wallet:acme", "revenue", 120] == 1

    @pytest.mark.parametrize("cuts", [(3,), (1, 3), (1, 2, 3), (2, 3)])
    def test_a_call_is_charged_once_in_whatever_cuts(
        self, ledger: AnyLedger, cuts: tuple[int, ...]
    ):
        ledger.grant("acme", 1_000)
        ledger.source("a").draw([request(500)])
        records = [record(number) for number in (1, 2, 3)]
        posting = ledger.posting()
        posting.post("a", records[:2])
        for end in cuts:
            posting.post("a", records[:end])
        posting.post("a", records + records)
        assert ledger.state().accounts["wallet:acme"] == 700
        assert ledger.state().draws == {("a", "wallet:acme"): (200, 0, 300)}

    def test_calls_without_a_charge_move_nothing(self, ledger: AnyLedger):
        before = ledger.state()
        assert ledger.posting().post("a", [record(1, charge=None)]) == []
        assert ledger.posting().post("a", []) == []
        assert ledger.state() == before

    def test_what_calls_cost_is_added_up_once_for_each_account(self, ledger: AnyLedger):
        ledger.clock.advance(40 * DAY_NS / 1e9)
        started_ns = ledger.clock.wall_ns() - SECOND_NS
        calls = [record(number, started_ns=started_ns) for number in (1, 2)]
        other = record(3, {}, charge_nano=60, started_ns=started_ns, provider="other")
        free = record(4, charge=None, started_ns=started_ns)
        posting = ledger.posting()
        for batch in (calls[:1], calls, [*calls, other, free], [other, *calls]):
            posting.post("a", batch)
        ledger.posting("node-2").post("b", [record(5, started_ns=started_ns, worker="b0")])
        spent = posting.spent()
        assert {window: nano for window, (_, nano) in spent["acme"].items()} == dict.fromkeys(
            WINDOWS, 150
        )
        assert {nano for _, nano in spent["other"].values()} == {30}
        assert {window: starts_ns for window, (starts_ns, _) in spent["acme"].items()} == {
            window: one.starts_ns for window, one in current(ledger.clock.wall_ns()).items()
        }

    def test_windows_begin_anew_and_late_calls_count_in_theirs(self, ledger: AnyLedger):
        ledger.clock.advance(40 * DAY_NS / 1e9)
        before_ns = ledger.clock.wall_ns()
        posting = ledger.posting()
        posting.post("a", [record(1, started_ns=before_ns)])
        ledger.clock.advance(DAY_NS / 1e9)
        posting.post("a", [record(2, started_ns=before_ns)])
        posting.expire(ledger.clock.wall_ns())
        spent = posting.spent()["acme"]
        assert "day" not in spent
        assert spent["year"][1] == 100
        posting.post("a", [record(3, started_ns=ledger.clock.wall_ns())])
        assert posting.spent()["acme"]["day"][1] == 50
        ledger.clock.advance(800 * DAY_NS / 1e9)
        posting.expire(ledger.clock.wall_ns())
        assert posting.spent() == {}

    def test_a_charge_of_volumes_alone_is_unbilled(self, ledger: AnyLedger):
        tokens = purse("quota:1", 70, "quota", Unit.TOKENS)
        ledger.source("a").draw([request(50, tokens)])
        ledger.posting().post("a", [record(1, {"quota:1": 30}, charge_nano=7)])
        state = ledger.state()
        assert state.purses == {"quota:1": (70, 0, 30, 20)}
        assert state.accounts == {"unbilled": -7, "revenue": 7}

    def test_a_charge_without_a_draw_takes_what_is_available(self, ledger: AnyLedger):
        ledger.grant("acme", 100)
        ledger.source("b").draw([request(80)])
        events = ledger.posting().post("a", [record(1, {"wallet:acme": 50})])
        told = {(event.kind, event.purse_id, event.amount) for event in events}
        # What b has drawn is not touched: 20 of 50 could be had.
        assert ("shortfall", "wallet:acme", 30) in told
        state = ledger.state()
        assert state.accounts["wallet:acme"] == 80
        assert state.accounts["shortfall"] == -30
        assert state.accounts["revenue"] == 50
        assert sum(state.accounts.values()) == 0

    def test_a_draw_and_then_what_is_available(self, ledger: AnyLedger):
        ledger.grant("acme", 100)
        ledger.source("a").draw([request(20)])
        assert ledger.posting().post("a", [record(1, {"wallet:acme": 50})]) == []
        assert ledger.state().purses == {}
        assert ledger.state().accounts["wallet:acme"] == 50

    def test_a_budget_never_holds_more_than_its_cap(self, ledger: AnyLedger):
        ledger.source("a").draw([request(90, purse(cap=100))])
        events = ledger.posting().post("a", [record(1, {"budget:month:app": 130}, charge_nano=9)])
        assert [(event.kind, event.amount) for event in events] == [("shortfall", 30)]
        assert ledger.state().purses == {"budget:month:app": (100, 0, 100, 0)}

    def test_a_shortfall_of_the_gate_is_told_and_booked(self, ledger: AnyLedger):
        ledger.grant("acme", 100)
        ledger.source("a").draw([request(50)])
        short = record(1, {"wallet:acme": 50}, shortfall_nano=8)
        events = ledger.posting().post("a", [short])
        assert [(one.kind, one.purse_id, one.amount) for one in events] == [
            ("shortfall", "wallet:acme", 8)
        ]
        accounts = ledger.state().accounts
        assert (accounts["wallet:acme"], accounts["shortfall"], accounts["revenue"]) == (50, -8, 58)
        assert ledger.posting().post("a", [short]) == []

    def test_a_shortfall_without_a_wallet_is_told(self, ledger: AnyLedger):
        ledger.source("a").draw([request(50, purse())])
        short = record(1, {"budget:month:app": 50}, charge_nano=50, shortfall_nano=8)
        events = ledger.posting().post("a", [short])
        assert [(one.kind, one.purse_id, one.amount) for one in events] == [("shortfall", "", 8)]

    def test_purses_that_nobody_opened_are_passed_over(self, ledger: AnyLedger):
        ledger.grant("acme", 100)
        used = {"wallet:acme": 10, "budget:gone": 10}
        assert ledger.posting().post("a", [record(1, used)]) == []
        assert ledger.state().accounts["wallet:acme"] == 90

    def test_a_charge_without_its_wallet_among_the_purses(self, ledger: AnyLedger):
        ledger.grant("acme", 100)
        broken = record(1, {"wallet:acme": 10})
        charge = broken.charge
        assert charge is not None
        bare = type(charge)("acme", (), (), 10, None, 0, "estimated")
        ledger.posting().post("a", [record(2, charge=bare)])
        assert ledger.state().accounts["wallet:acme"] == 90

    @pytest.mark.parametrize("amount", [-5, 2**63 - 1, 10**30])
    def test_amounts_of_damaged_frames_hold_nothing_up(self, ledger: AnyLedger, amount: int):
        ledger.grant("acme", 100)
        source = ledger.source("a")
        source.draw([request(50), request(50, purse())])
        used = {"wallet:acme": amount, "budget:month:app": amount}
        posting = ledger.posting()
        posting.post("a", [record(1, used, charge_nano=amount, shortfall_nano=amount)])
        posting.post("a", [record(2, {"wallet:acme": 0})])
        state = ledger.state()
        assert state.accounts.get("wallet:acme", 0) == (100 if amount < 0 else 0)
        assert sum(state.accounts.values()) == 0
        cap, carried, spent, drawn = state.purses["budget:month:app"]
        assert 0 <= spent + drawn <= cap + carried

    def test_presents_are_spent_first(self, ledger: AnyLedger):
        now_ns = ledger.clock.wall_ns()
        ledger.grant("acme", 100)
        ledger.grant("acme", 100, promotional=True)
        ledger.grant("acme", 100, promotional=True, expires_ns=now_ns + 9 * SECOND_NS)
        ledger.grant("acme", 100, promotional=True, expires_ns=now_ns + 8 * SECOND_NS)
        ledger.source("a").draw([request(400)])
        posting = ledger.posting()
        posting.post("a", [record(1, {"wallet:acme": 150})])
        assert ledger.state().lots["acme"] == [
            (False, 100, None),
            (True, 100, None),
            (True, 50, now_ns + 9 * SECOND_NS),
        ]
        posting.post("a", [record(2, {"wallet:acme": 200})])
        assert ledger.state().lots["acme"] == [(False, 50, None)]

    def test_credit_expires_but_for_what_calls_hold(self, ledger: AnyLedger):
        now_ns = ledger.clock.wall_ns()
        ledger.grant("acme", 100, promotional=True, expires_ns=now_ns + 5 * SECOND_NS)
        source, posting = ledger.source("a"), ledger.posting()
        source.draw([request(30)])
        assert posting.expire(ledger.clock.wall_ns()) == []
        ledger.clock.advance(5)
        events = posting.expire(ledger.clock.wall_ns())
        assert [(one.kind, one.amount) for one in events] == [("credit_expired", 70)]
        assert posting.expire(ledger.clock.wall_ns()) == []
        posting.post("a", [record(1, {"wallet:acme": 20})])
        posting.close_draws("a")
        assert [one.amount for one in posting.expire(ledger.clock.wall_ns())] == [10]
        accounts = ledger.state().accounts
        assert accounts == {"promotion": -100, "expired": 80, "revenue": 20}

    def test_credit_that_has_expired_is_taken_back_before_it_is_spent(self, ledger: AnyLedger):
        now_ns = ledger.clock.wall_ns()
        ledger.grant("acme", 50, promotional=True, expires_ns=now_ns + 5 * SECOND_NS)
        ledger.grant("acme", 100)
        ledger.source("a").draw([request(30)])
        ledger.clock.advance(6)
        events = ledger.posting().post("a", [record(1, {"wallet:acme": 30})])
        assert [(one.kind, one.amount) for one in events] == [("credit_expired", 50)]
        assert ledger.state().lots["acme"] == [(False, 70, None)]

    def test_draws_of_the_dead_go_back(self, ledger: AnyLedger):
        ledger.grant("acme", 100)
        ledger.source("a").draw([request(60), request(10, purse())])
        ledger.source("b").draw([request(30)])
        posting = ledger.posting()
        posting.post("a", [record(1, {"wallet:acme": 5})])
        posting.close_draws("a")
        posting.close_draws("a")
        posting.close_draws("never-there")
        state = ledger.state()
        assert state.draws == {("b", "wallet:acme"): (30, 0, 0)}
        assert state.purses["wallet:acme"] == (0, 0, 0, 30)
        assert state.accounts["wallet:acme"] == 95

    def test_workers_that_draw_are_those_of_the_node(self, ledger: AnyLedger):
        ledger.grant("acme", 100)
        ledger.source("b", "node-1").draw([request(1)])
        ledger.source("a", "node-1").draw([request(1)])
        ledger.source("c", "node-2").draw([request(1)])
        assert ledger.source("d", "node-1").beat()
        assert ledger.posting("node-1").drawing_workers() == ["a", "b"]
        assert ledger.posting("node-2").drawing_workers() == ["c"]

    def test_charges_of_a_vanished_worker_still_count(self, ledger: AnyLedger):
        ledger.grant("acme", 100)
        source, posting = ledger.source("a"), ledger.posting()
        source.draw([request(60)])
        ledger.clock.advance(1)
        posting.close_vanished(ledger.clock.wall_ns())
        assert posting.post("a", [record(1, {"wallet:acme": 60})]) == []
        assert ledger.state().accounts["wallet:acme"] == 40

    def test_thresholds_are_told_once(self, ledger: AnyLedger):
        budget = purse(cap=100, alert_at=(50, 80, 100))
        ledger.source("a").draw([request(100, budget)])
        posting = ledger.posting()
        told = []
        for number, amount in enumerate((49, 1, 5, 45), 1):
            events = posting.post("a", [record(number, {budget.purse_id: amount})])
            told.append([event.percent for event in events])
        assert told == [[], [50], [], [80, 100]]

    def test_thresholds_of_a_rolling_window_are_told_once_a_window(self, ledger: AnyLedger):
        hour = purse(cap=100, rolling_ns=3_600 * SECOND_NS, alert_at=(50,))
        posting = ledger.posting()
        told = []
        for number, wait_s in enumerate((0, 60, 7_200, 60), 1):
            ledger.clock.advance(wait_s)
            ledger.source("a").draw([request(50, hour)])
            now_ns = ledger.clock.wall_ns()
            events = posting.post("a", [record(number, {hour.purse_id: 50}, started_ns=now_ns)])
            told.append([event.percent for event in events])
        assert told[0] == [50]
        assert told[2] == [50]
        assert sum(map(len, told)) <= 4

    def test_an_empty_wallet_is_told_once_a_grant(self, ledger: AnyLedger):
        posting, source = ledger.posting(), ledger.source("a")
        told = []
        for number in range(1, 4):
            if number != 2:
                ledger.grant("acme", 100)
            source.draw([request(100)])
            used = {"wallet:acme": 100 if number != 2 else 0}
            told.append([one.kind for one in posting.post("a", [record(number, used)])])
        assert told == [["wallet_empty"], [], ["wallet_empty"]]

    def test_a_wallet_that_is_drawn_and_not_used_is_not_empty(self, ledger: AnyLedger):
        ledger.grant("acme", 100)
        posting, source = ledger.posting(), ledger.source("a")
        source.draw([request(100)])
        told = []
        for number, amount in enumerate((1, 98, 1), 1):
            events = posting.post("a", [record(number, {"wallet:acme": amount})])
            told.append([event.kind for event in events])
        assert told == [[], [], ["wallet_empty"]]

    def test_purses_of_the_past_are_dropped(self, ledger: AnyLedger):
        now_ns = ledger.clock.wall_ns()
        period = {"starts_ns": now_ns, "ends_ns": now_ns + DAY_NS}
        source, posting = ledger.source("a"), ledger.posting()
        source.draw([request(0, purse("q:1", 9, **period)), request(5, purse("q:2", 9, **period))])
        source.draw([request(1, purse("q:3", 9))])
        posting.expire(now_ns + 2 * DAY_NS - 1)
        assert set(ledger.state().purses) == {"q:1", "q:2", "q:3"}
        posting.expire(now_ns + 2 * DAY_NS)
        assert set(ledger.state().purses) == {"q:2", "q:3"}
        posting.close_draws("a")
        posting.expire(now_ns + 2 * DAY_NS)
        assert set(ledger.state().purses) == {"q:3"}

    def test_grants_and_adjustments(self, ledger: AnyLedger):
        assert ledger.grant("acme", 100, reference="june") is True
        assert ledger.grant("acme", 100, reference="june") is False
        ledger.source("a").draw([request(60)])
        assert ledger.adjust("acme", -41) is False
        assert ledger.adjust("acme", -40) is True
        assert ledger.adjust("acme", 15) is True
        state = ledger.state()
        assert state.accounts == {"funding": -100, "adjustment": 25, "wallet:acme": 75}
        assert sum(lot[1] for lot in state.lots["acme"]) == 75

    def test_the_wallet_of_one_is_not_that_of_another(self, ledger: AnyLedger):
        ledger.grant("acme", 100)
        ledger.grant("other", 100)
        ledger.source("a").draw([request(50), request(50, wallet("other"))])
        ledger.posting().post("a", [record(1), record(2, {"wallet:other": 7})])
        assert standing_wallet(ledger, "other").cap == 93
        assert standing_wallet(ledger).cap == 0
        assert WALLET.purse_id not in ledger.state().purses

    def test_events_from_elsewhere_are_kept_once(self, ledger: AnyLedger):
        event = provider_event("broken", "openai/second", "auth: bad key", 5)
        later = provider_event("back", "openai/second", "auth", 6)
        assert ledger.posting().note([("a", event), ("a", event)]) == [event]
        assert ledger.posting().note([("a", event), ("b", later)]) == [later]
        assert ledger.posting().note([]) == []
        assert ledger.state().events["provider_event", "", None] == 2
