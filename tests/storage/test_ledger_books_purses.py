"""Budgets are shown as draws left them, events in their order."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgresql import postgresql_server as postgresql_server
from tests.postgresql import postgresql_url as postgresql_url
from tests.storage.charged_ledgers import DATABASES, ChargedLedger, open_charged

from faregate.core.money import NANO
from faregate.ledger.purses import PurseSpec, Unit


@pytest.fixture(params=DATABASES)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ChargedLedger]:
    yield from open_charged(request, tmp_path)


def test_budgets_stand_as_draws_left_them(ledger: ChargedLedger):
    now_ns = ledger.clock.wall_ns()
    hour_ns = 3_600 * 1_000_000_000
    specs = [
        PurseSpec("budget:b:k:1", "budget", "b", "k", Unit.NANO, NANO, now_ns, now_ns + hour_ns),
        PurseSpec("quota:q:a", "quota", "q", "a", Unit.TOKENS, 100, rolling_ns=hour_ns),
        PurseSpec("budget:old", "budget", "b", "k", Unit.NANO, 1, now_ns - 2, now_ns - 1),
    ]
    for spec in specs:
        ledger.draw(10, spec)
    first, second = ledger.books.budgets()
    assert (first.name, first.subject, first.capacity, first.drawn) == ("b", "k", NANO, 10)
    assert (first.left, first.resets_ns) == (NANO - 10, now_ns + hour_ns)
    assert (second.unit, second.left, second.rolling_ns) == (Unit.TOKENS, 90, hour_ns)


def test_events_are_read_in_order(ledger: ChargedLedger):
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
