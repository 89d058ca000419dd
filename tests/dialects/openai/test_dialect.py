"""Requests, replies and streams survive chat's form as they are."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects import neutral_forms as forms

from faregate.core.refusals import Refusal
from faregate.dialects.neutral import features
from faregate.dialects.neutral import parts as p
from faregate.dialects.neutral.reply import Choice, Reply
from faregate.dialects.neutral.request import (
    AnswerFormat,
    Message,
    Reasoning,
    Request,
    ServerTool,
    Speech,
    Tool,
    ToolChoice,
)
from faregate.dialects.openai.dialect import CARRIES, DIALECT, NATIVE
from faregate.dialects.openai.quirks import QUIRKS
from faregate.dialects.translation import Asked, MalformedReplyError, TargetFacts

# What a vendor takes that follows OpenAI and knows the followers' additions.
DEVIANT = {
    "string_content", "thinking_type", "thinking_effort", "enable_thinking", "no_stream_options",
    "one_choice", "random_seed", "mistral_messages",
}  # fmt: skip
TARGET = TargetFacts(model="a-model", quirks=frozenset(QUIRKS) - DEVIANT)
ASKED = Asked(
    request=Request(model="a-model", messages=(), stream_usage=True), call_id="call-1", now_s=7
)


def read_back(request: Request, target: TargetFacts = TARGET) -> Request:
    """The request as a second gate would read what the first one sends."""
    written = DIALECT.write_request(request, target)
    assert written.lost == ()
    found = DIALECT.read_request(written.body, None, stream=False)
    assert isinstance(found, Request), found
    return msgspec.structs.replace(found, origin="", stream_usage=None)


@given(forms.requests(CARRIES))
def test_requests_come_back(request_: Request):
    assert read_back(request_) == request_


@given(forms.replies(thinking=True))
def test_whole_replies_come_back(reply: Reply):
    found = DIALECT.read_reply(DIALECT.write_reply(reply, ASKED))
    assert msgspec.structs.replace(found, created_s=None) == reply


@given(st.data(), forms.replies(thinking=True))
def test_streams_come_back_however_they_are_cut(data: st.DataObject, reply: Reply):
    writer = DIALECT.stream_writer(ASKED)
    stream = b"".join(map(writer.write, forms.stream_of(reply))) + writer.end()
    reader = DIALECT.stream_reader()
    events = [
        event for piece in data.draw(forms.chopped(stream)) for event in reader.feed(piece)
    ] + reader.end()
    assert forms.assembled(events) == reply


def test_a_wrong_request_is_refused():
    refusal = DIALECT.read_request(b'{"model":1}', None, stream=False)
    assert isinstance(refusal, Refusal)
    assert refusal.param == "model"


@pytest.mark.parametrize("name", ["peek", "splice_model", "stream_meter", "final_events"])
def test_bytes_can_pass(name: str):
    assert callable(getattr(NATIVE, name))


# A request that uses all that chat carries.
MEDIA = p.Media(media_type="image/png", data=forms.PNG)
MARK = p.CacheMark("1h")
WHOLE = Request(
    model="a-model",
    messages=(
        Message("system", (p.Text("brief", MARK),), "rules"),
        Message(
            "user",
            (
                p.Image(MEDIA, "low", MARK),
                p.Image(p.Media(url="https://example.com/a.png")),
                p.Audio(p.Media(media_type="audio/wav", data="AAAA"), "wav"),
                p.Video(p.Media(url="https://example.com/a.mp4")),
                p.Video(p.Media(media_type="video/mp4", data="AAAA")),
                p.Document(p.Media(media_type="application/pdf", data=forms.PDF), name="a.pdf"),
                p.Document(p.Media(file_id="file-1")),
                p.Text("x"),
            ),
            "ann",
        ),
        Message(
            "assistant",
            (
                p.Thinking("hm", "sig", origin="openai_chat"),
                p.Thinking("", None, "all", origin="openai_chat"),
                p.Text("a"),
                p.ToolCall("c1", "f", "{}", "proof", "openai_chat"),
                p.ToolCall("c2", "g", "free", custom=True),
            ),
        ),
        Message(
            "tool",
            (
                p.ToolResult("c1", (p.Text("1"), p.Image(MEDIA)), name="f"),
                p.ToolResult("c2", (p.Text("2"),), name="g", custom=True),
            ),
        ),
        Message("assistant", (p.RefusalText("no"),)),
        Message("developer", (p.Text("go on"),)),
    ),
    tools=(
        Tool(name="f", description="d", parameters=forms.SCHEMA, strict=True, cache=MARK),
        Tool(name="g", custom=True),
        ServerTool("openai_chat", {"type": "web_search"}),
    ),
    tool_choice=ToolChoice("allowed", ("f", "g"), required=True),
    parallel_tool_calls=False,
    output_tokens_max=5,
    answer_format=AnswerFormat(kind="schema", name="a", schema=forms.SCHEMA, strict=False),
    verbosity="low",
    modalities=("text", "audio"),
    speech=Speech("alloy", "wav"),
    n=2,
    stop=("x", "y"),
    reasoning=Reasoning(effort="high", shows=False),
    temperature=0.5,
    top_p=0.5,
    top_k=4,
    seed=5,
    presence_penalty=0.5,
    frequency_penalty=0.5,
    logit_bias={"1": 1.0},
    logprobs=True,
    top_logprobs=2,
    user="u",
    service_tier="flex",
    metadata={"a": "b"},
    store=True,
    prompt_cache_key="k",
)


def test_all_that_is_carried_comes_back():
    assert CARRIES - features.used(WHOLE) == {"answer_format.json"}
    assert read_back(WHOLE) == WHOLE


def test_foreign_proofs_come_back_with_the_conversation():
    parts = (
        p.Thinking("hm", "sig", origin="anthropic"),
        p.Thinking("", None, "all", origin="anthropic"),
        p.Text("a"),
        p.ToolCall("c1", "f", "{}", "proof", "gemini"),
    )
    whole = Reply(id="1", model="m", choices=(Choice(parts=parts, finish="tool_calls"),))
    message = msgspec.json.decode(DIALECT.write_reply(whole, ASKED))["choices"][0]["message"]
    body = msgspec.json.encode({"model": "m", "messages": [message]})
    found = DIALECT.read_request(body, None, stream=False)
    assert isinstance(found, Request)
    assert found.messages == (Message("assistant", parts),)


# -- strangers' bytes ------------------------------------------------------------------------------

NAMES = st.sampled_from([
    "model", "messages", "role", "content", "type", "text", "tool_calls", "function", "name",
    "arguments", "id", "choices", "delta", "message", "index", "finish_reason", "usage", "tools",
    "tool_choice", "reasoning_details", "image_url", "url", "stop", "response_format",
    "reasoning", "audio", "images", "annotations", "prompt_tokens", "extra_content",
])  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(NAMES, JSON, max_size=6))
def test_any_json_is_read_or_refused(stated: dict[str, object]):
    body = msgspec.json.encode({"model": "m", "messages": []} | stated)
    found = DIALECT.read_request(body, None, stream=False)
    if isinstance(found, Request):
        assert DIALECT.write_request(found, TARGET).body
    else:
        assert found.code == "request_invalid"


def is_read(stated: dict[str, object]) -> bool:
    """Whether it is a reply; what is none must be said to be malformed."""
    body = msgspec.json.encode(stated)
    try:
        DIALECT.write_reply(DIALECT.read_reply(body), ASKED)
    except MalformedReplyError:
        return False
    return True


def is_streamed(stated: dict[str, object]) -> bool:
    """Whether it is a stream's event."""
    reader, writer = DIALECT.stream_reader(), DIALECT.stream_writer(ASKED)
    try:
        events = reader.feed(b"data: %b\n\n" % msgspec.json.encode(stated)) + reader.end()
    except MalformedReplyError:
        return False
    return bool(b"".join(map(writer.write, events)) + writer.end())


@given(st.dictionaries(NAMES, JSON, max_size=6))
def test_any_reply_is_read_or_malformed(stated: dict[str, object]):
    choices = stated.get("choices")
    assert is_read(stated) <= isinstance(choices, list)
    assert is_streamed(stated) <= (choices is None or isinstance(choices, list))
