"""The document in force, held with what each item is kept as."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from faregate.configuration import completion
from faregate.configuration.document import Document
from faregate.core.errors import StorageError
from faregate.storage.revisions_items import (
    Row,
    alone,
    assembled,
    by_kind,
    decoded,
    given,
    of,
)
from faregate.storage.sealing import open_document
from faregate.storage.secrets import SecretBox


class Entry:
    """One item: as written, as kept, and, once asked for, in the clear.

    `sealed` is its JSON with sealed values, None where it has no references. `version` is the
    revision that changed it last.
    """

    __slots__ = ("_clear", "position", "sealed", "version", "written")

    def __init__(
        self, position: int, version: int, written: Any, sealed: str | None, clear: Any = None
    ) -> None:
        self.position = position
        self.version = version
        self.written = written
        self.sealed = sealed
        self._clear = written if sealed is None else clear

    def clear(self, kind: str, box: SecretBox) -> Any:
        """The item with its values; raises `StorageError` for another master key."""
        if self._clear is None:
            self._clear = of(kind, open_document(alone(kind, self.unopened(kind)), box))
        return self._clear

    def clear_or_sealed(self, kind: str, box: SecretBox) -> Any:
        """The item with its values, sealed still where they can't be opened."""
        try:
            return self.clear(kind, box)
        except StorageError:
            return self.unopened(kind)

    def unopened(self, kind: str) -> Any:
        """The item with sealed values."""
        return self.written if self.sealed is None else decoded(kind, (self.sealed,))[0]

    def take_clear(self, other: "Entry") -> None:
        """Spare opening what the other has open: they are sealed alike."""
        if self.sealed is not None and other.sealed == self.sealed:
            self._clear = other._clear


class ItemChange(NamedTuple):
    """An item before and after; None where it isn't there."""

    kind: str
    name: str
    before: Entry | None
    after: Entry | None


Entries = dict[str, dict[str, Entry]]


class State:
    """What is in force with revision `number`; never changed."""

    def __init__(self, number: int, entries: Entries, written: Document) -> None:
        self.number = number
        self.entries = entries
        self.written = written
        self._clear: Document | None = None
        self._values: dict[str, tuple[Any, ...]] = {}

    def find(self, kind: str, name: str) -> Entry | None:
        """The item; None where it isn't there."""
        return self.entries.get(kind, {}).get(name)

    def version(self, kind: str, name: str) -> int:
        """The revision that changed the item last; 0: it isn't there."""
        entry = self.find(kind, name)
        return 0 if entry is None else entry.version

    def clear(self, box: SecretBox) -> Document:
        """The document as the gate takes it.

        Raises `StorageError` for another master key.
        """
        if self._clear is None:
            values = {kind: self.values(kind, box) for kind in self.entries if kind != "keys"}
            self._clear = completion.completed(assembled(values))
        return self._clear

    def values(self, kind: str, box: SecretBox) -> tuple[Any, ...]:
        """The items of a kind in the clear, in order; raises `StorageError`."""
        if kind not in self._values:
            some = self.entries.get(kind, {})
            if any(one.sealed is not None for one in some.values()):
                in_order = sorted(some.values(), key=_position)
                self._values[kind] = tuple(one.clear(kind, box) for one in in_order)
            else:
                self._values[kind] = given(self.written, kind)
        return self._values[kind]

    def part(self, kinds: Iterable[str], box: SecretBox) -> Document:
        """Some kinds alone, with values sealed still where they can't be opened.

        So a lost master key is overcome by applying a file with all secrets again.
        """
        return assembled(
            {
                kind: [
                    one.clear_or_sealed(kind, box)
                    for one in sorted(self.entries.get(kind, {}).values(), key=_position)
                ]
                for kind in kinds
            }
        )

    def changed(self, number: int, changes: Iterable[ItemChange]) -> "State":
        """The state after `changes`."""
        entries = dict(self.entries)
        touched: dict[str, dict[str, Entry]] = {}
        for change in changes:
            if change.kind not in touched:
                touched[change.kind] = entries[change.kind] = dict(entries.get(change.kind, {}))
            if change.after is None:
                touched[change.kind].pop(change.name, None)
            else:
                touched[change.kind][change.name] = change.after
        values = {
            kind: [one.written for one in sorted(some.values(), key=_position)]
            for kind, some in touched.items()
        }
        return State(number, entries, assembled(values, self.written))


def _position(entry: Entry) -> int:
    return entry.position


NOTHING = State(0, {}, Document())


def state_of(number: int, rows: Iterable[tuple[Row, int]], before: State = NOTHING) -> State:
    """The state that is kept in rows, each with its version.

    What was open in `before` and is sealed alike isn't opened again. Raises `StorageError`.
    """
    versions: dict[tuple[str, str], int] = {}
    kept: list[Row] = []
    for row, version in rows:
        versions[row.kind, row.name] = version
        kept.append(row)
    entries: Entries = {}
    values: dict[str, tuple[Any, ...]] = {}
    for kind, some in by_kind(kept).items():
        values[kind] = decoded(kind, (row.written for row in some))
        entries[kind] = {
            row.name: Entry(row.position, versions[kind, row.name], value, row.sealed)
            for row, value in zip(some, values[kind], strict=True)
        }
        for name, entry in entries[kind].items():
            if entry.sealed is not None and (old := before.find(kind, name)) is not None:
                entry.take_clear(old)
    return State(number, entries, assembled(values))
