"""Drafts: changes that are prepared, to be put in force together.

A draft keeps whole items, and of each the version that it was made from. Each function is inside a
transaction.
"""

from collections.abc import Collection, Iterable
from typing import Any

import msgspec
import sqlalchemy as sa

from faregate.core.errors import MissingError
from faregate.identity.actors import Author, as_actor
from faregate.storage.revisions_items import Label, decoded, encoded, team_of
from faregate.storage.revisions_state import Entry, ItemChange, State
from faregate.storage.tables import draft_items as table
from faregate.storage.tables import drafts

SHARED = "shared"
"""The draft that all who manage the installation share."""


class StagedItem(msgspec.Struct, frozen=True):
    """An item that is to be changed, or `removed`.

    `base_version` is the version that the proposal was made from; 0: it wasn't there.
    """

    kind: str
    name: str
    team: str | None
    base_version: int
    removed: bool
    created_ns: int
    actor: str


class Draft(msgspec.Struct, frozen=True):
    """Changes that are published together, or discarded."""

    name: str
    created_ns: int
    actor: str
    message: str | None
    items: tuple[StagedItem, ...]


class Proposal(msgspec.Struct):
    """A staged item as it is kept; `written` of None removes it."""

    item: StagedItem
    written: str | None
    sealed: str | None


def read_drafts(connection: sa.Connection) -> list[Draft]:
    """All drafts, by name."""
    heads = connection.execute(sa.select(drafts).order_by(drafts.c.name)).all()
    return [_draft(connection, head) for head in heads]


def require_draft(connection: sa.Connection, name: str) -> Draft:
    """The draft of this name; raises `MissingError`."""
    head = connection.execute(sa.select(drafts).where(drafts.c.name == name)).first()
    if head is None:
        raise MissingError(
            f"nothing is staged in the draft {name!r}",
            fix="'faregate revisions staged' shows the drafts",
        )
    return _draft(connection, head)


def _draft(connection: sa.Connection, head: Any) -> Draft:
    proposals = read_proposals(connection, head.name)
    return Draft(
        head.name, head.created_ns, head.actor, head.message, tuple(one.item for one in proposals)
    )


def read_proposals(connection: sa.Connection, draft: str) -> list[Proposal]:
    """What a draft holds, in the order it was staged in."""
    columns = table.c
    rows = connection.execute(
        sa.select(table)
        .where(columns.draft == draft)
        .order_by(columns.created_ns, sa.text("rowid"))
    )
    return [
        Proposal(
            StagedItem(
                kind=row.kind,
                name=row.name,
                team=row.team,
                base_version=row.base_version,
                removed=row.written_json is None,
                created_ns=row.created_ns,
                actor=row.actor,
            ),
            row.written_json,
            row.sealed_json,
        )
        for row in rows
    ]


def overlaid(state: State, proposals: Iterable[Proposal]) -> State:
    """The state as it would be with the draft in force; new items come last."""
    changes = []
    last: dict[str, int] = {}
    for one in proposals:
        kind, name = one.item.kind, one.item.name
        before = state.find(kind, name)
        if one.written is None:
            changes.append(ItemChange(kind, name, before, None))
            continue
        if before is None and kind not in last:
            last[kind] = max((e.position for e in state.entries.get(kind, {}).values()), default=0)
        if before is None:
            last[kind] += 1
        position = last[kind] if before is None else before.position
        value = decoded(kind, (one.written,))[0]
        changes.append(ItemChange(kind, name, before, Entry(position, 0, value, one.sealed)))
    return state.changed(state.number, changes)


def stale(state: State, proposals: Iterable[Proposal]) -> list[StagedItem]:
    """Items that were changed in force since they were staged."""
    return [
        one.item
        for one in proposals
        if state.version(one.item.kind, one.item.name) != one.item.base_version
    ]


def put_draft(
    connection: sa.Connection, name: str, author: Author, now_ns: int, message: str | None
) -> None:
    """Make the draft where it isn't there; a message replaces that it has."""
    actor = as_actor(author).name
    head = connection.execute(sa.select(drafts).where(drafts.c.name == name)).first()
    if head is None:
        connection.execute(
            drafts.insert().values(name=name, created_ns=now_ns, actor=actor, message=message)
        )
    elif message is not None:
        connection.execute(drafts.update().where(drafts.c.name == name).values(message=message))


def put_proposals(
    connection: sa.Connection,
    draft: str,
    changes: Iterable[ItemChange],
    bases: dict[Label, int],
    author: Author,
    now_ns: int,
) -> None:
    """Stage changes; `bases` are the versions that they were made from."""
    actor = as_actor(author).name
    rows = [
        {
            "draft": draft,
            "kind": change.kind,
            "name": change.name,
            "team": _team(change),
            "base_version": bases[change.kind, change.name],
            "written_json": None if change.after is None else encoded(change.after.written),
            "sealed_json": None if change.after is None else change.after.sealed,
            "created_ns": now_ns,
            "actor": actor,
        }
        for change in changes
    ]
    if rows:
        connection.execute(table.insert().prefix_with("OR REPLACE"), rows)


def _team(change: ItemChange) -> str | None:
    entry = change.after or change.before
    return None if entry is None else team_of(change.kind, entry.written)


def take_proposals(
    connection: sa.Connection, draft: str, labels: Collection[Label] | None = None
) -> int:
    """Drop these items of a draft, or all; gives how many.

    An empty draft goes with them.
    """
    condition = table.c.draft == draft
    if labels is None:
        count = connection.execute(table.delete().where(condition)).rowcount
    else:
        count = sum(
            connection.execute(
                table.delete().where(condition, table.c.kind == kind, table.c.name == name)
            ).rowcount
            for kind, name in labels
        )
    left = connection.execute(
        sa.select(sa.func.count()).select_from(table).where(condition)
    ).scalar()
    if not left:
        connection.execute(drafts.delete().where(drafts.c.name == draft))
    return count
