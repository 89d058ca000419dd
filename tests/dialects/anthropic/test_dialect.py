"""What is written is read as the same: requests, replies and streams, however they are cut."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.dialects.neutral_forms import assembled, chopped, replies, requests, stream_of

from faregate.core.refusals import Refusal
from faregate.dialects.anthropic.dialect import BEDROCK, CARRIES, DIALECT, VERTEX
from faregate.dialects.anthropic.native import NATIVE
from faregate.dialects.neutral.features import FEATURES, used
from faregate.dialects.neutral.parts import Text, Thinking
from faregate.dialects.neutral.reply import Choice, Reply
from faregate.dialects.neutral.request import AnswerFormat, Message, Request, ToolChoice
from faregate.dialects.translation import Asked, Dialect, Native, TargetFacts

TARGET = TargetFacts(model="a-model", output_tokens_max=8_192)
ASKED = Asked(request=Request(model="a-model", messages=()), call_id="call-1", now_s=0)
MODELS = st.sampled_from(
    ["claude-opus-4-8", "claude-sonnet-4-5", "claude-opus-4-6", "glm-5", "claude-fable-5"]
)


def _canonical(request: Request) -> Request:
    """What Messages says in fewer ways than the neutral form."""
    changes: dict[str, object] = {}
    if request.output_tokens_max is None:
        changes["output_tokens_max"] = 8_192
    if request.answer_format is not None:
        schema = request.answer_format.schema
        changes["answer_format"] = AnswerFormat(kind="schema", schema=schema, strict=True)
    choice = request.tool_choice
    if choice is not None and choice.mode == "none":
        changes["parallel_tool_calls"] = None
    elif choice is None and request.parallel_tool_calls is not None:
        changes["tool_choice"] = ToolChoice("auto")
    return msgspec.structs.replace(request, **changes)


@settings(max_examples=100, deadline=None)
@given(requests(CARRIES))
def test_a_request_is_read_as_it_was_written(drawn: Request):
    request = msgspec.structs.replace(drawn, origin="anthropic")
    written = DIALECT.write_request(request, TARGET)
    assert written.lost == ()
    assert DIALECT.read_request(written.body, None, stream=False) == _canonical(request)


@settings(max_examples=100, deadline=None)
@given(requests(FEATURES), MODELS)
def test_any_request_can_be_written_for_any_model(request: Request, model: str):
    target = TargetFacts(model=model, output_tokens_max=8_192)
    written = DIALECT.write_request(request, target)
    read = DIALECT.read_request(written.body, None, stream=False)
    assert not isinstance(read, Refusal)
    assert len({lost.name for lost in written.lost}) == len(written.lost)
    for name in used(request) - CARRIES - {"answer_format.json"}:
        assert getattr(request, name) == 0 or name in {lost.name for lost in written.lost}
    texts = [part.text for message in request.messages for part in message.parts
             if isinstance(part, Text)]  # fmt: skip
    assert all(msgspec.json.encode(text) in written.body for text in texts)


@pytest.mark.parametrize(("dialect", "has_stream"), [(VERTEX, True), (BEDROCK, False)])
def test_other_services_have_the_model_in_their_paths(dialect: Dialect, has_stream: bool):
    request = Request(model="m", messages=(Message("user", (Text("hi"),)),), stream=True)
    body = msgspec.json.decode(dialect.write_request(request, TARGET).body)
    assert "model" not in body
    assert body["anthropic_version"].startswith("vertex-" if has_stream else "bedrock-")
    assert ("stream" in body) == has_stream
    read = dialect.read_request(msgspec.json.encode(body), "m", stream=True)
    assert read == msgspec.structs.replace(
        request, origin="anthropic", output_tokens_max=8_192, model="m"
    )


@settings(max_examples=100, deadline=None)
@given(replies(thinking=True))
def test_a_reply_is_read_as_it_was_written(reply: Reply):
    assert DIALECT.read_reply(DIALECT.write_reply(reply, ASKED)) == reply


@settings(max_examples=75, deadline=None)
@given(st.data(), replies(thinking=True), st.integers(1, 9))
def test_a_stream_cut_anywhere_is_the_same_reply(data: st.DataObject, reply: Reply, piece: int):
    writer = DIALECT.stream_writer(ASKED)
    stream = b"".join(writer.write(event) for event in stream_of(reply, piece=piece))
    assert writer.end() == b""
    reader = DIALECT.stream_reader()
    events = [each for cut in data.draw(chopped(stream)) for each in reader.feed(cut)]
    events += reader.end()
    assert assembled(events) == reply
    meter = NATIVE.stream_meter(hide_usage=False, measures=True)
    assert b"".join(meter.feed(cut) for cut in data.draw(chopped(stream))) == stream
    assert meter.usage == reply.usage


def test_foreign_thoughts_come_back_through_a_caller():
    thoughts = (
        Thinking("why", "proof", origin="gemini"),
        Thinking("in short", redacted="sealed", id="rs_1", is_summary=True, origin="responses"),
        Thinking(redacted="dark", origin="anthropic"),
        Thinking("so", "own", origin="anthropic"),
    )
    reply = Reply(id="r", model="m", choices=(Choice(parts=thoughts, finish="stop"),))
    shown = msgspec.json.decode(DIALECT.write_reply(reply, ASKED))
    turns = [{"role": "assistant", "content": shown["content"]}]
    body = msgspec.json.encode({"model": "m", "max_tokens": 9, "messages": turns})
    read = DIALECT.read_request(body, None, stream=False)
    assert isinstance(read, Request)
    assert read.messages[0].parts == thoughts
    assert b"gemini" not in DIALECT.write_request(read, TARGET).body


def test_the_objects_are_what_the_gate_asks_for():
    dialect: Dialect = DIALECT
    native: Native = NATIVE
    assert frozenset(FEATURES) > CARRIES
    assert dialect.name == "anthropic"
    assert native.ask_stream_usage(b"{}") == b"{}"
