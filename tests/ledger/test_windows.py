"""Periods follow each other without a gap, by the clock of their zone, whatever it jumps."""

import datetime as dt
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.core.test_zones import ZONES, utc_ns

from faregate.core.zones import SECOND_NS
from faregate.ledger.windows import ROLLING_NS, Window, following, period, previous

HOUR_NS = 3_600 * SECOND_NS
WINDOWS: tuple[Window, ...] = get_args(Window)


@pytest.mark.parametrize(
    ("window", "zone", "at", "starts", "ends", "label"),
    [
        ("hour", "UTC", "2026-11-21T14:59:59", "2026-11-21T14:00", "2026-11-21T15:00",
         "2026-11-21T14"),
        ("day", "UTC", "2026-11-21T00:00", "2026-11-21T00:00", "2026-11-22T00:00", "2026-11-21"),
        ("week", "UTC", "2026-11-22T23:59", "2026-11-16T00:00", "2026-11-23T00:00", "2026-W47"),
        ("week", "UTC", "2027-01-01T00:00", "2026-12-28T00:00", "2027-01-04T00:00", "2026-W53"),
        ("month", "UTC", "2026-12-31T23:59", "2026-12-01T00:00", "2027-01-01T00:00", "2026-12"),
        ("month", "UTC", "2028-02-29T12:00", "2028-02-01T00:00", "2028-03-01T00:00", "2028-02"),
        ("year", "UTC", "2026-11-21T14:00", "2026-01-01T00:00", "2027-01-01T00:00", "2026"),
        ("day", "Europe/Zurich", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00",
         "2026-03-29"),
        ("day", "Europe/Zurich", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00",
         "2026-10-25"),
        ("month", "Asia/Kolkata", "2026-10-31T18:30", "2026-10-31T18:30", "2026-11-30T18:30",
         "2026-11"),
        ("hour", "Asia/Kolkata", "2026-11-21T14:00", "2026-11-21T13:30", "2026-11-21T14:30",
         "2026-11-21T19"),
        ("hour", "Europe/Zurich", "2026-10-25T00:30", "2026-10-25T00:00", "2026-10-25T01:00",
         "2026-10-25T02"),
        ("hour", "Europe/Zurich", "2026-10-25T01:30", "2026-10-25T01:00", "2026-10-25T02:00",
         "2026-10-25T02+01:00"),
        ("hour", "Australia/Lord_Howe", "2026-04-04T15:10", "2026-04-04T15:00",
         "2026-04-04T15:30", "2026-04-05T01+10:30"),
        ("day", "America/Goose_Bay", "2010-11-07T03:30", "2010-11-07T03:00",
         "2010-11-08T04:00", "2010-11-07"),  # the clock shows the 6th again
        ("day", "Pacific/Apia", "2011-12-30T10:00", "2011-12-30T10:00", "2011-12-31T10:00",
         "2011-12-31"),
    ],
)  # fmt: skip
def test_periods(window: Window, zone: str, at: str, starts: str, ends: str, label: str) -> None:
    found = period(window, zone, utc_ns(at))
    assert (found.starts_ns, found.ends_ns) == (utc_ns(starts), utc_ns(ends))
    assert found.label == label


@given(
    st.sampled_from(WINDOWS),
    st.sampled_from(ZONES),
    st.integers(utc_ns("1995-01-01"), utc_ns("2035-01-01")),
)
@example("hour", "Europe/Zurich", utc_ns("2026-10-25T00:59:59"))
@example("day", "America/Goose_Bay", utc_ns("2010-11-07T02:59:59"))
@example("week", "America/Goose_Bay", utc_ns("2010-11-07T03:30"))
@example("hour", "Australia/Lord_Howe", utc_ns("2026-10-03T15:30"))
@example("year", "Pacific/Apia", utc_ns("2011-12-30T09:59:59"))
def test_periods_follow_each_other(window: Window, zone: str, at_ns: int) -> None:
    found = period(window, zone, at_ns)
    assert found.starts_ns <= at_ns < found.ends_ns
    assert period(window, zone, found.starts_ns) == found
    assert period(window, zone, found.ends_ns - 1) == found
    after, before = following(found), previous(found)
    assert after.starts_ns == found.ends_ns
    assert before.ends_ns == found.starts_ns
    assert len({before.label, found.label, after.label}) == 3
    length = found.ends_ns - found.starts_ns
    assert length <= ROLLING_NS[window] + 25 * HOUR_NS


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("window", ["hour", "day"])
def test_no_two_periods_of_a_year_share_a_label(window: Window, zone: str) -> None:
    current = period(window, zone, utc_ns("2011-01-01"))
    labels = []
    while current.starts_ns < utc_ns("2012-01-01"):
        labels.append(current.label)
        current = following(current)
    assert len(labels) >= {"hour": 8_700, "day": 364}[window]
    assert len(set(labels)) == len(labels)


def test_a_year_of_days_has_its_hours() -> None:
    lengths = []
    current = period("day", "Europe/Zurich", utc_ns("2026-01-02"))
    for _ in range(365):
        lengths.append((current.ends_ns - current.starts_ns) // HOUR_NS)
        current = following(current)
    assert sorted(set(lengths)) == [23, 24, 25]
    assert sum(lengths) == 365 * 24


def test_a_zone_that_is_none_is_said() -> None:
    with pytest.raises(ValueError, match="there is no time zone 'Mars/Olympus'"):
        period("day", "Mars/Olympus", 0)


def test_lengths_that_roll() -> None:
    assert set(ROLLING_NS) == set(WINDOWS)
    assert ROLLING_NS["month"] == 30 * ROLLING_NS["day"] == 720 * ROLLING_NS["hour"]
    assert ROLLING_NS["year"] == 365 * ROLLING_NS["day"]
    assert ROLLING_NS["week"] == 7 * ROLLING_NS["day"]


@pytest.mark.parametrize("at", [dt.datetime(1970, 1, 1), dt.datetime(2262, 1, 1)])
def test_the_ends_of_64_bits(at: dt.datetime) -> None:
    at_ns = utc_ns(at.isoformat())
    for window in WINDOWS:
        found = period(window, "America/New_York", at_ns)
        assert found.starts_ns <= at_ns < found.ends_ns
