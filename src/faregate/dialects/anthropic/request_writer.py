"""Writes a neutral request for a vendor that speaks Messages.

A request that was read from this dialect is written as it was said. One of another dialect is
fitted to what the model takes (`models`): sampling, thinking, system prompts on the way.

Sources: Anthropic's API reference, "Create a Message", "Extended thinking" (what may stand beside
it), "Structured outputs"; Amazon Bedrock user guide, "Anthropic Claude Messages API"; Google
Vertex AI, "Request predictions with Claude models".
"""

from typing import Any, Final, Literal

import msgspec

from faregate.core import bounds
from faregate.dialects.anthropic.block_writer import (
    Block,
    BlockWriter,
    cache_control,
)
from faregate.dialects.anthropic.losses import Losses
from faregate.dialects.anthropic.models import ModelFacts, facts_of
from faregate.dialects.anthropic.request_reader import TIERS, TOOL_MEMBER
from faregate.dialects.anthropic.schemas import fitted
from faregate.dialects.anthropic.shapes import NAME
from faregate.dialects.anthropic.thinking import write_sampling, write_thinking
from faregate.dialects.free_text import as_function
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.request import Message, Request, ServerTool, Tool
from faregate.dialects.translation import TargetFacts, Written

Service = Literal["anthropic", "vertex", "bedrock"]

VERSIONS: Final = {"vertex": "vertex-2023-10-16", "bedrock": "bedrock-2023-05-31"}
_JSON_WANTED: Final = "Answer with one JSON object and nothing else."
_TIERS: Final = {neutral: own for own, neutral in TIERS.items()} | {"auto": "auto"}
NOWHERE: Final = (
    "verbosity", "modalities", "speech", "n", "seed", "presence_penalty", "frequency_penalty",
    "logit_bias", "logprobs", "top_logprobs", "metadata", "store", "prompt_cache_key",
    "previous_id",
)  # fmt: skip
_encode: Final = msgspec.json.Encoder().encode


def write_request(request: Request, target: TargetFacts, service: Service = "anthropic") -> Written:
    """The request for one of the services that serve Messages."""
    own = request.origin == NAME
    losses = Losses()
    facts = facts_of(target.model)
    body: Block = {"model": target.model} if service == "anthropic" else {}
    if service != "anthropic":
        body["anthropic_version"] = VERSIONS[service]
    body["max_tokens"] = output_limit(request, target)
    _write_messages(body, request, BlockWriter(losses, own=own), facts)
    if request.tools or not own:
        _write_tools(body, request, losses, own=own)
        _free_tools(body, facts, losses, own=own)
    if request.stop:
        _write_stop(body, request.stop, losses, own=own)
    if request.stream and service != "bedrock":
        body["stream"] = True
    if request.user is not None:
        body["metadata"] = {"user_id": request.user}
    _write_answer_format(body, request, own=own)
    write_thinking(body, request, facts, losses, own=own)
    write_sampling(body, request, facts, losses, own=own)
    _write_rest(body, request, losses, own=own)
    if target.unsupported:
        _drop(body, target.unsupported, losses)
    return Written(_encode(body), losses.lost() if losses else ())


def output_limit(request: Request, target: TargetFacts) -> int:
    """The output limit, which must be said: the model's, else a usual one."""
    if request.output_tokens_max is not None:
        return request.output_tokens_max
    return target.output_tokens_max or bounds.USUAL_OUTPUT_TOKENS


# -- messages --------------------------------------------------------------------------------------


def _write_messages(body: Block, request: Request, writer: BlockWriter, facts: ModelFacts) -> None:
    system: list[Block] = []
    turns: list[Block] = []
    messages = request.messages
    for at, message in enumerate(messages):
        if message.name is not None and not writer.own:
            writer.losses["messages.name"] = "Anthropic's messages name nobody."
        if message.role in ("system", "developer"):
            blocks = _blocks(message, writer)
            if at and (writer.own or _stays(messages, at, facts)):
                turns.append({"role": "system", "content": blocks})
            else:
                system += blocks
            continue
        _add_turn(turns, message, _blocks(message, writer))
    if request.answer_format is not None and request.answer_format.kind == "json":
        system.append({"type": "text", "text": _JSON_WANTED})
    for turn in turns:
        turn["content"] = _shortened(turn["content"])
    if system:
        body["system"] = _shortened(system)
    body["messages"] = turns


