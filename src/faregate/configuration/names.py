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
ModelName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}\Z",
        description="a model name of 1 to 200 letters, digits and '._:/@+-', "
        "beginning with a letter or a digit",
    ),
]
