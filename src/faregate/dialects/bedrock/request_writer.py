"""Writes a neutral request as Converse's.

The model is in the path, as is whether the reply is streamed. What Converse has no field for goes
where the model's own fields are, for the models whose fields are documented.

Sources: Amazon Bedrock API reference, "Converse"; user guide, "Adaptive thinking", "OpenAI
models" (reasoning_effort), "Prompt caching" (of Claude's and Nova's models alone); Amazon Nova
user guide, "Complete request schema" (topK).
"""

from typing import Final

import msgspec

from faregate.dialects.anthropic.losses import Losses
from faregate.dialects.anthropic.models import facts_of
from faregate.dialects.anthropic.request_writer import output_limit
from faregate.dialects.anthropic.schemas import fitted
from faregate.dialects.anthropic.thinking import write_sampling, write_thinking
from faregate.dialects.bedrock.block_reader import NAME
from faregate.dialects.bedrock.block_writer import Block, BlockWriter, cache_point
from faregate.dialects.bedrock.request_reader import ADDITIONAL
from faregate.dialects.free_text import as_function
from faregate.dialects.neutral import parts, reasoning
from faregate.dialects.neutral.request import Message, Request, ServerTool, Tool
from faregate.dialects.translation import TargetFacts, Written

_JSON_WANTED: Final = "Answer with one JSON object and nothing else."
_SAYS_EFFORT: Final = "gpt-oss"  # models with `reasoning_effort` of their own
_TIERS: Final = frozenset(("priority", "default", "flex", "reserved"))
_NOWHERE: Final = (
    "verbosity", "modalities", "speech", "n", "seed", "presence_penalty", "frequency_penalty",
    "logit_bias", "logprobs", "top_logprobs", "store", "prompt_cache_key", "previous_id",
)  # fmt: skip
_encode: Final = msgspec.json.Encoder().encode


def write_request(request: Request, target: TargetFacts) -> Written:
    """The request for a target; never raises."""
    own = request.origin == NAME
    name = target.model.lower()
    claude = "claude" in name or "anthropic" in name
    losses = Losses()
    body: Block = {}
    _write_messages(body, request, BlockWriter(losses, own=own, claude=claude))
    _write_tools(body, request, losses, own=own)
    choice = body.get("toolConfig", {}).get("toolChoice", {})
    if not own and choice.keys() & {"any", "tool"} and not facts_of(name).forced_tools:
        body["toolConfig"]["toolChoice"] = {"auto": {}}
        losses["tool_choice"] = "This model can't be told to call a tool."
    _write_thinking_and_sampling(body, request, target, losses, own=own or not claude)
    if not claude and (not own or _SAYS_EFFORT in name):
        _write_others_reasoning(body, request, name, losses)
    _write_answer_format(body, request, fits=claude and not own)
    _write_rest(body, request, losses, own=own, claude=claude)
    caches = own or claude or "nova" in name
    if (not caches or "cache" in target.unsupported) and _without_marks(body):
        losses["cache"] = "This model takes no cache points."
    if target.unsupported:
        _drop(body, target.unsupported, losses)
    return Written(_encode(body), losses.lost() if losses else ())


# -- messages --------------------------------------------------------------------------------------


def _write_messages(body: Block, request: Request, writer: BlockWriter) -> None:
    system: list[Block] = []
    turns: list[Block] = []
    for at, message in enumerate(request.messages):
        if message.name is not None and not writer.own:
            writer.losses["messages.name"] = "Converse's messages name nobody."
        blocks = _blocks(message, writer)
        if message.role in ("system", "developer"):
            if at and writer.own:
                turns.append({"role": "system", "content": blocks})
            else:
                system += blocks
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if turns and turns[-1]["role"] == role:
            _join(turns[-1]["content"], blocks)
        elif blocks:
            turns.append({"role": role, "content": blocks})
    if request.answer_format is not None and request.answer_format.kind == "json":
        system.append({"text": _JSON_WANTED})
    if system:
        body["system"] = system
    body["messages"] = turns


