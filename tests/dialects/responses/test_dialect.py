"""Requests, replies and streams survive the form of responses as they are."""

import msgspec
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
    Tool,
    ToolChoice,
)
from faregate.dialects.openai.quirks import CACHE_CONTROL
from faregate.dialects.responses.dialect import CARRIES, DIALECT
from faregate.dialects.translation import Asked, MalformedReplyError, TargetFacts

TARGET = TargetFacts(model="a-model", quirks=frozenset({CACHE_CONTROL}))
ASKED = Asked(request=Request(model="a-model", messages=()), call_id="call-1", now_s=7)


def read_back(request: Request, target: TargetFacts = TARGET) -> Request:
    """The request as a second gate would read what the first one sends."""
    written = DIALECT.write_request(request, target)
    assert written.lost == ()
    found = DIALECT.read_request(written.body, None, stream=False)
    assert isinstance(found, Request), found
    return msgspec.structs.replace(found, origin="")


def counted(reply: Reply) -> Reply:
    """The reply with numbers where a response must state some."""
    assert reply.usage is not None
    usage = msgspec.structs.replace(
        reply.usage, cached_input_tokens=0, cache_write_tokens=0, reasoning_tokens=0
    )
    return msgspec.structs.replace(reply, usage=usage, created_s=None)


@given(forms.requests(CARRIES))
def test_requests_come_back(request_: Request):
    assert read_back(request_) == request_


@given(forms.replies(thinking=True))
def test_whole_replies_come_back(reply: Reply):
    found = DIALECT.read_reply(DIALECT.write_reply(reply, ASKED))
    assert counted(found) == counted(reply)


@given(st.data(), forms.replies(thinking=True))
def test_streams_come_back_however_they_are_cut(data: st.DataObject, reply: Reply):
    writer = DIALECT.stream_writer(ASKED)
    stream = b"".join(map(writer.write, forms.stream_of(reply))) + writer.end()
    reader = DIALECT.stream_reader()
    events = [
        event for piece in data.draw(forms.chopped(stream)) for event in reader.feed(piece)
    ] + reader.end()
    assert forms.assembled(events) == counted(reply)


def test_a_wrong_request_is_refused():
    refusal = DIALECT.read_request(b'{"model":"m","input":[{"role":5}]}', None, stream=False)
    assert isinstance(refusal, Refusal)
    assert refusal.param == "input[0].role"


# A request that uses all that responses carry.
MEDIA = p.Media(media_type="image/png", data=forms.PNG)
MARK = p.CacheMark("1h")
WHOLE = Request(
    model="a-model",
    messages=(
        Message("system", (p.Text("brief"),)),
        Message("developer", (p.Text("more"),)),
        Message(
            "user",
            (
                p.Text("x", MARK),
                p.Image(MEDIA, "low"),
                p.Image(p.Media(url="https://example.com/a.png")),
                p.Image(p.Media(file_id="file-1")),
                p.Audio(p.Media(media_type="audio/wav", data="AAAA"), "wav"),
                p.Document(p.Media(media_type="application/pdf", data=forms.PDF), name="a.pdf"),
                p.Document(p.Media(url="https://example.com/a.pdf")),
                p.Document(p.Media(file_id="file-1")),
            ),
        ),
        Message(
            "assistant",
            (
                p.Thinking("hm", "enc", id="rs_1", is_summary=True, origin="openai_responses"),
                p.Text("a"),
                p.RefusalText("no"),
                p.ToolCall("c1", "f", "{}"),
                p.ToolCall("c2", "g", "free", custom=True),
                p.ServerPart("openai_responses", {"type": "web_search_call", "id": "ws"}),
            ),
        ),
        Message(
            "tool",
            (
                p.ToolResult("c1", (p.Text("1"), p.Image(MEDIA)), name="f"),
                p.ToolResult("c2", (p.Text("2"),), name="g", custom=True),
            ),
        ),
    ),
    tools=(
        Tool(name="f", description="d", parameters=forms.SCHEMA, strict=True, cache=MARK),
        Tool(name="g", custom=True),
        ServerTool("openai_responses", {"type": "web_search"}),
    ),
    tool_choice=ToolChoice("allowed", ("f", "g"), required=True),
    parallel_tool_calls=False,
    output_tokens_max=5,
    answer_format=AnswerFormat(kind="schema", name="a", schema=forms.SCHEMA, strict=False),
    verbosity="low",
    reasoning=Reasoning(effort="high", summary="auto"),
    temperature=0.5,
    top_p=0.5,
    logprobs=True,
    top_logprobs=2,
    user="u",
    service_tier="flex",
    metadata={"a": "b"},
    store=True,
    prompt_cache_key="k",
    previous_id="resp_1",
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
    output = msgspec.json.decode(DIALECT.write_reply(whole, ASKED))["output"]
    body = msgspec.json.encode({"model": "m", "input": output})
    found = DIALECT.read_request(body, None, stream=False)
    assert isinstance(found, Request)
    assert found.messages[0].parts == parts


# -- strangers' bytes ------------------------------------------------------------------------------

NAMES = st.sampled_from([
    "model", "input", "role", "content", "type", "text", "message", "function_call", "call_id",
    "name", "arguments", "id", "output", "response", "item", "output_index", "delta", "usage",
    "tools", "tool_choice", "reasoning", "summary", "encrypted_content", "status", "error",
    "response.completed", "response.output_item.done", "response.output_item.added", "include",
])  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(NAMES, JSON, max_size=6))
def test_any_json_is_read_or_refused(stated: dict[str, object]):
    found = DIALECT.read_request(msgspec.json.encode({"model": "m"} | stated), None, stream=False)
    if isinstance(found, Request):
        assert DIALECT.write_request(found, TARGET).body
    else:
        assert found.code == "request_invalid"


def is_read(stated: dict[str, object]) -> bool:
    """Whether it is a reply; what is none must be said to be malformed."""
    try:
        DIALECT.write_reply(DIALECT.read_reply(msgspec.json.encode(stated)), ASKED)
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
    assert is_read(stated) <= isinstance(stated.get("output"), list)
    assert is_streamed(stated) <= isinstance(stated.get("type", ""), str)
