"""The items of the document in force, found by kind, team and name.

Made once for a revision, kind by kind, when they are asked for: a page of a list costs the page,
not the 50,000 items behind it.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Protocol

from faregate.configuration.document import Document
from faregate.configuration.names import local, within
from faregate.control.paging import Page, Paging, encode_cursor
from faregate.storage.revisions import Item, Revisions

_ORDERS_MAX: Final = 8  # that a listing keeps, beside the one by name
Test = Callable[[Item], bool]


class Listed(Protocol):
    """A kind of item."""

    @property
    def field(self) -> str:
        """Its list in the document."""


class Listing:
    """All items of one kind in one revision."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.items = sorted(items, key=lambda item: item.name)
        self.by_name = {item.name: item for item in self.items}
        self.by_team: dict[str | None, list[Item]] = {}
        for item in self.items:
            self.by_team.setdefault(item.team, []).append(item)
        self._orders: dict[tuple[tuple[str, bool], ...], tuple[list[Item], dict[str, int]]] = {}

    def find(self, team: str | None, name: str) -> Item | None:
        """What `team` calls so, by local or whole name; None: all that is there."""
        if team is None:
            return self.by_name.get(name)
        for one in (within(team, name), local(team, name)):
            item = self.by_name.get(one)
            if item is not None and item.team == team:
                return item
        return None

    def page(
        self, paging: Paging, sortable: Sequence[str], test: Test, team: str | None = None
    ) -> Page[Item]:
        """A page of those that pass the test, of one team where it is named."""
        if team is not None:
            mine = [item for item in self.by_team.get(team, ()) if test(item)]
            return paging.page(mine, sortable=sortable, default="name", value=value_of)
        order = paging.order(sortable, "name")
        if "name" not in (name for name, _ in order):
            order.append(("name", False))
        items, places = self._ordered(tuple(order))
        begin = 0
        if paging.cursor is not None:
            at = self._place(paging.position() or [], order, places)
            if at is None:  # the last item of the page before was changed or removed
                mine = list(filter(test, items))
                return paging.page(mine, sortable=sortable, default="name", value=value_of)
            begin = at + 1
        found: list[Item] = []
        for number in range(begin, len(items)):
            if test(items[number]):
                if len(found) == paging.limit:
                    last = found[-1]
                    return Page(found, encode_cursor([value_of(last, name) for name, _ in order]))
                found.append(items[number])
        return Page(found, None)

    def _ordered(self, order: tuple[tuple[str, bool], ...]) -> tuple[list[Item], dict[str, int]]:
        made = self._orders.get(order)
        if made is None:
            items = self.items
            for name, down in reversed(order):
                if (name, down) != ("name", False) or items is not self.items:
                    items = sorted(items, key=_sort_key(name), reverse=down)
            made = items, {item.name: at for at, item in enumerate(items)}
            if len(self._orders) >= _ORDERS_MAX:
                self._orders.clear()
            self._orders[order] = made
        return made

    def _place(
        self, position: list[Any], order: list[tuple[str, bool]], places: dict[str, int]
    ) -> int | None:
        """Where the item of a cursor stands, if it still is what it was."""
        if len(position) != len(order):
            return None
        named = dict(zip((name for name, _ in order), position, strict=True))
        item = self.by_name.get(str(named["name"]))
        if item is None or any(value_of(item, name) != mark for name, mark in named.items()):
            return None
        return places[item.name]


class Index:
    """Listings of the revision in force."""

    def __init__(self, revisions: Revisions) -> None:
        self._revisions = revisions
        self._lock = threading.Lock()
        self._number = -1
        self._made: dict[str, Any] = {}

    def document(self) -> tuple[int, Document]:
        """The revision in force, and its document."""
        return self._revisions.written()

    def of(self, kind: Listed) -> Listing:
        """All items of a kind."""
        listing: Listing = self.made(
            kind.field, lambda _: Listing(self._revisions.items(kind.field))
        )
        return listing

    def made(self, name: str, make: Callable[[Document], Any]) -> Any:
        """What `make` makes of the document in force, once for a revision."""
        number, document = self._revisions.written()
        with self._lock:
            if number != self._number:
                self._number, self._made = number, {}
            made = self._made.get(name)
            if made is None:
                made = self._made[name] = make(document)
        return made


def value_of(item: Item, name: str) -> Any:
    """What an item is sorted by; moments and amounts as texts."""
    if name == "name":
        return item.name
    value = getattr(item.value, name)
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


def _sort_key(name: str) -> Callable[[Item], tuple[int, Any]]:
    return lambda item: _orderable(value_of(item, name))


def _orderable(value: Any) -> tuple[int, Any]:
    if value is None:
        return (0, 0)
    return (1, value) if isinstance(value, (int, float)) else (2, value)
