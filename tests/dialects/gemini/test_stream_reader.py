"""A stream of Gemini's is read piece by piece, in both of its forms."""

import json
from typing import Any

import pytest

from faregate.core import bounds
from faregate.dialects.gemini.stream_reader import GeminiStreamReader
from faregate.dialects.neutral.parts import Citation, Image, Media, ServerPart
from faregate.dialects.neutral.reply import (
    CitationSeen,
    Ended,
    Event,
    Failed,
    Finished,
    MediaSeen,
    Opened,
    PartClosed,
    ServerPartSeen,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolDelta,
    ToolOpened,
    UsageSeen,
)
from faregate.dialects.translation import MalformedReplyError
from faregate.dialects.usage import Usage
from faregate.wire.sse import EventTooLargeError

NAMES = {"modelVersion": "gemini-3", "responseId": "r1"}
OPENED = Opened(id="r1", model="gemini-3")


def _chunk(*found: Any, **candidate: Any) -> dict[str, Any]:
    content = {"content": {"parts": list(found), "role": "model"}} if found else {}
    return {"candidates": [content | {"index": 0} | candidate], **NAMES}


def _read(*chunks: Any, as_array: bool = False) -> list[Event]:
    if as_array:
        stream = b"[" + b",\r\n".join(json.dumps(one).encode() for one in chunks) + b"\r\n]"
    else:
        stream = b"".join(b"data: %b\r\n\r\n" % json.dumps(one).encode() for one in chunks)
    reader = GeminiStreamReader()
    return reader.feed(stream) + reader.end()


WHOLE = (
    _chunk({"text": "Let me", "thought": True}),
    _chunk({"text": " see.", "thought": True, "thoughtSignature": "Cq=="}),
    _chunk({"text": "Zürich"}) | {"usageMetadata": {"promptTokenCount": 3}},
    _chunk({"text": " it is."}),
    _chunk({"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "Dq=="}),
    _chunk({"inlineData": {"mimeType": "image/png", "data": "AA=="}}),
    _chunk({"executableCode": {"code": "1"}}),
    _chunk({"text": "", "thoughtSignature": "Eq=="}),
    _chunk({"text": ""}, finishReason="STOP")
    | {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 9}},
)
EVENTS: list[Event] = [
    OPENED,
    ThinkingDelta(0, 0, "Let me"),
    ThinkingDelta(0, 0, " see."),
    ThinkingSigned(0, 0, "gemini", "Cq=="),
    PartClosed(0, 0),
    TextDelta(0, 1, "Zürich"),
    TextDelta(0, 1, " it is."),
    ToolOpened(0, 2, "call_r1_0", "f", "Dq==", "gemini"),
    ToolDelta(0, 2, '{"a":1}'),
    PartClosed(0, 2),
    MediaSeen(0, 3, Image(Media(media_type="image/png", data="AA=="))),
    PartClosed(0, 3),
    ServerPartSeen(0, 4, "gemini", {"executableCode": {"code": "1"}}),
    PartClosed(0, 4),
    ThinkingSigned(0, 5, "gemini", "Eq=="),
    PartClosed(0, 5),
    Finished(0, "tool_calls"),
    UsageSeen(Usage(3, 9)),
    Ended(),
]


@pytest.mark.parametrize("as_array", [False, True])
def test_all_of_a_stream(*, as_array: bool) -> None:
    assert _read(*WHOLE, as_array=as_array) == EVENTS
    assert ServerPart("gemini", {}).origin == "gemini"


def test_answers_are_read_side_by_side() -> None:
    both = {
        "candidates": [
            {"content": {"parts": [{"text": "a"}]}},
            {"content": {"parts": [{"text": "b"}]}, "index": 1, "finishReason": "MAX_TOKENS"},
        ]
    }
    last = _chunk({"text": "c"}, finishReason="SAFETY")
    assert _read(both, last)[1:] == [
        TextDelta(0, 0, "a"),
        TextDelta(1, 0, "b"),
        Finished(1, "length"),
        TextDelta(0, 0, "c"),
        Finished(0, "content_filter"),
        Ended(),
    ]


def test_sources_come_with_the_end() -> None:
    chunk = {"web": {"uri": "u", "title": "t"}}
    grounding = {
        "groundingChunks": [chunk],
        "groundingSupports": [
            {"segment": {"startIndex": 8, "endIndex": 10}, "groundingChunkIndices": [0]}
        ],
        "webSearchQueries": ["q", "r"],
    }
    events = _read(
        _chunk({"text": "Zürich"}),
        _chunk({"text": " it"}, finishReason="STOP", groundingMetadata=grounding)
        | {"usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2}},
    )
    cited = Citation(url="u", title="t", start=7, end=9, raw=chunk, origin="gemini")
    assert events[3:5] == [CitationSeen(0, 0, cited), Finished(0, "stop")]
    assert events[5] == UsageSeen(Usage(1, 2, web_searches=2))


def test_probabilities_stand_beside_the_text() -> None:
    result = {"chosenCandidates": [{"token": "a", "logProbability": -1.0}]}
    token = {"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": []}
    assert _read(_chunk({"text": "a"}, logprobsResult=result))[1] == TextDelta(0, 0, "a", [token])


def test_a_blocked_prompt_is_a_filtered_answer() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {}, **NAMES}
    assert _read(blocked) == [
        OPENED, Finished(0, "content_filter"), UsageSeen(Usage()), Ended()
    ]  # fmt: skip


def test_an_error_in_mid_stream() -> None:
    error = {"error": {"code": 503, "message": "Busy.", "status": "UNAVAILABLE"}}
    for as_array in (False, True):
        *_, failed = _read(_chunk({"text": "a"}), error, as_array=as_array)
        assert failed == Failed("Busy.", json.dumps(error).encode())
    reader = GeminiStreamReader()
    assert reader.feed(json.dumps(error, indent=1).encode()) == [
        Failed("Busy.", json.dumps(error, indent=1).encode())
    ]


def test_a_stream_without_its_end_has_none() -> None:
    assert _read(_chunk({"text": "a"})) == [OPENED, TextDelta(0, 0, "a")]
    assert _read() == []


def test_a_last_event_may_lack_its_empty_line() -> None:
    reader = GeminiStreamReader()
    body = json.dumps(_chunk({"text": "a"}, finishReason="STOP")).encode()
    assert reader.feed(b"\r\n") == []
    assert reader.feed(b"data: " + body) == []
    assert reader.end()[-2:] == [Finished(0, "stop"), Ended()]


@pytest.mark.parametrize(
    "data",
    [b"x", b"{}x", b'{"candidates":1}', b'{"candidates":[{"index":"a"}]}',
     b'{"candidates":[{"index":9999999}]}', b'{"candidates":[{"content":{"parts":[1]}}]}',
     b'{"candidates":[{"content":{"parts":["text"]}}]}'],
)  # fmt: skip
def test_what_is_no_event_is_told(data: bytes) -> None:
    reader = GeminiStreamReader()
    with pytest.raises(MalformedReplyError):
        reader.feed(b"data: " + data + b"\n\n")


def test_an_event_is_bounded() -> None:
    reader = GeminiStreamReader()
    with pytest.raises(EventTooLargeError):
        reader.feed(b"data: " + b"x" * (bounds.STREAM_EVENT_BYTES_MAX + 1))
