"""Reads a caller's Converse request.

The model and whether the reply is streamed are of the path.

Source: Amazon Bedrock API reference, "Converse"; user guide, "Adaptive thinking" and "Request and
response" (what Claude's own fields are called).
"""

from typing import Any, Final, Literal

import msgspec

from faregate.core.refusals import Refusal
from faregate.dialects.bedrock.block_reader import NAME, read_blocks, read_mark
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.request import (
    AnswerFormat,
    Effort,
    Message,
    Reasoning,
    Request,
    ServerTool,
    Tool,
    ToolChoice,
)
from faregate.dialects.shapes import (
    Object,
    ShapeError,
    as_flag,
    as_list,
    as_number,
    as_object,
    as_text,
    as_texts,
    as_whole,
    decode_object,
)
from faregate.dialects.typed_shapes import DECODING_ERRORS

ADDITIONAL: Final = "additionalModelRequestFields"
_KNOWN: Final = frozenset(
    ("modelId", "messages", "system", "inferenceConfig", "toolConfig", ADDITIONAL,
     "requestMetadata", "serviceTier", "outputConfig")
)  # fmt: skip
# Tuples, for what is looked for in them may be of any shape.
_EFFORTS: Final = ("minimal", "low", "medium", "high", "xhigh", "max")
_ROLES: Final = ("user", "assistant", "system")


def read_request(body: bytes, model: str | None, *, stream: bool) -> Request | Refusal:
    """A caller's request; `model` and `stream` are of the path."""
    found = decode_object(body)
    if isinstance(found, Refusal):
        return found
    try:
        return _read(found, model or as_text(found.get("modelId"), "modelId"), stream=stream)
    except ShapeError as error:
        return error.refusal()


def _read(body: Object, model: str, *, stream: bool) -> Request:
    others = {name: value for name, value in body.items() if name not in _KNOWN}
    inference = dict(as_object(body.get("inferenceConfig") or {}, "inferenceConfig"))
    own = dict(as_object(body.get(ADDITIONAL) or {}, ADDITIONAL))
    output = dict(as_object(body.get("outputConfig") or {}, "outputConfig"))
    tools, choice = _tools(as_object(body.get("toolConfig") or {}, "toolConfig"))
    limit = inference.pop("maxTokens", None)
    temperature = inference.pop("temperature", None)
    top_p = inference.pop("topP", None)
    stop = inference.pop("stopSequences", None)
    request = Request(
        model=model,
        messages=_messages(body),
        origin=NAME,
        tools=tools,
        tool_choice=choice,
        output_tokens_max=None if limit is None else as_whole(limit, "inferenceConfig.maxTokens"),
        answer_format=_answer_format(output),
        stop=None if stop is None else as_texts(stop, "inferenceConfig.stopSequences"),
        stream=stream,
        reasoning=_reasoning(own, output),
        temperature=_number(temperature, "temperature"),
        top_p=_number(top_p, "topP"),
        top_k=_top_k(own),
        user=_user(own),
        service_tier=_tier(body),
        metadata=_metadata(body),
        others=others,
    )
    # What is left of them once all that is known was taken.
    left = {"inferenceConfig": inference, ADDITIONAL: own, "outputConfig": output}
    others |= {name: rest for name, rest in left.items() if rest}
    return request


def _number(value: object, name: str) -> float | None:
    return None if value is None else as_number(value, f"inferenceConfig.{name}")


def _messages(body: Object) -> tuple[Message, ...]:
    found: list[Message] = []
    if body.get("system"):
        found.append(Message("system", read_blocks(body["system"], "system")))
    names: dict[str, str] = {}
    for at, value in enumerate(as_list(body.get("messages", []), "messages")):
        place = f"messages.{at}"
        turn = as_object(value, place)
        role = turn.get("role")
        if role not in _ROLES:
            raise ShapeError(f"{place}.role", "it must be user, assistant or system")
        read = read_blocks(turn.get("content"), f"{place}.content")
        if role == "user":
            found += _users_turns(read, names)
            continue
        for part in read:
            if isinstance(part, parts.ToolCall):
                names[part.id] = part.name
        found.append(Message("assistant" if role == "assistant" else "system", read))
    return tuple(found)


def _users_turns(read: tuple[parts.Part, ...], names: dict[str, str]) -> list[Message]:
    """A user's turn, with the results of tools in messages of their own."""
    runs: list[tuple[Literal["tool", "user"], list[parts.Part]]] = []
    for part in read:
        role: Literal["tool", "user"] = "user"
        if isinstance(part, parts.ToolResult):
            role = "tool"
            part = msgspec.structs.replace(part, name=names.get(part.call_id))
        if not runs or runs[-1][0] != role:
            runs.append((role, []))
        runs[-1][1].append(part)
    return [Message(role, tuple(run)) for role, run in runs] or [Message("user", ())]


