"""Usage as responses state it.

Source: OpenAI API reference, "The response object" (usage, tool_usage).
"""

from typing import Annotated, Any, Final

import msgspec

from faregate.dialects.openai_chat import TOKENS_MAX
from faregate.dialects.usage import Usage

_Tokens = Annotated[int, msgspec.Meta(ge=0, le=TOKENS_MAX)]


class _InputDetails(msgspec.Struct, gc=False):
    cached_tokens: _Tokens | None = None
    cache_write_tokens: _Tokens | None = None


class _OutputDetails(msgspec.Struct, gc=False):
    reasoning_tokens: _Tokens | None = None


class StatedUsage(msgspec.Struct, gc=False):
    """The object `usage` of a response."""

    input_tokens: _Tokens | None = None
    output_tokens: _Tokens | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


class _WebSearch(msgspec.Struct, gc=False):
    num_requests: _Tokens | None = None


class ToolUsage(msgspec.Struct, gc=False):
    """The object `tool_usage`: what the vendor bills beside tokens."""

    web_search: _WebSearch | None = None


_TIER_CHARACTERS_MAX: Final = 50
_NO_INPUT: Final = _InputDetails()
_NO_OUTPUT: Final = _OutputDetails()


def read_usage(stated: StatedUsage, tools: ToolUsage | None, tier: str | None) -> Usage:
    """The usage, with the tier that the vendor served the call at."""
    inputs = stated.input_tokens_details or _NO_INPUT
    outputs = stated.output_tokens_details or _NO_OUTPUT
    searches = tools.web_search.num_requests if tools and tools.web_search else None
    return Usage(
        input_tokens=stated.input_tokens,
        output_tokens=stated.output_tokens,
        cached_input_tokens=inputs.cached_tokens,
        reasoning_tokens=outputs.reasoning_tokens,
        cache_write_tokens=inputs.cache_write_tokens,
        web_searches=searches,
        service_tier=None if tier in (None, "default") else tier[:_TIER_CHARACTERS_MAX],
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """The usage for a caller; what isn't known is 0, for SDKs want numbers."""
    inputs, outputs = usage.input_tokens or 0, usage.output_tokens or 0
    return {
        "input_tokens": inputs,
        "input_tokens_details": {
            "cached_tokens": usage.cached_input_tokens or 0,
            "cache_write_tokens": usage.cache_write_tokens or 0,
        },
        "output_tokens": outputs,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": inputs + outputs,
    }
