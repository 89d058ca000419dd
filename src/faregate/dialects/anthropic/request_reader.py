"""Reads a caller's Messages request.

Members that the neutral form doesn't know go to `Request.others`; those of a tool as
"tools[].<member>", by the tool's name.

Source: Anthropic's API reference, "Create a Message", "Structured outputs", "Extended thinking",
"Effort".
"""

from typing import Annotated, Any, Final, Literal

import msgspec

from faregate.core.refusals import Refusal, refuse
from faregate.dialects.anthropic.block_reader import mark_of, read_block
from faregate.dialects.anthropic.shapes import NAME, CacheControl
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.call_proofs import with_proofs
from faregate.dialects.neutral.request import (
    AnswerFormat,
    Message,
    Reasoning,
    Request,
    ServerTool,
    Tool,
    ToolChoice,
)
from faregate.dialects.shapes import ShapeError
from faregate.dialects.typed_shapes import DECODING_ERRORS, shape_error

# Anthropic's words for tiers, and OpenAI's for the same.
TIERS: Final = {"standard_only": "default"}
_PACING: Final = "eager_input_streaming"  # asks for what is done anyway: small pieces, at once
TOOL_MEMBER: Final = "tools[]."
_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")  # a tuple: it is asked for anything
# Of the path's vendors: Vertex and Bedrock say the API's version in the body.
_OF_TRANSPORT: Final = ("anthropic_version",)
_Tokens = Annotated[int, msgspec.Meta(ge=0, le=10**9)]


class _Turn(msgspec.Struct, gc=False):
    role: Literal["user", "assistant", "system"]
    content: str | list[msgspec.Raw]


class _Choice(msgspec.Struct, gc=False):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    messages: list[_Turn]
    model: str | None = None
    max_tokens: _Tokens | None = None
    system: str | list[msgspec.Raw] | None = None
    stream: bool | None = None
    tools: list[msgspec.Raw] | None = None
    tool_choice: _Choice | None = None
    metadata: dict[str, Any] | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    thinking: dict[str, Any] | None = None
    output_config: dict[str, Any] | None = None
    output_format: dict[str, Any] | None = None
    service_tier: str | None = None


