"""Reads a chat request into the neutral form.

Members that the neutral form doesn't know are kept as `others`. A request is decoded once; the
plain members are checked by their types, messages and tools by their own readers.

Source: OpenAI API reference, "Create chat completion"; for `reasoning` OpenRouter, "Reasoning
tokens"; for `thinking` LiteLLM, "Reasoning content"; for `random_seed`
Mistral, "Chat completion API".
"""

from typing import Annotated, Any, Final

import msgspec

from faregate.core.refusals import Refusal
from faregate.dialects import openai_chat
from faregate.dialects.neutral.request import Effort, Reasoning, Request, Speech
from faregate.dialects.openai.messages_reader import read_messages
from faregate.dialects.openai.shape import MisreadError, members, text
from faregate.dialects.openai.tools import read_choice, read_format, read_tools

Count = Annotated[int, msgspec.Meta(ge=0, le=10**9)]


class StreamOptions(msgspec.Struct, gc=False):
    """What a caller wants of its stream."""

    include_usage: bool | None = None


class _Thinking(msgspec.Struct, gc=False):
    type: str = "enabled"
    budget_tokens: Count | None = None


class _Reasoning(msgspec.Struct, gc=False):
    effort: Effort | None = None
    max_tokens: Count | None = None
    exclude: bool | None = None
    enabled: bool | None = None


class _Chat(msgspec.Struct):
    """The members whose types say all that there is to check."""

    model: str
    messages: Any
    tools: Any = None
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    response_format: Any = None
    verbosity: str | None = None
    modalities: tuple[str, ...] | None = None
    audio: Any = None
    n: Annotated[int, msgspec.Meta(ge=1, le=1_024)] | None = None
    stop: str | tuple[str, ...] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    reasoning_effort: Effort | None = None
    reasoning: _Reasoning | None = None
    thinking: _Thinking | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    random_seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: Count | None = None
    user: str | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    prompt_cache_key: str | None = None


KNOWN: Final = frozenset(_Chat.__struct_fields__)
_FAILURES: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def read_request(body: bytes, dialect: str = "openai_chat") -> Request | Refusal:
    """A caller's request, or which of its fields is wrong."""
    try:
        stated = msgspec.json.decode(body)
        chat = msgspec.convert(stated, _Chat)
        return _read(chat, stated, dialect)
    except _FAILURES as error:
        return openai_chat.misread(error)
    except MisreadError as misread:
        return misread.refusal()


def _read(chat: _Chat, stated: dict[str, Any], dialect: str) -> Request:
    others = {
        name: value for name, value in stated.items() if name not in KNOWN and value is not None
    }
    choice, answer_format, user = None, None, chat.user
    if chat.tool_choice is not None:
        choice = read_choice(chat.tool_choice, nested=True)
        if choice is None:
            others["tool_choice"] = chat.tool_choice
    if chat.response_format is not None:
        answer_format = read_format(chat.response_format, "response_format", nested=True)
        if answer_format is None:
            others["response_format"] = chat.response_format
    if chat.safety_identifier is not None:
        if user is None:
            user = chat.safety_identifier
        else:
            others["safety_identifier"] = chat.safety_identifier
    return Request(
        model=chat.model,
        messages=read_messages(chat.messages, dialect),
        origin=dialect,
        tools=() if chat.tools is None else read_tools(chat.tools, dialect, nested=True),
        tool_choice=choice,
        parallel_tool_calls=chat.parallel_tool_calls,
        output_tokens_max=_output_limit(chat),
        answer_format=answer_format,
        verbosity=chat.verbosity,
        modalities=chat.modalities,
        speech=None if chat.audio is None else _read_speech(chat.audio),
        n=chat.n,
        stop=(chat.stop,) if isinstance(chat.stop, str) else chat.stop,
        stream=chat.stream is True,
        stream_usage=chat.stream_options.include_usage if chat.stream_options else None,
        reasoning=_read_reasoning(chat),
        temperature=chat.temperature,
        top_p=chat.top_p,
        top_k=chat.top_k,
        seed=chat.random_seed if chat.seed is None else chat.seed,
        presence_penalty=chat.presence_penalty,
        frequency_penalty=chat.frequency_penalty,
        logit_bias=chat.logit_bias,
        logprobs=chat.logprobs,
        top_logprobs=chat.top_logprobs,
        user=user,
        service_tier=chat.service_tier,
        metadata=chat.metadata,
        store=chat.store,
        prompt_cache_key=chat.prompt_cache_key,
        others=others,
    )


def _output_limit(chat: _Chat) -> int | None:
    """As the gate's peek has it: the larger, where both are said."""
    if chat.max_tokens is None or chat.max_completion_tokens is None:
        return chat.max_completion_tokens if chat.max_tokens is None else chat.max_tokens
    return max(chat.max_tokens, chat.max_completion_tokens)


def _read_speech(audio: Any) -> Speech:
    stated = members(audio, "audio")
    return Speech(stated.get("voice"), text(stated.get("format"), "audio.format"))


def _read_reasoning(chat: _Chat) -> Reasoning | None:
    """What is said of thinking, in OpenAI's word or another's object."""
    effort, said, thinking = chat.reasoning_effort, chat.reasoning, chat.thinking
    if said is not None:
        if effort is None:
            effort = "none" if said.enabled is False and said.effort is None else said.effort
        if effort is None and said.max_tokens is None and said.exclude is None:
            effort = "medium" if said.enabled else None
        shows = None if said.exclude is None else not said.exclude
        return Reasoning(effort=effort, budget_tokens=said.max_tokens, shows=shows)
    if thinking is not None:
        if thinking.type == "disabled":
            return Reasoning(effort=effort, budget_tokens=0)
        budget = thinking.budget_tokens
        if budget is None and effort is None:
            budget = -1
        return Reasoning(effort=effort, budget_tokens=budget)
    return None if effort is None else Reasoning(effort=effort)
