"""Rules over tenants.

Whose things are, what they are called, what they select.

What a team's things refer to is looked up in `tenancy.Scopes` by the rules over those references:
what is another team's is not there for them. So no message to a team names what isn't its own.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from faregate.configuration.addresses import bad_page_url
from faregate.configuration.commerce import Budget, Limit
from faregate.configuration.document import Document
from faregate.configuration.names import local, within
from faregate.configuration.price_rules import wrong_model
from faregate.configuration.problems import Path, Problem, twice, unknown
from faregate.configuration.references import is_sealed
from faregate.configuration.tenancy import OWNED_PARTS, Scopes, team_named

_MODELS: Final = ("models", "virtual_models")  # whose names may have a / of their own
_Teams = Mapping[str, str]


def check(document: Document, scopes: Scopes) -> Iterator[Problem]:
    """What can't be honoured in whose things are."""
    teams = scopes.everything["team"]
    for part in OWNED_PARTS:
        for at, item in enumerate(getattr(document, part)):
            yield from _item((part, at), part, item, teams)
    yield from _local_names(document)
    yield from _accounts(document, teams)
    yield from _keys(document, scopes, teams)
    yield from _team_settings(document, scopes)
    yield from _plans(document, teams)
    for part in ("limits", "budgets"):
        for at, rule in enumerate(getattr(document, part)):
            if rule.team is not None and rule.team in teams:
                yield from _selection((part, at), rule, scopes)


def _item(path: Path, part: str, item: Any, teams: _Teams) -> Iterator[Problem]:
    """Whether an item's names and its team agree."""
    team = item.team
    if team is not None and team not in teams:
        if part != "applications":  # the rules over those say so
            yield Problem(
                (*path, "team"),
                unknown("team", team, [*teams]),
                "add the team under teams, or name one that is there",
            )
        return
    yield from _name((*path, "name"), part, item.name, team, teams)
    for number, alias in enumerate(getattr(item, "aliases", ())):
        yield from _name((*path, "aliases", number), part, alias, team, teams)


def _name(path: Path, part: str, name: str, team: str | None, teams: _Teams) -> Iterator[Problem]:
    if team is None:
        owner = team_named(name, teams)
        if owner is not None:
            yield Problem(
                path,
                f"{name!r} is a name of the team {owner!r}, and this is the organisation's",
                f"add 'team: {owner}', or choose a name that doesn't begin with '{owner}/'",
            )
        elif part not in _MODELS and "/" in name:
            yield Problem(
                path,
                f"{name!r} is a name of a team {name.partition('/')[0]!r}, which is not there",
                "add the team under teams and name it here as team, or leave out what stands "
                "before '/'",
            )
    elif not name.startswith(f"{team}/") and (part != "applications" or "/" in name):
        own = name.rpartition("/")[2] if part not in _MODELS else name
        yield Problem(
            path,
            f"what the team {team!r} owns has a name that begins with '{team}/'",
            f"write {within(team, own)}, or leave 'team: {team}' out",
        )


def _local_names(document: Document) -> Iterator[Problem]:
    """An application may have a bare name; its team's own names are told apart all the same."""
    seen: dict[tuple[str, str], str] = {}
    for at, one in enumerate(document.applications):
        if one.team is None:
            continue
        place = (one.team, local(one.team, one.name))
        other = seen.setdefault(place, one.name)
        if other != one.name:
            yield Problem(
                ("applications", at, "name"),
                f"the team {one.team!r} has an application {place[1]!r} already: {other!r}",
                "give one of the two another name",
            )


