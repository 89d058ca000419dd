"""The document as it was, and what revisions changed of it.

What was before is found from what is now, by undoing the changes since.
"""

import msgspec
import sqlalchemy as sa

from faregate.configuration.difference import Change
from faregate.storage.revisions_items import Row
from faregate.storage.revisions_rows import (
    Revision,
    changes_between,
    read_items,
    require_revision,
)
from faregate.storage.revisions_state import ItemChange, State, state_of
from faregate.storage.revisions_telling import moved, order_differs, revived, tell
from faregate.storage.secrets import SecretBox


class Shown(msgspec.Struct, frozen=True):
    """A revision, and the lines that tell what it changed."""

    revision: Revision
    changes: list[Change]


def show(connection: sa.Connection, number: int, box: SecretBox) -> Shown:
    """Who changed what with this revision; raises `MissingError`."""
    revision = require_revision(connection, number)
    return Shown(revision, compare(connection, number - 1, number, box))


def compare(connection: sa.Connection, old: int, new: int, box: SecretBox) -> list[Change]:
    """What leads from one revision's document to another's, in either way."""
    changes = revived(changes_between(connection, min(old, new), max(old, new)))
    if old > new:
        changes = [ItemChange(one.kind, one.name, one.after, one.before) for one in changes]
    reordered = {
        kind
        for kind in moved(changes)
        if order_differs(_order(connection, kind, old), _order(connection, kind, new))
    }
    return tell(changes, box, reordered)


def state_at(connection: sa.Connection, number: int) -> State:
    """The document that was in force with this revision.

    Raises `MissingError` where there was none of this number; 0 is the empty document.
    """
    if number:
        require_revision(connection, number)
    rows = {(row.kind, row.name): row for row, _ in read_items(connection)}
    for kind, name, before, _ in changes_between(connection, number):
        if before is None:
            rows.pop((kind, name), None)
        else:
            rows[kind, name] = Row(kind, name, before.position, before.written, before.sealed)
    return state_of(number, ((row, 0) for row in rows.values()))


def _order(connection: sa.Connection, kind: str, number: int) -> list[tuple[str, str]]:
    """The items of a kind in the order that they had."""
    positions = {row.name: row.position for row, _ in read_items(connection) if row.kind == kind}
    for changed, name, before, _ in changes_between(connection, number):
        if changed == kind and before is not None:
            positions[name] = before.position
        elif changed == kind:
            positions.pop(name, None)
    return [(kind, name) for name in sorted(positions, key=positions.__getitem__)]
