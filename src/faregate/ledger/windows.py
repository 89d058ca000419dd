"""Periods in which budgets and quotas count.

A period is of a time zone and follows its clock: a day may have 23 or 25 hours. Of each window
the periods follow each other without a gap: `period(..., p.ends_ns).starts_ns == p.ends_ns`.
"""

import datetime as dt
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from faregate.core.zones import SECOND_NS, first_moment_ns, jump_between, time_zone, wall_clock

Window = Literal["hour", "day", "week", "month", "year"]

_HOUR_NS: Final = 3_600 * SECOND_NS
_DAY_NS: Final = 24 * _HOUR_NS
ROLLING_NS: Final[dict[Window, int]] = {
    "hour": _HOUR_NS,
    "day": _DAY_NS,
    "week": 7 * _DAY_NS,
    "month": 30 * _DAY_NS,
    "year": 365 * _DAY_NS,
}
_HOUR: Final = dt.timedelta(hours=1)


class Period(msgspec.Struct, frozen=True):
    """One period: from `starts_ns`, before `ends_ns`.

    `label` tells it from all others of its window and zone: 2026-11-21T14, 2026-11-21, 2026-W47
    (by ISO 8601), 2026-11, 2026. Of an hour that the clock shows twice, the second has its
    distance from UTC: 2026-10-25T02+01:00. It holds while `starts_ns <= at_ns < ends_ns`.
    """

    window: Window
    time_zone: str
    starts_ns: int
    ends_ns: int
    label: str


def period(window: Window, zone_name: str, at_ns: int) -> Period:
    """The period that a moment is in; weeks begin on Monday.

    Raises `ValueError` for a time zone that there isn't. Takes microseconds, so hold it.
    """
    zone = time_zone(zone_name)
    if window == "hour":
        return _hour(zone, zone_name, at_ns)
    first = _first_day(window, wall_clock(at_ns, zone).date())
    following = _next(window, first)
    # A clock that jumped back over midnight shows a day that has ended.
    while at_ns >= _midnight_ns(following, zone_name):
        first, following = following, _next(window, following)
    starts_ns, ends_ns = _midnight_ns(first, zone_name), _midnight_ns(following, zone_name)
    return Period(window, zone_name, starts_ns, ends_ns, _label(window, first))


def previous(current: Period) -> Period:
    """The period before."""
    return period(current.window, current.time_zone, current.starts_ns - 1)


def following(current: Period) -> Period:
    """The period after."""
    return period(current.window, current.time_zone, current.ends_ns)


def _first_day(window: Window, day: dt.date) -> dt.date:
    if window == "week":
        return day - dt.timedelta(days=day.weekday())
    if window == "month":
        return day.replace(day=1)
    if window == "year":
        return day.replace(month=1, day=1)
    return day


def _next(window: Window, first: dt.date) -> dt.date:
    if window == "year":
        return first.replace(year=first.year + 1)
    if window == "month":
        return (first + dt.timedelta(days=31)).replace(day=1)
    return first + dt.timedelta(days=7 if window == "week" else 1)


@lru_cache(maxsize=1_024)
def _midnight_ns(day: dt.date, zone_name: str) -> int:
    return first_moment_ns(dt.datetime.combine(day, dt.time()), time_zone(zone_name))


def _label(window: Window, first: dt.date) -> str:
    if window == "week":
        year, week, _ = first.isocalendar()
        return f"{year:04d}-W{week:02d}"
    return first.isoformat()[: {"day": 10, "month": 7, "year": 4}[window]]


def _hour(zone: ZoneInfo, zone_name: str, at_ns: int) -> Period:
    """An hour on the clock; where it jumps within one, the hour is cut in two there."""
    shown = wall_clock(at_ns, zone)
    offset = shown.utcoffset()
    at = shown.astimezone(dt.UTC)
    starts = at - dt.timedelta(minutes=shown.minute, seconds=shown.second)
    ends = starts + _HOUR
    cut = False
    if starts.astimezone(zone).utcoffset() != offset:
        starts, cut = jump_between(starts, at, zone), True
    if (ends - dt.timedelta(seconds=1)).astimezone(zone).utcoffset() != offset:
        ends, cut = jump_between(at, ends, zone), True
    label = f"{shown:%Y-%m-%dT%H}"
    if cut or shown.fold:
        label += shown.isoformat()[19:]
    starts_ns, ends_ns = (int(moment.timestamp()) * SECOND_NS for moment in (starts, ends))
    return Period("hour", zone_name, starts_ns, ends_ns, label)
