"""Changes of items in readable lines; secrets are never told."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from faregate.configuration.difference import Change, difference
from faregate.configuration.document import Document
from faregate.core.errors import StorageError
from faregate.storage.revisions_items import LISTS, Label, alone, assembled, decoded
from faregate.storage.revisions_rows import Past
from faregate.storage.revisions_state import Entry, ItemChange
from faregate.storage.sealing import referred
from faregate.storage.secrets import SecretBox


def tell(
    changes: Iterable[ItemChange], box: SecretBox, reordered: Collection[str] = ()
) -> list[Change]:
    """The lines of all changes, kind by kind; then those of values alone."""
    grouped: dict[str, list[ItemChange]] = {}
    for change in changes:
        grouped.setdefault(change.kind, []).append(change)
    lines: list[Change] = []
    for kind in Document.__struct_fields__:
        lines += _kind(kind, grouped.get(kind, []))
        order = Change("~", f"{kind} (order)")
        if kind in reordered and order not in lines:
            lines.append(order)
    told = {line.place for line in lines}
    for kind, some in grouped.items():
        for change in some:
            lines += [
                Change("~", f"{where} (value)")
                for where in _values(kind, change, box)
                if where not in told
            ]
    return lines


def _kind(kind: str, changes: list[ItemChange]) -> list[Change]:
    changed = [
        (one.before, one.after)
        for one in changes
        if one.before is None or one.after is None or one.before.written != one.after.written
    ]
    if not changed:
        return []
    old = sorted((one for one, _ in changed if one), key=_position)
    new = sorted((one for _, one in changed if one), key=_position)
    return difference(_document(kind, old), _document(kind, new))


def _position(entry: Entry) -> int:
    return entry.position


def _document(kind: str, entries: list[Entry]) -> Document:
    return assembled({kind: [one.written for one in entries]})


def _values(kind: str, change: ItemChange, box: SecretBox) -> Iterator[str]:
    """Places of the same text on both sides whose values are not the same."""
    before, after = change.before, change.after
    if before is None or after is None or before.sealed is None or after.sealed is None:
        return
    if before.sealed == after.sealed:
        return
    old = dict(referred(alone(kind, before.written), alone(kind, before.unopened(kind))))
    for where, (text, sealed) in referred(
        alone(kind, after.written), alone(kind, after.unopened(kind))
    ):
        known, other = old.get(where, (None, sealed))
        if known == text and other != sealed and not _same(other, sealed, where, box):
            yield where


def _same(one: str, other: str, where: str, box: SecretBox) -> bool:
    """Whether two sealed texts hold one value; where that can't be known, they don't."""
    try:
        return box.open(one, where) == box.open(other, where)
    except StorageError:
        return False


def revived(
    changes: Iterable[tuple[str, str, Past | None, Past | None]],
) -> list[ItemChange]:
    """Kept changes as they were when they were made; raises `StorageError`."""
    kept = list(changes)
    sides: dict[str, list[Past]] = {}
    for kind, _, before, after in kept:
        sides.setdefault(kind, []).extend(one for one in (before, after) if one is not None)
    entries: Mapping[str, Iterator[Entry]] = {
        kind: iter(
            [
                Entry(past.position, 0, value, past.sealed)
                for past, value in zip(
                    some, decoded(kind, (past.written for past in some)), strict=True
                )
            ]
        )
        for kind, some in sides.items()
    }
    return [
        ItemChange(
            kind,
            name,
            None if before is None else next(entries[kind]),
            None if after is None else next(entries[kind]),
        )
        for kind, name, before, after in kept
    ]


def moved(changes: Iterable[ItemChange]) -> set[str]:
    """Kinds of lists of which an item stands at another position."""
    return {
        one.kind
        for one in changes
        if one.kind in LISTS
        and one.before is not None
        and one.after is not None
        and one.before.position != one.after.position
    }


def order_differs(one: Iterable[Label], other: Iterable[Label]) -> bool:
    """Whether what is in both is in another order."""
    first, second = list(one), list(other)
    both = set(first) & set(second)
    return [name for name in first if name in both] != [name for name in second if name in both]
