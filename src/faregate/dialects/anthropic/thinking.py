"""Writes how much a model shall think, and the sampling beside it.

Thinking wants at least 1,024 tokens, fewer than the output limit, the usual temperature, no
top_k, a top_p of 0.95 or more and, with a budget, no forced tool. Where the model has called tools
without having thought, Anthropic itself leaves the thoughts of that one answer out.

Source: Anthropic, "Extended thinking" (feature compatibility; toggling modes in conversations),
"Adaptive thinking", "Effort", "Troubleshooting thinking".
"""

from typing import Final

from faregate.dialects.anthropic.block_writer import Block
from faregate.dialects.anthropic.losses import Losses
from faregate.dialects.anthropic.models import ModelFacts
from faregate.dialects.neutral import reasoning as words
from faregate.dialects.neutral.request import Reasoning, Request

_LEAST_TOKENS: Final = 1_024
_LEAST_TOP_P: Final = 0.95
_NO_ROOM: Final = "Thinking wants an output limit above 1,024 tokens."
_THINKS: Final = "Anthropic's models think with the usual sampling only."
_NO_SAMPLING: Final = "This model takes the usual sampling only."
_TOO_HOT: Final = "It must be 0 to 1."
_EITHER: Final = "This model takes either temperature or top_p."
_FORCED: Final = "This model does not think before a tool that it must call."


def write_thinking(
    body: Block, request: Request, facts: ModelFacts, losses: Losses, *, own: bool
) -> None:
    """Add `thinking` and `output_config.effort`."""
    asked = request.reasoning
    if asked is None:
        return
    if own:
        _as_said(body, asked)
        return
    effort = words.effort(asked)
    if effort == "none":
        _switch_off(body, facts, losses)
        return
    if effort is not None and facts.efforts:
        body.setdefault("output_config", {})["effort"] = _nearest(effort, facts.efforts)
    if facts.adaptive and (asked.budget_tokens is None or not facts.budgets):
        body["thinking"] = {"type": "adaptive"}
    elif body.get("tool_choice", {}).get("type") in ("any", "tool"):
        losses["reasoning"] = _FORCED
    else:
        _write_budget(body, asked, losses)
    shows = True if asked.shows is None and asked.summary not in (None, "none") else asked.shows
    if shows is not None and "thinking" in body:
        body["thinking"]["display"] = "summarized" if shows else "omitted"


def _as_said(body: Block, asked: Reasoning) -> None:
    if asked.effort is not None:
        body.setdefault("output_config", {})["effort"] = asked.effort
    budget = asked.budget_tokens
    if budget is None:
        return
    if budget == 0:
        thinking: Block = {"type": "disabled"}
    elif budget < 0:
        thinking = {"type": "adaptive"}
    else:
        thinking = {"type": "enabled", "budget_tokens": budget}
    if asked.shows is not None:
        thinking["display"] = "summarized" if asked.shows else "omitted"
    body["thinking"] = thinking


def _switch_off(body: Block, facts: ModelFacts, losses: Losses) -> None:
    if facts.rest is None:
        body.setdefault("output_config", {})["effort"] = facts.efforts[0]
        losses["reasoning"] = "This model always thinks; the least effort is asked of it."
    elif facts.rest != "omitted":
        body["thinking"] = {"type": facts.rest}


def _nearest(effort: str, efforts: tuple[str, ...]) -> str:
    """The effort, or the next that the model knows: below for the greatest, else above."""
    if effort in efforts:
        return effort
    if effort == "minimal":
        return efforts[0]
    return efforts[-1] if effort == "max" or efforts[-1] == "high" else "max"


def _write_budget(body: Block, asked: Reasoning, losses: Losses) -> None:
    """A budget that fits below the output limit, which is the caller's and stays."""
    budget = words.budget_tokens(asked)
    if budget is None or budget < 0:
        budget = words.budget_tokens(Reasoning(effort="medium")) or _LEAST_TOKENS
    budget = min(max(budget, _LEAST_TOKENS), body["max_tokens"] - 1)
    if budget < _LEAST_TOKENS:
        losses["reasoning"] = _NO_ROOM
        return
    body["thinking"] = {"type": "enabled", "budget_tokens": budget}


def write_sampling(
    body: Block, request: Request, facts: ModelFacts, losses: Losses, *, own: bool
) -> None:
    """Add temperature, top_p and top_k, as far as the model takes them."""
    temperature, top_p, top_k = request.temperature, request.top_p, request.top_k
    if not own and (temperature is not None or top_p is not None or top_k is not None):
        thinks = body.get("thinking", {}).get("type") in ("enabled", "adaptive")
        usual = thinks or not facts.samples
        why = _THINKS if facts.samples else _NO_SAMPLING
        if temperature is not None and (temperature > 1 or (usual and temperature != 1)):
            temperature, losses["temperature"] = None, why if usual else _TOO_HOT
        if top_p is not None and usual and top_p != 1 and (top_p < _LEAST_TOP_P or not thinks):
            top_p, losses["top_p"] = None, why
        if top_k is not None and usual:
            top_k, losses["top_k"] = None, why
        if not facts.samples:
            temperature = top_p = None  # the usual values, which needn't be said
        elif facts.one_sampling and temperature is not None and top_p is not None:
            if top_p == 1:
                top_p = None
            elif temperature == 1:
                temperature = None
            else:
                top_p, losses["top_p"] = None, _EITHER
    if temperature is not None:
        body["temperature"] = temperature
    if top_p is not None:
        body["top_p"] = top_p
    if top_k is not None:
        body["top_k"] = top_k
