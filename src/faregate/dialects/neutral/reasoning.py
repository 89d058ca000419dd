"""How efforts of thinking and budgets of tokens stand for each other.

Vendors take the one or the other. One table serves all dialects, so that a request keeps its
meaning on whatever way: an effort becomes a budget, and a budget the least effort that has it.
The figures are ours, in the ranges that vendors state for their models.

Sources: Gemini API, "Thinking" (2.5: 128 to 32,768 tokens); Anthropic, "Extended thinking" (from
1,024 tokens); OpenAI's compatibility page of Gemini (efforts as budgets 1,024, 8,192, 24,576).
"""

from typing import Final

from faregate.dialects.neutral.request import Effort, Reasoning

BUDGETS: Final[dict[Effort, int]] = {
    "none": 0,
    "minimal": 1_024,
    "low": 4_096,
    "medium": 8_192,
    "high": 24_576,
    "xhigh": 32_768,
    "max": 65_536,
}


def budget_tokens(reasoning: Reasoning) -> int | None:
    """The budget that is wanted, said or meant; -1: as much as it likes."""
    if reasoning.budget_tokens is not None:
        return reasoning.budget_tokens
    return None if reasoning.effort is None else BUDGETS[reasoning.effort]


def effort(reasoning: Reasoning) -> Effort | None:
    """The effort that is wanted; None where the model shall decide."""
    if reasoning.effort is not None or reasoning.budget_tokens is None:
        return reasoning.effort
    if reasoning.budget_tokens < 0:
        return None
    for name, tokens in BUDGETS.items():
        if reasoning.budget_tokens <= tokens:
            return name
    return "max"
