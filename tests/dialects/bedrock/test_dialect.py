"""What is written is read as the same: requests, replies and streams, however they are cut."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.dialects.neutral_forms import assembled, chopped, replies, requests, stream_of

from faregate.core.refusals import Refusal
from faregate.dialects.bedrock import invoke
from faregate.dialects.bedrock.dialect import CARRIES, DIALECT, INVOKE
from faregate.dialects.neutral.features import FEATURES, used
from faregate.dialects.neutral.parts import Text
from faregate.dialects.neutral.reply import Failed, Reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.translation import Asked, Dialect, TargetFacts
from faregate.wire.event_stream import encode_exception

TARGET = TargetFacts(model="a-model")
ASKED = Asked(request=Request(model="a-model", messages=()), call_id="call-1", now_s=0)
MODELS = st.sampled_from(
    ["us.anthropic.claude-opus-4-8", "anthropic.claude-sonnet-4-5-20250929-v1:0",
     "openai.gpt-oss-120b-1:0", "us.amazon.nova-pro-v1:0"]
)  # fmt: skip


def _without_choice_of_none(request: Request) -> Request:
    """Converse says "no tools" by naming none."""
    if request.tool_choice is None or request.tool_choice.mode != "none":
        return request
    return msgspec.structs.replace(request, tool_choice=None, tools=())


def _unnamed(reply: Reply) -> Reply:
    return msgspec.structs.replace(reply, id="", model="")


@settings(max_examples=100, deadline=None)
@given(requests(CARRIES))
def test_a_request_is_read_as_it_was_written(drawn: Request):
    request = msgspec.structs.replace(drawn, origin=DIALECT.name)
    written = DIALECT.write_request(request, TARGET)
    read = DIALECT.read_request(written.body, "a-model", stream=request.stream)
    if written.lost:
        assert [lost.name for lost in written.lost] == ["tool_choice"]
        assert request.tool_choice is not None
        assert request.tool_choice.mode == "none"
        assert read == msgspec.structs.replace(request, tool_choice=None)
    else:
        assert read == _without_choice_of_none(request)


@settings(max_examples=100, deadline=None)
@given(requests(FEATURES), MODELS)
def test_any_request_can_be_written_for_any_model(request: Request, model: str):
    written = DIALECT.write_request(request, TargetFacts(model=model, output_tokens_max=8_192))
    read = DIALECT.read_request(written.body, model, stream=False)
    assert not isinstance(read, Refusal)
    lost = {lost.name for lost in written.lost}
    for name in used(request) - CARRIES - {"answer_format.json", "image.url", "document.url"}:
        assert not getattr(request, name) or name in lost or request.parallel_tool_calls
    if "image.url" in used(request):
        assert "messages.image" in lost
    texts = [part.text for message in request.messages for part in message.parts
             if isinstance(part, Text)]  # fmt: skip
    assert all(msgspec.json.encode(text) in written.body for text in texts)


@settings(max_examples=100, deadline=None)
@given(replies(thinking=True))
def test_a_reply_is_read_as_it_was_written(reply: Reply):
    assert DIALECT.read_reply(DIALECT.write_reply(reply, ASKED)) == _unnamed(reply)


@settings(max_examples=75, deadline=None)
@given(st.data(), replies(thinking=True), st.integers(1, 9))
def test_a_stream_cut_anywhere_is_the_same_reply(data: st.DataObject, reply: Reply, piece: int):
    writer = DIALECT.stream_writer(ASKED)
    stream = b"".join(writer.write(event) for event in stream_of(reply, piece=piece))
    assert writer.end() == b""
    reader = DIALECT.stream_reader()
    events = [each for cut in data.draw(chopped(stream)) for each in reader.feed(cut)]
    assert reader.end() == []
    assert assembled(events) == _unnamed(reply)


@settings(max_examples=60, deadline=None)
@given(st.data(), replies(thinking=True), st.integers(1, 9))
def test_invokes_stream_wraps_anthropics(data: st.DataObject, reply: Reply, piece: int):
    writer = INVOKE.stream_writer(ASKED)
    plain = [writer.write(event) for event in stream_of(reply, piece=piece)]
    events = [
        line.removeprefix(b"data: ")
        for line in b"".join(plain).split(b"\n")
        if line.startswith(b"data: ")
    ]
    stream = b"".join(invoke.wrapped(event) for event in events)
    pieces = data.draw(chopped(stream))
    reader = INVOKE.stream_reader()
    assert assembled([each for cut in pieces for each in reader.feed(cut)]) == reply
    unwrapped = invoke.InvokeReader()
    sent = [invoke.as_server_sent(each) for cut in pieces for each in unwrapped.feed(cut)]
    assert b"".join(sent) == b"".join(plain)


@pytest.mark.parametrize("dialect", [DIALECT, INVOKE])
def test_an_exception_ends_a_stream(dialect: Dialect):
    reader = dialect.stream_reader()
    failed = encode_exception("throttlingException", b'{"message":"Too many requests"}')
    (event,) = reader.feed(failed + failed)
    assert isinstance(event, Failed)
    assert event.message == "Too many requests"
    assert msgspec.json.decode(event.raw)["__type"] == "throttlingException"
    assert reader.feed(failed) == []


def test_the_objects_are_what_the_gate_asks_for():
    dialects: list[Dialect] = [DIALECT, INVOKE]
    assert frozenset(FEATURES) > CARRIES
    assert [dialect.name for dialect in dialects] == ["bedrock_converse", "bedrock_invoke"]
    assert {dialect.stream_type for dialect in dialects} == {"application/vnd.amazon.eventstream"}
