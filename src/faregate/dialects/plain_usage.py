"""Reads the usage that replies state which aren't chats.

OpenAI's embeddings say `prompt_tokens`, its images and speech `input_tokens` with details, its
transcriptions tokens or a duration in seconds; Voyage and others only a total. Whoever makes no
output has its total as input.

Sources: OpenAI API reference, "Embeddings", "Images" (usage), "Audio" (transcription usage);
Voyage AI, "Text embeddings", "Rerankers"; Jina AI, "Reranker API".
"""

from typing import Any, Final

import msgspec

from faregate.dialects.openai_chat import USAGE_OBJECT
from faregate.dialects.usage import Usage

_COUNT_MAX: Final = 10**12  # a usage beyond it is nonsense, not a bill


class _Reply(msgspec.Struct, gc=False):
    usage: Any = None


_decode = msgspec.json.Decoder(_Reply).decode


def count(stated: dict[str, Any], *names: str) -> int | None:
    """The first of these members that is a count."""
    for name in names:
        value = stated.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _COUNT_MAX:
            return value
    return None


def _parts(stated: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        if isinstance(value := stated.get(name), dict):
            return value
    return {}


def to_ms(seconds: Any) -> int | None:
    """Whole milliseconds of seconds, rounded up; None: it is no length."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    if not 0 <= seconds <= _COUNT_MAX / 1000:
        return None
    ms = round(seconds * 1_000_000)  # microseconds, so that 1.001 isn't 1001.0000000000001
    return -(-ms // 1000)


def from_object(stated: Any) -> Usage | None:
    """The usage in such an object; None where it states nothing."""
    if not isinstance(stated, dict):
        return None
    inputs = _parts(stated, "input_tokens_details", "prompt_tokens_details", "input_token_details")
    outputs = _parts(stated, "output_tokens_details", "completion_tokens_details")
    put_out = count(stated, "output_tokens", "completion_tokens")
    taken_in = count(stated, "input_tokens", "prompt_tokens")
    if taken_in is None and (total := count(stated, "total_tokens")) is not None:
        taken_in = max(total - (put_out or 0), 0)
    usage = Usage(
        input_tokens=taken_in,
        output_tokens=put_out,
        cached_input_tokens=count(inputs, "cached_tokens"),
        image_input_tokens=count(inputs, "image_tokens"),
        audio_input_tokens=count(inputs, "audio_tokens"),
        image_output_tokens=count(outputs, "image_tokens"),
        audio_output_tokens=count(outputs, "audio_tokens"),
        audio_input_ms=to_ms(stated.get("seconds")),
    )
    return None if usage == Usage() else usage


def read_usage(body: bytes) -> Usage | None:
    """The usage that a whole reply, or the data of an event, states."""
    try:
        return from_object(_decode(body).usage)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def read_usage_in_part(part: bytes) -> Usage | None:
    """The usage in the start or the end of a reply too long to be kept whole."""
    for match in USAGE_OBJECT.finditer(part):
        usage = read_usage(b'{"usage":%b}' % match.group(1))
        if usage is not None:
            return usage
    return None
