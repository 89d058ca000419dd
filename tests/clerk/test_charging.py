"""Charges reach the ledger, draws go back when nobody uses them, and people are told."""

import logging
from pathlib import Path

import pytest
from tests.calllog.calls import charge, closed, settled, started

from faregate.calllog.frames import Charge, Happened
from faregate.calllog.records import WorkerCalls
from faregate.clerk.charging import (
    HOUSEKEEPING_INTERVAL_S,
    LOOK_INTERVAL_S,
    PATIENCE_S,
    Charging,
)
from faregate.clerk.counters import Counters
from faregate.core.clock import ManualClock
from faregate.core.errors import StorageError
from faregate.ledger.memory import MemoryLedger
from faregate.ledger.purses import DrawRequest, PurseSpec, Unit
from faregate.storage.journal import JournalWriter
from faregate.storage.journal_reader import JournalFolders

WORKER = "0-1-1"
WALLET = PurseSpec("wallet:acme", "wallet", "acme", "acme", Unit.NANO, None)
VANISH_S = 300.0


class Desk:
    """A ledger with a wallet of 1,000, and what posts to it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = ManualClock()
        self.ledger = MemoryLedger(self.clock)
        self.ledger.grant("acme", 1_000)
        self.counters = Counters()
        self.charging = Charging(
            self.ledger.posting(), JournalFolders(root), self.counters, self.clock
        )

    def draw(self, worker: str, amount: int, node: str = "node-1") -> None:
        self.ledger.source(worker, node).draw([DrawRequest(WALLET, amount, 0)])

    def drawn(self) -> int:
        return self.ledger.source("other").standings([WALLET])[0].drawn

    def post(self, *amounts: int) -> None:
        frames = [
            frame
            for number, amount in enumerate(amounts)
            for frame in (started(number), settled(number, charge=charge(amount)))
        ]
        self.charging.post(WORKER, WorkerCalls(WORKER).add(frames).closed)

    def keep_house(self, *followed: str, after_s: float = HOUSEKEEPING_INTERVAL_S) -> None:
        self.clock.advance(after_s)
        self.charging.keep_house(followed, VANISH_S)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# -- charges ---------------------------------------------------------------------------------------


def test_charges_are_posted_once(desk: Desk):
    desk.draw(WORKER, 500)
    desk.post(100, 20)
    desk.post(100, 20, 3)
    assert (desk.ledger.balance("acme"), desk.drawn()) == (877, 377)


def test_calls_without_a_charge_need_no_ledger(desk: Desk):
    desk.ledger.away = True
    desk.charging.post(WORKER, WorkerCalls(WORKER).add([closed(1)]).closed)
    assert desk.charging.lag_s() == 0.0


def test_a_ledger_that_is_away_is_timed(desk: Desk):
    desk.ledger.away = True
    with pytest.raises(StorageError):
        desk.post(100)
    desk.clock.advance(5.0)
    with pytest.raises(StorageError):
        desk.charging.close_draws(WORKER)
    assert desk.charging.lag_s() == 5.0
    desk.ledger.away = False
    desk.post(100)
    assert desk.charging.lag_s() == 0.0
    assert desk.ledger.balance("acme") == 900


def test_what_is_short_is_told_and_counted(desk: Desk, caplog: pytest.LogCaptureFixture):
    desk.draw(WORKER, 1)
    with caplog.at_level(logging.INFO):
        desk.post(1_500)
    assert desk.ledger.balance("acme") == 0
    assert (desk.counters.shortfall, desk.counters.shortfall_nano) == (1, 500)
    told = [(record.levelname, record.getMessage().split(":")[0]) for record in caplog.records]
    assert told == [("WARNING", "shortfall"), ("INFO", "wallet_empty")]
    assert "wallet:acme" in caplog.records[0].getMessage()
    assert "0.0000005 USD" in caplog.records[0].getMessage()


def test_a_name_of_a_customer_steers_no_log(desk: Desk, caplog: pytest.LogCaptureFixture):
    purse = "budget:b:\x1b[2J\nWARNING"
    spec = PurseSpec(purse, "budget", "b", "\x1b[2J", Unit.NANO, 100, alert_at=(50,))
    desk.ledger.source(WORKER).draw([DrawRequest(spec, 100, 0)])
    with caplog.at_level(logging.INFO):
        frames = [started(1), settled(1, charge=charge(60, "", (purse,)))]
        desk.charging.post(WORKER, WorkerCalls(WORKER).add(frames).closed)
    (record,) = caplog.records
    assert record.getMessage().isprintable()
    assert record.getMessage().startswith("budget_threshold: budget:b:")


# -- house -----------------------------------------------------------------------------------------


def test_draws_of_a_worker_without_a_journal_go_back(desk: Desk):
    desk.draw("0-9-9", 400)
    desk.keep_house()
    assert desk.drawn() == 0


def test_draws_of_others_stay(desk: Desk):
    writer = JournalWriter(desk.root, WORKER)
    desk.draw(WORKER, 100)
    desk.draw("0-9-9", 20)
    desk.draw("0-1-1", 3, node="node-2")
    desk.keep_house("0-9-9")
    assert desk.drawn() == 123
    writer.close()


def test_house_is_kept_every_ten_seconds(desk: Desk):
    desk.keep_house()
    desk.draw("0-9-9", 400)
    desk.keep_house(after_s=HOUSEKEEPING_INTERVAL_S - 1)
    assert desk.drawn() == 400
    desk.keep_house(after_s=1)
    assert desk.drawn() == 0


def test_credit_expires_though_nothing_happens(desk: Desk, caplog: pytest.LogCaptureFixture):
    expires_ns = desk.clock.wall_ns() + 3_600 * 1_000_000_000
    desk.ledger.grant("acme", 50, promotional=True, expires_ns=expires_ns)
    desk.keep_house()
    assert desk.ledger.balance("acme") == 1_050
    with caplog.at_level(logging.INFO):
        desk.keep_house(after_s=3_600)
    assert desk.ledger.balance("acme") == 1_000
    assert desk.counters.credit_expired == 1
    assert "credit_expired: wallet:acme" in caplog.text


def test_a_silent_worker_of_another_node_is_closed(desk: Desk, caplog: pytest.LogCaptureFixture):
    desk.draw("0-9-9", 400, node="node-2")
    desk.keep_house(after_s=VANISH_S)
    assert (desk.drawn(), desk.counters.worker_vanished) == (400, 0)
    desk.keep_house()
    assert (desk.drawn(), desk.counters.worker_vanished) == (0, 1)
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_clerk_that_has_just_started_gives_nobody_up(desk: Desk, tmp_path: Path):
    desk.draw("0-9-9", 400, node="node-2")
    desk.clock.advance(10 * VANISH_S)
    fresh = Charging(desk.ledger.posting(), JournalFolders(tmp_path), desk.counters, desk.clock)
    fresh.keep_house((), VANISH_S)
    assert desk.drawn() == 400
    desk.clock.advance(PATIENCE_S)
    fresh.keep_house((), VANISH_S)
    assert desk.drawn() == 0


def test_after_an_outage_everybody_has_time_to_say_that_it_lives(desk: Desk):
    living = desk.ledger.source("0-9-9", "node-2")
    desk.draw("0-9-9", 400, node="node-2")
    desk.keep_house()
    desk.ledger.away = True
    for _ in range(60):
        with pytest.raises(StorageError):
            desk.keep_house()
    desk.ledger.away = False
    desk.keep_house()
    assert desk.drawn() == 400
    living.beat()
    desk.keep_house(after_s=PATIENCE_S)
    assert desk.drawn() == 400


def test_a_clock_that_jumps_gives_nobody_up(desk: Desk):
    living = desk.ledger.source("0-9-9", "node-2")
    desk.draw("0-9-9", 400, node="node-2")
    desk.keep_house(after_s=PATIENCE_S)
    desk.clock.jump_wall(86_400.0)
    desk.keep_house()
    assert desk.drawn() == 400
    living.beat()
    desk.keep_house(after_s=PATIENCE_S)
    assert desk.drawn() == 400


def test_a_ledger_that_is_away_is_not_asked_all_the_time(desk: Desk):
    desk.ledger.away = True
    with pytest.raises(StorageError):
        desk.keep_house()
    desk.keep_house(after_s=HOUSEKEEPING_INTERVAL_S - 1)
    assert desk.charging.lag_s() == HOUSEKEEPING_INTERVAL_S - 1


# -- spend at providers ----------------------------------------------------------------------------


def test_what_is_spent_is_looked_at_each_second(desk: Desk):
    frames = [started(1), settled(1, charge=Charge("", (), (), 0, 7, 0, "stated"))]
    desk.charging.post(WORKER, WorkerCalls(WORKER).add(frames).closed)
    assert desk.charging.spent == {}
    desk.charging.look_at_spend()
    [(name, by)] = desk.charging.spent.items()
    assert (name, by["year"][1]) == ("acme", 7)
    frames = [started(2), settled(2, charge=Charge("", (), (), 0, 4, 0, "stated"))]
    desk.charging.post(WORKER, WorkerCalls(WORKER).add(frames).closed)
    desk.clock.advance(LOOK_INTERVAL_S / 2)
    desk.charging.look_at_spend()
    assert desk.charging.spent["acme"]["year"][1] == 7
    desk.clock.advance(LOOK_INTERVAL_S / 2)
    desk.charging.look_at_spend()
    assert desk.charging.spent["acme"]["year"][1] == 11


def test_each_worker_finds_that_a_budget_is_used_up_and_people_are_told_once(desk: Desk):
    for number, worker in enumerate((WORKER, "1-1-1", WORKER)):
        out = Happened(f"e{number}", 5, "budget_out", "openai", "", "500.00 USD for 2026-11")
        low = Happened(f"f{number}", 5, "balance_low", "openai", "", "1 is left")
        desk.charging.note(worker, [out, low])
    again = Happened("e9", 6, "budget_out", "openai", "", "500.00 USD for 2026-12")
    desk.charging.note(WORKER, [again])
    told = [event.detail.partition(":")[0] for event in desk.ledger.books.events]
    assert told == ["budget_out", "balance_low", "balance_low", "balance_low", "budget_out"]
