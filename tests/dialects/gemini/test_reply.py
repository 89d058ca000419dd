"""A reply in Gemini's shape is read, and written for its SDKs."""

import json
from typing import Any

import pytest

from faregate.dialects.gemini.reply import call_stem, read_reply, seconds, write_reply
from faregate.dialects.neutral.parts import (
    Citation,
    Image,
    Media,
    RefusalText,
    ServerPart,
    Text,
    Thinking,
    ToolCall,
)
from faregate.dialects.neutral.reply import Choice, Reply
from faregate.dialects.neutral.request import Reasoning, Request
from faregate.dialects.translation import Asked, MalformedReplyError
from faregate.dialects.usage import Usage

ASKED = Asked(request=Request(model="alias", messages=()), call_id="call-1", now_s=1)
SHOWING = Asked(
    request=Request(model="alias", messages=(), reasoning=Reasoning(shows=True)),
    call_id="call-1",
    now_s=1,
)
DOCUMENT = {
    "candidates": [
        {
            "content": {
                "parts": [
                    {"text": "First, ", "thought": True},
                    {"text": "think.", "thought": True},
                    {"text": "It is "},
                    {"text": "sunny.", "thoughtSignature": "Cq=="},
                    {"functionCall": {"name": "now", "args": {}}},
                    {"functionCall": {"name": "now", "args": {"zone": "CET"}}},
                    {"executableCode": {"language": "PYTHON", "code": "1"}},
                    {"text": ""},
                ],
                "role": "model",
            },
            "finishReason": "STOP",
            "index": 0,
            "safetyRatings": [],
            "groundingMetadata": {
                "webSearchQueries": ["weather"],
                "groundingChunks": [{"web": {"uri": "https://w", "title": "W"}}],
                "groundingSupports": [
                    {"segment": {"partIndex": 2, "endIndex": 5}, "groundingChunkIndices": [0]}
                ],
            },
        }
    ],
    "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 12},
    "modelVersion": "gemini-3-pro",
    "responseId": "x/Y_z-1",
    "createTime": "2026-01-02T03:04:05.678Z",
}


def test_all_of_a_reply() -> None:
    cited = Citation(
        url="https://w",
        title="W",
        start=0,
        end=5,
        raw={"web": {"uri": "https://w", "title": "W"}},
        origin="gemini",
    )
    assert read_reply(json.dumps(DOCUMENT).encode()) == Reply(
        id="x/Y_z-1",
        model="gemini-3-pro",
        choices=(
            Choice(
                parts=(
                    Thinking("First, think."),
                    Text("It is sunny.", citations=(cited,)),
                    Thinking("", "Cq==", origin="gemini"),
                    ToolCall("call_xY_z-1_0", "now", "{}"),
                    ToolCall("call_xY_z-1_1", "now", '{"zone":"CET"}'),
                    ServerPart("gemini", {"executableCode": {"language": "PYTHON", "code": "1"}}),
                ),
                finish="tool_calls",
            ),
        ),
        usage=Usage(5, 7, web_searches=1),
        created_s=1_767_323_045,
    )


def test_a_blocked_prompt_is_a_filtered_answer() -> None:
    document = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {}}
    reply = read_reply(json.dumps(document).encode())
    assert reply.choices == (Choice(parts=(), finish="content_filter"),)
    written = json.loads(write_reply(reply, ASKED))
    assert written["candidates"] == [{"finishReason": "SAFETY", "index": 0}]


def test_images_and_probabilities() -> None:
    document = {
        "candidates": [
            {
                "content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}]},
                "finishReason": "MAX_TOKENS",
                "logprobsResult": {"chosenCandidates": [{"token": "a", "logProbability": -1.0}]},
            },
            {"finishReason": "MALFORMED_FUNCTION_CALL", "index": 1},
        ]
    }
    first, second = read_reply(json.dumps(document).encode()).choices
    assert first.parts == (Image(Media(media_type="image/png", data="AA==")),)
    assert first.logprobs == [{"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": []}]
    assert (second.parts, second.finish) == ((), "error")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"{", b"\xff", b'{"candidates":{}}', b'{"candidates":[1]}',
     b'{"candidates":[{"content":{"parts":[{"text":1}]}}]}', b"[" * 100_000],
)  # fmt: skip
def test_what_is_no_reply_is_told(body: bytes) -> None:
    with pytest.raises(MalformedReplyError):
        read_reply(body)


def _written(*found: Any, asked: Asked = ASKED, **fields: Any) -> Any:
    choice = Choice(parts=found, finish=fields.pop("finish", "stop"), **fields)
    reply = Reply(id="", model="", choices=(choice,), usage=Usage(3, 4, reasoning_tokens=1))
    return json.loads(write_reply(reply, asked))


def test_thoughts_are_shown_to_whom_wants_them() -> None:
    thought = Thinking("why", "sig", origin="anthropic")
    hidden, shown = (
        _written(thought, Text("so"), asked=asked)["candidates"][0]["content"]["parts"]
        for asked in (ASKED, SHOWING)
    )
    assert [part["text"] for part in hidden] == ["", "so"]
    assert [part["text"] for part in shown] == ["why", "so"]
    assert hidden[0]["thoughtSignature"] == shown[0]["thoughtSignature"]
    assert hidden[0]["thought"] is True
    unproven = _written(Thinking("why"), Text("so"))
    assert unproven["candidates"][0]["content"]["parts"] == [{"text": "so"}]


def test_what_is_not_known_is_the_calls() -> None:
    written = _written(RefusalText("No."), finish="refusal")
    assert (written["modelVersion"], written["responseId"]) == ("alias", "call-1")
    assert written["candidates"][0]["finishReason"] == "SAFETY"
    assert written["usageMetadata"] == {
        "promptTokenCount": 3,
        "candidatesTokenCount": 3,
        "thoughtsTokenCount": 1,
        "totalTokenCount": 7,
    }


def test_sources_and_probabilities_are_written() -> None:
    cited = Text("Zürich", citations=(Citation(url="u", title="t", start=0, end=6),))
    candidate = _written(cited, logprobs=[{"token": "a", "logprob": -1}])["candidates"][0]
    segment = candidate["groundingMetadata"]["groundingSupports"][0]["segment"]
    assert segment == {"partIndex": 0, "startIndex": 0, "endIndex": 7, "text": "Zürich"}
    assert candidate["logprobsResult"]["chosenCandidates"][0]["token"] == "a"


def test_ids_are_safe_and_short() -> None:
    assert call_stem("ä/" + "x" * 99) == "call_" + "x" * 24 + "_"
    assert call_stem("") == "call__"


def test_times_that_are_none() -> None:
    assert (seconds(None), seconds("soon"), seconds(3)) == (None, None, None)
