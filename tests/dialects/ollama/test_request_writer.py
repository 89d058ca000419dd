"""A request is written in Ollama's shapes, and what it can't say is told."""

import json
from typing import Any

import pytest
from tests.dialects.ollama.test_request_reader import FULL

from faregate.dialects.neutral.parts import (
    Audio,
    CacheMark,
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
    Message,
    Reasoning,
    Request,
    ServerTool,
    Tool,
    ToolChoice,
)
from faregate.dialects.ollama.request_reader import read_chat
from faregate.dialects.ollama.request_writer import write_chat, write_generate
from faregate.dialects.translation import TargetFacts

TARGET = TargetFacts(model="llama3.2")
TOOLS = (Tool(name="f"), Tool(name="g", parameters={}))


def _chat(*messages: Message, target: TargetFacts = TARGET, **fields: Any) -> tuple[Any, set[str]]:
    asked = messages or (Message("user", (Text("Hello"),)),)
    written = write_chat(Request(model="m", messages=asked, **fields), target)
    return json.loads(written.body), {one.name for one in written.lost}


def _user(*found: Part) -> Message:
    return Message("user", found)


def test_what_ollama_said_is_said_again() -> None:
    request = read_chat(json.dumps(FULL).encode(), None, stream=False)
    assert isinstance(request, Request)
    written = write_chat(request, TARGET)
    assert written.lost == ()
    assert json.loads(written.body) == FULL | {"stream": True}


def test_a_turn_of_tools() -> None:
    image = Image(Media(media_type="image/png", data="AA=="))
    body, lost = _chat(
        Message("developer", (Text("a"), Text("b"))),
        _user(image, Text("What?"), Document(text="of text", name="n.txt")),
        Message("assistant", (Thinking("Hm"), ToolCall("x", "f", '{"a":1}'))),
        Message("tool", (ToolResult("x", (Text("down"), image), is_error=True),)),
    )
    assert body["messages"] == [
        {"role": "system", "content": "a\nb"},
        {"role": "user", "content": "What?\nn.txt\nof text", "images": ["AA=="]},
        {
            "role": "assistant",
            "content": "",
            "thinking": "Hm",
            "tool_calls": [
                {"id": "x", "function": {"index": 0, "name": "f", "arguments": {"a": 1}}}
            ],
        },
        {
            "role": "tool",
            "content": '{"error":"down"}',
            "images": ["AA=="],
            "tool_name": "f",
            "tool_call_id": "x",
        },
    ]
    assert lost == set()
    assert body["stream"] is False


def test_thinking_is_a_level_for_gpt_oss_alone() -> None:
    for model, reasoning, expected in (
        ("gpt-oss:20b", Reasoning(effort="xhigh"), "high"),
        ("qwen3", Reasoning(effort="low"), True),
        ("qwen3", Reasoning(effort="none"), False),
        ("qwen3", Reasoning(budget_tokens=0), False),
        ("gpt-oss", Reasoning(budget_tokens=100), True),
    ):
        body, lost = _chat(target=TargetFacts(model=model), reasoning=reasoning)
        assert (body["think"], lost) == (expected, set())
    assert "think" not in _chat(reasoning=Reasoning(shows=True))[0]


@pytest.mark.parametrize(
    ("choice", "names", "lost"),
    [
        (ToolChoice("auto"), ["f", "g"], set()),
        (ToolChoice("none"), None, set()),
        (ToolChoice("allowed", ("g",)), ["g"], set()),
        (ToolChoice("allowed", ("g",), required=True), ["g"], {"tool_choice"}),
        (ToolChoice("required"), ["f", "g"], {"tool_choice"}),
        (ToolChoice("tool", ("f",)), ["f"], {"tool_choice"}),
    ],
)
def test_a_choice_of_tools_is_what_is_offered(
    choice: ToolChoice, names: list[str] | None, lost: set[str]
) -> None:
    body, told = _chat(tools=TOOLS, tool_choice=choice)
    offered = [tool["function"]["name"] for tool in body["tools"]] if "tools" in body else None
    assert (offered, told) == (names, lost)


def test_a_prompt() -> None:
    image = Image(Media(data="AA=="))
    request = Request(
        model="m",
        messages=(Message("system", (Text("s"),)), _user(Text("p"), image)),
        stream=True,
        output_tokens_max=3,
    )
    written = write_generate(request, TARGET)
    assert json.loads(written.body) == {
        "model": "llama3.2",
        "system": "s",
        "prompt": "p",
        "images": ["AA=="],
        "stream": True,
        "options": {"num_predict": 3},
    }
    assert written.lost == ()
    talk = (_user(Text("a")), Message("assistant", (Text("b"),)), _user(Text("c")))
    told = write_generate(Request(model="m", messages=talk, tools=TOOLS), TARGET)
    assert {one.name for one in told.lost} == {"messages", "tools"}
    assert json.loads(told.body)["prompt"] == "c"


def test_chat_and_generate_share_their_options() -> None:
    others = {"keep_alive": "5m", "options": {"num_ctx": 9}, "suffix": "!"}
    body, lost = _chat(origin="ollama_generate", others=others)
    assert (body["keep_alive"], body["options"]) == ("5m", {"num_ctx": 9})
    assert lost == {"others.suffix"}


@pytest.mark.parametrize(
    ("message", "lost"),
    [
        (_user(Text("a", cache=CacheMark())), "cache"),
        (_user(Image(Media(url="u"))), "image.url"),
        (_user(Image(Media(data="AA=="), "high")), "messages.image.detail"),
        (_user(Audio(Media(data="AA=="))), "audio.data"),
        (_user(Document(Media(url="u"))), "document.url"),
        (_user(ServerPart("gemini", {})), "messages.server"),
        (Message("user", (Text("a"),), name="ann"), "messages.name"),
        (Message("assistant", (ToolCall("a", "f", "[1"),)), "messages.tool_call.arguments"),
        (Message("tool", (ToolResult("a", (), cache=CacheMark()),)), "cache"),
    ],
    ids=str,
)
def test_what_a_message_cannot_say_is_told(message: Message, lost: str) -> None:
    assert _chat(message)[1] == {lost}


def test_what_a_request_cannot_say_is_told() -> None:
    tools = (
        ServerTool("gemini", {}), Tool(name="a", custom=True), Tool(name="b", cache=CacheMark()),
        Tool(name="c", strict=True),
    )  # fmt: skip
    _, lost = _chat(tools=tools, n=2, user="u", others={"x": 1})
    assert lost == {
        "tools.server", "tools.strict", "cache", "n", "user", "others.x",
    }  # fmt: skip


def test_free_text_and_thoughts_of_others() -> None:
    foreign = Thinking("why", "sig", origin="anthropic")
    body, lost = _chat(Message("assistant", (foreign, ToolCall("a", "f", "x", custom=True))))
    (message,) = body["messages"]
    assert "thinking" not in message
    assert message["tool_calls"][0]["function"]["arguments"] == {"input": "x"}
    assert lost == set()