def _blocks(message: Message, writer: BlockWriter) -> list[Block]:
    """A message's blocks, without empty texts, which Bedrock refuses, beside others."""
    blocks = [block for part in message.parts for block in writer.write(part)]
    if len(blocks) > 1:
        return [block for block in blocks if block.get("text") != ""]
    return blocks


def _join(content: list[Block], blocks: list[Block]) -> None:
    """Neighbours of one role are one turn, in which results of tools come first."""
    at = len(content)
    if blocks and "toolResult" in blocks[0]:
        kinds = [block.keys() & {"toolResult", "cachePoint"} for block in content]
        at = next((at for at, kind in enumerate(kinds) if not kind), at)
    content[at:at] = blocks


# -- tools -----------------------------------------------------------------------------------------


def _write_tools(body: Block, request: Request, losses: Losses, *, own: bool) -> None:
    choice = request.tool_choice
    tools = request.tools
    if choice is not None and choice.mode == "allowed":
        tools = tuple(
            [tool for tool in tools if isinstance(tool, Tool) and tool.name in choice.names]
        )
    called = _called_names(request)
    if choice is not None and choice.mode == "none":
        if called:
            losses["tool_choice"] = "Converse can't forbid the tools that it must be told of."
        else:
            tools = ()
    written = [block for tool in tools for block in _tool(tool, losses)]
    if not written and not own:
        # Tools that were called before and aren't offered now: Converse wants them declared.
        schema = {"json": {"type": "object"}}
        written = [{"toolSpec": {"name": name, "inputSchema": schema}} for name in called]
    if not written:
        return
    config = body["toolConfig"] = {"tools": written}
    made = _tool_choice(request)
    if made is not None:
        config["toolChoice"] = made
    if request.parallel_tool_calls is False:
        losses["parallel_tool_calls"] = "Converse can't forbid several calls at once."


def _called_names(request: Request) -> list[str]:
    return list(
        dict.fromkeys(
            part.name
            for message in request.messages
            for part in message.parts
            if isinstance(part, parts.ToolCall)
        )
    )


def _tool(tool: Tool | ServerTool, losses: Losses) -> list[Block]:
    if isinstance(tool, ServerTool):
        if tool.origin == NAME and isinstance(tool.raw, dict):
            return [tool.raw]
        losses["tools.server"] = "Tools that another vendor runs."
        return []
    tool = as_function(tool)
    spec: Block = {"name": tool.name}
    if tool.description:
        spec["description"] = tool.description
    spec["inputSchema"] = {"json": tool.parameters if tool.parameters else {"type": "object"}}
    if tool.strict:
        spec["strict"] = tool.strict
    made: list[Block] = [{"toolSpec": spec}]
    return made if tool.cache is None else [*made, cache_point(tool.cache)]


def _tool_choice(request: Request) -> Block | None:
    choice = request.tool_choice
    if choice is None or choice.mode == "none":
        return None
    if choice.mode == "tool":
        return {"tool": {"name": choice.names[0] if choice.names else ""}}
    return {"any": {}} if choice.mode == "required" or choice.required else {"auto": {}}


# -- the rest --------------------------------------------------------------------------------------


def _write_thinking_and_sampling(
    body: Block, request: Request, target: TargetFacts, losses: Losses, *, own: bool
) -> None:
    """Claude's models have Anthropic's rules; the rest is written as it was said."""
    facts = facts_of(target.model)
    said: Block = {"max_tokens": output_limit(request, target)}
    choice = body.get("toolConfig", {}).get("toolChoice", {})
    if "any" in choice or "tool" in choice:
        said["tool_choice"] = {"type": "any"}
    if (request.origin == NAME and _SAYS_EFFORT not in target.model.lower()) or not own:
        write_thinking(said, request, facts, losses, own=own)
    write_sampling(said, request, facts, losses, own=own)
    inference: Block = {}
    needs_limit = "thinking" in said and request.origin != NAME
    if request.output_tokens_max is not None or needs_limit:
        inference["maxTokens"] = said["max_tokens"]
    for name, member in (("temperature", "temperature"), ("top_p", "topP")):
        if name in said:
            inference[member] = said[name]
    if request.stop:
        inference["stopSequences"] = request.stop
    if inference:
        body["inferenceConfig"] = inference
    if "thinking" in said:
        body.setdefault(ADDITIONAL, {})["thinking"] = said["thinking"]
    if "top_k" in said:
        nova = "nova" in target.model.lower() and request.origin != NAME
        found = {"inferenceConfig": {"topK": said["top_k"]}} if nova else {"top_k": said["top_k"]}
        body.setdefault(ADDITIONAL, {}).update(found)
    if "output_config" in said:
        body["outputConfig"] = {"effort": said["output_config"]["effort"]}


