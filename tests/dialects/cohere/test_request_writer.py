"""A request is written in Cohere's shape, and what it can't say is told."""

import json
from typing import Any

import pytest
from tests.dialects.cohere.test_request_reader import FULL

from faregate.dialects.cohere.request_reader import read_request
from faregate.dialects.cohere.request_writer import write_request
from faregate.dialects.neutral.parts import (
    Audio,
    CacheMark,
    Citation,
    Document,
    Image,
    Media,
    Part,
    ServerPart,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from faregate.dialects.neutral.request import (
    AnswerFormat,
    Message,
    Reasoning,
    Request,
    ServerTool,
    Tool,
    ToolChoice,
)
from faregate.dialects.translation import TargetFacts

TARGET = TargetFacts(model="command-a")


def _write(*messages: Message, **fields: Any) -> tuple[Any, set[str]]:
    asked = messages or (Message("user", (Text("Hello"),)),)
    written = write_request(Request(model="m", messages=asked, **fields), TARGET)
    return json.loads(written.body), {one.name for one in written.lost}


def _user(*found: Part) -> Message:
    return Message("user", found)


def test_what_cohere_said_means_the_same_again() -> None:
    request = read_request(json.dumps(FULL).encode(), None, stream=False)
    assert isinstance(request, Request)
    written = write_request(request, TARGET)
    assert written.lost == ()
    assert read_request(written.body, None, stream=False) == request
    body = json.loads(written.body)
    changed = {name for name in FULL if body[name] != FULL[name]}
    assert changed == {"messages", "documents"}  # a string is a document's data
    assert body["documents"][0] == {"data": {"data": "plain"}}


@pytest.mark.parametrize(
    ("choice", "names", "said"),
    [
        (ToolChoice("auto"), ["f", "g"], None),
        (ToolChoice("tool", ("g",)), ["g"], "REQUIRED"),
        (ToolChoice("allowed", ("f",)), ["f"], None),
        (ToolChoice("allowed", ("f", "g"), required=True), ["f", "g"], "REQUIRED"),
        (ToolChoice("none"), ["f", "g"], "NONE"),
        (ToolChoice("tool", ("x",)), None, None),
    ],
)
def test_a_choice_of_tools_is_what_is_offered(
    choice: ToolChoice, names: list[str] | None, said: str | None
) -> None:
    body, lost = _write(tools=(Tool(name="f"), Tool(name="g")), tool_choice=choice)
    offered = [tool["function"]["name"] for tool in body["tools"]] if "tools" in body else None
    assert (offered, body.get("tool_choice"), lost) == (names, said, set())


def test_thinking_is_a_budget() -> None:
    for reasoning, expected in (
        (Reasoning(effort="low"), {"type": "enabled", "token_budget": 4096}),
        (Reasoning(effort="none"), {"type": "disabled"}),
        (Reasoning(budget_tokens=-1), {"type": "enabled"}),
    ):
        assert _write(reasoning=reasoning)[0]["thinking"] == expected
    assert "thinking" not in _write(reasoning=Reasoning(summary="auto"))[0]


def test_an_answer_of_a_schema() -> None:
    wanted = AnswerFormat(kind="schema", description="An answer", schema={"type": "object"})
    assert _write(answer_format=wanted)[0]["response_format"] == {
        "type": "json_object",
        "json_schema": {"description": "An answer", "type": "object"},
    }
    text = _write(answer_format=AnswerFormat(kind="text"))[0]
    assert text["response_format"] == {"type": "text"}


def test_an_answer_of_the_assistant() -> None:
    cited = Text("Sunny.", citations=(Citation(url="u", title="T", start=0, end=5),))
    found = (Thinking("plan", id="tool_plan"), Thinking("Hm"), cited, ToolCall("a", "f", ""))
    body, lost = _write(Message("assistant", found))
    (message,) = body["messages"]
    assert message["tool_plan"] == "plan"
    assert message["content"] == [
        {"type": "thinking", "thinking": "Hm"},
        {"type": "text", "text": "Sunny."},
    ]
    assert message["tool_calls"][0]["function"] == {"name": "f", "arguments": "{}"}
    assert message["citations"][0]["sources"][0]["document"] == {"url": "u", "title": "T"}
    assert message["citations"][0]["content_index"] == 1
    assert lost == set()


def test_thoughts_of_others_and_free_text() -> None:
    foreign = Thinking("why", "sig", origin="anthropic")
    body, lost = _write(Message("assistant", (foreign, ToolCall("a", "f", "x", custom=True))))
    assert body["messages"] == [
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": "a",
                    "type": "function",
                    "function": {"name": "f", "arguments": '{"input":"x"}'},
                }
            ],
        }
    ]
    assert lost == set()


def test_a_turn_of_foreign_thoughts_alone_is_no_message() -> None:
    foreign = Message("assistant", (Thinking("why", "sig", origin="anthropic"),))
    body, lost = _write(foreign, _user(Text("Hello")))
    assert body["messages"] == [{"role": "user", "content": "Hello"}]
    assert lost == set()


IMAGE = Image(Media(media_type="image/png", data="AA=="))


@pytest.mark.parametrize(
    ("message", "lost"),
    [
        (_user(Text("a", cache=CacheMark())), "cache"),
        (_user(Image(Media(file_id="f"))), "messages.image.file_id"),
        (_user(Image(Media(url="u"), "original")), "messages.image.detail"),
        (_user(Audio(Media(data="AA=="))), "audio.data"),
        (_user(Document(Media(url="u"))), "document.url"),
        (_user(Document(text="a", context="b")), "messages.document.context"),
        (_user(ServerPart("gemini", {})), "messages.server"),
        (Message("user", (Text("a"),), name="ann"), "messages.name"),
        (Message("tool", (ToolResult("a", (Text("a"), IMAGE)),)), "tool_result.image"),
        (Message("tool", (ToolResult("a", (Text("a"), Text("b")), is_error=True),)),
         "tool_result.error"),
        (Message("assistant", (IMAGE,)), "image.data"),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_message_cannot_say_is_told(message: Message, lost: str) -> None:
    assert _write(message)[1] == {lost}


def test_what_a_request_cannot_say_is_told() -> None:
    tools = (
        ServerTool("gemini", {}), Tool(name="a", custom=True), Tool(name="b", cache=CacheMark())
    )  # fmt: skip
    _, lost = _write(tools=tools, n=2, user="u", others={"x": 1}, parallel_tool_calls=False)
    assert lost == {
        "tools.server", "cache", "n", "user", "others.x", "parallel_tool_calls",
    }  # fmt: skip
