"""A stream is written as Gemini's SDKs expect it, in any order."""

import json
from typing import Any

from faregate.dialects.gemini.stream_writer import GeminiStreamWriter
from faregate.dialects.neutral.parts import Citation, Image, Media
from faregate.dialects.neutral.reply import (
    CitationSeen,
    Ended,
    Event,
    Failed,
    Finished,
    MediaSeen,
    Opened,
    PartClosed,
    Pinged,
    RefusalDelta,
    ServerPartSeen,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolDelta,
    ToolOpened,
    UsageSeen,
)
from faregate.dialects.neutral.request import Reasoning, Request
from faregate.dialects.translation import Asked
from faregate.dialects.usage import Usage


def _asked(*, shows: bool = True) -> Asked:
    request = Request(model="alias", messages=(), reasoning=Reasoning(shows=shows))
    return Asked(request=request, call_id="call-1", now_s=1)


def _chunks(*events: Event, shows: bool = True) -> list[Any]:
    writer = GeminiStreamWriter(_asked(shows=shows))
    out = b"".join(writer.write(event) for event in events) + writer.end()
    assert writer.end() == b""
    lines = out.split(b"\n\n")
    assert lines.pop() == b""
    return [json.loads(line.removeprefix(b"data: ")) for line in lines]


def _parts(chunks: list[Any], choice: int = 0) -> list[Any]:
    return [
        part
        for chunk in chunks
        for candidate in chunk.get("candidates", ())
        if candidate["index"] == choice
        for part in candidate["content"]["parts"]
        if part != {"text": ""}
    ]


def test_a_text_and_its_end() -> None:
    chunks = _chunks(
        Opened(id="r", model="m"),
        Pinged(),
        TextDelta(0, 0, "Hé"),
        TextDelta(0, 0, '"'),
        PartClosed(0, 0),
        Finished(0, "length"),
        UsageSeen(Usage(3, 4)),
        Ended(),
    )
    names = {"modelVersion": "m", "responseId": "r"}
    content = {"role": "model"}
    assert chunks == [
        {"candidates": [{"content": {"parts": [{"text": "Hé"}], **content}, "index": 0}], **names},
        {"candidates": [{"content": {"parts": [{"text": '"'}], **content}, "index": 0}], **names},
        {
            "candidates": [
                {
                    "content": {"parts": [{"text": ""}], **content},
                    "finishReason": "MAX_TOKENS",
                    "index": 0,
                }
            ],
            "usageMetadata": {
                "promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7,
            },
            **names,
        },
    ]  # fmt: skip


def test_interleaved_calls_keep_their_order() -> None:
    chunks = _chunks(
        ToolOpened(0, 0, "a", "f", "sig", "gemini"),
        ToolOpened(0, 1, "b", "g"),
        ToolDelta(0, 0, '{"x"'),
        ToolDelta(0, 1, "{}"),
        TextDelta(0, 2, "after"),
        PartClosed(0, 1),
        ToolDelta(0, 0, ":1}"),
        PartClosed(0, 0),
        TextDelta(0, 2, "wards"),
        Finished(0, "tool_calls"),
        Ended(),
    )
    assert _parts(chunks) == [
        {"functionCall": {"id": "a", "name": "f", "args": {"x": 1}}, "thoughtSignature": "sig"},
        {"functionCall": {"id": "b", "name": "g", "args": {}}},
        {"text": "after"},
        {"text": "wards"},
    ]


def test_a_call_that_nobody_closes_is_whole_at_the_end() -> None:
    chunks = _chunks(ToolOpened(0, 0, "a", "f"), TextDelta(0, 1, "t"), Finished(0, "stop"), Ended())
    assert [set(part) for part in _parts(chunks)] == [{"functionCall"}, {"text"}]


def test_thoughts_are_shown_to_whom_wants_them() -> None:
    events = (
        ThinkingDelta(0, 0, "why"),
        ThinkingSigned(0, 0, "gemini", "Cq=="),
        RefusalDelta(0, 1, "No."),
    )
    proof = {"text": "", "thought": True, "thoughtSignature": "Cq=="}
    assert _parts(_chunks(*events)) == [{"text": "why", "thought": True}, proof, {"text": "No."}]
    assert _parts(_chunks(*events, shows=False)) == [proof, {"text": "No."}]


def test_media_and_parts_of_its_own() -> None:
    image = Image(Media(media_type="image/png", data="AA=="))
    chunks = _chunks(
        MediaSeen(0, 0, image),
        ServerPartSeen(0, 1, "gemini", {"executableCode": {}}),
        ServerPartSeen(0, 2, "anthropic", {"type": "web_search"}),
    )
    assert _parts(chunks) == [
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
        {"executableCode": {}},
    ]


def test_answers_side_by_side() -> None:
    chunks = _chunks(
        TextDelta(0, 0, "a"),
        TextDelta(1, 0, "b"),
        Finished(1, "stop"),
        Finished(0, "content_filter"),
        Ended(),
    )
    assert (_parts(chunks, 0), _parts(chunks, 1)) == ([{"text": "a"}], [{"text": "b"}])
    ends = [(one["index"], one["finishReason"]) for one in chunks[-1]["candidates"]]
    assert ends == [(0, "SAFETY"), (1, "STOP")]


def test_probabilities_and_sources() -> None:
    chunks = _chunks(
        TextDelta(0, 0, "Zürich", [{"token": "Zürich", "logprob": -1}]),
        CitationSeen(0, 0, Citation(url="u", title="t", start=1, end=6)),
        CitationSeen(0, 5, Citation(url="v", title="t", start=1, end=6)),
        Finished(0, "stop"),
    )
    first, last = chunks[0]["candidates"][0], chunks[-1]["candidates"][0]
    assert first["logprobsResult"]["chosenCandidates"][0]["logProbability"] == -1
    assert last["groundingMetadata"]["groundingSupports"] == [
        {
            "segment": {"partIndex": 0, "startIndex": 1, "endIndex": 7, "text": "ürich"},
            "groundingChunkIndices": [0],
        }
    ]
    assert len(last["groundingMetadata"]["groundingChunks"]) == 2


def test_an_error_ends_the_stream() -> None:
    writer = GeminiStreamWriter(_asked())
    out = writer.write(TextDelta(0, 0, "a")) + writer.write(Failed("Busy."))
    assert json.loads(out.split(b"data: ")[2])["error"]["message"] == "Busy."
    assert writer.write(TextDelta(0, 0, "b")) == writer.end() == b""
    array = GeminiStreamWriter(_asked(), as_array=True)
    elements = json.loads(array.write(TextDelta(0, 0, "a")) + array.write(Failed("Busy.")))
    assert set(elements[1]) == {"error"}


def test_nothing_is_an_empty_array() -> None:
    assert GeminiStreamWriter(_asked(), as_array=True).end() == b"[]"
    assert GeminiStreamWriter(_asked()).end() == b""
