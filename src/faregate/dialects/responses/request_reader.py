"""Reads a request for a response into the neutral form.

What is asked to be included and comes anyway (proofs of thoughts) or has a member of its own (log
probabilities) is not kept; the rest stays in `others`, as do members that say more than nothing.

Source: OpenAI API reference, "Create a model response".
"""

from typing import Annotated, Any, Final

import msgspec

from faregate.core.refusals import Refusal
from faregate.dialects import openai_chat
from faregate.dialects.neutral.parts import Text
from faregate.dialects.neutral.request import Effort, Message, Reasoning, Request, Tool
from faregate.dialects.openai.shape import MisreadError
from faregate.dialects.openai.tools import read_choice, read_format, read_tools
from faregate.dialects.responses.items_reader import DIALECT, read_input

_Count = Annotated[int, msgspec.Meta(ge=0, le=10**9)]


class _Reasoning(msgspec.Struct):
    effort: Effort | None = None
    summary: str | None = None
    generate_summary: str | None = None
    context: Any = None
    mode: Any = None


class _Text(msgspec.Struct):
    format: Any = None
    verbosity: str | None = None


class _Create(msgspec.Struct):
    model: str
    input: Any = ""
    instructions: str | None = None
    tools: Any = None
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: _Count | None = None
    text: _Text | None = None
    reasoning: _Reasoning | None = None
    include: tuple[str, ...] | None = None
    stream: bool | None = None
    stream_options: Any = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: _Count | None = None
    user: str | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    prompt_cache_key: str | None = None
    previous_response_id: str | None = None


_KNOWN: Final = frozenset(_Create.__struct_fields__)
PROOFS: Final = "reasoning.encrypted_content"
LOGPROBS: Final = "message.output_text.logprobs"
# Members within others that only responses have, as `Request.others` names them.
INNER: Final = frozenset({"reasoning.context", "reasoning.mode", "text.format"})
# Members whose usual value says nothing.
_USUAL: Final = {"truncation": "disabled", "background": False}


def read_request(body: bytes) -> Request | Refusal:
    """A caller's request, or which of its fields is wrong."""
    try:
        stated = msgspec.json.decode(body)
        return _read(msgspec.convert(stated, _Create), stated)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return openai_chat.misread(error)
    except MisreadError as misread:
        return misread.refusal()


def _read(create: _Create, stated: dict[str, Any]) -> Request:
    others = {
        name: value
        for name, value in stated.items()
        if name not in _KNOWN and value is not None and _USUAL.get(name, ...) != value
    }
    choice, answer_format, user = None, None, create.user
    if create.tool_choice is not None:
        choice = read_choice(create.tool_choice, nested=False)
        if choice is None:
            others["tool_choice"] = create.tool_choice
    said = create.text
    if said is not None and said.format is not None:
        answer_format = read_format(said.format, "text.format", nested=False)
        if answer_format is None:
            others["text.format"] = said.format
    if create.safety_identifier is not None:
        if user is None:
            user = create.safety_identifier
        else:
            others["safety_identifier"] = create.safety_identifier
    include = tuple(name for name in create.include or () if name not in (PROOFS, LOGPROBS))
    if include:
        others["include"] = list(include)
    messages = read_input(create.input)
    if create.instructions is not None:
        messages = (Message("system", (Text(create.instructions),)), *messages)
    return Request(
        model=create.model,
        messages=messages,
        origin=DIALECT,
        tools=() if create.tools is None else _read_tools(create.tools),
        tool_choice=choice,
        parallel_tool_calls=create.parallel_tool_calls,
        output_tokens_max=create.max_output_tokens,
        answer_format=answer_format,
        verbosity=said.verbosity if said is not None else None,
        stream=create.stream is True,
        reasoning=_read_reasoning(create.reasoning, others),
        temperature=create.temperature,
        top_p=create.top_p,
        logprobs=True if LOGPROBS in (create.include or ()) else None,
        top_logprobs=create.top_logprobs,
        user=user,
        service_tier=create.service_tier,
        metadata=create.metadata,
        store=create.store,
        prompt_cache_key=create.prompt_cache_key,
        previous_id=create.previous_response_id,
        others=others,
    )


def _read_tools(stated: Any) -> tuple[Any, ...]:
    """The tools; here a function is only loosely kept to its schema unless `strict` says so."""
    return tuple(
        msgspec.structs.replace(tool, strict=None)
        if isinstance(tool, Tool) and tool.strict is False
        else tool
        for tool in read_tools(stated, DIALECT, nested=False)
    )


def _read_reasoning(stated: _Reasoning | None, others: dict[str, Any]) -> Reasoning | None:
    if stated is None:
        return None
    for name in ("context", "mode"):
        value = getattr(stated, name)
        if value is not None:
            others[f"reasoning.{name}"] = value
    summary = stated.summary or stated.generate_summary
    if stated.effort is None and summary is None:
        return None
    return Reasoning(effort=stated.effort, summary=summary)
