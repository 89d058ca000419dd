"""Waits that are right in floating point: now + wait is never early."""

from math import nextafter
from typing import Final

NS_A_SECOND: Final = 1_000_000_000
_INFINITY: Final = float("inf")


def wait_until(moment: float, now: float) -> float:
    """The shortest seconds that, added to `now`, reach `moment`."""
    seconds = moment - now
    while now + seconds < moment:
        seconds = nextafter(seconds, _INFINITY)
    return seconds


def to_ns(moment: float) -> int:
    """Whole nanoseconds; never runs back while `moment` doesn't."""
    return int(moment * 1e9)


def from_ns(moment_ns: int) -> float:
    """The first moment of at least so many nanoseconds."""
    moment = moment_ns / 1e9
    while to_ns(moment) < moment_ns:
        moment = nextafter(moment, _INFINITY)
    return moment
