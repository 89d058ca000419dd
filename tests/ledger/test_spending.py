"""What calls cost is added up by account and window, whoever paid."""

import datetime as dt
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.storage.ledgers import record

from faregate.calllog.frames import Charge
from faregate.ledger.reckoning import CALL_AMOUNT_MAX
from faregate.ledger.spending import WINDOWS, by_account, current, spending
from faregate.ledger.windows import period

SECOND_NS = 10**9


def ns(*moment: int) -> int:
    return int(dt.datetime(*moment, tzinfo=dt.UTC).timestamp()) * SECOND_NS


NOW_NS = ns(2026, 11, 22, 10)


def call(number: int, cost_nano: int | None, **changes: Any) -> Any:
    charge = Charge("", (), (), 0, cost_nano, 0, "stated")
    return record(number, {}, charge=charge, **({"started_ns": NOW_NS - SECOND_NS} | changes))


def test_a_call_counts_in_each_window_at_its_end():
    late = call(1, 7, started_ns=ns(2026, 11, 30, 23, 59, 59), total_us=2_000_000)
    found = spending([late, call(2, 5)], ns(2026, 12, 2))
    assert found == {
        ("acme", "hour", ns(2026, 12, 1)): 7,
        ("acme", "day", ns(2026, 12, 1)): 7,
        ("acme", "week", ns(2026, 11, 30)): 7,
        ("acme", "month", ns(2026, 12, 1)): 7,
        ("acme", "hour", ns(2026, 11, 22, 9)): 5,
        ("acme", "day", ns(2026, 11, 22)): 5,
        ("acme", "week", ns(2026, 11, 16)): 5,
        ("acme", "month", ns(2026, 11, 1)): 5,
        ("acme", "year", ns(2026, 1, 1)): 12,
    }


def test_what_costs_nothing_and_what_is_damaged():
    ahead = call(1, 7, started_ns=ns(2027, 3, 1))  # a clock was wrong: it counts now
    assert spending([ahead], NOW_NS)["acme", "year", ns(2026, 1, 1)] == 7
    nothing = [call(1, None), call(2, 0), call(3, -5), call(4, 5, provider="")]
    assert spending([*nothing, record(5, charge=None)], NOW_NS) == {}
    assert set(spending([call(1, 10**30)], NOW_NS).values()) == {CALL_AMOUNT_MAX}


def test_rows_by_account():
    rows = [("a", "day", 5, 1), ("b", "day", 5, 2), ("a", "month", 3, 4)]
    assert by_account(rows) == {"a": {"day": (5, 1), "month": (3, 4)}, "b": {"day": (5, 2)}}


@given(st.integers(0, 4 * 10**18), st.integers(0, 1_000))
def test_an_hours_windows_are_those_of_its_moments(started_ns: int, cost_nano: int):
    found = spending([call(1, cost_nano, started_ns=started_ns, total_us=0)], 4 * 10**18)
    expected = {
        ("acme", window, period(window, "UTC", started_ns).starts_ns): cost_nano
        for window in WINDOWS
    }
    assert found == (expected if cost_nano else {})
    assert {window: one.starts_ns for window, one in current(started_ns).items()} == {
        window: starts for _, window, starts in expected
    }
