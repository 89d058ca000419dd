"""Tenants in a document: what is whose, and who may name it.

The organisation has teams. What says `team: sales` is that team's, and its name is written whole:
sales/shop. A team's things may name things of the same team and of the organisation; an account
that is shared with some teams alone is not there for the others, nor is what it serves.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from functools import cached_property
from typing import Any, Final, Protocol, TypeVar

from faregate.configuration.accounts import serving
from faregate.configuration.document import Document, Key, called_models
from faregate.configuration.names import local, within
from faregate.configuration.problems import unknown

OWNED_PARTS: Final = (
    *("applications", "providers", "models", "virtual_models"),
    *("wallets", "limits", "budgets"),
)
"""The parts of a document whose items may be a team's; keys follow their applications."""


class Owned(Protocol):
    """An item that may be a team's."""

    @property
    def name(self) -> str:
        """Its whole name."""

    @property
    def team(self) -> str | None:
        """The team that owns it; None: the organisation."""


Item = TypeVar("Item", bound=Owned)
Names = Mapping[str, Mapping[str, str]]  # by kind of thing: every name, and what it means


def owned(items: Iterable[Item], teams: Set[str] | None) -> list[Item]:
    """Those that belong to `teams`.

    Of None all, those of the organisation too.
    """
    return [item for item in items if teams is None or item.team in teams]


def find_owned(items: Iterable[Item], team: str | None, name: str) -> Item | None:
    """The one that `team` calls so, by its local or its whole name; None.

    There is none.
    """
    names = both_names(name, team)
    return next((item for item in items if item.team == team and item.name in names), None)


def both_names(name: str, team: str | None) -> tuple[str, ...]:
    """The names under which `team` may have a thing that it calls so.

    The whole and the bare.
    """
    return (name,) if team is None else (within(team, name), local(team, name))


def team_named(name: str, teams: Set[str] | Mapping[str, Any]) -> str | None:
    """The team before the '/' of a whole name, where it is one of `teams`."""
    before, slash, _ = name.partition("/")
    return before if slash and before in teams else None


def visible_names(document: Document, team: str | None) -> frozenset[str]:
    """The models, virtual ones too, that are there for calls of `team`.

    None: of no team.

    Team settings don't count here. Aliases are not among them.
    """
    shown = {one.name for one in document.providers if _serves(one.team, one.shared_with, team)}
    found = {
        one.name for one in document.models if one.team in (None, team) and one.provider in shown
    }
    for virtual in document.virtual_models:
        if virtual.team in (None, team):
            shadow = () if virtual.shadow is None else (virtual.shadow.model,)
            if found.issuperset((*serving(virtual), *shadow)):
                found.add(virtual.name)
    return frozenset(found)


def _serves(owner: str | None, shared_with: tuple[str, ...] | None, team: str | None) -> bool:
    """Whether an account is there for calls of `team`; its owner may always use it."""
    if owner == team:
        return True
    return owner is None and (shared_with is None or team in shared_with)


class Hidden:
    """What of the organisation is not shared with every team.

    `models` has, by the name of a model or virtual model, the teams that may call it.
    """

    def __init__(self, document: Document) -> None:
        self.providers = {
            one.name: frozenset(one.shared_with)
            for one in document.providers
            if one.team is None and one.shared_with is not None
        }
        self.models: dict[str, frozenset[str]] = {}
        if not self.providers:
            return
        for model in document.models:
            if model.team is None and model.provider in self.providers:
                self.models[model.name] = self.providers[model.provider]
        for virtual in document.virtual_models:
            shadow = () if virtual.shadow is None else (virtual.shadow.model,)
            limited = [
                self.models[name] for name in (*serving(virtual), *shadow) if name in self.models
            ]
            if virtual.team is None and limited:
                self.models[virtual.name] = frozenset.intersection(*limited)


class _Visible(Mapping[str, str]):
    """Names of one kind as one team sees them: its own, and the organisation's shared ones."""

    def __init__(
        self,
        own: Mapping[str, str],
        common: Mapping[str, str],
        hidden: Mapping[str, frozenset[str]],
        team: str,
    ) -> None:
        self._own = own
        self._common = common
        self._hidden = hidden
        self._team = team

    def __getitem__(self, name: str) -> str:
        meant = self._own.get(name)
        if meant is None:
            meant = self._common[name]
            if self._team not in self._hidden.get(meant, (self._team,)):
                raise KeyError(name)
        return meant

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from (name for name in self._common if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Scopes:
    """What the parts of a document may name, by whose they are.

    `routes` are the paths that rules may select by.
    """

    def __init__(self, document: Document, routes: Iterable[str] = ()) -> None:
        self._document = document
        self._routes = dict.fromkeys(routes, "")
        self._teams = {one.name: one.name for one in document.teams}
        self._plans = {one.name: one.name for one in document.plans}
        self._hidden = Hidden(document)
        # By kind, then by team: names, and what they mean.
        self._by_team: dict[str, dict[str | None, dict[str, str]]] = {}
        for kind, items in (
            ("wallet", document.wallets),
            ("application", document.applications),
            ("provider", document.providers),
        ):
            by_team = self._by_team[kind] = {}
            for item in items:
                by_team.setdefault(item.team, {})[item.name] = item.name
        models = self._by_team["model"] = {}
        for model in called_models(document):
            of_team = models.setdefault(model.team, {})
            for name in (*model.aliases, model.name):
                of_team.setdefault(name, model.name)
        self._made: dict[str | None, Names] = {}

    @cached_property
    def everything(self) -> Names:
        """All names: what the organisation's rules and prices may say."""
        return {
            kind: {name: meant for names in by_team.values() for name, meant in names.items()}
            for kind, by_team in self._by_team.items()
        } | {"team": self._teams, "plan": self._plans, "route": self._routes}

    def of(self, team: str | None) -> Names:
        """What things of `team` may name; None: things of the organisation."""
        made = self._made.get(team)
        if made is not None:
            return made
        if team is None:
            found: dict[str, Mapping[str, str]] = {
                kind: by_team.get(None, {}) for kind, by_team in self._by_team.items()
            }
            found |= {"team": self._teams, "plan": self._plans, "route": self._routes}
        else:
            found = {
                kind: _Visible(
                    by_team.get(team, {}), by_team.get(None, {}), self._limited(kind), team
                )
                for kind, by_team in self._by_team.items()
            }
            found["application"] = self._by_team["application"].get(team, {})
            found |= {"team": {team: team}, "plan": self._plans, "route": self._routes}
        self._made[team] = found
        return found

    def missing(self, team: str | None, kind: str, name: str) -> str:
        """That a thing of `team` can't name this one, and which one may be meant."""
        if team is None:
            for owner, names in self._by_team[kind].items():
                if owner is not None and name in names:
                    return f"the {kind} {name!r} is of the team {owner!r}, and this is of none"
        return unknown(kind, name, [*self.of(team)[kind]])

    def _limited(self, kind: str) -> Mapping[str, frozenset[str]]:
        return {"provider": self._hidden.providers, "model": self._hidden.models}.get(kind, {})

    @cached_property
    def applications(self) -> Mapping[str, str | None]:
        """The team of each application."""
        return {one.name: one.team for one in self._document.applications}

    @cached_property
    def keys(self) -> Mapping[str, Key]:
        """The document's keys by name."""
        return {key.name: key for key in self._document.keys}

    def team_of_key(self, key: Key) -> str | None:
        """Whose a key is.

        Its application's team, else the one that its name says.
        """
        if key.application is not None and key.application in self.applications:
            return self.applications[key.application]
        return team_named(key.name, self._teams)
