"""The shape of a chat stream's chunk, as far as it is read."""

from typing import Any, Final

import msgspec

NULL: Final = msgspec.Raw(b"null")


class Function(msgspec.Struct, gc=False):
    """Of a call; some vendors give the arguments as an object."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class Custom(msgspec.Struct, gc=False):
    """Of a call of a tool of free text."""

    name: str | None = None
    input: str | None = None


class Call(msgspec.Struct):
    """A piece of a call."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None
    custom: Custom | None = None
    extra_content: Any = None


class Delta(msgspec.Struct):
    """What a chunk adds to an answer."""

    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[Any] | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None
    function_call: Function | None = None
    annotations: list[Any] | None = None
    audio: dict[str, Any] | None = None
    images: list[Any] | None = None


class ChunkChoice(msgspec.Struct):
    """One answer's part of a chunk; Moonshot states the usage in it."""

    index: int | None = None
    delta: Delta | None = None
    finish_reason: str | None = None
    stop_reason: Any = None
    logprobs: Any = None
    usage: msgspec.Raw = NULL


class Chunk(msgspec.Struct):
    """A chunk; an error stands alone, or beside choices (OpenRouter)."""

    choices: list[ChunkChoice] | None = None
    id: str | None = None
    model: str | None = None
    created: float | None = None
    usage: msgspec.Raw = NULL
    service_tier: str | None = None
    system_fingerprint: str | None = None
    error: Any = None
    search_results: Any = None
    citations: Any = None


decode_chunk: Final = msgspec.json.Decoder(Chunk).decode
