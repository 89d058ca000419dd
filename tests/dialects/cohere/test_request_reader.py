"""A request in Cohere's shape is read; a wrong one is refused."""

import json
from typing import Any

import pytest

from faregate.core.refusals import Refusal
from faregate.dialects.cohere.request_reader import read_request
from faregate.dialects.neutral.parts import (
    Citation,
    Document,
    Image,
    Media,
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
    Tool,
    ToolChoice,
)

HELLO: dict[str, Any] = {"model": "command-a", "messages": [{"role": "user", "content": "Hello"}]}


def _read(document: Any) -> Request:
    found = read_request(json.dumps(document).encode(), None, stream=False)
    assert isinstance(found, Request), found
    return found


def test_the_smallest_request() -> None:
    expected = Request(
        model="command-a", messages=(Message("user", (Text("Hello"),)),), origin="cohere"
    )
    assert _read(HELLO) == expected
    assert _read(HELLO | {"stream": True}).stream


FULL = {
    "model": "command-a",
    "stream": True,
    "messages": [
        {"role": "system", "content": [{"type": "text", "text": "Be terse."}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
                {"type": "image_url", "image_url": {"url": "https://a.b/c.png", "detail": "low"}},
                {"type": "holo", "holo": 1},
            ],
        },
        {
            "role": "assistant",
            "tool_plan": "I will look.",
            "tool_calls": [
                {"id": "f_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "f_1", "content": '{"error":"down"}'},
        {
            "role": "tool",
            "tool_call_id": "f_2",
            "content": [
                {"type": "document", "document": {"id": "d", "data": {"data": "sun"}}},
                {"type": "document", "document": {"data": {"a": 1}}},
                {"type": "document", "document": {"data": "as text"}},
            ],
        },
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Sunny."}],
            "citations": [
                {"start": 0, "end": 5, "content_index": 1, "sources": [
                    {"type": "document", "id": "d", "document": {"title": "T", "snippet": "S"}}]},
                {"start": 0, "end": 1, "type": "PLAN"},
            ],
        },
        {"role": "user", "content": "More"},
    ],
    "documents": ["plain", {"id": "x", "data": {"title": "T", "snippet": "S"}}],
    "tools": [
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": {}}}
    ],
    "strict_tools": True,
    "tool_choice": "REQUIRED",
    "thinking": {"type": "enabled", "token_budget": 500},
    "response_format": {"type": "json_object", "json_schema": {"type": "object"}},
    "safety_mode": "STRICT",
    "citation_options": {"mode": "FAST"},
    "max_tokens": 9,
    "stop_sequences": ["END"],
    "temperature": 0.3,
    "seed": 7,
    "frequency_penalty": 0.1,
    "presence_penalty": 0.2,
    "k": 5,
    "p": 0.9,
    "logprobs": True,
}  # fmt: skip


def test_all_of_a_request() -> None:
    source = FULL["messages"][5]["citations"][0]["sources"][0]  # type: ignore[index]
    cited = Citation(title="T", cited_text="S", start=0, end=5, raw=source, origin="cohere")
    results = (
        ToolResult("f_1", (Text("down"),), is_error=True),
        ToolResult(
            "f_2",
            (
                Document(text="sun", name="d"),
                Document(text='{"a":1}'),
                Document(text="as text"),
            ),
        ),
    )
    assert _read(FULL) == Request(
        model="command-a",
        messages=(
            Message("system", (Text("Be terse."),)),
            Message(
                "user",
                (
                    Text("What?"),
                    Image(Media(media_type="image/png", data="AA==")),
                    Image(Media(url="https://a.b/c.png"), "low"),
                    ServerPart("cohere", {"type": "holo", "holo": 1}),
                ),
            ),
            Message(
                "assistant", (Thinking("I will look.", id="tool_plan"), ToolCall("f_1", "f", "{}"))
            ),
            Message("tool", results),
            Message("assistant", (Thinking("Hm"), Text("Sunny.", citations=(cited,)))),
            Message(
                "user",
                (
                    Document(text="plain"),
                    Document(text='{"title":"T","snippet":"S"}', name="x"),
                    Text("More"),
                ),
            ),
        ),
        origin="cohere",
        stream=True,
        tools=(Tool(name="f", description="d", parameters={}, strict=True),),
        tool_choice=ToolChoice("required"),
        reasoning=Reasoning(budget_tokens=500),
        answer_format=AnswerFormat(kind="schema", schema={"type": "object"}),
        output_tokens_max=9,
        stop=("END",),
        temperature=0.3,
        seed=7,
        frequency_penalty=0.1,
        presence_penalty=0.2,
        top_k=5,
        top_p=0.9,
        logprobs=True,
        others={"safety_mode": "STRICT", "citation_options": {"mode": "FAST"}},
    )


def test_thinking_and_formats() -> None:
    for thinking, budget in (({"type": "enabled"}, -1), ({"type": "disabled"}, 0)):
        reasoning = _read(HELLO | {"thinking": thinking}).reasoning
        assert reasoning == Reasoning(budget_tokens=budget)
    for kind, expected in (("text", "text"), ("json_object", "json")):
        form = _read(HELLO | {"response_format": {"type": kind}}).answer_format
        assert form is not None
        assert form.kind == expected
    assert _read(HELLO | {"tool_choice": "NONE"}).tool_choice == ToolChoice("none")


def test_documents_without_a_question_are_one() -> None:
    document = {"model": "m", "messages": [], "documents": ["a"]}
    assert _read(document).messages == (Message("user", (Document(text="a"),)),)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": 3}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": {}}, "messages"),
        ({"messages": [{"role": "chatbot", "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]},
         "messages[0].content[0].text"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "a"}]}]},
         "messages[0].tool_calls[0].function"),
        ({"documents": [3]}, "documents[0]"),
        ({"stream": "yes"}, "stream"),
        ({"k": 1.5}, "k"),
        ({"tool_choice": "AUTO"}, "tool_choice"),
        ({"thinking": {"type": "maybe"}}, "thinking.type"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"tools": [{"function": {}}]}, "tools[0].function.name"),
        ({"strict_tools": 1}, "strict_tools"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_name(members: Any, param: str) -> None:
    found = read_request(json.dumps(HELLO | members).encode(), None, stream=False)
    assert isinstance(found, Refusal)
    assert (found.code, found.param) == ("request_invalid", param)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"messages":' + b"[" * 100_000])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    assert isinstance(read_request(body, None, stream=False), Refusal)
