"""Ollama's dialects keep what they carry on the way there and back."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.dialects import neutral_forms as forms

from faregate.dialects.neutral import parts
from faregate.dialects.neutral.features import FEATURES, used
from faregate.dialects.neutral.reply import Choice, Ended, Reply
from faregate.dialects.neutral.request import Reasoning, Request
from faregate.dialects.ollama.dialect import (
    CARRIES,
    DIALECT,
    GENERATE_CARRIES,
    GENERATE_DIALECT,
)
from faregate.dialects.translation import Asked, Dialect, TargetFacts

TARGET = TargetFacts(model="a-model")
ASKED = Asked(request=Request(model="a-model", messages=()), call_id="call-7", now_s=1)


def _canonical(request: Request) -> Request:
    """What Ollama says in another way, said in one."""
    fields: dict[str, Any] = {"origin": "ollama"}
    form = request.answer_format
    if form is not None:
        fields["answer_format"] = msgspec.structs.replace(form, name=None, strict=None)
    if request.reasoning is not None:
        fields["reasoning"] = Reasoning(budget_tokens=-1)
    return msgspec.structs.replace(request, **fields)


def test_they_carry_only_what_is_known() -> None:
    assert set(FEATURES) >= CARRIES >= GENERATE_CARRIES


@settings(max_examples=150, deadline=None)
@given(forms.requests(CARRIES))
def test_a_request_comes_back(request_: Request) -> None:
    written = DIALECT.write_request(request_, TARGET)
    assert written.lost == ()
    assert DIALECT.read_request(written.body, None, stream=False) == _canonical(request_)


@settings(max_examples=100, deadline=None)
@given(forms.requests(GENERATE_CARRIES))
def test_a_prompt_comes_back(request_: Request) -> None:
    asked = (*request_.messages[:1], *request_.messages[-1:])
    if asked[0].role != "system":
        asked = asked[-1:]
    request_ = msgspec.structs.replace(request_, messages=asked)
    written = GENERATE_DIALECT.write_request(request_, TARGET)
    assert written.lost == ()
    read = GENERATE_DIALECT.read_request(written.body, None, stream=False)
    assert read == msgspec.structs.replace(_canonical(request_), origin="ollama_generate")


@settings(max_examples=100, deadline=None)
@given(forms.requests(FEATURES))
def test_what_is_left_out_is_told(request_: Request) -> None:
    lost = {one.name for one in DIALECT.write_request(request_, TARGET).lost}
    beyond = used(request_) - CARRIES
    if request_.parallel_tool_calls:
        beyond -= {"parallel_tool_calls"}
    if request_.tool_choice is not None and request_.tool_choice.mode in ("auto", "none"):
        beyond -= {"tool_choice"}
    assert lost == beyond


def _expected(reply: Reply) -> Reply:
    return msgspec.structs.replace(reply, id="")


@settings(max_examples=100, deadline=None)
@given(forms.replies(thinking=True))
def test_a_reply_comes_back(reply: Reply) -> None:
    read = DIALECT.read_reply(DIALECT.write_reply(reply, ASKED))
    assert read == msgspec.structs.replace(_expected(reply), created_s=1)


@settings(max_examples=50, deadline=None)
@given(forms.replies(thinking=True, tools=False))
def test_a_generated_reply_comes_back(reply: Reply) -> None:
    read = GENERATE_DIALECT.read_reply(GENERATE_DIALECT.write_reply(reply, ASKED))
    assert read == msgspec.structs.replace(_expected(reply), created_s=1)


def _streamed(dialect: Dialect, reply: Reply) -> bytes:
    writer = dialect.stream_writer(ASKED)
    return b"".join(writer.write(event) for event in forms.stream_of(reply)) + writer.end()


@pytest.mark.parametrize("dialect", [DIALECT, GENERATE_DIALECT], ids=["chat", "generate"])
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_stream_cut_anywhere_is_the_reply(dialect: Dialect, data: Any) -> None:
    reply = data.draw(forms.replies(thinking=True, tools=dialect is DIALECT))
    reader = dialect.stream_reader()
    pieces = data.draw(forms.chopped(_streamed(dialect, reply)))
    events = [event for piece in pieces for event in reader.feed(piece)] + reader.end()
    assert forms.assembled(events) == _expected(reply)
    assert isinstance(events[-1], Ended)


def test_each_byte_alone_is_the_same_stream() -> None:
    choice = Choice(parts=(parts.Text("Zürich 東京 🙂"),), finish="length")
    reply = Reply(id="", model="m", choices=(choice,))
    stream = _streamed(DIALECT, reply)
    reader = DIALECT.stream_reader()
    events = [event for at in range(len(stream)) for event in reader.feed(stream[at : at + 1])]
    assert forms.assembled(events + reader.end()) == reply
