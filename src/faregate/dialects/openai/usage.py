"""Usage as chat states it.

Source: OpenAI API reference, "The chat completion object".
"""

from typing import Any

import msgspec

from faregate.dialects import openai_chat
from faregate.dialects.usage import Usage


def read_usage(stated: bytes, tier: str | None = None) -> Usage | None:
    """The usage that an object of JSON states, and the tier it was at."""
    return openai_chat.read_usage(
        b'{"usage":%b,"service_tier":%b}' % (stated, msgspec.json.encode(tier))
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """The usage for a caller; SDKs want numbers, so unknown totals are 0."""
    inputs, outputs = usage.input_tokens or 0, usage.output_tokens or 0
    written: dict[str, Any] = {
        "prompt_tokens": inputs,
        "completion_tokens": outputs,
        "total_tokens": inputs + outputs,
    }
    details = {
        "cached_tokens": usage.cached_input_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "audio_tokens": usage.audio_input_tokens,
        "image_tokens": usage.image_input_tokens,
    }
    known = {name: tokens for name, tokens in details.items() if tokens is not None}
    if known:
        written["prompt_tokens_details"] = known
    details = {
        "reasoning_tokens": usage.reasoning_tokens,
        "audio_tokens": usage.audio_output_tokens,
    }
    known = {name: tokens for name, tokens in details.items() if tokens is not None}
    if known:
        written["completion_tokens_details"] = known
    return written
