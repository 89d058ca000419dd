"""Dialects by name: what the gate can read and write."""

from typing import Final

from faregate.dialects.anthropic import dialect as anthropic
from faregate.dialects.openai import dialect as openai
from faregate.dialects.translation import Dialect

_TRANSLATORS: Final[dict[str, Dialect]] = {
    "openai_chat": openai.DIALECT,
    "anthropic": anthropic.DIALECT,
}


def translator(dialect: str, vendor: str) -> Dialect | None:
    """What reads and writes a dialect as a vendor speaks it; None: nothing does."""
    return _TRANSLATORS.get(dialect)
