"""Cohere's usage: what is billed, else what was counted.

`billed_units` leave out the tokens of Cohere's own prompts, which nobody pays, so they are the
usage; `tokens` are, where nothing is said to be billed.

Sources: Cohere API v2, "Chat" (usage); Cohere, "How does Cohere's pricing work?".
"""

from typing import Any, Final

from faregate.dialects.shapes import Object
from faregate.dialects.usage import Usage

_TOKENS_MAX: Final = 10**12  # a usage beyond it is nonsense, not a bill


def read(stated: Any) -> Usage | None:
    """The usage; a member of a wrong shape states nothing."""
    if not isinstance(stated, dict):
        return None
    billed, counted = stated.get("billed_units"), stated.get("tokens")
    billed = billed if isinstance(billed, dict) else {}
    counted = counted if isinstance(counted, dict) else {}
    units = [_count(billed, "input_tokens"), _count(billed, "output_tokens")]
    if units == [None, None]:
        units = [_count(counted, "input_tokens"), _count(counted, "output_tokens")]
    cached = _count(stated, "cached_tokens")
    if cached is not None and units[0] is not None:
        cached = min(cached, units[0])  # it is of all tokens, with those that aren't billed
    return Usage(
        units[0],
        units[1],
        cached_input_tokens=cached,
        search_units=_count(billed, "search_units"),
    )


def written(usage: Usage) -> Object:
    """The usage as Cohere states it."""
    tokens = {
        name: float(count)
        for name, count in (
            ("input_tokens", usage.input_tokens),
            ("output_tokens", usage.output_tokens),
        )
        if count is not None
    }
    billed = dict(tokens)
    if usage.search_units is not None:
        billed["search_units"] = float(usage.search_units)
    made: Object = {"billed_units": billed, "tokens": tokens}
    if usage.cached_input_tokens is not None:
        made["cached_tokens"] = float(usage.cached_input_tokens)
    return made


def _count(stated: Object, name: str) -> int | None:
    value = stated.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _TOKENS_MAX:
        return None
    return value
