"""Ollama's messages are read, and calls without ids get theirs."""

from typing import Any

import pytest

from faregate.dialects.neutral.parts import Image, Media, Text, Thinking, ToolCall, ToolResult
from faregate.dialects.neutral.request import Message
from faregate.dialects.ollama.messages_reader import MessagesReader, image_source
from faregate.dialects.shapes import ShapeError


def _read(*messages: Any) -> list[Message]:
    return MessagesReader("call_").read(list(messages))


def test_all_of_a_conversation() -> None:
    call = {"function": {"name": "f", "arguments": {"a": 1}}}
    assert _read(
        {"role": "system", "content": "Be terse."},
        {"role": "user", "content": "What?", "images": ["iVBORw0KGgoA", "AAAA"]},
        {"role": "assistant", "content": "", "thinking": "Hm", "tool_calls": [call, call]},
        {"role": "tool", "tool_name": "f", "content": '{"error":"down"}'},
        {"role": "tool", "tool_name": "f", "content": "fine"},
        {"role": "assistant", "content": "So."},
        {"role": "user", "content": ""},
    ) == [
        Message("system", (Text("Be terse."),)),
        Message(
            "user",
            (
                Image(Media(media_type="image/png", data="iVBORw0KGgoA")),
                Image(Media(media_type="image/png", data="AAAA")),
                Text("What?"),
            ),
        ),
        Message(
            "assistant",
            (
                Thinking("Hm"),
                ToolCall("call_0", "f", '{"a":1}'),
                ToolCall("call_1", "f", '{"a":1}'),
            ),
        ),
        Message(
            "tool",
            (
                ToolResult("call_0", (Text("down"),), name="f", is_error=True),
                ToolResult("call_1", (Text("fine"),), name="f"),
            ),
        ),
        Message("assistant", (Text("So."),)),
        Message("user", (Text(""),)),
    ]


def test_results_find_their_calls() -> None:
    calls = [{"id": "x", "function": {"name": "f"}}, {"function": {"name": "g"}}]
    *_, results = _read(
        {"role": "assistant", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "x", "content": "1"},
        {"role": "tool", "content": "2"},
        {"role": "tool", "content": "3", "name": "f"},
    )
    found = [part.call_id for part in results.parts if isinstance(part, ToolResult)]
    assert found == ["x", "call_1", "call_2"]


@pytest.mark.parametrize(
    ("data", "media_type"),
    [("/9j/4A", "image/jpeg"), ("R0lGODdh", "image/gif"), ("UklGRg", "image/webp")],
)
def test_images_are_known_by_their_bytes(data: str, media_type: str) -> None:
    assert image_source(data).media_type == media_type


@pytest.mark.parametrize(
    ("message", "place"),
    [
        (3, "messages[0]"),
        ({"role": "chatbot"}, "messages[0].role"),
        ({"role": "user", "content": 3}, "messages[0].content"),
        ({"role": "user", "images": "a"}, "messages[0].images"),
        ({"role": "user", "images": [3]}, "messages[0].images[0]"),
        ({"role": "assistant", "thinking": 3}, "messages[0].thinking"),
        ({"role": "assistant", "tool_calls": [{}]}, "messages[0].tool_calls[0].function"),
        ({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]},
         "messages[0].tool_calls[0].function.arguments"),
        ({"role": "tool", "tool_name": 3}, "messages[0].tool_name"),
        ({"role": "tool", "tool_call_id": 3}, "messages[0].tool_call_id"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(message: Any, place: str) -> None:
    with pytest.raises(ShapeError) as caught:
        _read(message)
    assert caught.value.place == place
