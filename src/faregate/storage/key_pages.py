"""Pages of keys: of all, of teams, of an application, by state and name.

A page begins where the one before ended, by name or by age, so that it costs the same wherever it
stands. Every function runs inside the caller's transaction.
"""

import base64
import binascii
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sa

from faregate.core.errors import FaregateError
from faregate.identity.keys import KeyState
from faregate.storage.key_rows import KeyEntry, read_entry, select_entries
from faregate.storage.tables import keys as table

PAGE_MAX: Final = 500
Sort = Literal["created", "name"]
_COLUMNS: Final = {"created": table.c.created_ns, "name": table.c.name}
_LAST: Final = "\U0010ffff"  # stands behind all names


class KeyQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which keys; what is None says nothing.

    `teams` are those whose keys there are, None is all, also of no team; `team` is one of these,
    "" is none. `name` is what names begin with, within a team also the local ones. States are as
    of `now_ns`.
    """

    teams: frozenset[str] | None = None
    team: str | None = None
    application: str | None = None
    state: KeyState | None = None
    name: str | None = None
    sort: Sort = "created"
    descending: bool = False
    now_ns: int = 0


class KeyPage(msgspec.Struct, frozen=True):
    """Some keys, and the place behind the last one where there are more."""

    entries: tuple[KeyEntry, ...]
    next: str | None = None


def read_page(
    connection: sa.Connection, query: KeyQuery, limit: int, after: str | None = None
) -> KeyPage:
    """A page of at most `limit` keys behind `after`, a page's `next`.

    Raises `FaregateError` where `after` is no place of this order.
    """
    limit = max(1, min(limit, PAGE_MAX))
    column = _COLUMNS[query.sort]
    statement = select_entries().where(*_conditions(query))
    if after is not None:
        value, key_id = _read_place(after, query)
        place = sa.tuple_(column, table.c.key_id)
        if query.descending:
            statement = statement.where(column <= value, place < (value, key_id))
        else:
            statement = statement.where(column >= value, place > (value, key_id))
    ends = (column, table.c.key_id)
    ordered = [one.desc() for one in ends] if query.descending else [*ends]
    rows = connection.execute(statement.order_by(*ordered).limit(limit + 1)).all()
    entries = tuple(read_entry(row) for row in rows[:limit])
    more = len(rows) > limit
    return KeyPage(entries, _write_place(entries[-1], query) if more else None)


def of_teams(teams: frozenset[str] | None) -> list[sa.ColumnElement[bool]]:
    """The condition that a key is of one of these teams; None is everybody's."""
    if teams is None:
        return []
    if len(teams) == 1:
        return [table.c.team == next(iter(teams))]
    return [table.c.team.in_(teams)]


def _conditions(query: KeyQuery) -> list[sa.ColumnElement[bool]]:
    found = of_teams(query.teams)
    if query.team is not None:
        found.append(table.c.team == query.team if query.team else table.c.team.is_(None))
    if query.application is not None:
        found.append(table.c.application == query.application)
    if query.state == "revoked":
        found.append(table.c.revoked_ns.is_not(None))
    elif query.state == "expired":
        found += [table.c.revoked_ns.is_(None), table.c.expires_ns.is_not(None)]
        found.append(table.c.expires_ns <= query.now_ns)
    elif query.state == "active":
        ends = table.c.expires_ns
        found += [table.c.revoked_ns.is_(None), sa.or_(ends.is_(None), ends > query.now_ns)]
    if query.name:
        found.append(_begins(query))
    return found


def _begins(query: KeyQuery) -> sa.ColumnElement[bool]:
    name = query.name or ""
    beginnings = [name]
    team = query.team
    if team is None and query.teams is not None and len(query.teams) == 1:
        team = next(iter(query.teams))
    if team and not name.startswith(f"{team}/"):
        beginnings.append(f"{team}/{name}")
    return sa.or_(*(sa.and_(table.c.name >= one, table.c.name < one + _LAST) for one in beginnings))


def _write_place(entry: KeyEntry, query: KeyQuery) -> str:
    record = entry.record
    value = record.name if query.sort == "name" else record.created_ns
    text = msgspec.json.encode([query.sort, value, record.key_id])
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _read_place(text: str, query: KeyQuery) -> tuple[Any, str]:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        sort, value, key_id = msgspec.json.decode(data, type=tuple[str, int | str, str])
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise _no_place(text) from error
    wanted = str if query.sort == "name" else int
    if sort != query.sort or type(value) is not wanted or not -(2**63) <= _number(value) < 2**63:
        raise _no_place(text)
    return value, key_id


def _number(value: int | str) -> int:
    return value if isinstance(value, int) else 0


def _no_place(text: str) -> FaregateError:
    return FaregateError(
        f"{text[:100]!r} is no place in this list", fix="take it from the page before"
    )
