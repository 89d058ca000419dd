"""How much a model thinks: words of effort, and tokens, by one table.

Some vendors take a word, some a number of tokens. Whoever says the one and is served by the other
gets what stands beside it here; no vendor publishes such a table for another's models, so this
one is ours.
"""

from typing import Final

from faregate.dialects.neutral.request import Effort, Reasoning

# The word, the tokens that it is written as, and the most tokens that are read as it.
_TABLE: Final[tuple[tuple[Effort, int, int], ...]] = (
    ("none", 0, 0),
    ("minimal", 1_024, 1_024),
    ("low", 4_096, 4_096),
    ("medium", 8_192, 12_288),
    ("high", 24_576, 49_151),
    ("xhigh", 49_152, 65_535),
)
_MOST: Final[tuple[Effort, int]] = ("max", 65_536)
_BUDGETS: Final[dict[Effort, int]] = {word: tokens for word, tokens, _ in _TABLE} | dict([_MOST])


def effort(reasoning: Reasoning) -> Effort | None:
    """The word that is said, or that is nearest to the tokens; None: it is left to the model."""
    if reasoning.effort is not None or reasoning.budget_tokens is None:
        return reasoning.effort
    if reasoning.budget_tokens < 0:
        return None
    for word, _, tokens_max in _TABLE:
        if reasoning.budget_tokens <= tokens_max:
            return word
    return _MOST[0]


def budget_tokens(reasoning: Reasoning) -> int | None:
    """The tokens that are said, or of the word; -1: as many as it likes, None: not said."""
    if reasoning.budget_tokens is not None or reasoning.effort is None:
        return reasoning.budget_tokens
    return _BUDGETS[reasoning.effort]
