"""Cohere's dialect keeps what it carries on the way there and back."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.dialects import neutral_forms as forms

from faregate.dialects.cohere.dialect import CARRIES, DIALECT
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.features import FEATURES, used
from faregate.dialects.neutral.reasoning import budget_tokens
from faregate.dialects.neutral.reply import Choice, Ended, Reply
from faregate.dialects.neutral.request import Reasoning, Request, Tool, ToolChoice
from faregate.dialects.translation import Asked, TargetFacts

TARGET = TargetFacts(model="a-model")
ASKED = Asked(request=Request(model="a-model", messages=()), call_id="call-7", now_s=1)


def _canonical(request: Request) -> Request:
    """What Cohere says in another way, said in one."""
    fields: dict[str, Any] = {"origin": "cohere"}
    form = request.answer_format
    if form is not None:
        fields["answer_format"] = msgspec.structs.replace(form, name=None, strict=None)
    if request.reasoning is not None:
        fields["reasoning"] = Reasoning(budget_tokens=budget_tokens(request.reasoning))
    choice = request.tool_choice
    tools = [tool for tool in request.tools if isinstance(tool, Tool)]
    if choice is not None and choice.mode == "tool":
        tools = [tool for tool in tools if tool.name in choice.names]
        fields["tool_choice"] = ToolChoice("required")
    elif choice is not None and choice.mode == "auto":
        fields["tool_choice"] = None
    strict = True if any(tool.strict for tool in tools) else None
    fields["tools"] = tuple(msgspec.structs.replace(tool, strict=strict) for tool in tools)
    fields["messages"] = tuple(
        msgspec.structs.replace(
            message,
            parts=tuple(
                msgspec.structs.replace(part, name=None)
                if isinstance(part, parts.ToolResult)
                else part
                for part in message.parts
            ),
        )
        for message in request.messages
    )
    return msgspec.structs.replace(request, **fields)


def test_it_carries_only_what_is_known() -> None:
    assert set(FEATURES) >= CARRIES


@settings(max_examples=75, deadline=None)
@given(forms.requests(CARRIES))
def test_a_request_comes_back(request_: Request) -> None:
    written = DIALECT.write_request(request_, TARGET)
    assert written.lost == ()
    assert DIALECT.read_request(written.body, None, stream=False) == _canonical(request_)


@settings(max_examples=100, deadline=None)
@given(forms.requests(FEATURES))
def test_what_is_left_out_is_told(request_: Request) -> None:
    lost = {one.name for one in DIALECT.write_request(request_, TARGET).lost}
    beyond = used(request_) - CARRIES
    if request_.parallel_tool_calls:
        beyond -= {"parallel_tool_calls"}
    assert lost == beyond


@settings(max_examples=100, deadline=None)
@given(forms.replies(thinking=True))
def test_a_reply_comes_back(reply: Reply) -> None:
    read = DIALECT.read_reply(DIALECT.write_reply(reply, ASKED))
    assert read == msgspec.structs.replace(reply, model="")


@settings(max_examples=100, deadline=None)
@given(reply=forms.replies(thinking=True), data=st.data())
def test_a_stream_cut_anywhere_is_the_reply(reply: Reply, data: Any) -> None:
    writer = DIALECT.stream_writer(ASKED)
    stream = b"".join(writer.write(event) for event in forms.stream_of(reply)) + writer.end()
    reader = DIALECT.stream_reader()
    events = [event for piece in data.draw(forms.chopped(stream)) for event in reader.feed(piece)]
    events += reader.end()
    assert forms.assembled(events) == msgspec.structs.replace(reply, model="")
    assert isinstance(events[-1], Ended)


def test_each_byte_alone_is_the_same_stream() -> None:
    choice = Choice(parts=(parts.Text("Zürich 東京 🙂"),), finish="stop_sequence")
    reply = Reply(id="r", model="", choices=(choice,))
    writer, reader = DIALECT.stream_writer(ASKED), DIALECT.stream_reader()
    stream = b"".join(writer.write(event) for event in forms.stream_of(reply)) + writer.end()
    events = [event for at in range(len(stream)) for event in reader.feed(stream[at : at + 1])]
    assert forms.assembled(events + reader.end()) == reply
