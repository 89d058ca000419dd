"""Names of what a team owns, as commands take them.

Sales/shop, or shop with --team sales.
"""

from collections.abc import Iterable
from typing import Annotated, TypeVar

import msgspec
import typer

from faregate.configuration.names import OwnedName, within
from faregate.configuration.tenancy import Owned
from faregate.core.errors import FaregateError

TeamOption = Annotated[str | None, typer.Option(help="The team whose it is.")]
TeamFilter = Annotated[str | None, typer.Option("--team", help="Only of this team.")]
Item = TypeVar("Item", bound=Owned)


def owned_name(name: str, team: str | None) -> tuple[str, str | None]:
    """`name`, if it may be one, and the team whose it is.

    The one that is said, or named.

    Raises `FaregateError` where it can't be a name, or says another team.
    """
    try:
        msgspec.convert(name, OwnedName)
    except msgspec.ValidationError as error:
        raise FaregateError(
            f"{name!r} can't be a name",
            fix="use 1 to 63 letters, digits, '.', '_' and '-', beginning with a letter or digit, "
            "alone or behind the team's name and '/'",
        ) from error
    before, slash, own = name.partition("/")
    if not slash:
        return name, team
    if team not in (None, before):
        raise FaregateError(
            f"{name!r} is a name of the team {before!r}, not of {team!r}", fix=f"write {own}"
        )
    return name, before


def whole_name(name: str, team: str | None) -> str:
    """What is called so within a team, by its whole name."""
    return name if team is None else within(team, name)


def of_team(items: Iterable[Item], team: str | None) -> list[Item]:
    """Those of the team; without one, all."""
    return [item for item in items if team is None or item.team == team]
