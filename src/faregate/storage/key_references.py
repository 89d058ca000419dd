"""What keys refer to in the document in force: applications, teams and models.

Every function runs inside the caller's transaction. What is another team's looks as if it weren't
there.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from faregate.configuration.document import Document
from faregate.configuration.names import within
from faregate.configuration.problems import unknown
from faregate.configuration.tenancy import Scopes, find_owned
from faregate.core.errors import FaregateError, MissingError
from faregate.storage.revisions import read_document


class References:
    """The document in force, as far as keys refer to it."""

    def __init__(self, connection: sa.Connection) -> None:
        row = read_document(connection)
        self._document = row[1].written if row else Document()
        self._teams = {one.name: one for one in self._document.teams}
        self._applications = {one.name: one for one in self._document.applications}
        self._scopes: Scopes | None = None

    def application(self, name: str | None, team: str | None) -> tuple[str | None, str | None]:
        """The whole name of a key's application, and its team; `team` is who asks.

        Raises `MissingError` where there is none of this name, or it is not of that team.
        """
        if team is not None:
            return self._own_application(name, team), team
        if name is None:
            return None, None
        found = self._applications.get(name)
        if found is None:
            raise MissingError(
                unknown("application", name, [*self._applications]),
                fix=f"'faregate applications list' shows them, 'faregate applications add "
                f"{name}' adds one",
            )
        return found.name, found.team

    def _own_application(self, name: str | None, team: str) -> str:
        if team not in self._teams:
            raise MissingError(
                unknown("team", team, [*self._teams]), fix="'faregate teams list' shows the teams"
            )
        if name is None:
            raise FaregateError(
                f"a key of the team {team!r} belongs to one of its applications",
                fix="name the application",
            )
        found = self._applications.get(within(team, name))
        if found is None or found.team != team:
            found = find_owned(self._document.applications, team, name)
        if found is None:
            own = [one.name for one in self._document.applications if one.team == team]
            raise MissingError(
                unknown("application", name, own),
                fix=f"name an application of the team {team!r}, or add it first",
            )
        return found.name

    def name(self, name: str, team: str | None, asked_by: str | None) -> str:
        """The whole name of a key of `team`: as it is given, or behind the team's.

        Raises `FaregateError` where the name says another team.
        """
        if asked_by is not None:
            name = within(asked_by, name)
        before, slash, own = name.partition("/")
        if slash and (before not in self._teams or before != team or "/" in own):
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
            self._scopes = Scopes(self._document)
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
