"""A stream is written as Cohere's SDKs expect it."""

import json
from typing import Any

from faregate.dialects.cohere.stream_writer import CohereStreamWriter
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
    RefusalDelta,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolOpened,
    UsageSeen,
)
from faregate.dialects.neutral.request import Request
from faregate.dialects.translation import Asked
from faregate.dialects.usage import Usage

ASKED = Asked(request=Request(model="alias", messages=()), call_id="call-1", now_s=1)


def _events(*events: Event) -> list[Any]:
    writer = CohereStreamWriter(ASKED)
    out = b"".join(writer.write(event) for event in events) + writer.end()
    assert writer.end() == writer.write(TextDelta(0, 0, "late")) == b""
    found = []
    for event in out.removesuffix(b"\n\n").split(b"\n\n"):
        name, data = event.split(b"\n")
        document = json.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + document["type"].encode()
        found.append(document)
    return found


def test_a_text_and_its_end() -> None:
    assert _events(
        Opened(id="r", model="m"),
        TextDelta(0, 0, "Hé"),
        TextDelta(0, 0, '"'),
        TextDelta(1, 0, "another answer"),
        PartClosed(0, 0),
        CitationSeen(0, 0, Citation(url="u", start=0, end=2)),
        Finished(0, "length"),
        UsageSeen(Usage(3, 4)),
        Ended(),
    ) == [
        {"type": "message-start", "id": "r", "delta": {"message": {"role": "assistant"}}},
        {"type": "content-start", "index": 0,
         "delta": {"message": {"content": {"type": "text", "text": ""}}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hé"}}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": '"'}}}},
        {"type": "content-end", "index": 0},
        {"type": "citation-start", "index": 0, "delta": {"message": {"citations": {
            "start": 0, "end": 2, "text": "Hé", "content_index": 0, "type": "TEXT_CONTENT",
            "sources": [{"type": "document", "id": "u", "document": {"url": "u"}}]}}}},
        {"type": "citation-end", "index": 0},
        {"type": "message-end", "id": "r", "delta": {"finish_reason": "MAX_TOKENS", "usage": {
            "billed_units": {"input_tokens": 3.0, "output_tokens": 4.0},
            "tokens": {"input_tokens": 3.0, "output_tokens": 4.0}}}},
    ]  # fmt: skip


def test_calls_may_interleave() -> None:
    found = _events(
        ThinkingDelta(0, 0, "plan", id="tool_plan"),
        ThinkingDelta(0, 1, "Hm"),
        ToolOpened(0, 2, "a", "f"),
        ToolOpened(0, 3, "b", "g"),
        ToolDelta(0, 3, "{"),
        ToolDelta(0, 2, "{}"),
        ToolDelta(0, 3, "}"),
        ToolDelta(0, 9, "of none"),
        MediaSeen(0, 4, Image(Media(data="AA=="))),
        Finished(0, "tool_calls"),
        Ended(),
    )
    assert [(one["type"], one.get("index")) for one in found] == [
        ("message-start", None),
        ("tool-plan-delta", None),
        ("content-start", 0),
        ("content-delta", 0),
        ("tool-call-start", 0),
        ("tool-call-start", 1),
        ("tool-call-delta", 1),
        ("tool-call-delta", 0),
        ("tool-call-delta", 1),
        ("content-end", 0),
        ("tool-call-end", 0),
        ("tool-call-end", 1),
        ("message-end", None),
    ]
    assert found[0]["id"] == "call-1"


def test_probabilities_and_refusals() -> None:
    tokens = [{"token": "a", "logprob": -1}, {"token": "b", "logprob": -2}]
    found = _events(TextDelta(0, 0, "ab", tokens), RefusalDelta(0, 1, "No."))
    assert found[2]["logprobs"] == {"text": "ab", "token_ids": [], "logprobs": [-1, -2]}
    assert found[4]["delta"]["message"]["content"] == {"text": "No."}


def test_an_error_ends_the_stream() -> None:
    found = _events(TextDelta(0, 0, "a"), Failed("Busy."))
    assert [one["type"] for one in found][-2:] == ["content-end", "message-end"]
    assert found[-1]["delta"] == {"error": "Busy.", "finish_reason": "ERROR"}


def test_a_stream_without_its_end_has_none() -> None:
    found = _events(TextDelta(0, 0, "a"))
    assert found[-1]["type"] == "content-end"
