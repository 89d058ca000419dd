"""Budgets are listed with what is spent, held and left."""

import time
from collections.abc import Iterator

import pytest
from tests.cli.console import Console
from tests.storage.charged_ledgers import ChargedLedger

from faregate.core.clock import ManualClock
from faregate.core.money import NANO
from faregate.ledger.purses import PurseSpec, Unit
from faregate.storage.ledger_database import open_ledger

_HOUR_NS = 3_600_000_000_000


@pytest.fixture
def ledger(console: Console) -> Iterator[ChargedLedger]:
    clock = ManualClock(time.time_ns())
    opened = ChargedLedger(open_ledger(console.home, None, clock), clock)
    yield opened
    opened.close()


def test_nothing_is_counted_before_a_call(console: Console) -> None:
    assert "Nothing is counted yet" in console.good("budgets", "list").out
    assert console.good("budgets", "list", "--json").json == []


def test_budgets_and_quotas_are_listed(console: Console, ledger: ChargedLedger) -> None:
    begin_ns = time.time_ns() - _HOUR_NS
    end_ns = begin_ns + 10 * _HOUR_NS
    ledger.draw(
        NANO, PurseSpec("budget:b:k", "budget", "b", "k", Unit.NANO, 5 * NANO, begin_ns, end_ns)
    )
    ledger.draw(7, PurseSpec("quota:q", "quota", "q", "a", Unit.TOKENS, 9, rolling_ns=_HOUR_NS))
    ledger.draw(7, PurseSpec("limit:x", "limit", "x", "a", Unit.REQUESTS, 9))
    budget, limit, quota = console.good("budgets", "list", "--json").json
    assert (budget["max"], budget["held"], budget["left"]) == ("5.00", "1.00", "4.00")
    assert budget["resets_at"] is not None
    assert (quota["unit"], quota["left"], quota["rolling_s"]) == ("tokens", 2, 3_600)
    assert (limit["resets_at"], limit["rolling_s"]) == (None, None)
    lines = console.good("budgets", "list").out.splitlines()
    assert lines[1].split()[:8] == ["budget", "b", "k", "dollars", "5.00", "0.00", "1.00", "4.00"]
    assert lines[2].endswith("never")
    assert lines[3].endswith("slides over 1 hour")
    assert len(console.good("budgets", "list", "--subject", "k", "--json").json) == 1
    assert "None of these" in console.good("budgets", "list", "--name", "none").out
