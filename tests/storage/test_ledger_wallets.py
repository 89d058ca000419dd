"""Wallets in a transaction: what expires is moved, what is told once is told once."""

from tests.storage.ledgers import sqlite_ledger

from faregate.ledger.events import empty_event
from faregate.storage.ledger_wallets import Happening, Wallets, keep_events, move


def test_lots_go_down_with_what_is_taken(tmp_path):
    with sqlite_ledger(tmp_path) as ledger:
        now_ns = ledger.clock.wall_ns()
        ledger.grant("acme", 100)
        ledger.grant("acme", 30, promotional=True, expires_ns=now_ns + 1)

        def work(session):
            wallets = Wallets(session, ["acme", "none"], {}, now_ns + 1)
            before = dict(wallets.balances)
            told = wallets.expire()
            wallets.consume({"acme": 40, "none": 0})
            move(session, {"wallet:acme": -40, "revenue": 40, "unbilled": 0})
            return before, wallets.balances, [one.event.amount for one in told]

        assert ledger.connection.write(work) == (
            {"acme": 130, "none": 0},
            {"acme": 100, "none": 0},
            [30],
        )
        state = ledger.state()
    assert state.lots == {"acme": [(False, 60, None)]}
    assert state.accounts["expired"] == 30
    assert sum(state.accounts.values()) == 0


def test_what_is_told_once_is_told_once(tmp_path):
    once = Happening(empty_event("wallet:acme", "acme", 5), "empty:acme:1")
    always = Happening(empty_event("wallet:acme", "acme", 5), None)
    with sqlite_ledger(tmp_path) as ledger:
        told = [
            len(ledger.connection.write(lambda session: keep_events(session, [once, always])))
            for _ in range(2)
        ]
    assert told == [2, 1]
