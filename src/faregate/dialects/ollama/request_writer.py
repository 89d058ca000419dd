"""Writes a request in the dialect of Ollama's chat or generate.

A choice of single tools is said by offering these alone, none by offering none. Documents of text
go into the message's text. Sources: those of `request_reader` and `messages_reader`.
"""

from typing import Any, Final

import msgspec

from faregate.dialects import tool_errors
from faregate.dialects.fitting import fitted
from faregate.dialects.free_text import as_function
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.request import Message, Reasoning, Request, ServerTool, Tool
from faregate.dialects.ollama.messages_reader import NAME
from faregate.dialects.ollama.request_reader import GENERATE
from faregate.dialects.shapes import Object, object_of_text
from faregate.dialects.translation import Lost, TargetFacts, Written

CARRIES: Final = frozenset((
    "system", "tools", "tool_result.image", "tool_result.error", "image.data", "document.text",
    "thinking", "answer_format.json", "answer_format.schema", "output_tokens_max", "stop",
    "reasoning", "temperature", "top_p", "top_k", "seed", "presence_penalty",
    "frequency_penalty", "logprobs", "top_logprobs",
))  # fmt: skip
GENERATE_CARRIES: Final = CARRIES - {
    "tools", "tool_result.image", "tool_result.error", "thinking"
}  # fmt: skip
_NOWHERE: Final = dict.fromkeys(
    (
        "verbosity", "modalities", "speech", "n", "logit_bias", "user", "service_tier",
        "metadata", "store", "prompt_cache_key", "previous_id", "parallel_tool_calls",
    ),
    "Ollama has no such setting.",
)  # fmt: skip
_OPTIONS: Final = (
    ("output_tokens_max", "num_predict"),
    ("temperature", "temperature"),
    ("top_k", "top_k"),
    ("top_p", "top_p"),
    ("seed", "seed"),
    ("stop", "stop"),
    ("presence_penalty", "presence_penalty"),
    ("frequency_penalty", "frequency_penalty"),
)
_OWN: Final = (NAME, GENERATE)
_SHARED: Final = ("options", "keep_alive", "truncate", "shift")
# Only gpt-oss takes levels; others refuse what is neither true nor false.
_LEVELS: Final = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}


def write_chat(request: Request, target: TargetFacts) -> Written:
    """A request to chat; what it can't carry is told."""
    lost: dict[str, str] = {}
    request = fitted(request, target, _NOWHERE, lost)
    body: Object = {"model": target.model, "messages": _messages(request.messages, lost)}
    tools = _tools(request, lost)
    if tools:
        body["tools"] = tools
    return _written(body, request, target, NAME, lost)


def write_generate(request: Request, target: TargetFacts) -> Written:
    """A request to generate: one prompt and a system prompt, no conversation."""
    lost: dict[str, str] = {}
    request = fitted(request, target, _NOWHERE, lost)
    body: Object = {"model": target.model}
    if request.tools:
        lost["tools"] = "Ollama's generate knows no tools."
    system = [one for one in request.messages if one.role in ("system", "developer")]
    asked = [one for one in request.messages if one not in system]
    if len(asked) > 1:
        lost["messages"] = "Ollama's generate takes one prompt, no conversation."
    if system:
        body["system"] = "\n".join(one["content"] for one in _messages(tuple(system), lost))
    for message in _messages(tuple(asked[-1:]), lost):
        body["prompt"] = message["content"]
        if "images" in message:
            body["images"] = message["images"]
    return _written(body, request, target, GENERATE, lost)


def _written(
    body: Object, request: Request, target: TargetFacts, origin: str, lost: dict[str, str]
) -> Written:
    body["stream"] = request.stream
    if request.reasoning is not None:
        think = _think(request.reasoning, target.model, own=request.origin == origin)
        if think is not None:
            body["think"] = think
    wanted = request.answer_format
    if wanted is not None and wanted.kind != "text":
        body["format"] = "json" if wanted.kind == "json" else wanted.schema
    options: Object = {}
    for field, name in _OPTIONS:
        value = getattr(request, field)
        if value is not None:
            options[name] = value
    for name in ("logprobs", "top_logprobs"):
        value = getattr(request, name)
        if value is not None:
            body[name] = value
    others: Object = {}
    for name, value in request.others.items():
        if request.origin == origin or (request.origin in _OWN and name in _SHARED):
            others[name] = value
        else:
            lost[f"others.{name}"] = "Only the caller's own dialect knows this member."
    options |= others.pop("options", {})
    if options:
        body["options"] = options
    lost_texts = tuple(Lost(name, why) for name, why in lost.items())
    return Written(msgspec.json.encode(body | others), lost_texts)


