"""What keys refer to in the document in force.

Applications, teams and models.

Every function runs inside the caller's transaction. What is another team's looks as if it weren't
there.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from faregate.configuration.commerce import Application
from faregate.configuration.document import Document
from faregate.configuration.names import within
from faregate.configuration.problems import unknown
from faregate.configuration.tenancy import Scopes, both_names
from faregate.core.errors import FaregateError, MissingError
from faregate.storage.revisions_items import decoded
from faregate.storage.revisions_rows import find_item, find_names, has_item, read_kind
from faregate.storage.tables import items


class References:
    """The document in force, as far as keys refer to it.

    Each item is looked up once.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._known: dict[str, Application | None] = {}
        self._teams: dict[str, bool] = {}
        self._scopes: Scopes | None = None

    def application(self, name: str | None, team: str | None) -> tuple[str | None, str | None]:
        """The whole name of a key's application, and its team.

        `team` is who asks.

        Raises `MissingError` where there is none of this name, or it is not of that team.
        """
        if team is not None:
            return self._own_application(name, team), team
        if name is None:
            return None, None
        found = self._find(name)
        if found is None:
            raise MissingError(
                unknown("application", name, find_names(self._connection, "applications")),
                fix=f"'faregate applications list' shows them, 'faregate applications add "
                f"{name}' adds one",
            )
        return found.name, found.team

    def _own_application(self, name: str | None, team: str) -> str:
        if not self._is_team(team):
            raise MissingError(
                unknown("team", team, find_names(self._connection, "teams")),
                fix="'faregate teams list' shows the teams",
            )
        if name is None:
            raise FaregateError(
                f"a key of the team {team!r} belongs to one of its applications",
                fix="name the application",
            )
        for one in map(self._find, both_names(name, team)):
            if one is not None and one.team == team:
                return one.name
        columns = items.c
        own = self._connection.execute(
            sa.select(columns.name).where(columns.kind == "applications", columns.team == team)
        )
        raise MissingError(
            unknown("application", name, [found for (found,) in own]),
            fix=f"name an application of the team {team!r}, or add it first",
        )

    def _find(self, name: str) -> Application | None:
        if name not in self._known:
            found = find_item(self._connection, "applications", name)
            values = decoded("applications", [found[0].written]) if found is not None else ()
            self._known[name] = values[0] if values else None
        return self._known[name]

    def _is_team(self, name: str) -> bool:
        if name not in self._teams:
            self._teams[name] = has_item(self._connection, "teams", name)
        return self._teams[name]

    def name(self, name: str, team: str | None, asked_by: str | None) -> str:
        """The whole name of a key of `team`.

        As it is given, or behind the team's.

        Raises `FaregateError` where the name says another team.
        """
        if asked_by is not None:
            name = within(asked_by, name)
        before, slash, own = name.partition("/")
        if slash and (before != team or not self._is_team(before) or "/" in own):
            said = before if asked_by is None else own.partition("/")[0]
            raise FaregateError(
                f"{name!r} is a name of the team {said!r}, and the key belongs to "
                + (f"the team {team!r}" if team else "no application of it"),
                fix=f"name an application of the team {said!r}, or leave '{said}/' out",
            )
        return name

    def models(self, names: Iterable[str], team: str | None) -> frozenset[str]:
        """The whole names of models that a key of `team` may use.

        Raises `MissingError` where one isn't there for that team.
        """
        if self._scopes is None:
            self._scopes = Scopes(
                Document(
                    providers=read_kind(self._connection, "providers"),
                    models=read_kind(self._connection, "models"),
                    virtual_models=read_kind(self._connection, "virtual_models"),
                )
            )
        known = self._scopes.of(team)["model"]
        found = set()
        for name in sorted(names):
            whole = name if team is None else within(team, name)
            if whole not in known:
                whole = name
            if whole not in known:
                raise MissingError(
                    unknown("model", name, [*known]), fix="'faregate models list' shows the models"
                )
            found.add(whole)
        return frozenset(found)
