"""What a new document would change: expanded, checked, compared by item."""

import os
from collections.abc import Callable, Collection, Mapping
from itertools import pairwise, takewhile
from operator import is_
from typing import Any, NamedTuple

import msgspec

from faregate.configuration import completion, rules
from faregate.configuration.document import Document, Key
from faregate.configuration.problems import Path, Problem, place, raise_all
from faregate.configuration.references import expand, is_sealed, plain
from faregate.core.errors import ConfigurationError
from faregate.identity.keys import hash_key, shown_prefix
from faregate.storage.revisions_items import (
    LISTS,
    SINGLES,
    alone,
    assembled,
    encoded,
    given,
    name_of,
    of,
    where,
)
from faregate.storage.revisions_positions import anew, place_in_order
from faregate.storage.revisions_state import Entry, ItemChange, State
from faregate.storage.sealing import referred, seal_document
from faregate.storage.secrets import SecretBox


class Expanded(NamedTuple):
    """A document with its pins, the same with values, and what is wrong."""

    written: Document
    clear: Document
    problems: list[Problem]

    def check(self) -> None:
        """Raise `ConfigurationError` where it can't be honoured."""
        hidden = {problem.path for problem in self.problems}
        problems = [
            *rules.check_written(self.written),
            *self.problems,
            *(one for one in rules.check(self.clear) if one.path not in hidden),
        ]
        if problems:
            raise_all(problems, plain(self.written))


