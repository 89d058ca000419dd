"""Writes a neutral request as a request for a response.

A caller of another dialect did not ask that its conversation be kept at the vendor, which is what
happens unless `store` says no.

Source: OpenAI API reference, "Create a model response".
"""

from typing import Any, Final

import msgspec

from faregate.dialects.neutral import reasoning as table
from faregate.dialects.neutral.parts import Text
from faregate.dialects.neutral.request import Request, ServerTool
from faregate.dialects.openai.tools import write_choice, write_format, write_tool
from faregate.dialects.responses.items_reader import DIALECT
from faregate.dialects.responses.items_writer import ItemsWriter
from faregate.dialects.responses.request_reader import INNER, LOGPROBS, PROOFS
from faregate.dialects.translation import Lost, TargetFacts, Written

_PLAIN: Final = (
    "parallel_tool_calls", "temperature", "top_p", "top_logprobs", "user", "service_tier",
    "metadata", "store", "prompt_cache_key",
)  # fmt: skip
_NONE: Final = (
    "stop", "top_k", "seed", "presence_penalty", "frequency_penalty", "logit_bias", "speech",
)  # fmt: skip
CARRIES: Final = frozenset({
    *_PLAIN, "output_tokens_max", "tool_choice", "reasoning", "verbosity", "logprobs",
    "previous_id", "system", "tools", "tools.strict", "tools.custom", "tool_result.image",
    "image.url", "image.data", "document.url", "document.data", "audio.data", "thinking", "cache",
    "answer_format.json", "answer_format.schema",
})  # fmt: skip
_encode: Final = msgspec.json.Encoder().encode


def write_request(request: Request, target: TargetFacts) -> Written:
    """A request for a target."""
    writer = ItemsWriter(target)
    body: dict[str, Any] = {"model": target.model}
    messages = request.messages
    if messages and messages[0].role == "system" and len(messages[0].parts) == 1:
        first = messages[0].parts[0]
        if isinstance(first, Text) and first.cache is None:
            body["instructions"] = first.text
            messages = messages[1:]
    body["input"] = writer.input(messages)
    _write_plain(request, target, writer, body)
    if request.tools:
        _write_tools(request, target, writer, body)
    _write_answer(request, target, writer, body)
    if request.stream:
        body["stream"] = True
    if request.store is None and request.origin not in ("", DIALECT):
        body["store"] = False
    for name, value in request.others.items():
        if request.origin != DIALECT or name in target.unsupported:
            writer.lose(f"others.{name}", f"The target's dialect has no '{name}'.")
        else:
            _put(body, name, value)
    return Written(_encode(body), tuple(Lost(name, why) for name, why in writer.lost.items()))


def _put(body: dict[str, Any], name: str, value: Any) -> None:
    """A member that only responses have; one within another, or more to include."""
    if name in INNER:
        outer, _, inner = name.partition(".")
        body.setdefault(outer, {})[inner] = value
    elif name == "include":
        body["include"] = [*body.get("include", ()), *value]
    else:
        body[name] = value


def _write_plain(
    request: Request, target: TargetFacts, writer: ItemsWriter, body: dict[str, Any]
) -> None:
    for name in _PLAIN:
        value = getattr(request, name)
        if value is not None:
            if name in target.unsupported:
                writer.lose(name, f"The vendor doesn't take '{name}'.")
            else:
                body[name] = value
    for name in _NONE:
        if getattr(request, name) is not None:
            writer.lose(name, f"Responses have no '{name}'.")
    if request.n is not None and request.n > 1:
        writer.lose("n", "A response is one answer.")
    if request.modalities is not None and request.modalities != ("text",):
        writer.lose("modalities", "A response is text.")
    if request.output_tokens_max is not None:
        body["max_output_tokens"] = request.output_tokens_max
    if request.previous_id is not None:
        body["previous_response_id"] = request.previous_id


def _write_tools(
    request: Request, target: TargetFacts, writer: ItemsWriter, body: dict[str, Any]
) -> None:
    tools: list[Any] = []
    for tool in request.tools:
        if isinstance(tool, ServerTool):
            if tool.origin == DIALECT:
                tools.append(tool.raw)
            else:
                writer.lose("tools.server", "A tool that another vendor runs itself.")
            continue
        made = write_tool(tool, nested=False)
        if tool.cache is not None:
            writer.mark_tool(made, tool.cache)
        tools.append(made)
    if "tools" in target.unsupported:
        writer.lose("tools", "The model can't call tools.")
    elif tools:
        body["tools"] = tools
        if request.tool_choice is not None:
            body["tool_choice"] = write_choice(request.tool_choice, request.tools, nested=False)


def _write_answer(
    request: Request, target: TargetFacts, writer: ItemsWriter, body: dict[str, Any]
) -> None:
    """What the answer shall be, and what shall come with it."""
    said: dict[str, Any] = {}
    wanted = request.answer_format
    if wanted is not None:
        if f"answer_format.{wanted.kind}" in target.unsupported:
            writer.lose(f"answer_format.{wanted.kind}", "The vendor can't be told a form.")
        else:
            said["format"] = write_format(wanted, nested=False)
    if request.verbosity is not None:
        said["verbosity"] = request.verbosity
    if said:
        body["text"] = said
    include: list[str] = []
    if request.logprobs:
        include.append(LOGPROBS)
    thinks = writer.thinks
    if request.reasoning is not None:
        if "reasoning" in target.unsupported:
            writer.lose("reasoning", "The vendor doesn't let callers say how much is thought.")
        else:
            effort = table.effort(request.reasoning)
            summary = request.reasoning.summary
            if summary is None and request.reasoning.shows:
                summary = "auto"
            stated = {"effort": effort, "summary": summary}
            body["reasoning"] = {name: word for name, word in stated.items() if word is not None}
            thinks = thinks or effort != "none"
    if thinks:
        include.append(PROOFS)
    if include:
        body["include"] = include
