"""Rows of revisions and of items; each function is inside a transaction."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from faregate.core.errors import MissingError
from faregate.identity.actors import ActorKind, Author, as_actor
from faregate.storage.revisions_items import Label, Row, decoded, encoded, team_of
from faregate.storage.revisions_state import Entry, ItemChange
from faregate.storage.tables import item_changes, items
from faregate.storage.tables import revisions as table

_COLUMNS = (
    table.c.number,
    table.c.created_ns,
    table.c.actor,
    table.c.summary,
    table.c.changed_document,
    table.c.message,
    table.c.actor_kind,
    table.c.actor_id,
    table.c.token,
    table.c.address,
)


class Revision(msgspec.Struct, frozen=True):
    """One change: who, when, what, and why.

    `changed_document` is false where only keys changed.
    """

    number: int
    created_ns: int
    actor: str
    summary: str
    changed_document: bool
    message: str | None = None
    actor_kind: ActorKind = "command"
    actor_id: str | None = None
    token: str | None = None
    address: str | None = None


class Past(msgspec.Struct, frozen=True):
    """One side of a change as it is kept."""

    position: int
    written: str
    sealed: str | None


def insert_revision(
    connection: sa.Connection,
    now_ns: int,
    author: Author,
    summary: str,
    message: str | None = None,
    *,
    changed_document: bool = False,
) -> int:
    """Add a revision, and give its number."""
    actor = as_actor(author)
    result = connection.execute(
        table.insert().values(
            created_ns=now_ns,
            actor=actor.name,
            summary=summary,
            message=message,
            actor_kind=actor.kind,
            actor_id=actor.id,
            token=actor.token,
            address=actor.address,
            changed_document=changed_document,
        )
    )
    key: Any = result.inserted_primary_key
    return int(key[0])


def newest_document(connection: sa.Connection) -> tuple[int, int]:
    """Number and time of the document's newest revision; 0 without one."""
    row = connection.execute(
        sa.select(table.c.number, table.c.created_ns)
        .where(table.c.changed_document.is_(True))
        .order_by(table.c.number.desc())
        .limit(1)
    ).first()
    return (0, 0) if row is None else (row[0], row[1])


def read_items(connection: sa.Connection) -> Iterator[tuple[Row, int]]:
    """All items in force, each with its version."""
    columns = items.c
    statement = sa.select(
        columns.kind,
        columns.name,
        columns.position,
        columns.written_json,
        columns.sealed_json,
        columns.changed,
    )
    for kind, name, position, written, sealed, changed in connection.execute(statement):
        yield Row(kind, name, position, written, sealed), changed


def has_item(connection: sa.Connection, kind: str, name: str) -> bool:
    """Whether there is such an item; a look at one row."""
    return find_item(connection, kind, name) is not None


def find_item(connection: sa.Connection, kind: str, name: str) -> tuple[Row, int] | None:
    """One item in force and its version."""
    columns = items.c
    row = connection.execute(
        sa.select(
            columns.position, columns.written_json, columns.sealed_json, columns.changed
        ).where(columns.kind == kind, columns.name == name)
    ).first()
    if row is None:
        return None
    return Row(kind, name, row[0], row[1], row[2]), row[3]


def find_names(connection: sa.Connection, kind: str) -> list[str]:
    """The names of all items of a kind, in their order."""
    statement = sa.select(items.c.name).where(items.c.kind == kind).order_by(items.c.position)
    return [name for (name,) in connection.execute(statement)]


def read_kind(connection: sa.Connection, kind: str) -> tuple[Any, ...]:
    """All items of a kind as written, in their order."""
    statement = (
        sa.select(items.c.written_json).where(items.c.kind == kind).order_by(items.c.position)
    )
    return decoded(kind, (text for (text,) in connection.execute(statement)))


