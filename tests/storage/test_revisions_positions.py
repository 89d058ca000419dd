"""Positions rise in the new order, and as few as possible change."""

import itertools
from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from faregate.storage.revisions_positions import GAP, anew, place_in_order


def rising(numbers: list[int]) -> bool:
    return all(one < other for one, other in itertools.pairwise(numbers))


def longest(numbers: list[int]) -> int:
    """The length of the longest rising subsequence."""
    ends: list[int] = []
    for number in numbers:
        at = bisect_left(ends, number)
        ends[at : at + 1] = [number]
    return len(ends)


@given(st.permutations(range(12)), st.lists(st.integers(0, 12), max_size=4))
def test_as_many_as_possible_stay(order: list[int], new_at: list[int]) -> None:
    old: list[int | None] = [GAP * (number + 1) for number in order]
    for at in sorted(new_at, reverse=True):
        old.insert(at, None)
    placed = place_in_order(old)
    assert placed is not None
    assert rising(placed)
    stayed = sum(one == other for one, other in zip(old, placed, strict=True))
    assert stayed == longest([one for one in old if one is not None])


def test_new_ones_come_between_their_neighbours() -> None:
    assert place_in_order([None, None]) == anew(2) == [GAP, 2 * GAP]
    assert place_in_order([10, None, 20]) == [10, 15, 20]
    assert place_in_order([None], 10, 13) == [11]
    assert place_in_order([None, 5]) == [5 - GAP, 5]
    assert place_in_order([]) == []


def test_without_room_there_is_no_place() -> None:
    assert place_in_order([10, None, 11]) is None
    assert place_in_order([None], 10, 11) is None


def test_there_is_room_for_many_at_one_place() -> None:
    low, high, count = GAP, 2 * GAP, 0
    while placed := place_in_order([None], low, high):
        high, count = placed[0], count + 1
    assert count == 32
