"""What a team sees: its own, and prices and plans its calls may meet."""

from collections.abc import Callable
from functools import partial

from faregate.configuration.document import Document
from faregate.configuration.tenancy import visible_names
from faregate.control.context import Context
from faregate.control.index import Index
from faregate.control.resources.kinds import Kind
from faregate.storage.revisions import Item


def seen(context: Context, kind: Kind, index: Index, team: str | None) -> Callable[[Item], bool]:
    """A test of whether the caller sees an item.

    With `team`, of that team alone; the empty one stands for the organisation.
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
    """What calls of a team may meet: names of its plans, or of its models."""
    if kind.field == "plans":
        return frozenset(
            one.plan for one in document.applications if one.team == team and one.plan is not None
        )
    return visible_names(document, team)
