"""Streams of Ollama's documented lines are read one by one."""

import json
from typing import Any

import pytest

from faregate.core import bounds
from faregate.dialects.neutral.parts import Image, Media
from faregate.dialects.neutral.reply import (
    Ended,
    Event,
    Failed,
    Finished,
    MediaSeen,
    Opened,
    PartClosed,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolOpened,
    UsageSeen,
)
from faregate.dialects.ollama.stream_reader import OllamaStreamReader
from faregate.dialects.translation import MalformedReplyError
from faregate.dialects.usage import Usage
from faregate.wire.sse import EventTooLargeError

NAMES = {"model": "m", "created_at": "2023-08-04T08:52:19Z"}
OPENED = Opened(id="", model="m", created_s=1_691_139_139)


def _chat(message: Any, **members: Any) -> bytes:
    message = {"role": "assistant", "content": ""} | message
    return json.dumps(NAMES | {"message": message, "done": False} | members).encode() + b"\n"


def _read(*lines: bytes) -> list[Event]:
    reader = OllamaStreamReader()
    return reader.feed(b"".join(lines)) + reader.end()


def test_all_of_a_chat() -> None:
    call = {"function": {"index": 0, "name": "f", "arguments": {"a": 1}}}
    logprobs = [{"token": "Hi", "logprob": -1.0}]
    events = _read(
        _chat({"thinking": "Hm"}),
        _chat({"thinking": " hm"}),
        _chat({"content": "Hi"}, logprobs=logprobs),
        _chat({"content": " there"}),
        _chat({"tool_calls": [call, {"id": "x", "function": {"name": "g"}}]}),
        _chat({"images": ["AA=="]}),
        _chat({"content": "!"}),
        b"\n",
        _chat({}, done=True, done_reason="stop", prompt_eval_count=3, eval_count=4),
    )
    assert events == [
        OPENED,
        ThinkingDelta(0, 0, "Hm"),
        ThinkingDelta(0, 0, " hm"),
        TextDelta(0, 1, "Hi", logprobs),
        TextDelta(0, 1, " there"),
        ToolOpened(0, 2, "call_20230804085219_0", "f"),
        ToolDelta(0, 2, '{"a":1}'),
        PartClosed(0, 2),
        ToolOpened(0, 3, "x", "g"),
        ToolDelta(0, 3, "{}"),
        PartClosed(0, 3),
        MediaSeen(0, 4, Image(Media(media_type="image/png", data="AA=="))),
        TextDelta(0, 5, "!"),
        Finished(0, "tool_calls"),
        UsageSeen(Usage(3, 4)),
        Ended(),
    ]


def test_all_of_a_generation() -> None:
    lines = (
        NAMES | {"response": "", "thinking": "Hm", "done": False},
        NAMES | {"response": "Hi", "done": False},
        NAMES | {"done": True, "done_reason": "length", "image": "AA=="},
    )
    events = _read(*(json.dumps(line).encode() + b"\n" for line in lines))
    assert events == [
        OPENED,
        ThinkingDelta(0, 0, "Hm"),
        TextDelta(0, 1, "Hi"),
        MediaSeen(0, 2, Image(Media(media_type="image/png", data="AA=="))),
        Finished(0, "length"),
        Ended(),
    ]


def test_an_error_in_mid_stream() -> None:
    events = _read(_chat({"content": "a"}), b'{"error":"out of memory"}\n', _chat({"content": "b"}))
    assert events == [
        OPENED, TextDelta(0, 0, "a"), Failed("out of memory", b'{"error":"out of memory"}')
    ]  # fmt: skip


def test_a_stream_without_its_end_has_none() -> None:
    assert _read(_chat({"content": "a"})) == [OPENED, TextDelta(0, 0, "a")]
    assert _read() == []
    assert _read(_chat({}, done=True).rstrip(b"\n"))[-1] == Ended()


@pytest.mark.parametrize(
    "line", [b"x\n", b"[]\n", b"{}\n", b'{"message":3}\n', b'{"message":{"tool_calls":[3]}}\n']
)
def test_what_is_no_line_is_told(line: bytes) -> None:
    with pytest.raises(MalformedReplyError):
        _read(line)


def test_a_line_is_bounded() -> None:
    with pytest.raises(EventTooLargeError):
        OllamaStreamReader().feed(b"x" * (bounds.STREAM_EVENT_BYTES_MAX + 1))
