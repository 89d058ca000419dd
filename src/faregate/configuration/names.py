"""The names that a document is written with."""

from typing import Annotated

from msgspec import Meta

# The descriptions are what a person reads when a name is refused.
Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z",
        description="a name of 1 to 63 letters, digits, '.', '_' and '-', "
        "beginning with a letter or a digit",
    ),
]
# Of what a team may own: alone, or behind the team's name: sales/shop.
OwnedName = Annotated[
    str,
    Meta(
        pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,62}/)?[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z",
        description="a name of 1 to 63 letters, digits, '.', '_' and '-', "
        "beginning with a letter or a digit, alone or behind its team's name and '/'",
    ),
]
ModelName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}\Z",
        description="a model name of 1 to 200 letters, digits and '._:/@+-', "
        "beginning with a letter or a digit",
    ),
]


def within(team: str, name: str) -> str:
    """The whole name of what `team` calls `name`: sales/shop.

    A whole name stays as it is.
    """
    return name if name.startswith(f"{team}/") else f"{team}/{name}"


def local(team: str | None, name: str) -> str:
    """What `team` calls the thing of this whole name: shop."""
    return name if team is None else name.removeprefix(f"{team}/")
