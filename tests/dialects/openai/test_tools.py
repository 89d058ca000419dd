"""Tools, their choice and formats come back, in both of OpenAI's forms."""

from typing import Any

import pytest

from faregate.dialects.neutral.parts import CacheMark
from faregate.dialects.neutral.request import AnswerFormat, ServerTool, Tool, ToolChoice
from faregate.dialects.openai.shape import MisreadError
from faregate.dialects.openai.tools import (
    read_choice,
    read_format,
    read_tools,
    write_choice,
    write_format,
    write_tool,
)

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": 'start: "a"'}
TOOLS = (
    Tool(name="weather", description="Of a city", parameters=SCHEMA, strict=True),
    Tool(name="write", description="Anything", custom=True),
    Tool(name="match", parameters=GRAMMAR, custom=True),
)


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_tool_comes_back(tool: Tool, nested: bool):
    assert read_tools([write_tool(tool, nested=nested)], "d", nested=nested) == (tool,)


def test_chats_grammar_stands_deeper():
    written = write_tool(TOOLS[2], nested=True)
    inner = {"syntax": "lark", "definition": 'start: "a"'}
    assert written["custom"]["format"] == {"type": "grammar", "grammar": inner}


def test_tools_of_the_vendor_stay_as_they_are():
    raw = {"type": "web_search", "search_context_size": "low"}
    assert read_tools([raw], "openai_responses", nested=False) == (
        ServerTool("openai_responses", raw),
    )


def test_a_tool_may_be_marked_for_the_cache():
    stated = write_tool(TOOLS[0], nested=True) | {"cache_control": {"type": "ephemeral"}}
    (tool,) = read_tools([stated], "d", nested=True)
    assert isinstance(tool, Tool)
    assert tool.cache == CacheMark()


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize(
    "choice",
    [
        ToolChoice("auto"),
        ToolChoice("none"),
        ToolChoice("required"),
        ToolChoice("tool", ("weather",)),
        ToolChoice("tool", ("write",)),
        ToolChoice("allowed", ("weather", "write")),
        ToolChoice("allowed", ("weather",), required=True),
    ],
    ids=str,
)
def test_a_choice_comes_back(choice: ToolChoice, nested: bool):
    assert read_choice(write_choice(choice, TOOLS, nested=nested), nested=nested) == choice


def test_a_custom_tool_is_chosen_as_one():
    written = write_choice(ToolChoice("tool", ("write",)), TOOLS, nested=True)
    assert written == {"type": "custom", "custom": {"name": "write"}}


def test_a_choice_of_the_vendors_tools_is_its_own():
    assert read_choice({"type": "web_search_preview"}, nested=False) is None
    allowed = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp"}]}
    assert read_choice(allowed, nested=False) is None
    assert read_choice("any", nested=True) == ToolChoice("required")


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize(
    "wanted",
    [
        AnswerFormat(kind="text"),
        AnswerFormat(kind="json"),
        AnswerFormat(kind="schema", name="a", description="b", schema=SCHEMA, strict=True),
    ],
    ids=lambda wanted: wanted.kind,
)
def test_a_format_comes_back(wanted: AnswerFormat, nested: bool):
    assert read_format(write_format(wanted, nested=nested), "f", nested=nested) == wanted


def test_a_format_of_the_vendor_is_its_own():
    assert read_format({"type": "regex"}, "f", nested=True) is None


@pytest.mark.parametrize(
    ("read", "place"),
    [
        (lambda: read_tools({}, "d", nested=True), "tools"),
        (lambda: read_tools([1], "d", nested=True), "tools[0]"),
        (lambda: read_tools([{"type": "function"}], "d", nested=True), "tools[0].function"),
        (
            lambda: read_tools([{"type": "function", "name": "f", "strict": 1}], "d", nested=False),
            "tools[0].strict",
        ),
        (lambda: read_choice("perhaps", nested=True), "tool_choice"),
        (lambda: read_choice({"type": "function", "function": {}}, nested=True),
         "tool_choice.function.name"),
        (lambda: read_format({}, "text.format", nested=False), "text.format.type"),
        (lambda: read_format({"type": "json_schema"}, "response_format", nested=True),
         "response_format.json_schema"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(read: Any, place: str):
    with pytest.raises(MisreadError) as caught:
        read()
    assert caught.value.place == place
