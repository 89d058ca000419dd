"""Messages are read as OpenAI and its followers write them."""

from typing import Any

import pytest

from faregate.dialects.neutral import parts as p
from faregate.dialects.neutral.request import Message
from faregate.dialects.openai.messages_reader import read_messages
from faregate.dialects.openai.shape import MisreadError

CHAT = "openai_chat"


def user(*content: dict[str, Any]) -> tuple[p.Part, ...]:
    """The parts that are read of a user's message."""
    return read_messages([{"role": "user", "content": list(content)}], CHAT)[0].parts


def test_a_conversation_with_tools():
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    other = {"id": "call_2", "type": "custom", "custom": {"name": "g", "input": "free"}}
    found = read_messages(
        [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "Hello", "name": "ann"},
            {"role": "assistant", "content": None, "tool_calls": [call, other]},
            {"role": "tool", "tool_call_id": "call_1", "content": "1"},
            {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "2"}]},
            {"role": "assistant", "content": "Done"},
        ],
        CHAT,
    )
    assert found == (
        Message("developer", (p.Text("Be brief."),)),
        Message("user", (p.Text("Hello"),), "ann"),
        Message(
            "assistant",
            (p.ToolCall("call_1", "f", "{}"), p.ToolCall("call_2", "g", "free", custom=True)),
        ),
        Message(
            "tool",
            (
                p.ToolResult("call_1", (p.Text("1"),), name="f"),
                p.ToolResult("call_2", (p.Text("2"),), name="g", custom=True),
            ),
        ),
        Message("assistant", (p.Text("Done"),)),
    )


def test_media_of_all_kinds():
    data = {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}
    assert user(
        {"type": "image_url", "image_url": {"url": "https://a.example/b.png", "detail": "low"}},
        {"type": "image_url", "image_url": "data:image/png;base64,AAAA"},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        {"type": "file", "file": data},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "video_url", "video_url": {"url": "https://a.example/c.mp4"}},
        {"type": "document_url", "document_url": "https://a.example/d.pdf"},
        {"type": "something", "new": True},
    ) == (
        p.Image(p.Media(url="https://a.example/b.png"), "low"),
        p.Image(p.Media(media_type="image/png", data="AAAA")),
        p.Audio(p.Media(media_type="audio/mpeg", data="AAAA"), "mp3"),
        p.Document(p.Media(media_type="application/pdf", data="AAAA"), name="a.pdf"),
        p.Document(p.Media(file_id="file-1")),
        p.Video(p.Media(url="https://a.example/c.mp4")),
        p.Document(p.Media(url="https://a.example/d.pdf")),
        p.ServerPart(CHAT, {"type": "something", "new": True}),
    )


def test_marks_for_the_cache_are_read():
    mark = {"type": "ephemeral", "ttl": "1h"}
    assert user({"type": "text", "text": "a", "cache_control": mark}) == (
        p.Text("a", p.CacheMark("1h")),
    )


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_thoughts_that_are_given_back(name: str):
    (message,) = read_messages([{"role": "assistant", "content": "a", name: "hm"}], CHAT)
    assert message.parts == (p.Thinking("hm"), p.Text("a"))


def test_thoughts_in_mistrals_chunks():
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    content = [thought, {"type": "text", "text": "a"}]
    (message,) = read_messages([{"role": "assistant", "content": content}], "mistral")
    assert message.parts == (p.Thinking("hm"), p.Text("a"))


def test_proofs_of_calls_keep_their_origin():
    extra = {"google": {"thought_signature": "faregate:gemini:sig"}}
    call = {"id": "1", "function": {"name": "f", "arguments": {"a": 1}}, "extra_content": extra}
    (message,) = read_messages([{"role": "assistant", "tool_calls": [call]}], CHAT)
    assert message.parts == (p.ToolCall("1", "f", '{"a":1}', "sig", "gemini"),)


def test_the_older_form_of_calls():
    found = read_messages(
        [
            {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "1"},
        ],
        CHAT,
    )
    assert found[0].parts == (p.ToolCall("call_1", "f", "{}"),)
    assert found[1].parts == (p.ToolResult("call_1", (p.Text("1"),), name="f"),)


def test_calls_without_ids_are_numbered():
    call = {"id": "null", "function": {"name": "f", "arguments": ""}}
    found = read_messages([{"role": "assistant", "tool_calls": [call]}] * 2, CHAT)
    ids = [part.id for message in found for part in message.parts if isinstance(part, p.ToolCall)]
    assert ids == ["call_1", "call_2"]


def test_refusals_and_earlier_sound():
    stated = {"role": "assistant", "content": None, "refusal": "no", "audio": {"id": "audio_1"}}
    (message,) = read_messages([stated], CHAT)
    assert message.parts == (p.RefusalText("no"), p.Audio(p.Media(), id="audio_1"))


@pytest.mark.parametrize(
    ("messages", "place"),
    [
        ({}, "messages"),
        ([1], "messages[0]"),
        ([{}], "messages[0].role"),
        ([{"role": "king", "content": "x"}], "messages[0].role"),
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "user", "content": [{}]}], "messages[0].content[0].type"),
        ([{"role": "user", "content": [{"type": "text"}]}], "messages[0].content[0].text"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}],
            "messages[0].content[0].image_url",
        ),
        ([{"role": "tool", "content": "x"}], "messages[0].tool_call_id"),
        ([{"role": "assistant", "tool_calls": [{}]}], "messages[0].tool_calls[0].function"),
        ([{"role": "assistant", "tool_calls": 1}], "messages[0].tool_calls"),
        ([{"role": "user", "name": 1, "content": "x"}], "messages[0].name"),
    ],
)
def test_what_is_wrong_is_named(messages: Any, place: str):
    with pytest.raises(MisreadError) as caught:
        read_messages(messages, CHAT)
    assert caught.value.place == place
