"""Streams are written as botocore reads ConverseStream."""

import msgspec
from tests.dialects.bedrock.test_stream_reader import EVENTS
from tests.dialects.bedrock_oracle import parsed_stream

from faregate.dialects.bedrock.stream_reader import StreamReader
from faregate.dialects.bedrock.stream_writer import StreamWriter
from faregate.dialects.neutral import parts, reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.translation import Asked
from faregate.dialects.usage import Usage
from faregate.wire.event_stream import EventStreamReader

ASKED = Asked(request=Request(model="m", messages=()), call_id="c", now_s=0)


def _written(*events: reply.Event) -> bytes:
    writer = StreamWriter(ASKED)
    return b"".join([writer.write(event) for event in events]) + writer.end()


def test_bedrocks_own_events_come_back():
    assert StreamReader().feed(_written(*EVENTS)) == EVENTS


def test_botocore_reads_them():
    events = parsed_stream(_written(*EVENTS))
    texts = [event["contentBlockDelta"]["delta"].get("text") for event in events
             if "contentBlockDelta" in event]  # fmt: skip
    assert "".join(text for text in texts if text) == "Rain 🌧"
    assert events[-1]["metadata"]["usage"]["totalTokens"] == 7


def test_events_of_another_dialect():
    stream = _written(
        reply.TextDelta(0, 0, "x"),
        reply.TextDelta(1, 1, "of another answer"),
        reply.ThinkingSigned(0, 2, "responses", redacted="dark"),
        reply.ThinkingSigned(0, 3, "responses", id="rs_1"),
        reply.MediaSeen(0, 4, parts.Audio(parts.Media(data="x"), transcript="said")),
        reply.ServerPartSeen(0, 5, "gemini", {"x": {}}),
        reply.Pinged(),
        reply.Finished(0, "stop_sequence", "END"),
        reply.UsageSeen(Usage(1, 2)),
    )
    messages = EventStreamReader().feed(stream)
    assert [one.text(":event-type") for one in messages] == [
        "messageStart", "contentBlockDelta", "contentBlockDelta", "contentBlockDelta",
        "contentBlockStop", "contentBlockStop", "contentBlockStop", "messageStop", "metadata",
    ]  # fmt: skip
    assert b"another answer" not in stream
    fields = msgspec.json.decode(messages[-2].payload)["additionalModelResponseFields"]
    assert fields == {"stop_sequence": "END"}


def test_failures_are_exceptions_and_end_the_stream():
    for events in ((reply.Failed("secret"), reply.Ended()), (reply.TextDelta(0, 0, "x"),)):
        stream = _written(*events)
        last = EventStreamReader().feed(stream)[-1]
        assert last.text(":exception-type") == "modelStreamErrorException"
        assert b"secret" not in stream


def test_an_end_without_a_finish_is_a_usual_one():
    (_, stop, metadata) = EventStreamReader().feed(_written(reply.Ended()))
    assert msgspec.json.decode(stop.payload) == {"stopReason": "end_turn"}
    assert metadata.text(":event-type") == "metadata"
