"""A response's stream is one that OpenAI's SDK adds up to the same response."""

import json
from collections.abc import Iterator
from threading import Thread
from typing import Any

import openai
import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter
from tests.dialects.test_sdks import Refuser

from faregate.dialects.neutral import parts as p
from faregate.dialects.neutral import reply
from faregate.dialects.neutral.reply import Event
from faregate.dialects.neutral.request import Request, Tool
from faregate.dialects.responses.stream_writer import ResponsesStreamWriter
from faregate.dialects.translation import Asked
from faregate.dialects.usage import Usage

ASKED = Asked(
    request=Request(model="m", messages=(), tools=(Tool(name="f", parameters={}),)),
    call_id="call-1",
    now_s=7,
)
HEAD = reply.Opened(id="resp_1", model="m")
SOURCE = p.Citation(url="u", title="t", start=0, end=1)
END = [reply.Finished(0, "tool_calls"), reply.UsageSeen(Usage(1, 2, 3, 4)), reply.Ended()]
# Calls interleave; readers close some parts, and others not.
MIXED: list[Event] = [
    HEAD,
    reply.Pinged(),
    reply.ThinkingDelta(0, 0, "hm"),
    reply.ThinkingSigned(0, 0, "anthropic", signature="sig"),
    reply.PartClosed(0, 0),
    reply.TextDelta(0, 1, "a"),
    reply.PartClosed(0, 1),
    reply.TextDelta(0, 2, "b"),
    reply.CitationSeen(0, 2, SOURCE),
    reply.ToolOpened(0, 3, "c1", "f", "proof", "gemini"),
    reply.ToolOpened(0, 4, "c2", "g", custom=True),
    reply.ToolDelta(0, 4, "fr"),
    reply.ToolDelta(0, 3, "{"),
    reply.TextDelta(0, 5, "late"),
    reply.ToolDelta(0, 4, "ee"),
    reply.ToolDelta(0, 3, "}"),
    reply.PartClosed(0, 4),
    reply.PartClosed(0, 3),
    reply.ThinkingDelta(0, 6, "short", is_summary=True),
    reply.RefusalDelta(0, 7, "no"),
    reply.MediaSeen(0, 8, p.Image(p.Media(media_type="image/png", data="AAAA"))),
    reply.ServerPartSeen(0, 9, "anthropic", {}),
    *END,
]


def written(*events: Event) -> bytes:
    """The stream of these events."""
    writer = ResponsesStreamWriter(ASKED)
    return b"".join(map(writer.write, events)) + writer.end()


def data(*events: Event) -> list[Any]:
    """The stream's data."""
    lines = written(*events).splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith(b"data: ")]


@pytest.fixture
def client() -> Iterator[openai.OpenAI]:
    """The SDK, and a server that says the mixed stream."""
    server = Refuser()
    stream = written(*MIXED)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n"
    server.reply = head % len(stream) + stream
    thread = Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    with openai.OpenAI(base_url=f"{server.address}/v1", api_key="x", max_retries=0) as sdk:
        yield sdk
    server.server.shutdown()
    thread.join(10)
    server.server.server_close()


def test_the_sdk_adds_the_events_up(client: openai.OpenAI):
    with client.responses.stream(model="m", input="x") as stream:
        texts = [one.delta for one in stream if one.type == "response.output_text.delta"]
        found = stream.get_final_response()
    assert texts == ["a", "b", "late"]
    assert [one.type for one in found.output] == [
        "reasoning", "message", "reasoning", "function_call", "custom_tool_call", "message",
        "reasoning", "message", "image_generation_call",
    ]  # fmt: skip
    assert found.output_text == "ablate"
    assert found.output[3].arguments == "{}"  # type: ignore[union-attr]
    assert found.output[4].input == "free"  # type: ignore[union-attr]
    assert found.usage is not None
    assert (found.usage.total_tokens, found.status) == (3, "completed")


def test_each_event_has_the_sdks_shape_and_its_number():
    adapter: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    found = data(*MIXED)
    for one in found:
        assert adapter.validate_python(one).type == one["type"]
    assert [one["sequence_number"] for one in found] == list(range(len(found)))
    assert [one["type"] for one in found[:2]] == ["response.created", "response.in_progress"]


def test_items_go_one_by_one():
    open_items: list[int] = []
    for one in data(*MIXED):
        if one["type"] == "response.output_item.added":
            open_items.append(one["output_index"])
        elif one["type"] == "response.output_item.done":
            assert open_items.pop() == one["output_index"]
        elif "output_index" in one:
            assert open_items == [one["output_index"]]
    assert open_items == []


def test_a_text_is_not_held_back_by_thoughts_that_nobody_closed():
    writer = ResponsesStreamWriter(ASKED)
    for one in (HEAD, reply.ThinkingDelta(0, 0, "hm")):
        writer.write(one)
    assert b'"delta":"a"' in writer.write(reply.TextDelta(0, 1, "a"))


@pytest.mark.parametrize(
    ("finish", "kind", "reason"),
    [
        ("length", "response.incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "response.incomplete", {"reason": "content_filter"}),
        ("stop_sequence", "response.completed", None),
        ("error", "response.failed", None),
    ],
)
def test_ends(finish: Any, kind: str, reason: Any):
    last = data(HEAD, reply.TextDelta(0, 0, "a"), reply.Finished(0, finish), reply.Ended())[-1]
    assert (last["type"], last["response"]["incomplete_details"]) == (kind, reason)


def test_an_error_is_the_last_event():
    found = data(HEAD, reply.TextDelta(0, 0, "a"), reply.Failed("broken"), reply.Ended())
    assert found[-1]["type"] == "response.failed"
    assert found[-1]["response"]["error"]["message"] == "broken"


def test_a_stream_without_its_end():
    finished = data(HEAD, reply.TextDelta(0, 0, "a"), reply.Finished(0, "stop"))
    assert finished[-1]["type"] == "response.completed"
    broken = data(reply.TextDelta(0, 0, "a"))
    assert "ended before" in broken[-1]["response"]["error"]["message"]
    assert broken[-1]["response"]["id"] == "call-1"


def test_other_answers_are_not_written():
    assert data(HEAD, reply.TextDelta(1, 0, "b"), *END) == data(HEAD, *END)
