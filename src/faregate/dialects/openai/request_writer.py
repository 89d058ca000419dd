"""Writes a neutral request as a chat request for a target.

Source: OpenAI API reference, "Create chat completion"; deviations: see `quirks`.
"""

from typing import Any, Final

import msgspec

from faregate.dialects.neutral import reasoning as table
from faregate.dialects.neutral.request import Reasoning, Request, ServerTool
from faregate.dialects.openai import quirks
from faregate.dialects.openai.messages_writer import MessagesWriter
from faregate.dialects.openai.tools import write_choice, write_format, write_tool
from faregate.dialects.translation import Lost, TargetFacts, Written

# Members that are written as they are.
_PLAIN: Final = (
    "parallel_tool_calls", "verbosity", "modalities", "n", "stop", "temperature", "top_p", "top_k",
    "seed", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs",
    "user", "service_tier", "metadata", "store", "prompt_cache_key",
)  # fmt: skip
CARRIES: Final = frozenset({
    *_PLAIN, "output_tokens_max", "tool_choice", "reasoning", "speech",
    "system", "tools", "tools.strict", "tools.custom", "image.url", "image.data", "document.data",
    "audio.data", "video.url", "video.data", "thinking", "cache", "answer_format.json",
    "answer_format.schema",
})  # fmt: skip
# Rows of vendors name members of chat; these are named otherwise in the neutral form.
_NEUTRAL: Final = {"response_format": "answer_format", "reasoning_effort": "reasoning"}
_encode: Final = msgspec.json.Encoder().encode


def write_request(request: Request, target: TargetFacts, dialect: str = "openai_chat") -> Written:
    """A request for a target."""
    writer = MessagesWriter(target, dialect)
    body = write_members(request, target, writer)
    lost = tuple(Lost(name, why) for name, why in writer.lost.items())
    return Written(_encode(body), lost)


def write_members(request: Request, target: TargetFacts, writer: MessagesWriter) -> dict[str, Any]:
    """The members of the request; `writer` notes what is lost."""
    refused = target.unsupported | {
        neutral for name, neutral in _NEUTRAL.items() if name in target.unsupported
    }
    body: dict[str, Any] = {"model": target.model, "messages": writer.messages(request.messages)}
    for name in _PLAIN:
        value = getattr(request, name)
        if value is not None:
            if name in refused:
                writer.lose(name, f"The vendor doesn't take '{name}'.")
            elif name == "n" and quirks.ONE_CHOICE in target.quirks:
                if value > 1:
                    writer.lose("n", "The vendor gives one answer.")
            elif name == "seed" and quirks.RANDOM_SEED in target.quirks:
                body["random_seed"] = value
            else:
                body[name] = value
    if request.tools:
        _write_tools(request, refused, writer, body)
    else:
        body.pop("parallel_tool_calls", None)  # refused without tools, and it says nothing
    if "top_logprobs" in body and request.logprobs is None:
        body["logprobs"] = True  # responses need no such word
    if request.output_tokens_max is not None:
        body[target.output_limit_field] = request.output_tokens_max
    if request.answer_format is not None:
        _write_format(request, refused, writer, body)
    if request.reasoning is not None:
        if "reasoning" in refused:
            writer.lose("reasoning", "The vendor doesn't let callers say how much is thought.")
        else:
            body |= write_reasoning(request.reasoning, target.quirks)
    if request.speech is not None and "speech" in refused:
        writer.lose("speech", "The vendor's answers aren't spoken.")
    elif request.speech is not None:
        body["audio"] = {"voice": request.speech.voice, "format": request.speech.format}
    if request.previous_id is not None:
        writer.lose("previous_id", "Chat takes the whole conversation, no earlier answer's id.")
    if request.stream:
        body["stream"] = True
        if quirks.NO_STREAM_OPTIONS not in target.quirks:
            body["stream_options"] = {"include_usage": True}
    if request.others:
        _write_others(request, refused, writer, body)
    return body


def _write_tools(
    request: Request, refused: frozenset[str], writer: MessagesWriter, body: dict[str, Any]
) -> None:
    if "tools" in refused:
        writer.lose("tools", "The model can't call tools.")
        return
    tools: list[Any] = []
    for tool in request.tools:
        if isinstance(tool, ServerTool):
            if tool.origin == writer.dialect:
                tools.append(tool.raw)
            else:
                writer.lose("tools.server", "A tool that another vendor runs itself.")
            continue
        if tool.custom and "tools.custom" in refused:
            writer.lose("tools.custom", "The vendor has no tools of free text.")
            continue
        if tool.strict and "tools.strict" in refused:
            writer.lose("tools.strict", "The vendor doesn't keep to a tool's schema.")
            tool = msgspec.structs.replace(tool, strict=None)
        made = write_tool(tool, nested=True)
        if tool.cache is not None:
            writer.mark(made, tool.cache)
        tools.append(made)
    if not tools:
        body.pop("parallel_tool_calls", None)
        return
    body["tools"] = tools
    if request.tool_choice is not None:
        if "tool_choice" in refused:
            writer.lose("tool_choice", "The vendor lets the model alone choose.")
        else:
            body["tool_choice"] = write_choice(request.tool_choice, request.tools, nested=True)


def _write_format(
    request: Request, refused: frozenset[str], writer: MessagesWriter, body: dict[str, Any]
) -> None:
    wanted = request.answer_format
    if wanted is None:
        return
    name = f"answer_format.{wanted.kind}"
    if "answer_format" in refused or name in refused:
        writer.lose(name, "The vendor can't be told the form of an answer.")
    else:
        body["response_format"] = write_format(wanted, nested=True)


def write_reasoning(reasoning: Reasoning, vendor_quirks: frozenset[str]) -> dict[str, Any]:
    """What is said of thinking, as the vendor takes it."""
    effort, budget = table.effort(reasoning), table.budget_tokens(reasoning)
    if quirks.REASONING_OBJECT in vendor_quirks:
        said: dict[str, Any] = {}
        if reasoning.effort is None and budget is not None and budget > 0:
            said["max_tokens"] = budget
        elif effort is not None:
            said["effort"] = effort
        elif budget == -1:
            said["enabled"] = True
        if reasoning.shows is not None:
            said["exclude"] = not reasoning.shows
        return {"reasoning": said} if said else {}
    if quirks.THINKING_TYPE in vendor_quirks or quirks.THINKING_EFFORT in vendor_quirks:
        if budget is None:
            return {}
        switch: dict[str, Any] = {"thinking": {"type": "disabled" if budget == 0 else "enabled"}}
        if quirks.THINKING_EFFORT in vendor_quirks and effort not in (None, "none"):
            switch["reasoning_effort"] = effort
        return switch
    if quirks.ENABLE_THINKING in vendor_quirks:
        if budget is None:
            return {}
        switched: dict[str, Any] = {"enable_thinking": budget != 0}
        return switched | {"thinking_budget": budget} if budget > 0 else switched
    return {} if effort is None else {"reasoning_effort": effort}


def _write_others(
    request: Request, refused: frozenset[str], writer: MessagesWriter, body: dict[str, Any]
) -> None:
    """Members that only the same dialect has; harmless ones of responses stay behind."""
    for name, value in request.others.items():
        if request.origin == writer.dialect and name not in refused:
            body[name] = value
        else:
            writer.lose(f"others.{name}", f"The target's dialect has no '{name}'.")
