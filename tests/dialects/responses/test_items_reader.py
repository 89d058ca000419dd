"""Items are read as messages: what a model put out in a row is one."""

from typing import Any

import pytest

from faregate.dialects.neutral import parts as p
from faregate.dialects.neutral.call_proofs import with_proofs
from faregate.dialects.neutral.request import Message
from faregate.dialects.openai.shape import MisreadError
from faregate.dialects.responses.items_reader import (
    DIALECT,
    read_input,
    read_output_item,
)


def test_a_conversation_with_tools():
    found = read_input(
        [
            {"role": "developer", "content": "Be brief."},
            {"type": "message", "role": "user", "id": "msg_1",
             "content": [{"type": "input_text", "text": "Hello"}]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}],
             "encrypted_content": "enc"},
            {"type": "message", "role": "assistant", "id": "msg_2", "status": "completed",
             "content": [{"type": "output_text", "text": "Wait", "annotations": []}]},
            {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f",
             "arguments": "{}"},
            {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "free"},
            {"type": "function_call_output", "call_id": "c1", "output": "1"},
            {"type": "custom_tool_call_output", "call_id": "c2",
             "output": [{"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]},
            {"role": "assistant", "content": "Done"},
        ]
    )  # fmt: skip
    image = p.Image(p.Media(media_type="image/png", data="AAAA"))
    assert found == (
        Message("developer", (p.Text("Be brief."),)),
        Message("user", (p.Text("Hello"),), id="msg_1"),
        Message(
            "assistant",
            (
                p.Thinking("hm", "enc", id="rs_1", is_summary=True, origin=DIALECT),
                p.Text("Wait"),
                p.ToolCall("c1", "f", "{}"),
                p.ToolCall("c2", "g", "free", custom=True),
            ),
            id="msg_2",
        ),
        Message(
            "tool",
            (
                p.ToolResult("c1", (p.Text("1"),), name="f"),
                p.ToolResult("c2", (image,), name="g", custom=True),
            ),
        ),
        Message("assistant", (p.Text("Done"),)),
    )


def test_a_text_is_what_a_user_says():
    assert read_input("Hello") == (Message("user", (p.Text("Hello"),)),)


def test_media_of_all_kinds():
    (message,) = read_input(
        [{"role": "user", "content": [
            {"type": "input_image", "image_url": "https://a.example/b.png", "detail": "low"},
            {"type": "input_image", "file_id": "file-1"},
            {"type": "input_file", "filename": "a.pdf",
             "file_data": "data:application/pdf;base64,AAAA"},
            {"type": "input_file", "file_url": "https://a.example/c.pdf"},
            {"type": "input_file", "file_data": "AAAA"},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
            {"type": "computer_screenshot", "image_url": "x"},
        ]}]
    )  # fmt: skip
    pdf = p.Media(media_type="application/pdf", data="AAAA")
    assert message.parts == (
        p.Image(p.Media(url="https://a.example/b.png"), "low"),
        p.Image(p.Media(file_id="file-1")),
        p.Document(pdf, name="a.pdf"),
        p.Document(p.Media(url="https://a.example/c.pdf")),
        p.Document(pdf),
        p.Audio(p.Media(media_type="audio/wav", data="AAAA"), "wav"),
        p.Text("a", p.CacheMark()),
        p.ServerPart(DIALECT, {"type": "computer_screenshot", "image_url": "x"}),
    )


def test_items_of_the_vendors_tools_stay_as_they_are():
    item = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    (message,) = read_input([item])
    assert message == Message("assistant", (p.ServerPart(DIALECT, item),))


def test_images_that_were_made():
    item = {"type": "image_generation_call", "id": "ig", "result": "AAAA", "output_format": "webp"}
    assert read_output_item(item, "x") == (p.Image(p.Media(media_type="image/webp", data="AAAA")),)


def test_foreign_proofs_keep_their_origin():
    items = [
        {"type": "reasoning", "id": "rs_1", "summary": [],
         "content": [{"type": "reasoning_text", "text": "hm"}],
         "encrypted_content": "faregate:anthropic:sig"},
        {"type": "reasoning", "summary": [], "encrypted_content": "faregate:anthropic:redacted:x"},
        {"type": "reasoning", "summary": [], "encrypted_content": "faregate:gemini:call:proof"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
    ]  # fmt: skip
    (message,) = read_input(items)
    assert message.parts == (
        p.Thinking("hm", "sig", origin="anthropic"),
        p.Thinking("", None, "x", origin="anthropic"),
        p.ToolCall("c1", "f", "{}", "proof", "gemini"),
    )


def test_parts_without_proofs_of_calls_stay():
    parts = (p.Thinking("hm", "call:x", origin=DIALECT), p.ToolCall("c1", "f", "{}"))
    assert with_proofs(parts, DIALECT) == parts


@pytest.mark.parametrize(
    ("stated", "place"),
    [
        (5, "input"),
        ([5], "input[0]"),
        ([{"role": "king", "content": "x"}], "input[0].role"),
        ([{"role": "user"}], "input[0].content"),
        ([{"role": "user", "content": [{"type": "input_text"}]}], "input[0].content[0].text"),
        ([{"role": "user", "content": [{"type": "input_image"}]}], "input[0].content[0]"),
        ([{"role": "user", "content": [{"type": "input_file"}]}], "input[0].content[0]"),
        ([{"type": "function_call", "name": "f"}], "input[0].call_id"),
        ([{"type": "function_call_output", "call_id": "c"}], "input[0].output"),
        ([{"type": 5}], "input[0].type"),
    ],
)
def test_what_is_wrong_is_named(stated: Any, place: str):
    with pytest.raises(MisreadError) as caught:
        read_input(stated)
    assert caught.value.place == place
