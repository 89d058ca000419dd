"""A request to generate, in no vendor's dialect.

Canonical form, which every reader makes and every writer takes:

- Messages stand in the order of the conversation. Neighbours may have the same role; a writer
  whose dialect wants them to alternate joins them.
- System prompts are messages of the role "system" (or "developer"), wherever they stood.
- Results of tools are parts of messages of the role "tool", which hold nothing else.
- None means that the caller did not say it.
"""

from typing import Literal

import msgspec

from faregate.dialects.neutral.parts import CacheMark, Json, Part

Role = Literal["system", "developer", "user", "assistant", "tool"]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Message(msgspec.Struct, frozen=True):
    """One turn.

    `name` is the participant's, `id` the item's where it has one.
    """

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None
    id: str | None = None


class Tool(msgspec.Struct, frozen=True, kw_only=True, tag="function"):
    """A function that the model may call; `parameters` is its JSON Schema.

    `custom`: it takes free text, whose grammar `parameters` may be.
    """

    name: str
    description: str | None = None
    parameters: Json = None
    strict: bool | None = None
    custom: bool = False
    cache: CacheMark | None = None


class ServerTool(msgspec.Struct, frozen=True, tag="server"):
    """A tool that the vendor runs itself.

    `raw` is as its dialect `origin` wrote it.
    """

    origin: str
    raw: Json


class ToolChoice(msgspec.Struct, frozen=True):
    """Which tools may be called.

    `names` for "tool" (one) and "allowed" (several).

    `required`: of those allowed, one must be.
    """

    mode: Literal["auto", "none", "required", "tool", "allowed"]
    names: tuple[str, ...] = ()
    required: bool = False


class AnswerFormat(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer's text must be.

    Anything, some JSON object, or JSON of a schema.
    """

    kind: Literal["text", "json", "schema"]
    name: str | None = None
    description: str | None = None
    schema: Json = None
    strict: bool | None = None


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    """How much a model thinks before it answers, and what of it is shown.

    `budget_tokens` 0: it shall not think; -1: as much as it likes. `summary` is OpenAI's: auto,
    concise, detailed. `shows`: whether thoughts come back.
    """

    effort: Effort | None = None
    budget_tokens: int | None = None
    summary: str | None = None
    shows: bool | None = None


class Speech(msgspec.Struct, frozen=True):
    """How a spoken answer sounds."""

    voice: Json = None
    format: str | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `output_tokens_max` is for each of the `n` answers.

    `others` are top-level members that the neutral form doesn't know, as they stood in the
    caller's dialect `origin`: only a writer of the same dialect can carry them.
    """

    model: str
    messages: tuple[Message, ...]
    origin: str = ""
    # -- tools
    tools: tuple[Tool | ServerTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    # -- the answer
    output_tokens_max: int | None = None
    answer_format: AnswerFormat | None = None
    verbosity: str | None = None
    modalities: tuple[str, ...] | None = None  # text, audio, image
    speech: Speech | None = None
    n: int | None = None
    stop: tuple[str, ...] | None = None
    stream: bool = False
    stream_usage: bool | None = None  # the caller wants usage in its stream, where it may choose
    reasoning: Reasoning | None = None
    # -- sampling
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    # -- of the call
    user: str | None = None
    service_tier: str | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    prompt_cache_key: str | None = None
    previous_id: str | None = None  # OpenAI's previous_response_id
    others: dict[str, Json] = msgspec.field(default_factory=dict)
