"""Streams are written as Anthropic's SDK puts them together, block by block."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import anthropic
import msgspec
import pytest
from tests.dialects.anthropic.test_stream_reader import EVENTS, STREAM
from tests.dialects.neutral_forms import assembled

from faregate.dialects.anthropic.dialect import DIALECT
from faregate.dialects.anthropic.stream_writer import StreamWriter
from faregate.dialects.neutral import parts, reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.translation import Asked
from faregate.dialects.usage import Usage

ASKED = Asked(request=Request(model="asked", messages=()), call_id="call-1", now_s=0)
OPENED = reply.Opened(id="r", model="m")


def _written(*events: reply.Event) -> bytes:
    writer = StreamWriter(ASKED)
    return b"".join([writer.write(event) for event in events]) + writer.end()


def _events(stream: bytes) -> list[dict[str, Any]]:
    found = []
    for event in stream.split(b"\n\n")[:-1]:
        name, data = event.split(b"\n")
        decoded = msgspec.json.decode(data.removeprefix(b"data: "))
        assert name == b"event: " + decoded["type"].encode()
        found.append(decoded)
    return found


def _kinds(stream: bytes) -> list[str]:
    shown = []
    for event in _events(stream):
        inner = event.get("delta", event.get("content_block", {})).get("type", "")
        shown.append(f"{event['type']} {event.get('index', '')} {inner}".strip())
    return shown


def test_anthropics_own_events_come_back():
    again = DIALECT.stream_reader()
    assert again.feed(_written(*EVENTS)) == EVENTS


class Server:
    """Answers every call with one stream."""

    def __init__(self) -> None:
        server = self
        self.stream = b""

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
                self.wfile.write(server.stream)

            def log_request(self, *args: Any) -> None:
                """Say nothing."""

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.client = anthropic.Anthropic(
            api_key="k", base_url=f"http://127.0.0.1:{self.http.server_port}", max_retries=0
        )

    def message(self, stream: bytes) -> anthropic.types.Message:
        self.stream = stream
        turn: Any = {"role": "user", "content": "hi"}
        with self.client.messages.stream(max_tokens=9, messages=[turn], model="m") as found:
            return found.get_final_message()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    thread = Thread(target=made.http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield made
    made.http.shutdown()
    made.http.server_close()
    thread.join(5)


def test_the_sdk_puts_it_together(server: Server):
    message = server.message(_written(*EVENTS))
    vendors = server.message(STREAM)
    assert message.content == vendors.content
    assert message.stop_reason == vendors.stop_reason == "tool_use"
    for name in ("input_tokens", "output_tokens", "cache_read_input_tokens"):
        assert getattr(message.usage, name) == getattr(vendors.usage, name)


def test_the_sdk_reads_a_stream_of_another_dialect(server: Server):
    message = server.message(
        _written(
            reply.Opened(id="chatcmpl-1", model="gpt"),
            reply.ThinkingDelta(0, 0, "Why", is_summary=True, id="rs_1"),
            reply.ThinkingSigned(0, 0, "responses", redacted="sealed"),
            reply.TextDelta(0, 1, "Because"),
            reply.ToolOpened(0, 2, "call_1", "f"),
            reply.ToolDelta(0, 2, '{"a":'),
            reply.ToolOpened(0, 3, "call_2", "g"),
            reply.ToolDelta(0, 3, "{}"),
            reply.ToolDelta(0, 2, "1}"),
            reply.Finished(0, "tool_calls"),
            reply.UsageSeen(Usage(20, 30, 5)),
            reply.Ended(),
        )
    )
    thought, text, one, other = message.content
    assert isinstance(thought, anthropic.types.ThinkingBlock)
    assert (thought.thinking, text.type) == ("Why", "text")
    turns = [{"role": "assistant", "content": [thought.model_dump()]}]
    body = msgspec.json.encode({"model": "m", "messages": turns})
    read = DIALECT.read_request(body, None, stream=False)
    assert isinstance(read, Request)
    assert read.messages[0].parts == (
        parts.Thinking("Why", None, "sealed", "rs_1", True, "responses"),
    )
    assert isinstance(one, anthropic.types.ToolUseBlock)
    assert isinstance(other, anthropic.types.ToolUseBlock)
    assert (one.id, one.input, other.id, other.input) == ("call_1", {"a": 1}, "call_2", {})
    assert (message.usage.input_tokens, message.usage.output_tokens) == (15, 30)


def test_the_sdk_raises_for_an_error_in_mid_stream(server: Server):
    with pytest.raises(anthropic.APIStatusError, match="mid-answer"):
        server.message(_written(OPENED, reply.TextDelta(0, 0, "x"), reply.Failed("secret")))
    with pytest.raises(anthropic.APIStatusError, match="broke"):
        server.message(_written(OPENED, reply.TextDelta(0, 0, "x")))


def test_text_goes_on_at_once_and_calls_wait_for_each_other():
    writer = StreamWriter(ASKED)
    writer.write(OPENED)
    assert writer.write(reply.ThinkingDelta(0, 0, "a"))
    assert b"content_block_stop" in writer.write(reply.TextDelta(0, 1, "b"))
    assert b'"text":"c"' in writer.write(reply.TextDelta(0, 1, "c"))
    assert b"tool_use" in writer.write(reply.ToolOpened(0, 2, "1", "f"))
    assert writer.write(reply.ToolOpened(0, 3, "2", "g")) == b""
    assert writer.write(reply.ToolDelta(0, 3, "{}")) == b""
    assert writer.write(reply.TextDelta(0, 1, "d")) == b""
    closed = _kinds(writer.write(reply.PartClosed(0, 2)))
    assert closed == [
        "content_block_stop 2", "content_block_start 3 tool_use",
        "content_block_delta 3 input_json_delta",
    ]  # fmt: skip
    ended = _kinds(writer.write(reply.PartClosed(0, 3)))
    assert ended == [
        "content_block_stop 3", "content_block_start 4 text", "content_block_delta 4 text_delta",
    ]  # fmt: skip


def test_parts_that_come_whole():
    image = parts.Image(parts.Media(media_type="image/png", data="aGk="))
    stream = _written(
        OPENED,
        reply.MediaSeen(0, 0, image),
        reply.ServerPartSeen(0, 1, "gemini", {"executableCode": {}}),
        reply.ThinkingSigned(0, 2, "gemini", redacted="dark"),
        reply.RefusalDelta(0, 3, "no"),
        reply.TextDelta(1, 4, "of another answer"),
        reply.Finished(0, "refusal"),
        reply.Ended(),
    )
    assert _kinds(stream)[1:-2] == [
        "content_block_start 0 text", "content_block_delta 0 text_delta", "content_block_stop 0",
        "content_block_start 1 redacted_thinking", "content_block_stop 1",
        "content_block_start 2 text", "content_block_delta 2 text_delta", "content_block_stop 2",
    ]  # fmt: skip
    assert b"another answer" not in stream


def test_a_stream_without_its_beginning_or_end_is_whole():
    reader = DIALECT.stream_reader()
    events = reader.feed(_written(reply.TextDelta(0, 0, "x"), reply.Finished(0, "length")))
    whole = assembled(events)
    assert (whole.id, whole.model) == ("call-1", "asked")
    assert whole.choices[0].finish == "length"
    assert isinstance(events[-1], reply.Ended)
    assert _events(_written(OPENED, reply.Ended()))[-2]["delta"]["stop_reason"] == "end_turn"


def test_nothing_follows_an_end():
    writer = StreamWriter(ASKED)
    assert writer.write(reply.Pinged()) == b""
    writer.write(reply.Ended())
    assert writer.write(reply.TextDelta(0, 0, "x")) == b""
    assert writer.end() == b""
