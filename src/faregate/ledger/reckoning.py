"""The arithmetic of purses: what is free, leaves a window, is told."""

from collections.abc import Iterable, Mapping
from typing import Final

# What one call can move, of any unit: a million dollars. More is a damaged frame.
CALL_AMOUNT_MAX: Final = 10**15
ROLLING_BUCKETS: Final = 60  # of a rolling window; spend leaves it with its whole bucket


def available(capacity: int, spent: int, drawn: int) -> int:
    """What can still be drawn; a cap that was lowered makes no debt."""
    return max(0, capacity - spent - drawn)


def coming_back(amount: int, settled: int, posted: int) -> int:
    """The part of a worker's draw that it hasn't said to be settled.

    `amount` is drawn and not posted, `settled` all that it told, `posted` what of it was posted.
    """
    return max(0, amount - max(0, settled - posted))


def carried_over(carry_max: int, capacity: int, spent: int, drawn: int) -> int:
    """What a period takes over; what the one before has drawn is used."""
    return min(max(0, carry_max), available(capacity, spent, drawn))


def bucket_width_ns(rolling_ns: int) -> int:
    """How long spend is counted into one bucket of a rolling window."""
    return max(1, rolling_ns // ROLLING_BUCKETS)


def bucket_of(at_ns: int, rolling_ns: int) -> int:
    """The start of the bucket that a moment is in."""
    return at_ns - at_ns % bucket_width_ns(rolling_ns)


def frees_ns(bucket_ns: int, rolling_ns: int) -> int:
    """When a bucket leaves the window: when all that may be in it has."""
    return bucket_ns + bucket_width_ns(rolling_ns) + rolling_ns


def oldest_bucket_ns(now_ns: int, rolling_ns: int) -> int:
    """Buckets up to this start have left the window."""
    return now_ns - rolling_ns - bucket_width_ns(rolling_ns)


def frees(buckets: Mapping[int, int], rolling_ns: int, now_ns: int) -> tuple[tuple[int, int], ...]:
    """Moments and amounts that spend leaves the window, the soonest first."""
    oldest = oldest_bucket_ns(now_ns, rolling_ns)
    return tuple(
        (frees_ns(start, rolling_ns), buckets[start])
        for start in sorted(buckets)
        if start > oldest and buckets[start] > 0
    )


def reached(alert_at: Iterable[int], spent: int, capacity: int) -> list[int]:
    """The percentages of a capacity that spend has come to."""
    if capacity <= 0:
        return []
    return [percent for percent in alert_at if spent * 100 >= percent * capacity]