def _write_others_reasoning(body: Block, request: Request, name: str, losses: Losses) -> None:
    """Words of effort, for the models that are known to take them."""
    asked = request.reasoning
    if asked is None:
        return
    effort = reasoning.effort(asked)
    if _SAYS_EFFORT in name and effort in ("minimal", "low", "medium", "high", "xhigh", "max"):
        word = {"minimal": "low", "xhigh": "high", "max": "high"}.get(effort, effort)
        body.setdefault(ADDITIONAL, {})["reasoning_effort"] = word
    elif effort != "none":
        losses["reasoning"] = "How this model is told how much to think isn't known."


def _write_answer_format(body: Block, request: Request, *, fits: bool) -> None:
    wanted = request.answer_format
    if wanted is None or wanted.kind != "schema":
        return
    schema = wanted.schema if wanted.schema else {"type": "object"}
    stated: Block = {"schema": _encode(fitted(schema) if fits else schema).decode()}
    if wanted.name is not None:
        stated["name"] = wanted.name
    if wanted.description is not None:
        stated["description"] = wanted.description
    body.setdefault("outputConfig", {})["textFormat"] = {
        "type": "json_schema",
        "structure": {"jsonSchema": stated},
    }


def _write_rest(body: Block, request: Request, losses: Losses, *, own: bool, claude: bool) -> None:
    tier = request.service_tier
    if tier is not None and (own or tier in _TIERS):
        body["serviceTier"] = {"type": tier}
    elif tier not in (None, "auto"):
        losses["service_tier"] = "Bedrock's tiers are default, flex, priority and reserved."
    if request.metadata:
        body["requestMetadata"] = request.metadata
    if request.user is not None:
        if own or claude:
            body.setdefault(ADDITIONAL, {})["metadata"] = {"user_id": request.user}
        else:
            losses["user"] = "Converse has no place for an end user."
    losses.take_fields(request, _NOWHERE, "Converse has no such field.")
    for name, value in request.others.items():
        if not own:
            losses[f"others.{name}"] = f"Only the dialect {request.origin!r} knows it."
        elif isinstance(value, dict) and isinstance(body.get(name), dict):
            body[name] = {**value, **body[name]}
        else:
            body[name] = value


# Where the neutral names of `TargetFacts.unsupported` stand here.
_PLACES: Final = {
    "temperature": ("inferenceConfig", "temperature"),
    "top_p": ("inferenceConfig", "topP"),
    "stop": ("inferenceConfig", "stopSequences"),
    "top_k": (ADDITIONAL, "top_k"),
    "reasoning": (ADDITIONAL, "thinking"),
    "user": (ADDITIONAL, "metadata"),
    "answer_format.schema": ("outputConfig", "textFormat"),
    "tool_choice": ("toolConfig", "toolChoice"),
}
_MEMBERS: Final = {"tools": "toolConfig", "metadata": "requestMetadata",
                   "service_tier": "serviceTier", "system": "system"}  # fmt: skip


def _drop(body: Block, unsupported: frozenset[str], losses: Losses) -> None:
    for name in sorted(unsupported):
        group, member = _PLACES.get(name, ("", ""))
        held = body if name in _MEMBERS else body.get(group, {})
        if held.pop(_MEMBERS.get(name, member), None) is not None:
            losses[name] = "This model does not take it."


def _without_marks(body: Block) -> bool:
    """Take the cache points away; whether there were any."""
    lists = [body.get("system", []), body.get("toolConfig", {}).get("tools", [])]
    lists += [turn["content"] for turn in body["messages"]]
    found = False
    for blocks in lists:
        kept = [block for block in blocks if "cachePoint" not in block]
        found = found or len(kept) < len(blocks)
        blocks[:] = kept
    return found