def _blocks(message: Message, writer: BlockWriter) -> list[Block]:
    """A message's blocks; empty texts, which Anthropic refuses, stand for nothing."""
    blocks = [block for part in message.parts if (block := writer.write(part)) is not None]
    if len(blocks) > 1:
        return [block for block in blocks if block.get("text") != "" or block.get("type") != "text"]
    return blocks


def _stays(messages: tuple[Message, ...], at: int, facts: ModelFacts) -> bool:
    """Whether a system prompt may stand where it is: behind the user, before the model."""
    behind = messages[at - 1].role in ("user", "tool")
    before = at + 1 == len(messages) or messages[at + 1].role == "assistant"
    return facts.system_turns and behind and before


def _add_turn(turns: list[Block], message: Message, blocks: list[Block]) -> None:
    """Neighbours of one role are one turn, in which results of tools come first."""
    role = "assistant" if message.role == "assistant" else "user"
    if not blocks:
        return
    if not turns or turns[-1]["role"] != role:
        turns.append({"role": role, "content": blocks})
        return
    content = turns[-1]["content"] = turns[-1]["content"] + blocks
    if role == "user" and any(block.get("type") == "tool_result" for block in blocks):
        content.sort(key=_is_no_result)


def _is_no_result(block: Block) -> bool:
    return block.get("type") != "tool_result"


def _shortened(blocks: list[Block]) -> list[Block] | str:
    """A single plain text as Anthropic's short form."""
    if len(blocks) == 1 and len(blocks[0]) == 2 and blocks[0].get("type") == "text":
        return str(blocks[0]["text"])
    return blocks


# -- tools -----------------------------------------------------------------------------------------


def _write_tools(body: Block, request: Request, losses: Losses, *, own: bool) -> None:
    choice = request.tool_choice
    tools = request.tools
    if choice is not None and choice.mode == "allowed":
        tools = tuple(
            [tool for tool in tools if isinstance(tool, Tool) and tool.name in choice.names]
        )
    written = [made for tool in tools if (made := _tool(tool, losses, own=own)) is not None]
    if not written and not own:
        written = _tools_of_the_past(request)
        if written:
            body["tools"] = written
            body["tool_choice"] = {"type": "none"}
        return
    if not written:
        return
    if own:
        _put_back(written, request.others)
    body["tools"] = written
    made_choice = _tool_choice(request)
    if made_choice is not None:
        body["tool_choice"] = made_choice


def _free_tools(body: Block, facts: ModelFacts, losses: Losses, *, own: bool) -> None:
    """Leave it to a model whether it calls a tool, where it can't be told to."""
    choice = body.get("tool_choice", {})
    if not own and not facts.forced_tools and choice.get("type") in ("any", "tool"):
        choice.pop("name", None)
        choice["type"] = "auto"
        losses["tool_choice"] = "This model can't be told to call a tool."


def _tool(tool: Tool | ServerTool, losses: Losses, *, own: bool) -> Block | None:
    if isinstance(tool, ServerTool):
        if tool.origin == NAME and isinstance(tool.raw, dict):
            return dict(tool.raw)
        losses["tools.server"] = "Tools that another vendor runs."
        return None
    tool = as_function(tool)
    made: Block = {"name": tool.name}
    if tool.description is not None:
        made["description"] = tool.description
    schema = tool.parameters if tool.parameters else {"type": "object"}
    made["input_schema"] = fitted(schema) if tool.strict and not own else schema
    if tool.strict or (own and tool.strict is not None):
        made["strict"] = tool.strict
    if tool.cache is not None:
        made["cache_control"] = cache_control(tool.cache)
    return made