def write_changes(connection: sa.Connection, number: int, changes: Sequence[ItemChange]) -> None:
    """Put items in force with revision `number`, and keep what they were.

    What changed gets this number as its version.
    """
    history, removed, put = [], [], []
    for change in changes:
        if change.after is not None and change.after.version == 0:
            change.after.version = number
        before, after = _side(change.before), _side(change.after)
        history.append(
            {
                "revision": number,
                "kind": change.kind,
                "name": change.name,
                **{f"{field}_before": value for field, value in before.items()},
                **{f"{field}_after": value for field, value in after.items()},
            }
        )
        if change.after is None:
            removed.append({"of_kind": change.kind, "of_name": change.name})
        else:
            put.append(
                {
                    "kind": change.kind,
                    "name": change.name,
                    "team": team_of(change.kind, change.after.written),
                    "position": after["position"],
                    "written_json": after["written"],
                    "sealed_json": after["sealed"],
                    "changed": change.after.version,
                }
            )
    if history:
        connection.execute(item_changes.insert(), history)
    if removed:
        condition = (items.c.kind == sa.bindparam("of_kind")) & (
            items.c.name == sa.bindparam("of_name")
        )
        connection.execute(items.delete().where(condition), removed)
    if put:
        connection.execute(items.insert().prefix_with("OR REPLACE"), put)


def _side(entry: Entry | None) -> dict[str, Any]:
    if entry is None:
        return {"position": None, "written": None, "sealed": None}
    return {
        "position": entry.position, "written": encoded(entry.written), "sealed": entry.sealed
    }  # fmt: skip


def history(
    connection: sa.Connection,
    count_max: int,
    before: int | None = None,
    label: Label | None = None,
) -> list[Revision]:
    """The last revisions, newest first; with `label`, those of this item."""
    statement = sa.select(*_COLUMNS).order_by(table.c.number.desc()).limit(count_max)
    if before is not None:
        statement = statement.where(table.c.number < before)
    if label is not None:
        statement = statement.join(item_changes, item_changes.c.revision == table.c.number).where(
            item_changes.c.kind == label[0], item_changes.c.name == label[1]
        )
    return [Revision(**row._mapping) for row in connection.execute(statement)]


def require_revision(connection: sa.Connection, number: int) -> Revision:
    """This revision; raises `MissingError`."""
    row = connection.execute(sa.select(*_COLUMNS).where(table.c.number == number)).first()
    if row is None:
        newest = connection.execute(sa.select(sa.func.max(table.c.number))).scalar()
        raise MissingError(
            f"there is no revision {number}",
            fix=f"the newest is {newest}; 'faregate revisions list' shows them"
            if newest
            else "nothing was configured yet",
        )
    return Revision(**row._mapping)


def changes_between(
    connection: sa.Connection, older: int, newer: int | None = None
) -> Iterator[tuple[str, str, Past | None, Past | None]]:
    """Each item changed after `older` until `newer`: before and after."""
    columns = item_changes.c
    span = columns.revision > older
    if newer is not None:
        span &= columns.revision <= newer
    first: dict[Label, Past | None] = {}
    last: dict[Label, Past | None] = {}
    # SQLite takes the other columns from the row that has the extreme value.
    for extreme, side, found in (
        (sa.func.min(columns.revision), "before", first),
        (sa.func.max(columns.revision), "after", last),
    ):
        statement = (
            sa.select(
                columns.kind,
                columns.name,
                *(columns[f"{field}_{side}"] for field in ("position", "written", "sealed")),
                extreme,
            )
            .where(span)
            .group_by(columns.kind, columns.name)
        )
        for row in connection.execute(statement):
            kind, name, position, written, sealed = row[:5]
            found[kind, name] = None if written is None else Past(position, written, sealed)
    for (kind, name), past in first.items():
        yield kind, name, past, last[kind, name]


def changed_item(
    connection: sa.Connection, kind: str, name: str, change: Callable[[Any], Any]
) -> ItemChange | None:
    """What `change` does to an item without references, if it is there.

    It is stored by `write_changes` with a revision that has `changed_document`.
    """
    found = find_item(connection, kind, name)
    if found is None:
        return None
    row, version = found
    value = decoded(kind, (row.written,))[0]
    before = Entry(row.position, version, value, row.sealed)
    return ItemChange(kind, name, before, Entry(row.position, 0, change(value), row.sealed))
