"""The models of an installation by the names that callers use.

Who calls decides what there is: the models of its team, by their whole names and by those that the
team calls them, and those of the organisation that it may use. All else doesn't exist for it.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

_SUGGESTIONS_MAX: Final = 3
_COMPARED_MAX: Final = 32  # names a refusal may cost to compare, however many models there are
_REMEMBERED_MAX: Final = 256


class Offer(msgspec.Struct, frozen=True):
    """A model at a provider: `upstream_model` is the name it has there.

    `team` owns it, "" is the organisation; `shared_with` are the teams that may use one of the
    organisation, None is all.
    """

    name: str
    provider: str
    upstream_model: str
    team: str = ""
    shared_with: frozenset[str] | None = None


class Catalogue:
    """All offers, by whose they are."""

    def __init__(
        self,
        offers: Iterable[tuple[Offer, tuple[str, ...]]],
        chosen: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        """`chosen` are the organisation's models that a team may use, where not all."""
        self._by_team: dict[str, dict[str, Offer]] = {"": {}}
        self._chosen = chosen or {}
        for offer, aliases in offers:
            names = self._by_team.setdefault(offer.team, {})
            names[offer.name] = offer
            for alias in aliases:
                names[alias] = offer
        self._scopes: dict[str, Scope] = {}

    def of(self, team: str) -> "Scope":
        """What is there for calls of `team`; "": for calls of no team."""
        scope = self._scopes.get(team)
        if scope is None:
            own = self._by_team.get(team, {}) if team else {}
            scope = Scope(team, own, self._by_team[""], self._chosen.get(team))
            self._scopes[team] = scope
        return scope


class Scope:
    """Finds the offer behind a name or an alias that one team has.

    The nearest comes first: a name that the team gave means the team's model, also where the
    organisation has one of that name. A key that may use only some models is asked for what it may
    use: `allowed` holds whole names, None is all.
    """

    __slots__ = ("_chosen", "_common", "_listed", "_nearest", "_own", "_prefix", "_team")

    def __init__(
        self,
        team: str,
        own: Mapping[str, Offer],
        common: Mapping[str, Offer],
        chosen: frozenset[str] | None,
    ) -> None:
        self._team = team
        self._prefix = f"{team}/" if team else ""
        self._own = own
        self._common = common
        self._chosen = chosen
        self._listed: list[str] | None = None
        self._nearest: dict[tuple[str, frozenset[str] | None], list[str]] = {}

    def find(self, name: str, allowed: frozenset[str] | None = None) -> Offer | None:
        """The offer that a key means by `name`, if it may use it."""
        for whole, offer in self._meant(name):
            if allowed is None or whole in allowed or offer.name in allowed:
                return offer
        return None

    def names(self, allowed: frozenset[str] | None) -> list[str]:
        """Whole names and aliases that may be asked for; `allowed` of None: all.

        A model that is allowed may be asked for by its aliases too; an alias that is allowed
        gives no right to its model's other names.
        """
        if self._listed is None:
            common = (name for name, offer in self._common.items() if self._shows(offer))
            self._listed = sorted({*self._own, *common})
        if allowed is None:
            return self._listed
        found = []
        for name in self._listed:
            offer = self._own.get(name) or self._common[name]
            if name in allowed or offer.name in allowed:
                found.append(name)
        return found

    def offers(self, allowed: frozenset[str] | None) -> list[tuple[str, Offer]]:
        """The same names, each with what it means where it is asked for."""
        named = ((name, self.find(name, allowed)) for name in self.names(allowed))
        return [(name, offer) for name, offer in named if offer is not None]

    def nearest(self, name: str, allowed: frozenset[str] | None) -> list[str]:
        """Names like `name`, the most alike first; only what may be asked for.

        Callers repeat their mistakes, so the answer is remembered; and strangers must not make
        it dear, so only names that begin alike are compared, and only so many.
        """
        known = self._nearest.get((name, allowed))
        if known is not None:
            return known
        beginning = name[:2].lower()
        alike = [each for each in self._called(allowed) if each[:2].lower() == beginning]
        found = difflib.get_close_matches(
            name, alike[:_COMPARED_MAX], n=_SUGGESTIONS_MAX, cutoff=0.5
        )
        if len(self._nearest) >= _REMEMBERED_MAX:
            self._nearest.clear()
        self._nearest[name, allowed] = found
        return found

    def _called(self, allowed: frozenset[str] | None) -> Iterator[str]:
        """All names that may be asked for; the team's own by their local names too."""
        for name in self.names(allowed):
            yield name
            if name in self._own:
                yield name.removeprefix(self._prefix)

    def _meant(self, name: str) -> Iterator[tuple[str, Offer]]:
        """What may be meant by a name, with its whole name, the nearest first."""
        if self._own:
            whole = name if name.startswith(self._prefix) else self._prefix + name
            own = self._own.get(whole)
            if own is not None:
                yield whole, own
        common = self._common.get(name)
        if common is not None and self._shows(common):
            yield name, common

    def _shows(self, offer: Offer) -> bool:
        """Whether one of the organisation's is there for this team."""
        if not self._team:
            return True
        if offer.shared_with is not None and self._team not in offer.shared_with:
            return False
        return self._chosen is None or offer.name in self._chosen