def _put_back(tools: list[Block], others: dict[str, Any]) -> None:
    """Members of Anthropic's own, which were kept by the tool's name."""
    for name, values in others.items():
        if name.startswith(TOOL_MEMBER) and isinstance(values, dict):
            for tool in tools:
                called = tool.get("name")
                if "type" not in tool and isinstance(called, str) and called in values:
                    tool[name[len(TOOL_MEMBER) :]] = values[called]


def _tools_of_the_past(request: Request) -> list[Block]:
    """Tools that were called before and aren't offered now: Anthropic wants them declared."""
    names = dict.fromkeys(
        part.name
        for message in request.messages
        for part in message.parts
        if isinstance(part, parts.ToolCall)
    )
    return [{"name": name, "input_schema": {"type": "object"}} for name in names]


def _tool_choice(request: Request) -> Block | None:
    choice = request.tool_choice
    made: Block
    if choice is None:
        if request.parallel_tool_calls is None:
            return None
        made = {"type": "auto"}
    elif choice.mode == "tool":
        made = {"type": "tool", "name": choice.names[0] if choice.names else ""}
    elif choice.mode == "none":
        return {"type": "none"}
    else:
        required = choice.mode == "required" or choice.required
        made = {"type": "any" if required else "auto"}
    if request.parallel_tool_calls is not None:
        made["disable_parallel_tool_use"] = not request.parallel_tool_calls
    return made


# -- the rest --------------------------------------------------------------------------------------


def _write_stop(body: Block, stop: tuple[str, ...], losses: Losses, *, own: bool) -> None:
    """Stop sequences; Anthropic refuses those that are nothing but spaces."""
    kept = stop if own else tuple([text for text in stop if text.strip()])
    if kept:
        body["stop_sequences"] = kept
    if len(kept) < len(stop):
        losses["stop"] = "Anthropic takes no stop sequence of spaces alone."


def _write_answer_format(body: Block, request: Request, *, own: bool) -> None:
    wanted = request.answer_format
    if wanted is not None and wanted.kind == "schema":
        schema = wanted.schema if wanted.schema else {"type": "object"}
        if not own:
            schema = fitted(schema)
        body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}


def _write_rest(body: Block, request: Request, losses: Losses, *, own: bool) -> None:
    tier = request.service_tier
    if tier is not None:
        if own or tier in _TIERS:
            body["service_tier"] = _TIERS.get(tier, tier)
        else:
            losses["service_tier"] = "Anthropic's tiers are auto and default."
    losses.take_fields(request, NOWHERE, "Anthropic's messages have no such field.")
    for name, value in request.others.items():
        if not own:
            losses[f"others.{name}"] = f"Only the dialect {request.origin!r} knows it."
        elif isinstance(value, dict) and isinstance(body.get(name), dict):
            body[name] = {**value, **body[name]}
        elif not name.startswith(TOOL_MEMBER):
            body[name] = value


# What the neutral names of `TargetFacts.unsupported` are called here.
_MEMBERS: Final = {
    "reasoning": "thinking",
    "stop": "stop_sequences",
    "user": "metadata",
    "answer_format.schema": "output_config",
}


def _drop(body: Block, unsupported: frozenset[str], losses: Losses) -> None:
    if "cache" in unsupported and _without_marks(body):
        losses["cache"] = "This model takes no marks for its cache."
    for name in sorted(unsupported):
        member = _MEMBERS.get(name, name)
        if member in body and member not in ("model", "messages", "max_tokens"):
            del body[member]
            losses[name] = "This model does not take it."


def _without_marks(body: Block) -> bool:
    """Take the marks for the cache away; whether there were any."""
    found = body.pop("cache_control", None) is not None
    lists = [body.get("system"), body.get("tools"), *[turn["content"] for turn in body["messages"]]]
    blocks = [block for blocks in lists if isinstance(blocks, list) for block in blocks]
    blocks += [
        inner
        for block in blocks
        if isinstance(block.get("content"), list)
        for inner in block["content"]
        if isinstance(inner, dict)
    ]
    for block in blocks:
        found = block.pop("cache_control", None) is not None or found
    return found