class Plan(NamedTuple):
    """What leads from a state to a document.

    `reordered` are kinds whose items are in another order.
    """

    written: Document
    clear: Document
    changes: list[ItemChange]
    reordered: frozenset[str]

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of which something changes."""
        return frozenset(one.kind for one in self.changes)


class Planner:
    """Plans changes; values are sealed and opened with `box`."""

    def __init__(self, box: SecretBox) -> None:
        self._box = box

    def expand(
        self,
        document: Document,
        environment: Mapping[str, str] | None,
        known: State | None = None,
        renewed: Collection[str] = (),
    ) -> Expanded:
        """`document` with its values; texts of `known` keep theirs.

        Variables are of `environment`, this process's own by default. Values of `known` at the
        places in `renewed` are not kept. Raises `ConfigurationError`, `StorageError`.
        """
        document = completion.pinned(document)
        variables = os.environ if environment is None else environment
        problems: list[Problem] = []
        values: dict[str, Any] = {}
        for kind in Document.__struct_fields__:
            items = given(document, kind)
            clear, wrong = self._expand_kind(kind, items, variables, known, renewed)
            values[kind] = clear
            problems += wrong
        return Expanded(document, assembled(values), problems)

    def _expand_kind(
        self,
        kind: str,
        items: tuple[Any, ...],
        variables: Mapping[str, str],
        known: State | None,
        renewed: Collection[str],
    ) -> tuple[tuple[Any, ...], list[Problem]]:
        entries = known.entries.get(kind, {}) if known else {}
        before: tuple[Any, ...] = ()
        head = tail = 0
        if known is not None and entries and not renewed:
            before = known.values(kind, self._box)
            head, tail = same_ends(given(known.written, kind), items)
        problems: list[Problem] = []
        found: list[Any] = []
        for at in range(head, len(items) - tail):
            value = items[at]
            entry = entries.get(name_of(value) if kind in LISTS else "")
            if (
                entry is not None and entry.written is value and entry.sealed is None
            ) or "${" not in encoded(value):
                found.append(value)
            else:
                clear, wrong = self._expand_item(kind, value, variables, entry, renewed)
                found.append(clear)
                problems += [_moved(one, at) if kind in LISTS else one for one in wrong]
        return (*before[:head], *found, *before[len(before) - tail :]), problems

    def _expand_item(
        self,
        kind: str,
        value: Any,
        variables: Mapping[str, str],
        entry: Entry | None,
        renewed: Collection[str],
    ) -> tuple[Any, list[Problem]]:
        document = alone(kind, value)
        tree = plain(document)
        kept: Mapping[str, tuple[str, str]] = {}
        if entry is not None and entry.sealed is not None:
            clear = alone(kind, entry.clear(kind, self._box))
            kept = {
                here: (text, inside)
                for here, (text, inside) in referred(alone(kind, entry.written), clear)
                if here not in renewed
            }

        def known(path: Path, text: str) -> str | None:
            here = place(tree, path)
            if here in kept and kept[here][0] == text:
                return kept[here][1]
            return self._box.open(text, here) if is_sealed(text) else None

        found, problems = expand(document, variables, known)
        return of(kind, found), problems

    def plan(self, state: State, expanded: Expanded, *, lenient: bool = False) -> Plan:
        """What leads from `state` to the document.

        With `lenient`, values of `state` that can't be opened count as others.
        """
        keys = tuple(map(_hashed, expanded.clear.keys))
        written = msgspec.structs.replace(expanded.written, keys=keys)
        clear = msgspec.structs.replace(expanded.clear, keys=keys)
        changes: list[ItemChange] = []
        reordered = set()
        for kind in Document.__struct_fields__:
            moved = self._plan_kind(kind, state, written, clear, changes, lenient)
            if moved:
                reordered.add(kind)
        return Plan(written, clear, changes, frozenset(reordered))

    def _plan_kind(
        self,
        kind: str,
        state: State,
        written: Document,
        clear: Document,
        changes: list[ItemChange],
        lenient: bool,
    ) -> bool:
        """Add what changes of a kind; whether what stays is in another order."""
        entries = state.entries.get(kind, {})
        items, inside, old = given(written, kind), given(clear, kind), given(state.written, kind)
        if kind in SINGLES and not entries and items == old:
            return False  # by default, and never said
        head = tail = 0
        if not lenient and entries:
            known = same_ends(state.values(kind, self._box), inside)
            head, tail = map(min, same_ends(old, items), known)
        end = len(items) - tail
        names = _names(kind, items[head:end])
        before = {
            name: entries[name]
            for name in _names(kind, old[head : len(old) - tail] if entries else ())
        }
        for name in names:
            if name in entries and name not in before:
                raise _twin(kind, name)
        beside = [
            entries[_name(kind, old[at])].position if entries and 0 <= at < len(old) else None
            for at in (head - 1, len(old) - tail)
        ]
        kept = [before[name].position if name in before else None for name in names]
        placed = place_in_order(kept, *beside)
        if placed is None:  # no room is left: all get numbers anew
            head, end, names, before = 0, len(items), _names(kind, items), entries
            placed = anew(len(names))
        for name, value, own, position in zip(
            names, items[head:end], inside[head:end], placed, strict=True
        ):
            entry = self._item(kind, before.get(name), value, own, position, lenient)
            if entry is not None:
                changes.append(ItemChange(kind, name, before.get(name), entry))
        gone = before.keys() - set(names)
        changes += [
            ItemChange(kind, name, one, None) for name, one in before.items() if name in gone
        ]
        return _in_other_order(before, names)

    def _item(
        self, kind: str, before: Entry | None, value: Any, clear: Any, position: int, lenient: bool
    ) -> Entry | None:
        """The item as it will be kept; None where it stays as it is."""
        if before is None:
            return Entry(position, 0, value, self._sealed(kind, value, clear, None), clear)
        same = before.written is value or before.written == value
        if same and before.sealed is not None:
            inside = before.clear_or_sealed if lenient else before.clear
            same = inside(kind, self._box) == clear
        if not same:
            return Entry(position, 0, value, self._sealed(kind, value, clear, before), clear)
        if position == before.position:
            return None
        return Entry(position, before.version, before.written, before.sealed, clear)

    def _sealed(self, kind: str, value: Any, clear: Any, before: Entry | None) -> str | None:
        if "${" not in encoded(value):
            return None
        kept: dict[str, tuple[str, str]] = {}
        if before is not None and before.sealed is not None:
            old, opened = before.unopened(kind), before.clear_or_sealed(kind, self._box)
            kept = {
                here: (inside, sealed)
                for here, (_, sealed, inside) in referred(
                    alone(kind, before.written), alone(kind, old), alone(kind, opened)
                )
            }
        sealed = seal_document(alone(kind, value), alone(kind, clear), self._box, kept)
        return encoded(of(kind, sealed))


def same_ends(old: tuple[Any, ...], new: tuple[Any, ...]) -> tuple[int, int]:
    """How many items at the beginning and at the end are the very same."""
    most = min(len(old), len(new))
    head = sum(1 for _ in takewhile(bool, map(is_, old, new)))
    tail = sum(1 for _ in takewhile(bool, map(is_, reversed(old), reversed(new))))
    return head, min(tail, most - head)


def _name(kind: str, item: Any) -> str:
    return name_of(item) if kind in LISTS else ""


def _names(kind: str, items: tuple[Any, ...]) -> list[str]:
    """What items go by; raises `ConfigurationError` where two go by the same."""
    names = [_name(kind, item) for item in items]
    if len(set(names)) != len(names):
        seen: set[str] = set()
        for name in names:
            if name in seen:
                raise _twin(kind, name)
            seen.add(name)
    return names


def _twin(kind: str, name: str) -> ConfigurationError:
    return ConfigurationError(f"{where(kind, name)} is there twice", fix="keep one of the two")


def _in_other_order(before: Mapping[str, Entry], names: list[str]) -> bool:
    positions = [before[name].position for name in names if name in before]
    return any(one > other for one, other in pairwise(positions))


def _moved(problem: Problem, at: int) -> Problem:
    return msgspec.structs.replace(problem, path=(problem.path[0], at, *problem.path[2:]))


def _hashed(key: Key) -> Key:
    """The key without its secret; what it needs to be shown is kept."""
    if key.secret.startswith("sha256:"):
        return key
    return msgspec.structs.replace(
        key,
        secret=f"sha256:{hash_key(key.secret).hex()}",
        prefix=key.prefix or shown_prefix(key.secret),
    )


Edit = Callable[[Document], Document]
"""What a command does to the document."""
