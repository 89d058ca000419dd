"""Events are listed in order, with amounts in their unit."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.cli.console import Console
from tests.storage.charged_ledgers import ChargedLedger

from faregate.cli.events import event_facts, event_line
from faregate.core.clock import ManualClock
from faregate.core.money import NANO
from faregate.ledger.events import LedgerEvent, threshold_event
from faregate.storage.ledger_database import open_ledger


@pytest.fixture
def ledger(console: Console) -> Iterator[ChargedLedger]:
    clock = ManualClock()
    opened = ChargedLedger(open_ledger(console.home, None, clock), clock)
    opened.books.grant("shop", NANO, "paid", "ada")
    opened.call(2 * NANO)
    yield opened
    opened.close()


def test_events_are_listed(console: Console, ledger: ChargedLedger) -> None:
    told = console.good("events", "list", "--json").json
    assert {one["kind"] for one in told} == {"wallet_empty", "shortfall"}
    short = next(one for one in told if one["kind"] == "shortfall")
    assert (short["amount"], short["purse"]) == ("1.00", "wallet:shop")
    assert len(console.good("events", "list").out.splitlines()) == 2
    assert console.good("events", "list", "-n", "1", "--json").json == told[1:]
    after = str(told[0]["event"])
    assert console.good("events", "list", "--after", after, "--json").json == told[1:]
    assert console.run("events", "list", "--after", str(2**63)).status == 1


def test_no_events(console: Console) -> None:
    assert "There are no events." in console.good("events", "list").out


def test_amounts_are_in_their_unit() -> None:
    spent = threshold_event("budget:b:k", "k", 80, 8 * NANO, 10 * NANO, 0)
    assert "80 % is spent: 8.00" in event_line(1, spent)
    tokens = LedgerEvent("budget_threshold", 0, "quota:q", "a", "x", 50, 500)
    assert event_facts(1, tokens)["amount"] == 500
    vanished = LedgerEvent("worker_vanished", 0, "", "w1", "node n is silent")
    assert event_line(7, vanished).endswith("w1: node n is silent")


def test_new_events_are_followed(console: Console, ledger: ChargedLedger) -> None:
    follower = subprocess.Popen(
        [sys.executable, "-m", "faregate.cli.main", "events", "tail", "--json"],
        stdout=subprocess.PIPE,
        env=os.environ | {"FAREGATE_HOME": str(console.home.root)},
        text=True,
    )
    assert follower.stdout is not None
    try:
        first = [json.loads(follower.stdout.readline())["event"] for _ in range(2)]
        ledger.books.grant("other", NANO, "paid", "ada")
        ledger.call(2 * NANO, wallet="other")
        more = [json.loads(follower.stdout.readline())["event"] for _ in range(2)]
    finally:
        follower.kill()
        follower.wait()
        follower.stdout.close()
    assert first + more == sorted(first + more)
    assert len(set(first + more)) == 4
