"""Streams are written as Ollama's SDKs expect them, in any order."""

import json
from typing import Any

from faregate.dialects.neutral.parts import Audio, Image, Media
from faregate.dialects.neutral.reply import (
    Ended,
    Event,
    Failed,
    Finished,
    MediaSeen,
    Opened,
    PartClosed,
    Pinged,
    RefusalDelta,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolOpened,
    UsageSeen,
)
from faregate.dialects.neutral.request import Request
from faregate.dialects.ollama.stream_writer import OllamaStreamWriter
from faregate.dialects.translation import Asked
from faregate.dialects.usage import Usage

ASKED = Asked(request=Request(model="alias", messages=()), call_id="call-1", now_s=0)
NAMES = {"model": "m", "created_at": "1970-01-01T00:00:00Z"}


def _lines(*events: Event, generates: bool = False) -> list[Any]:
    writer = OllamaStreamWriter(ASKED, generates=generates)
    opened = writer.write(Opened(id="r", model="m"))
    out = opened + b"".join(writer.write(event) for event in events) + writer.end()
    assert writer.end() == writer.write(TextDelta(0, 0, "late")) == b""
    return [json.loads(line) for line in out.splitlines()]


def test_a_chat_and_its_end() -> None:
    lines = _lines(
        Pinged(),
        ThinkingDelta(0, 0, "Hm"),
        TextDelta(0, 1, "Hé"),
        TextDelta(1, 0, "another answer"),
        Finished(0, "length"),
        UsageSeen(Usage(3, 4)),
        Ended(),
    )
    role = {"role": "assistant"}
    assert lines == [
        NAMES | {"message": role | {"content": "", "thinking": "Hm"}, "done": False},
        NAMES | {"message": role | {"content": "Hé"}, "done": False},
        NAMES | {
            "message": role | {"content": ""}, "done": True, "done_reason": "length",
            "prompt_eval_count": 3, "eval_count": 4,
        },
    ]  # fmt: skip


def test_a_generation_and_its_end() -> None:
    image = Image(Media(data="AA=="))
    lines = _lines(
        TextDelta(0, 0, "Hi"),
        ToolOpened(0, 1, "a", "f"),
        PartClosed(0, 1),
        MediaSeen(0, 2, image),
        MediaSeen(0, 3, Audio(Media(data="AA=="))),
        Finished(0, "stop"),
        generates=True,
    )
    assert lines == [
        NAMES | {"response": "Hi", "done": False},
        NAMES | {"response": "", "done": False, "image": "AA=="},
        NAMES | {"response": "", "done": True, "done_reason": "stop"},
    ]


def test_interleaved_calls_keep_their_order() -> None:
    lines = _lines(
        ToolOpened(0, 0, "a", "f"),
        ToolOpened(0, 1, "b", "g"),
        ToolDelta(0, 1, "{}"),
        TextDelta(0, 2, "after"),
        PartClosed(0, 1),
        ToolDelta(0, 0, '{"x":1}'),
        PartClosed(0, 0),
        Finished(0, "tool_calls"),
        Ended(),
    )
    calls = [call for line in lines for call in line["message"].get("tool_calls", ())]
    assert calls == [
        {"id": "a", "function": {"index": 0, "name": "f", "arguments": {"x": 1}}},
        {"id": "b", "function": {"index": 1, "name": "g", "arguments": {}}},
    ]
    assert [line["message"]["content"] for line in lines] == ["", "", "after", ""]


def test_probabilities_images_and_refusals() -> None:
    logprobs = [{"token": "a", "logprob": -1}]
    lines = _lines(
        TextDelta(0, 0, "a", logprobs),
        MediaSeen(0, 1, Image(Media(data="AA=="))),
        RefusalDelta(0, 2, "No."),
    )
    assert lines[0]["logprobs"] == logprobs
    assert lines[1]["message"]["images"] == ["AA=="]
    assert lines[2]["message"]["content"] == "No."


def test_an_error_ends_the_stream() -> None:
    assert _lines(TextDelta(0, 0, "a"), Failed("Busy."))[-1] == {"error": "Busy."}


def test_a_stream_without_its_end_has_none() -> None:
    assert [line["done"] for line in _lines(TextDelta(0, 0, "a"))] == [False]