class _Tool(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    input_schema: dict[str, Any] | None = None
    description: str | None = None
    strict: bool | None = None
    cache_control: CacheControl | None = None
    type: Literal["custom"] | None = None


_decode: Final = msgspec.json.Decoder(_Body).decode
_decode_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_object: Final = msgspec.json.Decoder(dict[str, Any]).decode
_decode_tool: Final = msgspec.json.Decoder(_Tool).decode
_TOOL_MEMBERS: Final = frozenset(_Tool.__struct_fields__)


def read_request(body: bytes, model: str | None, *, stream: bool) -> Request | Refusal:
    """A caller's request; the path may say its `model` and `stream`."""
    try:
        return _read(body, model, stream=stream)
    except ShapeError as error:
        if error.place == "$":
            return refuse("request_invalid", f"The body can't be read: {error.problem}.")
        return error.refusal()


def _read(body: bytes, model: str | None, *, stream: bool) -> Request:
    found, others = _decode_body(body)
    if model is None:
        model = found.model
        if not model:
            raise ShapeError("model", "it is missing")
    tools = _tools(found.tools, others)
    choice = found.tool_choice
    return Request(
        model=model,
        messages=_messages(found),
        origin=NAME,
        tools=tools,
        tool_choice=None if choice is None else _tool_choice(choice),
        parallel_tool_calls=_parallel(choice),
        output_tokens_max=found.max_tokens,
        answer_format=_answer_format(found, others),
        stop=None if found.stop_sequences is None else tuple(found.stop_sequences),
        stream=found.stream if found.stream is not None else stream,
        reasoning=_reasoning(found, others),
        temperature=found.temperature,
        top_p=found.top_p,
        top_k=found.top_k,
        user=_user(found, others),
        service_tier=TIERS.get(found.service_tier or "", found.service_tier),
        others=others,
    )


def _decode_body(body: bytes) -> tuple[_Body, dict[str, Any]]:
    """What is known of the body, and what isn't."""
    try:
        return _decode(body), {}
    except msgspec.ValidationError as error:
        if not str(error).startswith("Object contains unknown field"):
            raise shape_error(error) from None
    except DECODING_ERRORS as error:
        raise shape_error(error) from None
    try:
        members = _decode_members(body)
        known: dict[str, msgspec.Raw] = {}
        others: dict[str, Any] = {}
        for name, raw in members.items():
            if name in _Body.__struct_fields__:
                known[name] = raw
            elif name not in _OF_TRANSPORT:
                others[name] = msgspec.json.decode(raw)
        return _decode(msgspec.json.encode(known)), others
    except DECODING_ERRORS as error:
        raise shape_error(error) from None


def _messages(body: _Body) -> tuple[Message, ...]:
    found: list[Message] = []
    if body.system is not None:
        found.append(Message("system", _parts(body.system, "system")))
    names: dict[str, str] = {}
    for at, turn in enumerate(body.messages):
        content = turn.content
        if isinstance(content, str):
            found.append(Message(turn.role, (parts.Text(content),)))
            continue
        read = _parts(content, f"messages.{at}.content")
        if turn.role == "user":
            found += _users_turns(read, names)
        else:
            read = with_proofs(read, NAME)
            for part in read:
                if isinstance(part, parts.ToolCall):
                    names[part.id] = part.name
            found.append(Message(turn.role, read))
    return tuple(found)


def _parts(content: str | list[msgspec.Raw], place: str) -> tuple[parts.Part, ...]:
    if isinstance(content, str):
        return (parts.Text(content),)
    return tuple([read_block(raw, f"{place}.{at}") for at, raw in enumerate(content)])


def _users_turns(read: tuple[parts.Part, ...], names: dict[str, str]) -> list[Message]:
    """A user's turn, with the results of tools in messages of their own."""
    if not any(isinstance(part, parts.ToolResult) for part in read):
        return [Message("user", read)]
    runs: list[tuple[Literal["tool", "user"], list[parts.Part]]] = []
    for part in read:
        role: Literal["tool", "user"] = "user"
        if isinstance(part, parts.ToolResult):
            role = "tool"
            part = msgspec.structs.replace(part, name=names.get(part.call_id))
        if not runs or runs[-1][0] != role:
            runs.append((role, []))
        runs[-1][1].append(part)
    return [Message(role, tuple(run)) for role, run in runs]


# -- tools -----------------------------------------------------------------------------------------


def _tools(raws: list[msgspec.Raw] | None, others: dict[str, Any]) -> tuple[Any, ...]:
    if not raws:
        return ()
    return tuple([_tool(raw, f"tools.{at}", others) for at, raw in enumerate(raws)])


def _tool(raw: msgspec.Raw, place: str, others: dict[str, Any]) -> Tool | ServerTool:
    try:
        tool = _decode_tool(raw)
    except msgspec.ValidationError as error:
        return _other_tool(raw, place, others, error)
    except DECODING_ERRORS as error:
        raise shape_error(error, place) from None
    return Tool(
        name=tool.name,
        description=tool.description,
        parameters=tool.input_schema,
        strict=tool.strict,
        cache=mark_of(tool.cache_control),
    )


def _other_tool(
    raw: msgspec.Raw, place: str, others: dict[str, Any], error: msgspec.ValidationError
) -> Tool | ServerTool:
    """A tool that Anthropic runs or knows itself, or one with members of Anthropic's own."""
    try:
        members = _decode_object(raw)
    except DECODING_ERRORS as other:
        raise shape_error(other, place) from None
    if members.get("type") not in (None, "custom"):
        return ServerTool(NAME, members)
    own = {name: value for name, value in members.items() if name not in _TOOL_MEMBERS}
    name = members.get("name")
    if not own or not isinstance(name, str):
        raise shape_error(error, place)
    own.pop(_PACING, None)
    for member, value in own.items():
        others.setdefault(TOOL_MEMBER + member, {})[name] = value
    rest = {key: value for key, value in members.items() if key in _TOOL_MEMBERS}
    return _tool(msgspec.Raw(msgspec.json.encode(rest)), place, {})


def _tool_choice(choice: _Choice) -> ToolChoice:
    if choice.type == "tool":
        if choice.name is None:
            raise ShapeError("tool_choice.name", "it is missing")
        return ToolChoice("tool", (choice.name,))
    return ToolChoice("required" if choice.type == "any" else choice.type)


def _parallel(choice: _Choice | None) -> bool | None:
    if choice is None or choice.disable_parallel_tool_use is None:
        return None
    return not choice.disable_parallel_tool_use


# -- the answer ------------------------------------------------------------------------------------


def _answer_format(body: _Body, others: dict[str, Any]) -> AnswerFormat | None:
    """A schema; `output_format` is what the beta called `output_config.format`."""
    config = body.output_config or {}
    asked = config.get("format") or body.output_format
    if asked is None:
        return None
    schema = asked.get("schema") if isinstance(asked, dict) else None
    if not isinstance(schema, dict):
        raise ShapeError("output_config.format.schema", "it must be an object")
    if asked.get("type") != "json_schema":
        others["output_config"] = {**others.get("output_config", {}), "format": asked}
        return None
    return AnswerFormat(kind="schema", schema=schema, strict=True)


def _reasoning(body: _Body, others: dict[str, Any]) -> Reasoning | None:
    config = body.output_config or {}
    effort = config.get("effort")
    unknown = {name: value for name, value in config.items() if name not in ("effort", "format")}
    if effort is not None and effort not in _EFFORTS:
        raise ShapeError("output_config.effort", "it must be low, medium, high, xhigh or max")
    if unknown:
        others["output_config"] = {**others.get("output_config", {}), **unknown}
    thinking = body.thinking
    if thinking is None:
        return None if effort is None else Reasoning(effort=effort)
    budget, shows = _budget(thinking, others)
    if budget is None and effort is None:
        return None
    return Reasoning(effort=effort, budget_tokens=budget, shows=shows)


def _budget(thinking: dict[str, Any], others: dict[str, Any]) -> tuple[int | None, bool | None]:
    """The tokens to think with, and whether the thoughts are shown."""
    display = thinking.get("display")
    shows = None if display is None else display != "omitted"
    kind = thinking.get("type")
    if kind == "enabled":
        budget = thinking.get("budget_tokens")
        if not isinstance(budget, int) or isinstance(budget, bool) or budget < 1:
            raise ShapeError("thinking.budget_tokens", "it must be a whole number above 0")
        return budget, shows
    if kind == "disabled":
        return 0, shows
    if kind == "adaptive":
        return -1, shows
    if not isinstance(kind, str):
        raise ShapeError("thinking.type", "it must be enabled, disabled or adaptive")
    others["thinking"] = thinking
    return None, None


def _user(body: _Body, others: dict[str, Any]) -> str | None:
    metadata = body.metadata
    if not metadata:
        return None
    user = metadata.get("user_id")
    if user is not None and not isinstance(user, str):
        raise ShapeError("metadata.user_id", "it must be text")
    unknown = {name: value for name, value in metadata.items() if name != "user_id"}
    if unknown:
        others["metadata"] = unknown
    return user
