"""Tools, their choice and formats of answers, in OpenAI's dialects.

The two differ in depth: chat puts a function's members into `function`, a format's into
`json_schema`; responses has them beside `type`. The neutral form of a custom tool's grammar is
that of responses.

Sources: OpenAI API reference, "Create chat completion", "Create a model response".
"""

from typing import Any, Final

from faregate.dialects.neutral.request import AnswerFormat, ServerTool, Tool, ToolChoice
from faregate.dialects.openai.media import read_cache
from faregate.dialects.openai.shape import MisreadError, items, members, optional_text, text

Json = Any


def read_tools(tools: Json, dialect: str, *, nested: bool) -> tuple[Tool | ServerTool, ...]:
    """The tools of a request; `nested` is chat's form."""
    found: list[Tool | ServerTool] = []
    for at, tool in enumerate(items(tools, "tools")):
        place = f"tools[{at}]"
        kind = text(members(tool, place).get("type", "function"), f"{place}.type")
        if kind in ("function", "custom"):
            stated = members(tool.get(kind), f"{place}.{kind}") if nested else tool
            where = f"{place}.{kind}" if nested else place
            found.append(_read_tool(stated, tool, kind, where))
        else:
            found.append(ServerTool(dialect, tool))
    return tuple(found)


def _read_tool(stated: dict[str, Any], tool: dict[str, Any], kind: str, place: str) -> Tool:
    custom = kind == "custom"
    grammar = stated.get("format") if custom else None
    if isinstance(grammar, dict) and isinstance(grammar.get("grammar"), dict):
        grammar = {"type": "grammar"} | grammar["grammar"]
    strict = stated.get("strict")
    if strict is not None and not isinstance(strict, bool):
        raise MisreadError(f"{place}.strict", "it must be true or false")
    return Tool(
        name=text(stated.get("name"), f"{place}.name"),
        description=optional_text(stated.get("description"), f"{place}.description"),
        parameters=grammar if custom else stated.get("parameters"),
        strict=strict,
        custom=custom,
        cache=read_cache(tool),
    )


def write_tool(tool: Tool, *, nested: bool) -> dict[str, Any]:
    """A function or a custom tool."""
    stated: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        stated["description"] = tool.description
    if tool.custom:
        if tool.parameters is not None:
            stated["format"] = _grammar(tool.parameters) if nested else tool.parameters
        kind = "custom"
    else:
        if tool.parameters is not None or not nested:
            stated["parameters"] = tool.parameters
        if tool.strict is not None or not nested:
            stated["strict"] = tool.strict if nested else bool(tool.strict)
        kind = "function"
    return {"type": kind, kind: stated} if nested else {"type": kind} | stated


def _grammar(stated: Json) -> Json:
    if isinstance(stated, dict) and stated.get("type") == "grammar":
        inner = {name: value for name, value in stated.items() if name != "type"}
        return {"type": "grammar", "grammar": inner}
    return stated


# -- which of them ---------------------------------------------------------------------------------

_WORDS: Final = {
    "auto": ToolChoice("auto"),
    "none": ToolChoice("none"),
    "required": ToolChoice("required"),
    "any": ToolChoice("required"),  # Mistral
}


def read_choice(choice: Json, *, nested: bool) -> ToolChoice | None:
    """The choice; None: it names tools that only its own dialect knows."""
    if isinstance(choice, str):
        if choice not in _WORDS:
            raise MisreadError("tool_choice", f"there is no choice '{choice[:40]}'")
        return _WORDS[choice]
    kind = text(members(choice, "tool_choice").get("type", "function"), "tool_choice.type")
    if kind in ("function", "custom"):
        place = f"tool_choice.{kind}" if nested else "tool_choice"
        stated = members(choice.get(kind), place) if nested else choice
        return ToolChoice("tool", (text(stated.get("name"), f"{place}.name"),))
    if kind != "allowed_tools":
        return None
    place = "tool_choice.allowed_tools" if nested else "tool_choice"
    stated = members(choice.get("allowed_tools"), place) if nested else choice
    names = []
    for at, tool in enumerate(items(stated.get("tools"), f"{place}.tools")):
        where = f"{place}.tools[{at}]"
        of_kind = members(tool, where).get("type", "function")
        if of_kind not in ("function", "custom"):
            return None
        member = members(tool.get(of_kind), where) if nested else tool
        names.append(text(member.get("name"), f"{where}.name"))
    return ToolChoice("allowed", tuple(names), required=stated.get("mode") == "required")


def write_choice(
    choice: ToolChoice, tools: tuple[Tool | ServerTool, ...], *, nested: bool
) -> str | dict[str, Any]:
    """The choice; `tools` tell which of the names are custom tools."""
    if choice.mode in ("auto", "none", "required"):
        return choice.mode
    custom = {tool.name for tool in tools if isinstance(tool, Tool) and tool.custom}
    named = [_named("custom" if name in custom else "function", name, nested=nested)
             for name in choice.names]  # fmt: skip
    if choice.mode == "tool" and named:
        return named[0]
    allowed = {"mode": "required" if choice.required else "auto", "tools": named}
    kind = {"type": "allowed_tools"}
    return kind | {"allowed_tools": allowed} if nested else kind | allowed


def _named(kind: str, name: str, *, nested: bool) -> dict[str, Any]:
    return {"type": kind, kind: {"name": name}} if nested else {"type": kind, "name": name}


# -- what the answer must be -----------------------------------------------------------------------


def read_format(stated: Json, place: str, *, nested: bool) -> AnswerFormat | None:
    """The format; None: one that only its own dialect knows."""
    kind = text(members(stated, place).get("type"), f"{place}.type")
    if kind == "text":
        return AnswerFormat(kind="text")
    if kind == "json_object":
        return AnswerFormat(kind="json")
    if kind != "json_schema":
        return None
    if nested:
        place = f"{place}.json_schema"
        stated = members(stated.get("json_schema"), place)
    strict = stated.get("strict")
    if strict is not None and not isinstance(strict, bool):
        raise MisreadError(f"{place}.strict", "it must be true or false")
    return AnswerFormat(
        kind="schema",
        name=optional_text(stated.get("name"), f"{place}.name"),
        description=optional_text(stated.get("description"), f"{place}.description"),
        schema=stated.get("schema"),
        strict=strict,
    )


def write_format(wanted: AnswerFormat, *, nested: bool) -> dict[str, Any]:
    """The format; a schema without a name is given one, which OpenAI wants."""
    if wanted.kind != "schema":
        return {"type": "text" if wanted.kind == "text" else "json_object"}
    stated: dict[str, Any] = {"name": wanted.name or "answer", "schema": wanted.schema}
    if wanted.description is not None:
        stated["description"] = wanted.description
    if wanted.strict is not None:
        stated["strict"] = wanted.strict
    kind = {"type": "json_schema"}
    return kind | {"json_schema": stated} if nested else kind | stated
