"""Every part of Gemini's becomes one of ours, or says what is wrong."""

import base64
import json
from typing import Any

import pytest

from faregate.dialects.gemini.content_reader import ContentReader, guessed_type
from faregate.dialects.neutral.parts import (
    Audio,
    Document,
    Image,
    Media,
    Part,
    ServerPart,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Video,
)
from faregate.dialects.shapes import ShapeError

PLAIN = base64.b64encode("Grüße".encode()).decode()
READ: list[tuple[dict[str, Any], list[Part]]] = [
    ({"text": "Hi"}, [Text("Hi")]),
    ({"text": ""}, [Text("")]),
    ({"text": "Hm", "thought": True}, [Thinking("Hm")]),
    ({"text": "Hm", "thought": True, "thoughtSignature": "Cq=="}, [
        Thinking("Hm", "Cq==", origin="gemini")]),
    ({"text": "Hi", "thought_signature": "Cq=="}, [
        Text("Hi"), Thinking("", "Cq==", origin="gemini")]),
    ({"text": "", "thoughtSignature": "Cq=="}, [Thinking("", "Cq==", origin="gemini")]),
    ({"thoughtSignature": "Cq=="}, [Thinking("", "Cq==", origin="gemini")]),
    ({"inlineData": {"mimeType": "image/png", "data": "_-8"}}, [
        Image(Media(media_type="image/png", data="/+8="))]),
    ({"inline_data": {"mime_type": "audio/wav", "data": "AAAA"}}, [
        Audio(Media(media_type="audio/wav", data="AAAA"), "wav")]),
    ({"inlineData": {"mimeType": "text/plain", "data": PLAIN, "displayName": "a.txt"}}, [
        Document(text="Grüße", name="a.txt")]),
    ({"inlineData": {"mimeType": "text/plain", "data": "/w=="}}, [
        Document(Media(media_type="text/plain", data="/w=="))]),
    ({"fileData": {"fileUri": "https://example.com/a.pdf"}}, [
        Document(Media(url="https://example.com/a.pdf"))]),
    ({"fileData": {"fileUri": "gs://b/film", "mimeType": "video/mp4"}}, [
        Video(Media(media_type="video/mp4", url="gs://b/film"))]),
    ({"fileData": {"fileUri": "https://youtu.be/x"}}, [Video(Media(url="https://youtu.be/x"))]),
    ({"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "Cq=="}, [
        ToolCall("call_0", "f", '{"a":1}', "Cq==", "gemini")]),
    ({"functionCall": {"id": "x1", "name": "f"}}, [ToolCall("x1", "f", "{}")]),
    ({"functionResponse": {"name": "f", "response": {"output": "done"}}}, [
        ToolResult("call_0", (Text("done"),), name="f")]),
    ({"functionResponse": {"id": "x1", "name": "f", "response": {"error": {"code": 3}}}}, [
        ToolResult("x1", (Text('{"code":3}'),), name="f", is_error=True)]),
    ({"executableCode": {"language": "PYTHON", "code": "1"}}, [
        ServerPart("gemini", {"executableCode": {"language": "PYTHON", "code": "1"}})]),
    ({"inlineData": {"mimeType": "video/mp4", "data": "AA=="}, "videoMetadata": {"fps": 1}}, [
        ServerPart("gemini", {"inlineData": {"mimeType": "video/mp4", "data": "AA=="},
                              "videoMetadata": {"fps": 1}})]),
]  # fmt: skip


@pytest.mark.parametrize(("part", "expected"), READ, ids=[json.dumps(one)[:40] for one, _ in READ])
def test_every_part_is_read(part: dict[str, Any], expected: list[Part]) -> None:
    assert ContentReader("call_").read(part, "p") == expected


def test_results_without_ids_are_of_the_oldest_call_of_their_name() -> None:
    reader = ContentReader("call_")
    for name in ("f", "g", "f"):
        reader.read({"functionCall": {"name": name}}, "p")
    found = [
        reader.result({"name": name, "response": {}}, "p").call_id for name in ("f", "f", "g", "f")
    ]
    assert found == ["call_0", "call_2", "call_1", "call_3"]


def test_media_of_a_result_keep_their_place() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "AA==", "displayName": "p"}}
    image = Image(Media(media_type="image/png", data="AA=="))
    content = [{"$ref": "p"}, {"type": "text", "text": "above"}]
    response = {"name": "f", "response": {"content": content}, "parts": [picture, picture]}
    assert ContentReader("c").result(response, "p").parts == (image, Text("above"), image)
    simple = {"name": "f", "response": {"output": "see"}, "parts": [picture]}
    assert ContentReader("c").result(simple, "p").parts == (Text("see"), image)
    alone = {"name": "f", "parts": [picture]}
    assert ContentReader("c").result(alone, "p").parts == (image,)


@pytest.mark.parametrize(
    ("part", "place"),
    [
        ({"text": 3}, "p.text"),
        ({}, "p"),
        ({"thought": True}, "p"),
        ([], "p"),
        ({"text": "a", "thoughtSignature": 3}, "p.thoughtSignature"),
        ({"functionCall": {"args": {}}}, "p.functionCall.name"),
        ({"functionCall": {"name": "f", "args": []}}, "p.functionCall.args"),
        ({"functionCall": {"name": "f", "id": 3}}, "p.functionCall.id"),
        ({"functionResponse": {"name": "f", "response": "x"}}, "p.functionResponse.response"),
        ({"functionResponse": {"name": "f", "parts": {}}}, "p.functionResponse.parts"),
        ({"inlineData": {"mimeType": "image/png"}}, "p.inlineData.data"),
        ({"fileData": {"fileUri": "u", "mimeType": 1}}, "p.fileData.mimeType"),
        ({"inlineData": {"mimeType": "a/b", "mime_type": "a/b", "data": ""}}, "mimeType"),
    ],
)
def test_what_is_wrong_is_named(part: Any, place: str) -> None:
    with pytest.raises(ShapeError) as caught:
        ContentReader("call_").read(part, "p")
    assert caught.value.place == place


def test_types_are_guessed_of_addresses() -> None:
    assert guessed_type("https://example.com/a.png?size=1") == "image/png"
    assert guessed_type("https://example.com/a") == "application/octet-stream"
