"""A vendor's stream gives the same events however it is cut, and its error as an error."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.dialects.mutations import mutated
from tests.dialects.neutral_forms import assembled, chopped

from faregate.core import bounds
from faregate.dialects.anthropic.stream_reader import StreamReader
from faregate.dialects.anthropic.stream_writer import StreamWriter
from faregate.dialects.neutral import parts, reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.translation import Asked, MalformedReplyError
from faregate.dialects.usage import Usage
from faregate.wire.sse import EventTooLargeError


def sse(*events: dict[str, Any]) -> bytes:
    """Events as Anthropic sends them."""
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (event["type"].encode(), msgspec.json.encode(event))
        for event in events
    )


def start(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, **members: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": members}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


CITED = {"type": "char_location", "cited_text": "x", "document_index": 1}
RESULT = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []}
COUNTS = {"input_tokens": 7, "cache_read_input_tokens": 3, "output_tokens": 1}
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-5",
           "content": [], "stop_reason": None, "stop_sequence": None,
           "usage": COUNTS}  # fmt: skip
STREAM = sse(
    {"type": "message_start", "message": MESSAGE},
    {"type": "ping"},
    start(0, type="thinking", thinking="", signature=""),
    delta(0, type="thinking_delta", thinking="Hm é"),
    delta(0, type="signature_delta", signature="c2ln"),
    stop(0),
    start(1, type="server_tool_use", id="s1", name="web_search", input={}),
    delta(1, type="input_json_delta", partial_json='{"query":'),
    delta(1, type="input_json_delta", partial_json='"rain"}'),
    stop(1),
    start(2, **RESULT),
    stop(2),
    start(3, type="text", text=""),
    delta(3, type="text_delta", text="Ra"),
    delta(3, type="new_delta", something=1),
    delta(3, type="text_delta", text="in 🌧"),
    delta(3, type="citations_delta", citation=CITED),
    stop(3),
    start(4, type="tool_use", id="toolu_1", name="f", input={}),
    delta(4, type="input_json_delta", partial_json=""),
    delta(4, type="input_json_delta", partial_json='{"a":'),
    delta(4, type="input_json_delta", partial_json="1}"),
    stop(4),
    start(5, type="tool_use", id="toolu_2", name="g", input={}),
    stop(5),
    {"type": "something_new", "index": 9},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None},
     "usage": {"output_tokens": 90, "output_tokens_details": {"thinking_tokens": 30}}},
    {"type": "message_stop"},
)  # fmt: skip
SENT = [msgspec.json.decode(line[6:]) for line in STREAM.splitlines()[1::3]]
EVENTS: list[reply.Event] = [
    reply.Opened(id="msg_1", model="claude-opus-5", usage=Usage(10, 1, 3)),
    reply.Pinged(),
    reply.ThinkingDelta(0, 0, "Hm é"),
    reply.ThinkingSigned(0, 0, "anthropic", "c2ln"),
    reply.PartClosed(0, 0),
    reply.ServerPartSeen(
        0, 1, "anthropic",
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "rain"}},
    ),
    reply.PartClosed(0, 1),
    reply.ServerPartSeen(0, 2, "anthropic", RESULT),
    reply.PartClosed(0, 2),
    reply.TextDelta(0, 3, "Ra"),
    reply.TextDelta(0, 3, "in 🌧"),
    reply.CitationSeen(
        0, 3, parts.Citation(cited_text="x", document=1, raw=CITED, origin="anthropic")
    ),
    reply.PartClosed(0, 3),
    reply.ToolOpened(0, 4, "toolu_1", "f"),
    reply.ToolDelta(0, 4, '{"a":'),
    reply.ToolDelta(0, 4, "1}"),
    reply.PartClosed(0, 4),
    reply.ToolOpened(0, 5, "toolu_2", "g"),
    reply.ToolDelta(0, 5, "{}"),
    reply.PartClosed(0, 5),
    reply.UsageSeen(Usage(10, 90, 3, 30)),
    reply.Finished(0, "tool_calls"),
    reply.Ended(),
]  # fmt: skip


def _events(pieces: Iterable[bytes]) -> list[reply.Event]:
    reader = StreamReader()
    found = [event for piece in pieces for event in reader.feed(piece)]
    return found + reader.end()


def test_every_event():
    assert _events([STREAM]) == EVENTS


@settings(max_examples=60, deadline=None)
@given(chopped(STREAM))
def test_events_are_the_same_however_the_stream_is_cut(pieces: list[bytes]):
    assert _events(pieces) == EVENTS
    assert _events([piece.replace(b"\n", b"\r\n") for piece in pieces]) == EVENTS


def test_a_last_event_may_lack_its_end():
    assert _events([STREAM[:-1]]) == EVENTS
    assert _events([STREAM[:-9]]) == EVENTS[:-1]


def test_empty_and_prefilled_parts():
    stream = sse(
        {"type": "message_start", "message": {"id": "m", "model": "x"}},
        start(0, type="thinking", thinking="so", signature="s"),
        stop(0),
        start(1, type="redacted_thinking", data="dark"),
        stop(1),
        start(2, type="text", text=""),
        stop(2),
        start(3, type="text", text="early", citations=[CITED]),
        stop(3),
        start(4, type="tool_use", id="1", name="f", input={"a": 1}),
        stop(4),
        {"type": "message_delta", "delta": {"stop_reason": "new"}, "usage": {}},
        {"type": "message_stop"},
    )
    events = [each for each in _events([stream]) if not isinstance(each, reply.CitationSeen)]
    whole = assembled(events)
    assert whole.choices[0].parts == (
        parts.Thinking("so", "s", origin="anthropic"),
        parts.Thinking(redacted="dark", origin="anthropic"),
        parts.Text(""),
        parts.Text("early"),
        parts.ToolCall("1", "f", '{"a":1}'),
    )
    assert whole.choices[0].finish == "stop"


def test_an_error_ends_the_stream():
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    reader = StreamReader()
    (failed,) = reader.feed(sse(error, {"type": "message_stop"}))
    assert isinstance(failed, reply.Failed)
    assert failed.message == "Overloaded"
    assert msgspec.json.decode(failed.raw) == error
    assert reader.feed(STREAM) == []
    assert reader.end() == []


@pytest.mark.parametrize(
    "data",
    [b"data: x\n\n", b"data: []\n\n", b"data: {}\n\n", b'data: {"type":"content_block_start"}\n\n',
     b'data: {"type":"content_block_delta","index":3,"delta":{"type":"text_delta"}}\n\n',
     b'data: {"type":"x","new":' + b"[" * 100_000 + b"\n\n"],
)  # fmt: skip
def test_what_is_no_event(data: bytes):
    with pytest.raises(MalformedReplyError):
        StreamReader().feed(data)


def test_events_are_bounded():
    reader = StreamReader()
    with pytest.raises(EventTooLargeError):
        reader.feed(b"data: " + b"x" * bounds.STREAM_EVENT_BYTES_MAX)


@settings(max_examples=150, deadline=None)
@given(mutated(SENT).map(json.dumps))
def test_a_changed_value_never_breaks_the_reader_or_a_writer(changed: str):
    writer = StreamWriter(Asked(request=Request(model="m", messages=()), call_id="c", now_s=0))
    reader = StreamReader()
    try:
        for event in msgspec.json.decode(changed, type=list[msgspec.Raw]):
            for read in reader.feed(b"data: %b\n\n" % bytes(event)):
                assert isinstance(writer.write(read), bytes)
    except MalformedReplyError:
        pass
    assert isinstance(writer.end(), bytes)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_input_that_never_was_json_is_kept(noise: bytes):
    text = noise.decode("latin-1")
    reader = StreamReader()
    events = reader.feed(
        sse(start(0, type="server_tool_use", id="1", name="n"),
            delta(0, type="input_json_delta", partial_json="[" + text), stop(0))
    )  # fmt: skip
    assert isinstance(events[0], reply.ServerPartSeen)
    assert events[0].raw["input"] == {"arguments": "[" + text}
