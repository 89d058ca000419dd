"""Places in an order with gaps: what isn't moved keeps its number."""

import itertools
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

GAP: Final = 2**32  # room for 32 halvings between two neighbours


def place_in_order(
    old: Sequence[int | None], low: int | None = None, high: int | None = None
) -> list[int] | None:
    """Positions of items in their new order; `old` has None for a new one.

    They rise, and as many as possible are as they were. What has a position already has one
    between `low` and `high`, and so have the others then. None: there is no room left.
    """
    kept = _longest_rising(old)
    positions: list[int] = []
    at = 0
    while at < len(old):
        if at in kept:
            positions.append(_number(old[at]))
            at += 1
            continue
        end = at
        while end < len(old) and end not in kept:
            end += 1
        between = _between(
            positions[-1] if positions else low,
            _number(old[end]) if end < len(old) else high,
            end - at,
        )
        if between is None:
            return None
        positions += between
        at = end
    return positions


def anew(count: int) -> list[int]:
    """Positions with room between them."""
    return [GAP * (number + 1) for number in range(count)]


def _number(position: int | None) -> int:
    assert position is not None
    return position


def _between(low: int | None, high: int | None, count: int) -> list[int] | None:
    if high is None:
        start = 0 if low is None else low
        return [start + GAP * (number + 1) for number in range(count)]
    if low is None:
        return [high - GAP * (count - number) for number in range(count)]
    step = (high - low) // (count + 1)
    if step == 0:
        return None
    return [low + step * (number + 1) for number in range(count)]


def _longest_rising(old: Sequence[int | None]) -> range | set[int]:
    """Where the items are that can stay: the longest rising subsequence."""
    known = [(at, position) for at, position in enumerate(old) if position is not None]
    if all(first[1] < second[1] for first, second in itertools.pairwise(known)):
        return range(len(old)) if len(known) == len(old) else {at for at, _ in known}
    ends: list[int] = []  # the smallest last position of a rising run of each length
    end_at: list[int] = []
    before: dict[int, int | None] = {}
    for at, position in known:
        length = bisect_left(ends, position)
        before[at] = end_at[length - 1] if length else None
        if length == len(ends):
            ends.append(position)
            end_at.append(at)
        else:
            ends[length] = position
            end_at[length] = at
    chosen: set[int] = set()
    last: int | None = end_at[-1]
    while last is not None:
        chosen.add(last)
        last = before[last]
    return chosen
