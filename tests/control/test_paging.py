"""Lists come in pages that neither repeat nor hide an item."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.control.paging import Paging, chosen, decode_cursor, encode_cursor
from faregate.control.problems import ProblemError


class Item:
    def __init__(self, name: str, rank: int | None) -> None:
        self.name = name
        self.rank = rank


def paging(limit: int = 50, cursor: str | None = None, sort: str | None = None) -> Paging:
    return Paging(limit=limit, cursor=cursor, sort=sort, fields=None)


def walk(items: list[Item], limit: int, sort: str | None) -> list[str]:
    seen: list[str] = []
    cursor = None
    for _ in range(len(items) + 2):
        asked = paging(limit, cursor, sort)
        page = asked.page(items, sortable=("name", "rank"), default="name")
        seen += [item.name for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return seen
    raise AssertionError("the list has no end")


@given(
    ranks=st.dictionaries(
        st.text("abc/é", min_size=1, max_size=6), st.none() | st.integers(-3, 3), max_size=30
    ),
    limit=st.integers(1, 7),
    sort=st.sampled_from([None, "name", "-name", "rank", "-rank", "rank,-name"]),
)
def test_every_item_is_on_one_page(
    ranks: dict[str, int | None], limit: int, sort: str | None
) -> None:
    items = [Item(name, rank) for name, rank in ranks.items()]
    seen = walk(items, limit, sort)
    assert sorted(seen) == sorted(ranks)
    if sort in (None, "name"):
        assert seen == sorted(ranks)
    if sort == "-name":
        assert seen == sorted(ranks, reverse=True)


def test_what_is_added_meanwhile_moves_nothing() -> None:
    items = [Item(name, 0) for name in "bdfh"]
    first = paging(2).page(items, sortable=("name",), default="name")
    items.append(Item("a", 0))
    second = paging(2, first.next_cursor).page(items, sortable=("name",), default="name")
    assert [item.name for item in second.items] == ["f", "h"]


@pytest.mark.parametrize("cursor", ["", "!", "bm8", "e30", "W1tdXQ", "é", "W10=" * 400])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ProblemError) as caught:
        paging(2, cursor).page([Item("a", 1)], sortable=("name",), default="name")
    assert caught.value.problem.status == 400
    assert caught.value.problem.errors[0].field == "cursor"


def test_a_cursor_of_another_order_is_refused() -> None:
    with pytest.raises(ProblemError, match="another order"):
        paging(2, encode_cursor([1, 2, 3])).page([Item("a", 1)], sortable=("name",), default="name")


def test_a_field_that_can_not_be_sorted_by_is_named() -> None:
    with pytest.raises(ProblemError) as caught:
        paging(sort="colour").page([], sortable=("name",), default="name")
    [error] = caught.value.problem.errors
    assert error.field == "sort"
    assert error.fix == "use one of: name"


@given(st.lists(st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.text(max_size=20)))
def test_a_cursor_is_what_it_was(position: list[object]) -> None:
    assert decode_cursor(encode_cursor(position)) == position


def test_fields_are_chosen_by_name() -> None:
    assert chosen({"a": 1, "b": 2}, ("b",)) == {"b": 2}
    assert chosen({"a": 1}, None) == {"a": 1}
    with pytest.raises(ProblemError, match="no field 'c'"):
        chosen({"a": 1}, ("c",))
