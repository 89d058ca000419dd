"""What of the organisation's prices and plans a team sees: what its calls may meet."""

from collections.abc import Callable
from functools import partial

from faregate.configuration.document import Document
from faregate.configuration.tenancy import visible_names
from faregate.control.context import Context
from faregate.control.resources.index import Index
from faregate.control.resources.kinds import Kind
from faregate.storage.revisions import Item


def seen(context: Context, kind: Kind, index: Index, team: str | None) -> Callable[[Item], bool]:
    """A test of whether the caller sees an item; of `team` alone, where it is named.

    The empty team stands for the organisation.
    """
    if team == "" and context.teams is None and kind.sight == "owner":
        return lambda item: item.team is None
    teams = context.chosen_teams(team)
    if teams is None:
        return lambda _: True
    if kind.sight == "owner":
        return lambda item: item.team in teams
    if kind.sight == "nothing":
        return lambda _: False
    if kind.sight == "own":
        return lambda item: item.name in teams
    names: set[str] = set()
    for one in teams:
        names |= index.made(f"{kind.field} of {one}", partial(used, kind=kind, team=one))
    return lambda item: item.name in names or getattr(item.value, "model", None) in names


def used(document: Document, kind: Kind, team: str) -> frozenset[str]:
    """Names of the plans that a team's applications are on, or of the models it may call."""
    if kind.field == "plans":
        return frozenset(
            one.plan for one in document.applications if one.team == team and one.plan is not None
        )
    return visible_names(document, team)
