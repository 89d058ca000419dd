"""What the catalogue said of a document's models when it was applied.

A revision holds it, so that no price or limit changes because a package was upgraded: it is taken
again when a file without it is applied, and the difference is told. An export writes it.
"""

from typing import Annotated, Literal

from msgspec import Meta

from faregate.configuration.commerce import Price
from faregate.configuration.names import ModelName
from faregate.configuration.settings import PositiveCount, Section

_Day = Annotated[
    str,
    Meta(pattern=r"^\d{4}-(0[1-9]|1[0-2])-([0-2]\d|3[01])\Z", description="a day as 2027-01-31"),
]


class Pin(Section, frozen=True, kw_only=True):
    """What the catalogue says of one model.

    What the document says itself comes before it.
    """

    # Model of this file.
    model: ModelName
    # Vendor and the vendor's name for the model, as openai/gpt-5.4.
    of: str
    # Where it is from.
    source: str = ""
    # Its prices, where the document has none for the model.
    prices: tuple[Price, ...] = ()
    # Most tokens that it takes in.
    context_tokens: PositiveCount | None = None
    # Most tokens that it puts out in one answer.
    output_tokens_max: PositiveCount | None = None
    # Whether it thinks in tokens that it doesn't show.
    hidden_reasoning: bool = False
    # Its tokenizer.
    tokenizer: Literal["cl100k_base", "o200k_base"] | None = None
    # Day from which the vendor refuses calls of it.
    retires_on: _Day | None = None
