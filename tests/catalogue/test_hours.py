"""Hours of the week apply by their zone's clock, and it is known to the second until when."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.test_zones import ZONES, utc_ns

from faregate.catalogue.hours import PriceHours, hours_at
from faregate.core.zones import SECOND_NS, first_moment_ns, time_zone

NIGHT = PriceHours(22 * 60, 6 * 60, (1, 2), time_zone="Europe/Zurich")
SUNDAY = PriceHours(0, 0, (3, 1), frozenset({6}))
GONE = PriceHours(130, 170, (1, 9), time_zone="Europe/Zurich")  # within the hour jumped over


def multiplied(hours: tuple[PriceHours, ...], at_ns: int) -> tuple[tuple[int, int], int | None]:
    window, until_ns = hours_at(hours, at_ns)
    return (1, 1) if window is None else window.multiplier, until_ns


@pytest.mark.parametrize(
    ("hours", "at", "multiplier", "until"),
    [
        ((), "2026-11-21T14:00", (1, 1), None),
        ((NIGHT,), "2026-11-21T20:59:59", (1, 1), "2026-11-21T21:00"),
        ((NIGHT,), "2026-11-21T21:00", (1, 2), "2026-11-22T05:00"),
        ((NIGHT,), "2026-11-22T04:59:59", (1, 2), "2026-11-22T05:00"),
        ((NIGHT,), "2026-11-22T05:00", (1, 1), "2026-11-22T21:00"),
        ((NIGHT,), "2026-03-28T22:00", (1, 2), "2026-03-29T04:00"),  # a night of seven hours
        ((NIGHT,), "2026-10-24T20:00", (1, 2), "2026-10-25T05:00"),  # of nine
        ((SUNDAY,), "2026-11-21T14:00", (1, 1), "2026-11-22T00:00"),
        ((SUNDAY,), "2026-11-22T14:00", (3, 1), "2026-11-23T00:00"),
        ((SUNDAY,), "2026-11-23T00:00", (1, 1), "2026-11-29T00:00"),
        ((SUNDAY, NIGHT), "2026-11-21T23:00", (1, 2), "2026-11-22T00:00"),
        ((NIGHT, SUNDAY), "2026-11-21T23:00", (1, 2), "2026-11-22T05:00"),
        ((NIGHT, SUNDAY), "2026-11-22T05:00", (3, 1), "2026-11-22T21:00"),
        ((GONE,), "2026-03-28T23:00", (1, 1), "2026-03-30T00:10"),
    ],
)
def test_the_first_that_applies_counts(
    hours: tuple[PriceHours, ...], at: str, multiplier: tuple[int, int], until: str | None
) -> None:
    assert multiplied(hours, utc_ns(at)) == (multiplier, until and utc_ns(until))


MINUTES = st.integers(0, 24 * 60 - 1)
WINDOWS = st.builds(
    PriceHours,
    MINUTES,
    MINUTES,
    st.tuples(st.integers(0, 9), st.integers(1, 9)),
    st.frozensets(st.integers(0, 6), max_size=3),
    st.sampled_from(ZONES),
)


def applies(window: PriceHours, at_ns: int) -> bool:
    """The slow way: every day of a fortnight."""
    zone = time_zone(window.time_zone)
    near = dt.datetime.fromtimestamp(at_ns // SECOND_NS, dt.UTC).replace(tzinfo=None)
    for number in range(-7, 8):
        day = dt.datetime.combine(near.date(), dt.time()) + dt.timedelta(days=number)
        if window.weekdays and day.weekday() not in window.weekdays:
            continue
        over = 1_440 if window.end_minute <= window.start_minute else 0
        starts = day + dt.timedelta(minutes=window.start_minute)
        ends = day + dt.timedelta(minutes=window.end_minute + over)
        if first_moment_ns(starts, zone) <= at_ns < first_moment_ns(ends, zone):
            return True
    return False


@given(
    st.lists(WINDOWS, max_size=3).map(tuple),
    st.integers(utc_ns("2009-01-01"), utc_ns("2030-01-01")),
    st.floats(0, 1, exclude_max=True),
)
def test_it_stays_until_it_may_change(
    hours: tuple[PriceHours, ...], at_ns: int, share: float
) -> None:
    multiplier, until_ns = multiplied(hours, at_ns)
    expected = next((each.multiplier for each in hours if applies(each, at_ns)), (1, 1))
    assert multiplier == expected
    if until_ns is None:
        assert hours == ()
        return
    assert at_ns < until_ns
    for later_ns in (at_ns + int((until_ns - at_ns) * share), until_ns - 1):
        assert multiplied(hours, later_ns)[0] == multiplier
    # Nothing was waited for in vain: a window begins or ends then.
    edges = [[applies(each, moment) for each in hours] for moment in (until_ns - 1, until_ns)]
    abutting = any(each.start_minute == each.end_minute for each in hours)
    assert abutting or edges[0] != edges[1]
