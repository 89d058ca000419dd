"""A stream of Cohere's documented events is read one by one."""

import json
from typing import Any

import pytest

from faregate.core import bounds
from faregate.dialects.cohere.stream_reader import CohereStreamReader
from faregate.dialects.neutral.parts import Citation
from faregate.dialects.neutral.reply import (
    CitationSeen,
    Ended,
    Event,
    Failed,
    Finished,
    Opened,
    PartClosed,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolOpened,
    UsageSeen,
)
from faregate.dialects.translation import MalformedReplyError
from faregate.dialects.usage import Usage
from faregate.wire.sse import EventTooLargeError


def _event(kind: str, message: Any = None, **members: Any) -> bytes:
    document = {"type": kind, **members}
    if message is not None:
        document["delta"] = {"message": message}
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), json.dumps(document).encode())


def _read(*events: bytes) -> list[Event]:
    reader = CohereStreamReader()
    return reader.feed(b"".join(events)) + reader.end()


START = _event("message-start", {"role": "assistant"}, id="r1")
END = _event(
    "message-end",
    delta={
        "finish_reason": "TOOL_CALL",
        "usage": {"billed_units": {"input_tokens": 3, "output_tokens": 4}},
    },
)
CALL = {"id": "w_1", "type": "function", "function": {"name": "w", "arguments": ""}}
SOURCE = {"type": "document", "id": "d", "document": {"title": "T"}}


def test_all_of_a_stream() -> None:
    cited = {"start": 0, "end": 2, "text": "Hi", "sources": [SOURCE], "content_index": 1}
    events = _read(
        START,
        _event("tool-plan-delta", {"tool_plan": "I will"}),
        _event("tool-plan-delta", {"tool_plan": " look."}),
        _event("content-start", {"content": {"type": "thinking", "thinking": ""}}, index=0),
        _event("content-delta", {"content": {"thinking": "Hm"}}, index=0),
        _event("content-end", index=0),
        _event("content-start", {"content": {"type": "text", "text": ""}}, index=1),
        _event(
            "content-delta",
            {"content": {"text": "Hi"}},
            index=1,
            logprobs={"text": "Hi", "token_ids": [1], "logprobs": [-1.0]},
        ),
        _event("content-end", index=1),
        _event("citation-start", {"citations": cited}, index=0),
        _event("citation-end", index=0),
        _event("tool-call-start", {"tool_calls": CALL}, index=0),
        _event("tool-call-delta", {"tool_calls": {"function": {"arguments": "{}"}}}, index=0),
        _event("tool-call-end", index=0),
        _event("debug", prompt="x"),
        END,
        b"data: [DONE]\n\n",
    )
    token = {"token": "Hi", "logprob": -1.0, "bytes": [72, 105], "top_logprobs": []}
    assert events == [
        Opened(id="r1", model=""),
        ThinkingDelta(0, 0, "I will", id="tool_plan"),
        ThinkingDelta(0, 0, " look.", id="tool_plan"),
        ThinkingDelta(0, 1, "Hm"),
        PartClosed(0, 1),
        TextDelta(0, 2, "Hi", [token]),
        PartClosed(0, 2),
        CitationSeen(0, 2, Citation(title="T", start=0, end=2, raw=SOURCE, origin="cohere")),
        ToolOpened(0, 3, "w_1", "w"),
        ToolDelta(0, 3, "{}"),
        PartClosed(0, 3),
        Finished(0, "tool_calls"),
        UsageSeen(Usage(3, 4)),
        Ended(),
    ]


def test_contents_may_begin_without_a_start() -> None:
    events = _read(
        _event("content-delta", {"content": {"text": "a"}}, index=0),
        _event("content-start", {"content": {"type": "text", "text": "b"}}, index=1),
        _event("content-delta", {"content": {"thinking": "c"}}, index=2),
    )
    assert events == [TextDelta(0, 0, "a"), TextDelta(0, 1, "b"), ThinkingDelta(0, 2, "c")]


def test_sources_of_plans_and_of_nothing_are_passed_over() -> None:
    plan = {"citations": {"type": "PLAN", "start": 0, "end": 1}}
    assert _read(
        _event("citation-start", {"citations": {}}),
        _event("content-delta", {"content": {"text": "a"}}, index=0),
        _event("citation-start", plan),
    ) == [TextDelta(0, 0, "a")]


def test_errors_in_mid_stream() -> None:
    delta = {"finish_reason": "ERROR", "error": "Out of order.", "usage": {"tokens": {}}}
    failed = _event("message-end", delta=delta)
    *_, seen, failure = _read(START, failed)
    assert seen == UsageSeen(Usage())
    assert isinstance(failure, Failed)
    assert failure.message == "Out of order."
    (told,) = _read(b'data: {"message":"too many requests","id":"x"}\n\n')
    assert told == Failed("too many requests", b'{"message":"too many requests","id":"x"}')


def test_a_stream_without_its_end_has_none() -> None:
    assert _read(START) == [Opened(id="r1", model="")]
    assert _read() == []
    reader = CohereStreamReader()
    assert reader.feed(END.rstrip(b"\n")) == []
    assert reader.end()[-1] == Ended()
    assert reader.feed(START) == []


@pytest.mark.parametrize(
    "event",
    [
        b"data: x\n\n",
        b"data: []\n\n",
        _event("content-delta", {"content": {"text": 3}}, index=0),
        _event("content-delta", {}, index=0),
        _event("tool-call-start", {"tool_calls": {"id": 3}}, index=0),
        _event("tool-call-delta", {"tool_calls": {"function": {}}}, index=7),
        _event("content-start", {}, index=0) + _event("content-start", {}, index=0),
        _event("message-end", delta=3),
    ],
)
def test_what_is_no_event_is_told(event: bytes) -> None:
    with pytest.raises(MalformedReplyError):
        _read(event)


def test_an_event_is_bounded() -> None:
    with pytest.raises(EventTooLargeError):
        CohereStreamReader().feed(b"data: " + b"x" * (bounds.STREAM_EVENT_BYTES_MAX + 1))
