"""Calls, their money, and what happens in the ledger are counted to the last unit."""

from typing import get_args

import pytest
from tests.calllog.calls import charge, closed, settled, started

from faregate.calllog.records import WorkerCalls
from faregate.clerk.counters import Counters
from faregate.ledger.events import EventKind, LedgerEvent


def test_calls_and_what_they_cost():
    frames = [started(1), settled(1, charge=charge(7_000)), started(2), settled(2), closed(3)]
    counters = Counters()
    counters.count_calls(WorkerCalls("w").add(frames).closed)
    assert (counters.calls, counters.charged_nano, counters.cost_nano) == (3, 7_000, 3_500)


@pytest.mark.parametrize("kind", get_args(EventKind))
def test_events_by_their_kind(kind: EventKind):
    counters = Counters()
    counters.count_event(LedgerEvent(kind, 1, "", "", ""))
    counters.count_event(LedgerEvent(kind, 1, "", "", ""))
    assert getattr(counters, kind) == 2


def test_only_money_that_is_short_is_borne():
    counters = Counters()
    for purse_id, amount in (("wallet:acme", 5), ("", 3), ("budget:b:key", 100), ("limit:l", 9)):
        counters.count_event(LedgerEvent("shortfall", 1, purse_id, "", "", amount=amount))
    counters.count_event(LedgerEvent("wallet_empty", 1, "wallet:acme", "", "", amount=50))
    assert (counters.shortfall, counters.shortfall_nano) == (4, 8)
