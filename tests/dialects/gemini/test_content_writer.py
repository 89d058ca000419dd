"""Parts are written as Gemini's, and what it can't carry is told."""

from typing import Any

import pytest

from faregate.dialects.gemini.content_reader import ContentReader
from faregate.dialects.gemini.content_writer import ContentWriter
from faregate.dialects.neutral.parts import (
    Audio,
    CacheMark,
    Document,
    Image,
    Media,
    RefusalText,
    ServerPart,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Video,
)

IMAGE = Image(Media(media_type="image/png", data="AA=="))
PROOF = Thinking("", "Cq==", origin="gemini")
KEPT: list[tuple[Any, ...]] = [
    (Text("a"), PROOF),
    (IMAGE, PROOF),
    (Thinking("why", "Cq==", origin="gemini"), Text("a")),
    (PROOF,),
    (ToolCall("c", "f", '{"a":[1,null]}', "Cq==", "gemini"),),
    (ToolResult("c", (Text("plain"),), name="f"),),
    (ToolResult("c", (Text('{"a":1}'),), name="f"),),
    (ToolResult("c", (Text('{"output":1}'),), name="f"),),
    (ToolResult("c", (Text("bad"),), name="f", is_error=True),),
    (ToolResult("c", (Text("see"), IMAGE), name="f"),),
    (ToolResult("c", (IMAGE, Text("above"), IMAGE), name="f"),),
    (ToolResult("c", (Text("a"), Text("b")), name="f", is_error=True),),
    (ToolResult("c", (IMAGE,), name="f"),),
    (Document(text="Grüße", name="a.txt"),),
    (Document(Media(media_type="application/pdf", data="AA=="), name="p.pdf"),),
    (Video(Media(url="https://youtu.be/x")),),
    (Video(Media(media_type="video/webm", url="gs://b/c")),),
    (Audio(Media(media_type="audio/wav", data="AAAA"), "wav"),),
    (ServerPart("gemini", {"codeExecutionResult": {"outcome": "OUTCOME_OK"}}),),
]


@pytest.mark.parametrize("found", KEPT, ids=str)
def test_what_it_carries_comes_back(found: tuple[Any, ...]) -> None:
    writer = ContentWriter(to_vendor=True)
    written = writer.write(found)
    assert writer.lost == {}
    reader = ContentReader("call_")
    assert tuple(part for one in written for part in reader.read(one, "p")) == found


def test_thoughts_of_others_are_for_callers_only() -> None:
    foreign = (
        Thinking("why", "sig", origin="anthropic"),
        Thinking("", redacted="x", origin="anthropic"),
        ToolCall("c", "f", "{}", "sig", "openai"),
    )
    to_vendor = ContentWriter(to_vendor=True)
    assert to_vendor.write(foreign) == [{"functionCall": {"id": "c", "name": "f", "args": {}}}]
    assert to_vendor.lost == {}
    shown = ContentWriter(to_vendor=False).write(foreign)
    reader = ContentReader("call_")
    assert tuple(part for one in shown for part in reader.read(one, "p")) == foreign


def test_a_result_is_named_by_its_call() -> None:
    writer = ContentWriter(to_vendor=True)
    writer.write((ToolCall("c", "look_up", "{}"),))
    (named, unknown) = writer.write((ToolResult("c", ()), ToolResult("d", ())))
    assert named["functionResponse"]["name"] == "look_up"
    assert unknown["functionResponse"]["name"] == "d"


def test_arguments_that_are_no_object_are_told() -> None:
    writer = ContentWriter(to_vendor=True)
    calls = (ToolCall("a", "f", ""), ToolCall("b", "f", "[1"), ToolCall("c", "f", "x", custom=True))
    args = [one["functionCall"]["args"] for one in writer.write(calls)]
    assert args == [{}, {"arguments": "[1"}, {"input": "x"}]
    assert set(writer.lost) == {"messages.tool_call.arguments"}


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        (Text("a", cache=CacheMark()), "cache"),
        (Image(Media(file_id="f")), "messages.image.file_id"),
        (Audio(Media(), id="a", transcript="said"), "messages.audio.id"),
        (Document(text="a", context="b"), "messages.document.context"),
        (Document(text="a", cite=True), "messages.document.cite"),
        (ServerPart("anthropic", {}), "messages.server"),
    ],
    ids=str,
)
def test_what_it_cannot_carry_is_told(part: Any, lost: str) -> None:
    writer = ContentWriter(to_vendor=True)
    writer.write((part,))
    assert set(writer.lost) == {lost}
    assert all(why.endswith(".") for why in writer.lost.values())


def test_what_is_not_said_is_guessed() -> None:
    writer = ContentWriter(to_vendor=True)
    found = (
        RefusalText("No."),
        Image(Media(url="https://example.com/a")),
        Audio(Media(data="AA=="), "pcm16"),
        Image(Media(data="AA==")),
        Video(Media(data="AA==")),
        Document(Media(data="AA==")),
    )
    assert writer.write(found) == [
        {"text": "No."},
        {"fileData": {"fileUri": "https://example.com/a"}},
        {"inlineData": {"mimeType": "audio/pcm", "data": "AA=="}},
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
        {"inlineData": {"mimeType": "video/mp4", "data": "AA=="}},
        {"inlineData": {"mimeType": "application/pdf", "data": "AA=="}},
    ]
