"""Keys of teams, kept in step with the document.

Every function runs inside the caller's transaction.
"""

from collections.abc import Collection, Iterator
from typing import Any, Final

import sqlalchemy as sa

from faregate.configuration.commerce import Budget, Limit
from faregate.configuration.document import Document
from faregate.configuration.problems import Path, Problem
from faregate.configuration.tenancy import Scopes, both_names
from faregate.storage.tables import keys as table

_CHUNK: Final = 500  # values in one statement


def assign_teams(
    connection: sa.Connection, before: Document, document: Document, number: int
) -> None:
    """Make keys the team's whose their applications now are.

    `before` is the document that was in force; keys of the file are in step with `document`.
    """
    if before.applications is document.applications and before.keys is document.keys:
        return
    old = {one.name: one.team for one in before.applications}
    named = {key.application for key in document.keys}
    moved = [
        {"of": one.name, "whose": one.team}
        for one in document.applications
        if one.name in named or old.get(one.name, one.team) != one.team
    ]
    if moved:
        connection.execute(
            table.update()
            .where(
                table.c.application == sa.bindparam("of"),
                table.c.team.is_distinct_from(sa.bindparam("whose")),
            )
            .values(team=sa.bindparam("whose"), changed=number),
            moved,
        )


def check_tenants_of_keys(connection: sa.Connection, document: Document) -> list[Problem]:
    """Where teams' names in `document` and keys by command don't fit."""
    return [*_same_names(connection, document), *_foreign_keys(connection, document)]


def _same_names(connection: sa.Connection, document: Document) -> Iterator[Problem]:
    """Keys of the file that have the local name of one made by command."""
    scopes = Scopes(document)
    wanted: dict[str, tuple[int, str]] = {}
    for at, key in enumerate(document.keys):
        team = scopes.team_of_key(key)
        if team is not None and not key.revoked:
            wanted |= {name: (at, team) for name in both_names(key.name, team) if name != key.name}
    active = (table.c.source == "command") & table.c.revoked_ns.is_(None)
    for name, team in _teams_of(connection, wanted, active):
        at, whose = wanted[name]
        if team == whose:
            yield Problem(
                ("keys", at, "name"),
                f"the team {team!r} has a key of this name already: {name!r}, made by command",
                f"choose another name, or run 'faregate keys revoke {name}' first",
            )


def _foreign_keys(connection: sa.Connection, document: Document) -> Iterator[Problem]:
    """Keys made by command that a team's rules select, and are not that team's."""
    own = {key.name for key in document.keys}
    wanted: dict[str, list[tuple[Path, str]]] = {}
    rules: tuple[tuple[str, tuple[Limit | Budget, ...]], ...] = (
        ("limits", document.limits),
        ("budgets", document.budgets),
    )
    for part, items in rules:
        for at, rule in enumerate(items):
            for number, name in enumerate(rule.keys if rule.team is not None else ()):
                if name not in own and rule.team is not None:
                    place: Path = (part, at, "keys", number)
                    wanted.setdefault(name, []).append((place, rule.team))
    teams: dict[str, set[str | None]] = {}
    for name, team in _teams_of(connection, wanted, sa.true()):
        teams.setdefault(name, set()).add(team)
    for name, found in teams.items():
        for place, whose in wanted[name]:
            if whose not in found:
                yield Problem(
                    place, f"there is no key {name!r}", f"name a key of the team {whose!r}"
                )


def _teams_of(
    connection: sa.Connection, names: Collection[str], condition: sa.ColumnElement[bool]
) -> Iterator[tuple[str, str | None]]:
    """Keys of these names, and their teams."""
    some = list(names)
    for at in range(0, len(some), _CHUNK):
        statement = sa.select(table.c.name, table.c.team).where(
            table.c.name.in_(some[at : at + _CHUNK]), condition
        )
        row: Any
        for row in connection.execute(statement):
            yield row.name, row.team
