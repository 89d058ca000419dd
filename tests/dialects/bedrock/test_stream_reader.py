"""ConverseStream's events are read however they are cut; botocore reads the same bytes."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from tests.dialects.bedrock_oracle import parsed_stream
from tests.dialects.mutations import mutated
from tests.dialects.neutral_forms import chopped

from faregate.core import bounds
from faregate.dialects.anthropic.stream_writer import StreamWriter
from faregate.dialects.bedrock.stream_reader import StreamReader
from faregate.dialects.neutral import parts, reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.translation import Asked, MalformedReplyError
from faregate.dialects.usage import Usage
from faregate.wire.event_stream import EventStreamReader, encode, encode_event, encode_exception
from faregate.wire.sse import EventTooLargeError


def _event(kind: str, **members: Any) -> bytes:
    return encode_event(kind, msgspec.json.encode({**members, "p": "abc"}))


def _delta(index: int, **members: Any) -> bytes:
    return _event("contentBlockDelta", contentBlockIndex=index, delta=members)


def _start(index: int, **members: Any) -> bytes:
    return _event("contentBlockStart", contentBlockIndex=index, start=members)


def _stop(index: int) -> bytes:
    return _event("contentBlockStop", contentBlockIndex=index)


CITED = {"title": "T", "location": {"web": {"url": "u"}}}
STREAM = b"".join([
    _event("messageStart", role="assistant"),
    _delta(0, reasoningContent={"text": "Hm"}),
    _delta(0, reasoningContent={"signature": "c2ln"}),
    _stop(0),
    _delta(1, text="Ra"),
    _delta(1, text="in 🌧"),
    _delta(1, citation=CITED),
    _stop(1),
    _start(2, toolUse={"toolUseId": "t1", "name": "f"}),
    _delta(2, toolUse={"input": ""}),
    _delta(2, toolUse={"input": '{"a":'}),
    _delta(2, toolUse={"input": "1}"}),
    _stop(2),
    _start(3, toolUse={"toolUseId": "t2", "name": "g"}),
    _stop(3),
    _start(4, image={"format": "png"}),
    _delta(4, image={"source": {"bytes": "aGk="}}),
    _stop(4),
    _start(5, toolUse={"toolUseId": "s1", "name": "ground", "type": "server_tool_use"}),
    _delta(5, toolUse={"input": '{"q":1}'}),
    _stop(5),
    _event("somethingNew", x=1),
    _event("messageStop", stopReason="tool_use"),
    _event("metadata", usage={"inputTokens": 3, "outputTokens": 4, "totalTokens": 7},
           metrics={"latencyMs": 9}),
])  # fmt: skip
MESSAGES = EventStreamReader().feed(STREAM)
SENT = [[one.text(":event-type"), msgspec.json.decode(one.payload)] for one in MESSAGES]
EVENTS: list[reply.Event] = [
    reply.Opened(id="", model=""),
    reply.ThinkingDelta(0, 0, "Hm"),
    reply.ThinkingSigned(0, 0, "bedrock_converse", "c2ln"),
    reply.PartClosed(0, 0),
    reply.TextDelta(0, 1, "Ra"),
    reply.TextDelta(0, 1, "in 🌧"),
    reply.CitationSeen(
        0, 1, parts.Citation(url="u", title="T", raw=CITED, origin="bedrock_converse")
    ),
    reply.PartClosed(0, 1),
    reply.ToolOpened(0, 2, "t1", "f"),
    reply.ToolDelta(0, 2, '{"a":'),
    reply.ToolDelta(0, 2, "1}"),
    reply.PartClosed(0, 2),
    reply.ToolOpened(0, 3, "t2", "g"),
    reply.ToolDelta(0, 3, "{}"),
    reply.PartClosed(0, 3),
    reply.MediaSeen(0, 4, parts.Image(parts.Media(media_type="image/png", data="aGk="))),
    reply.PartClosed(0, 4),
    reply.ServerPartSeen(
        0, 5, "bedrock_converse",
        {"toolUse": {"toolUseId": "s1", "name": "ground", "type": "server_tool_use",
                     "input": {"q": 1}}},
    ),
    reply.PartClosed(0, 5),
    reply.Finished(0, "tool_calls"),
    reply.UsageSeen(Usage(3, 4)),
    reply.Ended(),
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(chopped(STREAM))
def test_events_are_the_same_however_the_stream_is_cut(pieces: list[bytes]):
    reader = StreamReader()
    assert [event for piece in pieces for event in reader.feed(piece)] == EVENTS
    assert reader.end() == []


def test_botocore_reads_the_same_bytes():
    kinds = [next(iter(event)) for event in parsed_stream(STREAM) if event]
    assert kinds[0] == "messageStart"
    assert kinds[-2:] == ["messageStop", "metadata"]


def test_an_answer_without_metadata_is_whole_and_a_broken_one_is_not():
    reader = StreamReader()
    reader.feed(_event("messageStart", role="assistant") + _delta(0, text="x"))
    assert reader.end() == []
    reader.feed(_event("messageStop", stopReason="max_tokens"))
    assert reader.end() == [reply.Ended()]
    assert reader.feed(STREAM) == []


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (encode_exception("throttlingException", b'{"message":"slow"}'), "slow"),
        (encode_exception("modelStreamErrorException", b"not json"), "modelStreamErrorException"),
        (encode({":message-type": "error", ":error-code": "Internal", ":error-message": "oh"}, b""),
         "oh"),
    ],
)  # fmt: skip
def test_an_exception_ends_the_stream(message: bytes, told: str):
    reader = StreamReader()
    (failed,) = reader.feed(message + message)
    assert isinstance(failed, reply.Failed)
    assert failed.message == told
    assert msgspec.json.decode(failed.raw)["__type"]
    assert reader.end() == []


@pytest.mark.parametrize(
    "stream",
    [b"\0" * 16, _delta(0, text=3), encode_event("contentBlockDelta", b"{}"),
     encode_event("messageStop", b"[]"), encode_event("metadata", b"[" * 100_000)],
)  # fmt: skip
def test_what_is_no_event(stream: bytes):
    with pytest.raises(MalformedReplyError):
        StreamReader().feed(stream)


@settings(max_examples=150, deadline=None)
@given(mutated(SENT))
def test_a_changed_value_never_breaks_the_reader_or_a_writer(changed: Any):
    writer = StreamWriter(Asked(request=Request(model="m", messages=()), call_id="c", now_s=0))
    reader = StreamReader()
    try:
        for event in changed:
            kind, payload = (event, {}) if not isinstance(event, list) else (*event, "", "")[:2]
            for read in reader.feed(encode_event(str(kind), json.dumps(payload).encode())):
                assert isinstance(writer.write(read), bytes)
    except MalformedReplyError:
        pass
    assert isinstance(writer.end(), bytes)


def test_events_are_bounded():
    with pytest.raises(EventTooLargeError):
        StreamReader().feed(encode({}, b"x" * bounds.STREAM_EVENT_BYTES_MAX)[:20])
