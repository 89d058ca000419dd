"""Gemini's dialect keeps what it carries on the way there and back."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.dialects import neutral_forms as forms

from faregate.dialects.gemini.dialect import ARRAY_DIALECT, CARRIES, DIALECT
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.features import FEATURES, used
from faregate.dialects.neutral.reply import Choice, Ended, Event, Reply
from faregate.dialects.neutral.request import Message, Reasoning, Request, Tool, ToolChoice
from faregate.dialects.translation import Asked, Dialect, TargetFacts

TARGET = TargetFacts(model="a-model")
ASKED = Asked(
    request=Request(model="a-model", messages=(), reasoning=Reasoning(shows=True)),
    call_id="call-7",
    now_s=1,
)


def _canonical(request: Request) -> Request:
    """What Gemini says in another way, said in one."""
    fields: dict[str, Any] = {"origin": "gemini"}
    form = request.answer_format
    if form is not None:
        fields["answer_format"] = msgspec.structs.replace(form, name=None, strict=None)
    if request.parallel_tool_calls:  # it may call several functions at once, always
        fields["parallel_tool_calls"] = None
    choice = request.tool_choice
    if any(isinstance(tool, Tool) and tool.strict for tool in request.tools):
        # Functions are held to their schemas together, or by the choice alone.
        held = choice is None or choice == ToolChoice("auto")
        fields["tools"] = tuple(
            msgspec.structs.replace(tool, strict=True if held else None)
            for tool in request.tools
            if isinstance(tool, Tool)
        )
        fields["tool_choice"] = None if held else choice
    return msgspec.structs.replace(request, **fields)


def test_it_carries_only_what_is_known() -> None:
    assert set(FEATURES) >= CARRIES


@settings(max_examples=75, deadline=None)
@given(forms.requests(CARRIES))
def test_a_request_comes_back(request_: Request) -> None:
    assert used(request_) <= CARRIES | {"parallel_tool_calls"}
    written = DIALECT.write_request(request_, TARGET)
    assert written.lost == ()
    read = DIALECT.read_request(written.body, "a-model", stream=request_.stream)
    assert read == _canonical(request_)


@settings(max_examples=100, deadline=None)
@given(forms.requests(FEATURES))
def test_what_is_left_out_is_told(request_: Request) -> None:
    written = DIALECT.write_request(request_, TARGET)
    beyond = used(request_) - CARRIES
    if request_.parallel_tool_calls:
        beyond -= {"parallel_tool_calls"}
    assert {lost.name for lost in written.lost} == beyond


@settings(max_examples=100, deadline=None)
@given(forms.replies(thinking=True))
def test_a_reply_comes_back(reply: Reply) -> None:
    assert DIALECT.read_reply(DIALECT.write_reply(reply, ASKED)) == reply


def _streamed(dialect: Dialect, reply: Reply) -> bytes:
    writer = dialect.stream_writer(ASKED)
    return b"".join(writer.write(event) for event in forms.stream_of(reply)) + writer.end()


def _read(pieces: list[bytes]) -> list[Event]:
    reader = DIALECT.stream_reader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    return events + reader.end()


@pytest.mark.parametrize("dialect", [DIALECT, ARRAY_DIALECT], ids=["events", "array"])
@settings(max_examples=100, deadline=None)
@given(reply=forms.replies(thinking=True), data=st.data())
def test_a_stream_cut_anywhere_is_the_reply(dialect: Dialect, reply: Reply, data: Any) -> None:
    stream = _streamed(dialect, reply)
    events = _read(data.draw(forms.chopped(stream)))
    assert forms.assembled(events) == reply
    assert isinstance(events[-1], Ended)


def test_each_byte_alone_is_the_same_stream() -> None:
    reply = Reply(id="r", model="m", choices=())
    text = "Zürich 東京 🙂"
    choice = Choice(parts=(parts.Text(text),), finish="stop")
    reply = msgspec.structs.replace(reply, choices=(choice, choice))
    for dialect in (DIALECT, ARRAY_DIALECT):
        stream = _streamed(dialect, reply)
        pieces = [stream[at : at + 1] for at in range(len(stream))]
        assert forms.assembled(_read(pieces)) == reply


def test_an_array_is_one_json_value() -> None:
    choice = Choice(parts=(parts.Text("Hello there"),), finish="stop")
    stream = _streamed(ARRAY_DIALECT, Reply(id="r", model="m", choices=(choice,)))
    chunks = json.loads(stream)
    assert len(chunks) > 2
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"
    assert ARRAY_DIALECT.stream_type == "application/json"


def test_neighbours_of_a_turn_are_joined() -> None:
    text = parts.Text
    call = parts.ToolCall
    result = parts.ToolResult
    request = Request(
        model="m",
        messages=(
            Message("user", (text("q"),)),
            Message("assistant", (call("a", "f", "{}"),)),
            Message("assistant", (call("b", "g", "{}"),)),
            Message("tool", (result("a", (text("1"),)),)),
            Message("tool", (result("b", (text("2"),)),)),
        ),
    )
    body = json.loads(DIALECT.write_request(request, TARGET).body)
    assert [content["role"] for content in body["contents"]] == ["user", "model", "user"]
    answers = [part["functionResponse"] for part in body["contents"][2]["parts"]]
    assert [(one["id"], one["name"]) for one in answers] == [("a", "f"), ("b", "g")]
