"""A response's stream is read as what it means, once each."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects.neutral_forms import chopped

from faregate.dialects.neutral import parts as p
from faregate.dialects.neutral import reply
from faregate.dialects.neutral.reply import Event
from faregate.dialects.responses.items_reader import DIALECT
from faregate.dialects.responses.stream_reader import ResponsesStreamReader
from faregate.dialects.translation import MalformedReplyError
from faregate.dialects.usage import Usage


def event(kind: str, **members: Any) -> bytes:
    """An event of a stream."""
    data = msgspec.json.encode({"type": kind} | members)
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)


def read(*pieces: bytes) -> list[Event]:
    """All events of a stream."""
    reader = ResponsesStreamReader()
    return [found for piece in pieces for found in reader.feed(piece)] + reader.end()


def item(index: int, kind: str = "done", **members: Any) -> bytes:
    """An item that begins or is whole."""
    return event(f"response.output_item.{kind}", output_index=index, item=members)


USAGE = {"input_tokens": 1, "output_tokens": 2}
CREATED = event("response.created", response={"id": "resp_1", "model": "m", "created_at": 5})
DONE = event("response.completed", response={"id": "resp_1", "status": "completed", "usage": USAGE})
END = [reply.UsageSeen(Usage(1, 2)), reply.Finished(0, "stop"), reply.Ended()]
CALL = {"type": "function_call", "call_id": "c", "name": "f"}

STREAM = [
    CREATED,
    event("response.in_progress", response={"id": "resp_1"}),
    item(0, "added", type="reasoning", id="rs_1", summary=[]),
    event("response.reasoning_summary_text.delta", output_index=0, summary_index=0, delta="a"),
    event("response.reasoning_summary_text.delta", output_index=0, summary_index=1, delta="b"),
    item(0, type="reasoning", id="rs_1", summary=[], encrypted_content="enc"),
    item(1, "added", type="message", id="msg_1", content=[]),
    event("response.output_text.delta", output_index=1, content_index=0, delta="\u00fc"),
    event("response.output_text.annotation.added", output_index=1, content_index=0,
          annotation={"type": "url_citation", "url": "u"}),
    item(1, type="message", content=[{"type": "output_text", "text": "\u00fc"}]),
    item(2, "added", arguments="", **CALL),
    event("response.function_call_arguments.delta", output_index=2, delta="{}"),
    event("response.function_call_arguments.done", output_index=2, arguments="{}"),
    item(2, arguments="{}", **CALL),
    DONE,
    b": late\n\n",
]  # fmt: skip
EXPECTED = [
    reply.Opened(id="resp_1", model="m", created_s=5),
    reply.ThinkingDelta(0, 0, "a", is_summary=True),
    reply.ThinkingDelta(0, 0, "\n\nb", is_summary=True),
    reply.ThinkingSigned(0, 0, DIALECT, "enc", id="rs_1"),
    reply.PartClosed(0, 0),
    reply.TextDelta(0, 1, "\u00fc"),
    reply.CitationSeen(0, 1, p.Citation(url="u")),
    reply.PartClosed(0, 1),
    reply.ToolOpened(0, 2, "c", "f"),
    reply.ToolDelta(0, 2, "{}"),
    reply.PartClosed(0, 2),
    reply.UsageSeen(Usage(1, 2)),
    reply.Finished(0, "tool_calls"),
    reply.Ended(),
]


@given(st.data())
def test_any_pieces_give_the_same(data: st.DataObject):
    assert read(*data.draw(chopped(b"".join(STREAM)))) == EXPECTED


def test_what_came_without_deltas_is_read_when_it_is_whole():
    events = read(
        CREATED,
        item(0, type="reasoning", content=[{"type": "reasoning_text", "text": "hm"}]),
        item(1, type="message", content=[{"type": "output_text", "text": "a"},
                                         {"type": "refusal", "refusal": "no"}]),
        item(2, type="custom_tool_call", call_id="c", name="g", input="free"),
        DONE,
    )  # fmt: skip
    assert [found for found in events if not isinstance(found, reply.PartClosed)][1:-3] == [
        reply.ThinkingDelta(0, 0, "hm"),
        reply.TextDelta(0, 1, "a"),
        reply.RefusalDelta(0, 2, "no"),
        reply.ToolOpened(0, 3, "c", "g", custom=True),
        reply.ToolDelta(0, 3, "free"),
    ]


def test_refusals_thoughts_in_full_and_other_items():
    search = {"type": "web_search_call", "id": "ws"}
    events = read(
        event("response.reasoning_text.delta", output_index=0, delta="hm"),
        event("response.refusal.delta", output_index=1, content_index=0, delta="no"),
        item(2, **search),
        item(3, type="image_generation_call", result="AAAA"),
        DONE,
    )
    assert events[:3] == [
        reply.ThinkingDelta(0, 0, "hm"),
        reply.RefusalDelta(0, 1, "no"),
        reply.ServerPartSeen(0, 2, DIALECT, search),
    ]
    assert reply.Finished(0, "refusal") in events
    assert any(isinstance(found, reply.MediaSeen) for found in events)


def test_an_end_at_the_limit():
    stated = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    events = read(CREATED, event("response.incomplete", response=stated))
    assert events[-2:] == [reply.Finished(0, "length"), reply.Ended()]


@pytest.mark.parametrize(
    ("last", "message"),
    [
        (event("response.failed", response={"error": {"message": "broken"}}), "broken"),
        (event("error", message="broken", code="x"), "broken"),
        (event("error", error={"message": "broken"}), "broken"),
        (b'data: {"error":{"message":"broken"}}\n\n', "broken"),
        (event("error"), "The provider reports an error."),
    ],
)
def test_an_error_ends_the_stream(last: bytes, message: str):
    events = read(CREATED, last, DONE)
    assert isinstance(events[-1], reply.Failed)
    assert events[-1].message == message
    assert len(events) == 2


def test_unknown_events_are_passed_over():
    assert read(event("response.something.new", delta=1), b": ping\n\n", DONE)[1:] == [
        reply.Opened(id="resp_1", model=""), *END,
    ]  # fmt: skip


def test_a_stream_that_breaks_off_has_no_end():
    assert reply.Ended() not in read(*STREAM[:8])
    assert reply.Ended() not in read(*STREAM[:8], DONE[:40])


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"type":5}', b"\xff"])
def test_what_is_no_event_is_said_to_be_none(data: bytes):
    with pytest.raises(MalformedReplyError):
        read(b"data: %b\n\n" % data)
    with pytest.raises(MalformedReplyError):
        read(item(0, "added", type="function_call"))
