"""A time on the wall stands for the first moment at which the clock shows it or a later one."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.core.zones import SECOND_NS, first_moment_ns, time_zone, wall_clock

ZONES = [
    "UTC",
    "Europe/Zurich",
    "America/New_York",
    "America/Havana",  # jumps at midnight
    "America/Goose_Bay",  # jumped at a minute past midnight until 2011
    "Australia/Lord_Howe",  # jumps by half an hour
    "Asia/Kolkata",
    "Pacific/Apia",  # left out a day in 2011
    "Africa/Cairo",
]


def utc_ns(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()) * SECOND_NS


@pytest.mark.parametrize(
    ("zone", "shown", "moment"),
    [
        ("UTC", "2026-11-21T14:00", "2026-11-21T14:00"),
        ("Asia/Kolkata", "2026-11-21T00:00", "2026-11-20T18:30"),
        ("Europe/Zurich", "2026-03-29T02:30", "2026-03-29T01:00"),  # jumped over
        ("Europe/Zurich", "2026-10-25T02:30", "2026-10-25T00:30"),  # comes twice
        ("America/Havana", "2026-03-08T00:00", "2026-03-08T05:00"),  # no midnight
        ("America/Havana", "2026-11-01T00:00", "2026-11-01T04:00"),  # two midnights
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00"),  # a day that wasn't
    ],
)
def test_times_that_come_twice_or_never(zone: str, shown: str, moment: str) -> None:
    found = first_moment_ns(dt.datetime.fromisoformat(shown), ZoneInfo(zone))
    assert found == utc_ns(moment)


@given(st.datetimes(dt.datetime(1995, 1, 1), dt.datetime(2035, 1, 1)), st.sampled_from(ZONES))
def test_it_is_the_first_moment(shown: dt.datetime, name: str) -> None:
    shown, zone = shown.replace(microsecond=0), time_zone(name)
    moment = first_moment_ns(shown, zone)
    assert wall_clock(moment, zone).replace(tzinfo=None) >= shown
    before = wall_clock(moment - 1, zone).replace(tzinfo=None)
    assert before < shown


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "a\0b", "Europe"]
)
def test_a_zone_that_is_none_is_said(name: str) -> None:
    with pytest.raises(ValueError, match="there is no time zone"):
        time_zone(name)