def _accounts(document: Document, teams: _Teams) -> Iterator[Problem]:
    for at, provider in enumerate(document.providers):
        path: Path = ("providers", at, "shared_with")
        if provider.shared_with is None:
            continue
        if provider.team is not None:
            yield Problem(
                path,
                f"a team's account serves that team alone, here {provider.team!r}",
                "leave shared_with out, or make it an account of the organisation",
            )
            continue
        named = [((*path, number), one) for number, one in enumerate(provider.shared_with)]
        yield from twice(named, "the team")
        for place, one in named:
            if one not in teams:
                yield Problem(
                    place,
                    unknown("team", one, [*teams]),
                    "add the team under teams, or name one that is there",
                )


def _keys(document: Document, scopes: Scopes, teams: _Teams) -> Iterator[Problem]:
    seen: dict[tuple[str, str], str] = {}
    for at, key in enumerate(document.keys):
        path: Path = ("keys", at)
        named, team = team_named(key.name, teams), scopes.team_of_key(key)
        if named is not None and (key.application is None or named != team):
            yield Problem(
                (*path, "application"),
                f"a key of the team {named!r} belongs to one of its applications",
                f"name an application of the team {named!r}",
            )
        elif named is None and "/" in key.name:
            yield Problem(
                (*path, "name"),
                f"{key.name!r} is a name of a team {key.name.partition('/')[0]!r}, which is not "
                "there"
                if team is None
                else f"what the team {team!r} owns has a name that begins with '{team}/'",
                "add the team under teams, or leave out what stands before '/'",
            )
        elif team is not None and not key.revoked:
            other = seen.setdefault((team, local(team, key.name)), key.name)
            if other != key.name:
                yield Problem(
                    (*path, "name"),
                    f"the team {team!r} has a key of this name already: {other!r}",
                    "give one of the two another name",
                )


def _team_settings(document: Document, scopes: Scopes) -> Iterator[Problem]:
    common = scopes.of(None)["model"]
    for at, team in enumerate(document.teams):
        path: Path = ("teams", at, "settings")
        settings = team.settings
        names = scopes.of(team.name)["model"]
        chosen = [((*path, "models", no), one) for no, one in enumerate(settings.models or ())]
        yield from twice(chosen, "the model")
        for place, name in chosen:
            if name in names and name not in common:
                yield Problem(
                    place,
                    f"{name!r} is the team's own, which it may always use",
                    "leave it out; these are the organisation's models that it may use",
                )
            else:
                yield from wrong_model(place, name, names)
        url = settings.top_up_url
        if url is not None and not is_sealed(url) and (reason := bad_page_url(url)):
            yield Problem(
                (*path, "top_up_url"),
                f"this is not the address of a page: {reason}",
                "write the whole address of a page, such as https://example.com/credit",
            )


def _plans(document: Document, teams: _Teams) -> Iterator[Problem]:
    for at, plan in enumerate(document.plans):
        if plan.limits and plan.name in teams:
            yield Problem(
                ("plans", at, "name"),
                f"{plan.name}/{plan.limits[0].name} would be a limit of this plan and of the team "
                f"{plan.name!r}",
                "give the plan another name",
            )
        for number, limit in enumerate(plan.limits):
            path: Path = ("plans", at, "limits", number)
            if limit.team is not None:
                yield Problem(
                    (*path, "team"),
                    "a limit of a plan is the organisation's, as the plan is",
                    "leave team out, or move the limit to the document's limits",
                )
            elif "/" in limit.name:
                yield Problem(
                    (*path, "name"),
                    "a limit of a plan has a name without '/'",
                    f"write {limit.name.rpartition('/')[2]}",
                )


def _selection(path: Path, rule: Limit | Budget, scopes: Scopes) -> Iterator[Problem]:
    """Keys that a team's rule selects; all else is looked up in the team's own names."""
    team = rule.team
    for at, name in enumerate(rule.keys):
        key = scopes.keys.get(name)
        owner = team_named(name, scopes.everything["team"])
        if (key is not None and scopes.team_of_key(key) != team) or owner not in (None, team):
            yield Problem(
                (*path, "keys", at),
                f"there is no key {name!r}",
                f"name a key of the team {team!r}",
            )
