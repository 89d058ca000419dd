"""Clocks on the wall: what they show at a moment, and when they show it.

A wall clock jumps, so a time that it shows may come twice or never. Here a time stands for the
first moment at which the clock shows it or a later one: of two it is the first, and of a time
that is jumped over it is the jump. Periods that are cut this way follow each other without a
gap.
"""

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SECOND_NS: Final = 1_000_000_000
_SECOND: Final = dt.timedelta(seconds=1)


def time_zone(name: str) -> ZoneInfo:
    """The zone of a name such as Europe/Zurich.

    Raises `ValueError` where there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}; write it as Europe/Zurich") from None


def wall_clock(at_ns: int, zone: dt.tzinfo) -> dt.datetime:
    """What the clock shows at a moment, to the second; with the zone."""
    return dt.datetime.fromtimestamp(at_ns // SECOND_NS, zone)


def first_moment_ns(shown: dt.datetime, zone: dt.tzinfo) -> int:
    """The first moment at which the clock shows `shown` or later.

    `shown` has no zone.
    """
    moment = shown.replace(tzinfo=zone, fold=0).astimezone(dt.UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != shown:
        before = shown.replace(tzinfo=zone, fold=1).astimezone(dt.UTC)
        moment = jump_between(before, moment, zone)
    return int(moment.timestamp()) * SECOND_NS


def jump_between(before: dt.datetime, after: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """The first second at which the clock has jumped.

    It hadn't `before`, it has `after`.
    """
    offset = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + dt.timedelta(seconds=(after - before) // _SECOND // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
