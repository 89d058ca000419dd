"""Reads and writes the usage that Messages states.

Anthropic counts what the cache gave and took beside the input; here it is part of it. A stream
states its input at its start and, at its end, sums that count instead.

Source: Anthropic's API reference, "Messages" (usage), "Streaming" (message_delta's counts are
cumulative), "Fast mode" (its tokens have prices of their own, told as a tier).
"""

from typing import Annotated, Any, Final

import msgspec

from faregate.dialects.typed_shapes import DECODING_ERRORS
from faregate.dialects.usage import Usage

_Tokens = Annotated[int, msgspec.Meta(ge=0, le=10**12)]  # beyond it is nonsense, not a bill


class _CacheCreation(msgspec.Struct, gc=False):
    ephemeral_5m_input_tokens: _Tokens | None = None
    ephemeral_1h_input_tokens: _Tokens | None = None


class _OutputDetails(msgspec.Struct, gc=False):
    thinking_tokens: _Tokens | None = None


class _ServerTools(msgspec.Struct, gc=False):
    web_search_requests: _Tokens | None = None


class StatedUsage(msgspec.Struct, gc=False):
    """Anthropic's object `usage`."""

    input_tokens: _Tokens | None = None
    output_tokens: _Tokens | None = None
    cache_creation_input_tokens: _Tokens | None = None
    cache_read_input_tokens: _Tokens | None = None
    cache_creation: _CacheCreation | None = None
    output_tokens_details: _OutputDetails | None = None
    server_tool_use: _ServerTools | None = None
    service_tier: str | None = None
    speed: str | None = None

    def updated(self, later: "StatedUsage") -> "StatedUsage":
        """What is stated once `later` came; what it leaves out stays."""
        return StatedUsage(
            *[
                old if new is None else new
                for old, new in zip(
                    msgspec.structs.astuple(self), msgspec.structs.astuple(later), strict=True
                )
            ]
        )


_NO_CREATION: Final = _CacheCreation()
_decode_loosely: Final = msgspec.json.Decoder(dict[str, Any]).decode


def neutral(stated: StatedUsage) -> Usage:
    """The same in the units of all dialects."""
    creation = stated.cache_creation or _NO_CREATION
    hour = creation.ephemeral_1h_input_tokens
    written = stated.cache_creation_input_tokens
    if written is None and stated.cache_creation is not None:
        written = (creation.ephemeral_5m_input_tokens or 0) + (hour or 0)
    read = stated.cache_read_input_tokens
    inputs = stated.input_tokens
    if inputs is not None:
        inputs += (written or 0) + (read or 0)
    details = stated.output_tokens_details
    tools = stated.server_tool_use
    tier = "fast" if stated.speed == "fast" else stated.service_tier
    return Usage(
        input_tokens=inputs,
        output_tokens=stated.output_tokens,
        cached_input_tokens=read,
        reasoning_tokens=None if details is None else details.thinking_tokens,
        cache_write_tokens=written,
        cache_write_1h_tokens=hour,
        web_searches=None if tools is None else tools.web_search_requests,
        service_tier=tier,
    )


def written(usage: Usage | None) -> dict[str, Any]:
    """Anthropic's object `usage`, with the counts that its SDKs rely on."""
    if usage is None:
        return {"input_tokens": 0, "output_tokens": 0}
    read, kept = usage.cached_input_tokens, usage.cache_write_tokens
    inputs = (usage.input_tokens or 0) - (read or 0) - (kept or 0)
    stated: dict[str, Any] = {
        "input_tokens": max(inputs, 0),
        "output_tokens": usage.output_tokens or 0,
    }
    if kept is not None:
        stated["cache_creation_input_tokens"] = kept
    if read is not None:
        stated["cache_read_input_tokens"] = read
    hour = usage.cache_write_1h_tokens
    if hour is not None:
        stated["cache_creation"] = {
            "ephemeral_5m_input_tokens": max((kept or 0) - hour, 0),
            "ephemeral_1h_input_tokens": hour,
        }
    if usage.reasoning_tokens is not None:
        stated["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    if usage.web_searches is not None:
        stated["server_tool_use"] = {
            "web_search_requests": usage.web_searches,
            "web_fetch_requests": 0,
        }
    if usage.service_tier in ("standard", "priority", "batch"):
        stated["service_tier"] = usage.service_tier
    elif usage.service_tier == "fast":
        stated["speed"] = "fast"
    return stated


def loosely(raw: bytes) -> StatedUsage | None:
    """What can be read of an object `usage` whose parts may have any form."""
    try:
        stated = _decode_loosely(raw)
    except DECODING_ERRORS:
        return None
    found = {}
    for field in msgspec.structs.fields(StatedUsage):
        if field.name in stated:
            try:
                found[field.name] = msgspec.convert(stated[field.name], field.type, strict=False)
            except msgspec.ValidationError:
                continue
    return StatedUsage(**found)