# -- tools -----------------------------------------------------------------------------------------


def _tools(config: Object) -> tuple[tuple[Tool | ServerTool, ...], ToolChoice | None]:
    found: list[Tool | ServerTool] = []
    for at, value in enumerate(as_list(config.get("tools", []), "toolConfig.tools")):
        place = f"toolConfig.tools.{at}"
        tool = as_object(value, place)
        mark = read_mark(tool)
        last = found[-1] if found else None
        if mark is not None and isinstance(last, Tool) and last.cache is None:
            found[-1] = msgspec.structs.replace(last, cache=mark)
        elif "toolSpec" in tool:
            found.append(_tool(as_object(tool["toolSpec"], f"{place}.toolSpec"), place))
        else:
            found.append(ServerTool(NAME, tool))
    choice = config.get("toolChoice")
    return tuple(found), None if choice is None else _tool_choice(choice)


def _tool(spec: Object, place: str) -> Tool:
    schema = as_object(spec.get("inputSchema"), f"{place}.toolSpec.inputSchema").get("json")
    description = spec.get("description")
    strict = spec.get("strict")
    where = f"{place}.toolSpec.description"
    return Tool(
        name=as_text(spec.get("name"), f"{place}.toolSpec.name"),
        description=None if description is None else as_text(description, where),
        parameters=schema,
        strict=None if strict is None else as_flag(strict, f"{place}.toolSpec.strict"),
    )


def _tool_choice(value: object) -> ToolChoice:
    choice = as_object(value, "toolConfig.toolChoice")
    if "tool" in choice:
        tool = as_object(choice["tool"], "toolConfig.toolChoice.tool")
        return ToolChoice("tool", (as_text(tool.get("name"), "toolConfig.toolChoice.tool.name"),))
    if "any" in choice:
        return ToolChoice("required")
    if "auto" in choice:
        return ToolChoice("auto")
    raise ShapeError("toolConfig.toolChoice", "it must be auto, any or tool")


# -- the rest --------------------------------------------------------------------------------------


def _answer_format(output: Object) -> AnswerFormat | None:
    wanted = output.get("textFormat")
    if wanted is None:
        return None
    place = "outputConfig.textFormat"
    structure = as_object(as_object(wanted, place).get("structure"), f"{place}.structure")
    place = f"{place}.structure.jsonSchema"
    stated = as_object(structure.get("jsonSchema"), place)
    try:
        schema = msgspec.json.decode(as_text(stated.get("schema"), f"{place}.schema"))
    except DECODING_ERRORS:
        raise ShapeError(f"{place}.schema", "it must be JSON") from None
    del output["textFormat"]
    return AnswerFormat(
        kind="schema",
        name=stated.get("name"),
        description=stated.get("description"),
        schema=as_object(schema, f"{place}.schema"),
        strict=True,
    )


def _reasoning(own: Object, output: Object) -> Reasoning | None:
    """Claude's `thinking`, and the words of effort that some models have."""
    effort = _effort(own, output)
    thinking = own.get("thinking")
    budget: int | None = None
    shows: bool | None = None
    if isinstance(thinking, dict):
        kind = thinking.get("type")
        if kind == "enabled":
            place = f"{ADDITIONAL}.thinking.budget_tokens"
            budget = as_whole(thinking.get("budget_tokens"), place)
        elif kind in ("adaptive", "disabled"):
            budget = -1 if kind == "adaptive" else 0
        if budget is not None:
            del own["thinking"]
            display = thinking.get("display")
            shows = None if display is None else display != "omitted"
    if effort is None and budget is None:
        return None
    return Reasoning(effort=effort, budget_tokens=budget, shows=shows)


def _effort(own: Object, output: Object) -> Effort | None:
    for members, name in ((output, "effort"), (own, "reasoning_effort")):
        if members.get(name) in _EFFORTS:
            found: Effort = members.pop(name)
            return found
    return None


def _top_k(own: Object) -> int | None:
    value = own.pop("top_k", None)
    return None if value is None else as_whole(value, f"{ADDITIONAL}.top_k")


def _user(own: Object) -> str | None:
    """The end user, as Claude's models take it."""
    metadata = own.get("metadata")
    if not isinstance(metadata, dict) or metadata.keys() != {"user_id"}:
        return None
    del own["metadata"]
    user: Any = metadata["user_id"]
    return None if user is None else as_text(user, f"{ADDITIONAL}.metadata.user_id")


def _tier(body: Object) -> str | None:
    tier = body.get("serviceTier")
    if tier is None:
        return None
    return as_text(as_object(tier, "serviceTier").get("type"), "serviceTier.type")


def _metadata(body: Object) -> dict[str, str] | None:
    found = body.get("requestMetadata")
    if found is None:
        return None
    stated = as_object(found, "requestMetadata")
    return {name: as_text(one, f"requestMetadata.{name}") for name, one in stated.items()}
