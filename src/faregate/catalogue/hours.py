"""Hours of the week with other prices, by the clock of a time zone."""

import datetime as dt
from typing import Final

import msgspec

from faregate.catalogue.rates import Rates
from faregate.core.zones import first_moment_ns, time_zone, wall_clock

_DAY: Final = dt.timedelta(days=1)
_DAYS_AHEAD: Final = 9  # the next time on a certain weekday, even if one is jumped over


class PriceHours(msgspec.Struct, frozen=True):
    """From one minute of a day until before another, maybe of the next day.

    It is of the next day where `end_minute` is not above `start_minute`. `weekdays` are those on
    which it begins, Monday being 0; empty: all. `multiplier` is a fraction; `rates` stand instead
    of the price's own. Where the clock jumps, see `core.zones`.
    """

    start_minute: int
    end_minute: int
    multiplier: tuple[int, int]
    weekdays: frozenset[int] = frozenset()
    time_zone: str = "UTC"
    rates: Rates | None = None


def hours_at(hours: tuple[PriceHours, ...], at_ns: int) -> tuple[PriceHours | None, int | None]:
    """The hours that a moment is in, and when others begin.

    Of several the first counts.
    """
    changes: list[int] = []
    for window in hours:
        time = _time(window, at_ns)
        if time is None:
            continue
        starts_ns, ends_ns = time
        if starts_ns <= at_ns:
            return window, min((*changes, ends_ns))
        changes.append(starts_ns)
    return None, min(changes, default=None)


def _time(window: PriceHours, at_ns: int) -> tuple[int, int] | None:
    """The first time of a window that ends after a moment: its start and its end."""
    zone = time_zone(window.time_zone)
    day = wall_clock(at_ns, zone).date() - 2 * _DAY
    for _ in range(_DAYS_AHEAD + 2):
        day += _DAY
        if window.weekdays and day.weekday() not in window.weekdays:
            continue
        last = day + _DAY if window.end_minute <= window.start_minute else day
        starts_ns = _moment_ns(day, window.start_minute, zone)
        ends_ns = _moment_ns(last, window.end_minute, zone)
        if starts_ns < ends_ns and at_ns < ends_ns:
            return starts_ns, ends_ns
    return None


def _moment_ns(day: dt.date, minute: int, zone: dt.tzinfo) -> int:
    return first_moment_ns(dt.datetime.combine(day, dt.time()) + dt.timedelta(minutes=minute), zone)
