"""What a realtime session's events state of usage.

A response states tokens with their kinds; of the cached ones it says separately how many were
audio and images. A cached token costs the same whatever it was, so it isn't counted as audio or
an image again. A transcription states tokens or seconds of its own model.

Sources: OpenAI API reference, Realtime, server events (`response.done`,
`conversation.item.input_audio_transcription.completed`); the types of OpenAI's Python SDK.
"""

from typing import Any

import msgspec

from faregate.dialects import plain_usage
from faregate.dialects.usage import Usage

_ADDED = (
    "input_tokens", "output_tokens", "cached_input_tokens", "audio_input_tokens",
    "image_input_tokens", "audio_output_tokens", "audio_input_ms",
)  # fmt: skip


def read_usage(stated: Any) -> Usage | None:
    """The usage of one response; None where it states none."""
    usage = plain_usage.from_object(stated)
    if usage is None:
        return None
    cached = _object(_object(stated, "input_token_details"), "cached_tokens_details")
    spoken = plain_usage.count(_object(stated, "output_token_details"), "audio_tokens")
    return msgspec.structs.replace(
        usage,
        audio_input_tokens=_without(usage.audio_input_tokens, cached, "audio_tokens"),
        image_input_tokens=_without(usage.image_input_tokens, cached, "image_tokens"),
        audio_output_tokens=spoken if spoken is not None else usage.audio_output_tokens,
    )


def add_usage(one: Usage, other: Usage) -> Usage:
    """Both together; what neither states stays unknown."""
    sums: dict[str, Any] = {}
    for name in _ADDED:
        first, second = getattr(one, name), getattr(other, name)
        sums[name] = None if first is None and second is None else (first or 0) + (second or 0)
    return Usage(**sums)


def _object(value: Any, name: str) -> dict[str, Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _without(count: int | None, cached: dict[str, Any], name: str) -> int | None:
    known = plain_usage.count(cached, name)
    return count if count is None or known is None else max(count - known, 0)
