"""An account rests when a budget of its window is used up, and comes back with the next."""

import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.routing.worlds import NOW, WALL_NS

from faregate.ledger.windows import Window, period
from faregate.routing.balance import Crossed
from faregate.routing.budgets import Budgets, BudgetSpec, Told

USD = 10**9
SECOND_NS = 10**9
MONTH = BudgetSpec("month", 500 * USD, (50, 80, 100))
MONTH_LEFT_S = 8 * 86_400 + 14 * 3_600.0  # from 22 November, 10:00


def budgets(*specs: BudgetSpec) -> Budgets:
    made = Budgets()
    made.adopt(specs or (MONTH,), {}, NOW, WALL_NS)
    return made


def told(nano: int, window: Window = "month", wall_ns: int = WALL_NS) -> Told:
    return {window: (period(window, "UTC", wall_ns).starts_ns, nano)}


def kinds(crossed: list[Crossed]) -> list[str]:
    return [one.kind for one in crossed]


def ns(*moment: int) -> int:
    return int(dt.datetime(*moment, tzinfo=dt.UTC).timestamp()) * SECOND_NS


def test_a_budget_rests_its_account_until_its_window_ends():
    made = budgets()
    assert made.spend(499 * USD, NOW, WALL_NS) != []
    assert (made.rests_until, made.resting(NOW)) == (0.0, {})
    made.spend(USD, NOW + 1, WALL_NS + SECOND_NS)
    assert made.rests_until == pytest.approx(NOW + MONTH_LEFT_S)
    assert made.resting(NOW + 1) == {
        "state": "benched",
        "reason": "budget_exhausted",
        "detail": "500.00 USD for 2026-11 is spent",
        "guessed": False,
        "until_s": MONTH_LEFT_S - 1,
    }
    assert made.resting(NOW + MONTH_LEFT_S) == {}
    [back] = made.spend(0, NOW + MONTH_LEFT_S, ns(2026, 12, 1))
    assert back == Crossed("budget_back", "500.00 USD for 2026-12 may be spent")
    assert made.rests_until == 0.0
    [one] = made.describe(NOW + MONTH_LEFT_S)
    assert (one["period"], one["spent_nano"], one["renews_s"]) == ("2026-12", 0, 31 * 86_400)


@pytest.mark.parametrize(
    ("window", "label", "ends"),
    [
        ("hour", "2026-11-22T10", (2026, 11, 22, 11)),
        ("day", "2026-11-22", (2026, 11, 23)),
        ("week", "2026-W47", (2026, 11, 23)),
        ("month", "2026-11", (2026, 12, 1)),
        ("year", "2026", (2027, 1, 1)),
    ],
)
def test_windows_are_of_the_calendar_in_utc(window: Window, label: str, ends: tuple[int, ...]):
    made = budgets(BudgetSpec(window, 5))
    made.spend(5, NOW, WALL_NS)
    [one] = made.describe(NOW)
    assert (one["window"], one["period"]) == (window, label)
    assert made.rests_until - NOW == (ns(*ends) - WALL_NS) / 1e9
    made.spend(0, NOW, ns(*ends) - 1)
    assert made.used_up() is not None
    made.spend(0, NOW, ns(*ends))
    assert made.used_up() is None


def test_thresholds_are_told_once_each():
    made = budgets()
    assert made.spend(249 * USD, NOW, WALL_NS) == []
    assert made.spend(USD, NOW, WALL_NS) == [
        Crossed("budget_low", "50 % of 500.00 USD for 2026-11 is spent")
    ]
    assert kinds(made.spend(250 * USD, NOW, WALL_NS)) == ["budget_low", "budget_out"]
    assert made.spend(100 * USD, NOW, WALL_NS) == []
    assert made.tell(told(700 * USD), NOW, WALL_NS) == []
    quiet = budgets(BudgetSpec("month", USD))
    assert kinds(quiet.spend(USD, NOW, WALL_NS)) == ["budget_out"]  # always told


def test_a_budget_that_is_raised_lets_calls_go_there_again():
    made = budgets()
    made.spend(500 * USD, NOW, WALL_NS)
    more = BudgetSpec("month", 600 * USD, (50, 80, 100))
    assert made.adopt((more,), {}, NOW, WALL_NS) == [
        Crossed("budget_back", "600.00 USD for 2026-11 may be spent")
    ]
    assert made.rests_until == 0.0
    assert [one.detail for one in made.spend(100 * USD, NOW, WALL_NS)] == [
        "600.00 USD for 2026-11 is spent"
    ]
    assert kinds(made.adopt((MONTH,), {}, NOW, WALL_NS)) == []  # lowered: it rests on
    assert made.rests_until > NOW


def test_the_budget_that_ends_last_holds_calls_up():
    made = budgets(BudgetSpec("day", 2), BudgetSpec("month", 3))
    made.spend(2, NOW, WALL_NS)
    assert made.rests_until - NOW == 14 * 3_600
    made.spend(1, NOW, WALL_NS)
    assert made.rests_until - NOW == MONTH_LEFT_S
    made.spend(0, NOW + 14 * 3_600, ns(2026, 11, 23))
    assert made.rests_until - NOW == MONTH_LEFT_S
    made.adopt((BudgetSpec("day", 2),), {}, NOW, ns(2026, 11, 23))
    assert made.rests_until == 0.0


def test_what_is_told_of_another_window_counts_when_that_begins():
    made = budgets()
    assert made.tell(told(500 * USD, wall_ns=ns(2026, 10, 31)), NOW, WALL_NS) == []
    december = ns(2026, 12, 1)
    assert made.tell(told(500 * USD, wall_ns=december), NOW, WALL_NS) == []  # its clock is ahead
    assert made.rests_until == 0.0
    assert kinds(made.spend(7, NOW, december)) == ["budget_low", "budget_low", "budget_out"]
    [one] = made.describe(NOW)
    assert one["spent_nano"] == 500 * USD  # the 7 may have been spent in November


def test_a_budget_that_is_new_begins_with_what_was_told():
    made = Budgets()
    crossed = made.adopt((MONTH,), told(500 * USD), NOW, WALL_NS)
    assert kinds(crossed) == ["budget_low", "budget_low", "budget_out"]
    assert made.rests_until > NOW


# A worker's spend, another's, the clerk that posts some of it, and a telling.
STEPS = st.lists(
    st.tuples(st.sampled_from(["own", "other", "post", "tell"]), st.integers(0, 100)), max_size=40
)


@given(STEPS)
def test_a_worker_never_knows_more_than_was_spent_nor_less_than_it_was_told(
    steps: list[tuple[str, int]],
):
    made = budgets(BudgetSpec("month", 1_000, (50,)))
    spent = posted = own = heard = 0
    seen = [0]
    events: list[Crossed] = []
    for what, nano in steps:
        if what == "own":
            own, spent = own + nano, spent + nano
            events += made.spend(nano, NOW, WALL_NS)
        elif what == "other":
            spent += nano
        elif what == "post":
            posted = min(spent, posted + nano)
        else:
            heard = posted
            events += made.tell(told(posted), NOW, WALL_NS)
        [one] = made.describe(NOW)
        seen.append(one["spent_nano"])
        assert max(own, heard) <= seen[-1] <= spent
        assert (made.rests_until > NOW) == (seen[-1] >= 1_000)
    assert all(before <= after for before, after in pairwise(seen))
    assert len({*kinds(events)}) == len(events)
    assert ("budget_out" in kinds(events)) == (seen[-1] >= 1_000)