def _think(reasoning: Reasoning, model: str, *, own: bool) -> bool | str | None:
    effort = reasoning.effort
    if reasoning.budget_tokens is not None:
        return reasoning.budget_tokens != 0
    if effort is None:
        return None
    if effort == "none":
        return False
    if own:
        return effort
    return _LEVELS[effort] if "gpt-oss" in model else True


def _tools(request: Request, lost: dict[str, str]) -> list[Object]:
    made: list[Object] = []
    choice = request.tool_choice
    if choice is not None and (choice.mode in ("required", "tool") or choice.required):
        lost["tool_choice"] = "Ollama can't be told that a tool must be called."
    for tool in request.tools:
        if isinstance(tool, ServerTool):
            lost["tools.server"] = "Ollama does not have the tools of another vendor."
            continue
        if tool.strict:
            lost["tools.strict"] = "Ollama does not hold calls to their schemas."
        if tool.cache is not None:
            lost["cache"] = "Ollama takes no marks for a cache."
        named = choice is None or choice.mode not in ("tool", "allowed")
        if named or (choice is not None and tool.name in choice.names):
            made.append(_tool(as_function(tool)))
    return [] if choice is not None and choice.mode == "none" else made


def _tool(tool: Tool) -> Object:
    function: Object = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    return {"type": "function", "function": function}


# -- messages --------------------------------------------------------------------------------------


def _messages(messages: tuple[Message, ...], lost: dict[str, str]) -> list[Object]:
    made: list[Object] = []
    names: dict[str, str] = {}
    for message in messages:
        if message.name is not None:
            lost["messages.name"] = "Ollama takes no names of participants."
        if message.role == "tool":
            made += [
                _result(part, names, lost)
                for part in message.parts
                if isinstance(part, parts.ToolResult)
            ]
            continue
        written = _said(message.parts, lost)
        written["role"] = "system" if message.role == "developer" else message.role
        calls = [part for part in message.parts if isinstance(part, parts.ToolCall)]
        if calls:
            names.update({call.id: call.name for call in calls})
            written["tool_calls"] = [write_call(call, at, lost) for at, call in enumerate(calls)]
        made.append(written)
    return made


def _said(found: tuple[Any, ...], lost: dict[str, str]) -> Object:
    """The text, images and thoughts of a message."""
    texts: list[str] = []
    images: list[str] = []
    thoughts: list[str] = []
    for part in found:
        if getattr(part, "cache", None) is not None:
            lost["cache"] = "Ollama takes no marks for a cache."
        if isinstance(part, (parts.Text, parts.RefusalText)):
            texts.append(part.text)
        elif isinstance(part, parts.Thinking):
            if part.origin in ("", NAME) and part.text:
                thoughts.append(part.text)
        elif isinstance(part, parts.Image) and part.source.data is not None:
            images.append(part.source.data)
            if part.detail not in (None, "auto"):
                lost["messages.image.detail"] = "Ollama looks at all images alike."
        elif isinstance(part, parts.Document) and part.text is not None:
            texts.append(part.text if part.name is None else f"{part.name}\n{part.text}")
        elif isinstance(part, parts.ServerPart):
            lost["messages.server"] = "Ollama knows nothing of another vendor's tools."
        elif not isinstance(part, parts.ToolCall):
            _lose_medium(part, lost)
    made: Object = {"content": "\n".join(texts)}
    if thoughts:
        made["thinking"] = "\n".join(thoughts)
    if images:
        made["images"] = images
    return made


def _lose_medium(part: Any, lost: dict[str, str]) -> None:
    source = getattr(part, "source", None)
    form = "url" if source is not None and source.url is not None else "data"
    name = f"{type(part).__name__.lower()}.{form}"
    lost[name] = "Ollama takes texts, and images that are in the request."


def write_call(call: parts.ToolCall, at: int, lost: dict[str, str]) -> Object:
    """A call, whose arguments Ollama wants as an object."""
    arguments: Object | None
    if call.custom:
        arguments = {"input": call.arguments}
    else:
        arguments = object_of_text(call.arguments) if call.arguments.strip() else {}
    if arguments is None:
        why = f"The arguments of the call {call.id} are not a JSON object."
        lost["messages.tool_call.arguments"] = why
        arguments = {"arguments": call.arguments}
    function = {"index": at, "name": call.name, "arguments": arguments}
    return {"id": call.id, "function": function}


def _result(result: parts.ToolResult, names: dict[str, str], lost: dict[str, str]) -> Object:
    if result.cache is not None:
        lost["cache"] = "Ollama takes no marks for a cache."
    made = _said(result.parts, lost)
    if result.is_error:
        made["content"] = tool_errors.written(made["content"])
    made["role"] = "tool"
    name = result.name or names.get(result.call_id)
    if name is not None:
        made["tool_name"] = name
    made["tool_call_id"] = result.call_id
    return made
