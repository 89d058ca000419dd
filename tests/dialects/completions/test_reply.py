"""Completions and their streams are text, and come back as they were."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects import neutral_forms as forms

from faregate.dialects.completions.reply import (
    CompletionsStreamReader,
    CompletionsStreamWriter,
    read_reply,
    write_logprobs,
    write_reply,
)
from faregate.dialects.neutral import parts as p
from faregate.dialects.neutral import reply
from faregate.dialects.neutral.reply import Choice, Event, Reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.translation import Asked, MalformedReplyError
from faregate.dialects.usage import Usage

ASKED = Asked(request=Request(model="m", messages=(), stream_usage=True), call_id="call-1", now_s=7)
TEXTS = forms.replies(tools=False)


@given(TEXTS)
def test_whole_replies_come_back(whole: Reply):
    found = read_reply(write_reply(whole, ASKED))
    assert msgspec.structs.replace(found, created_s=None) == whole


@given(st.data(), TEXTS)
def test_streams_come_back_however_they_are_cut(data: st.DataObject, whole: Reply):
    stream = write(*forms.stream_of(whole))
    assert forms.assembled(read(*data.draw(forms.chopped(stream)))) == whole


def write(*events: Event) -> bytes:
    """The stream of these events."""
    writer = CompletionsStreamWriter(ASKED)
    return b"".join(map(writer.write, events)) + writer.end()


def read(*pieces: bytes) -> list[Event]:
    """All events of a stream."""
    reader = CompletionsStreamReader()
    return [event for piece in pieces for event in reader.feed(piece)] + reader.end()


def test_only_text_is_shown():
    parts = (p.Thinking("hm"), p.Text("a"), p.ToolCall("c", "f", "{}"), p.RefusalText("b"))
    choice = Choice(parts=parts, finish="tool_calls", stop_sequence="END")
    whole = Reply(id="", model="m", choices=(choice,), fingerprint="fp")
    written = msgspec.json.decode(write_reply(whole, ASKED))
    assert written["choices"] == [
        {"index": 0, "text": "ab", "logprobs": None, "finish_reason": "stop",
         "stop_reason": "END"},
    ]  # fmt: skip
    assert (written["id"], written["created"], written["system_fingerprint"]) == ("call-1", 7, "fp")
    assert write(reply.ThinkingDelta(0, 0, "hm"), reply.Pinged(), reply.Ended()) == (
        b": ping\n\ndata: [DONE]\n\n"
    )


def test_log_probabilities_are_lists():
    tokens = [
        {"token": "ab", "logprob": -1, "top_logprobs": [{"token": "x", "logprob": -2}]},
        {"token": "c", "logprob": -3},
        5,
    ]
    assert write_logprobs(tokens, 4) == {
        "tokens": ["ab", "c"], "token_logprobs": [-1, -3], "top_logprobs": [{"x": -2}, {}],
        "text_offset": [4, 6],
    }  # fmt: skip
    assert write_logprobs(None) is None
    stream = write(reply.TextDelta(0, 0, "ab", tokens), reply.Ended())
    assert b'"text_offset":[0,2]' in stream


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"choices":[5]}', b"[" * 100_000])
def test_what_is_no_completion_is_said_to_be_none(body: bytes):
    with pytest.raises(MalformedReplyError):
        read_reply(body)
    assert read_reply(b'{"choices":[{}]}').choices[0].finish == "stop"


def chunk(**members: Any) -> bytes:
    """A chunk with one choice."""
    return b"data: %b\n\n" % msgspec.json.encode({"id": "1", "choices": [{"index": 0} | members]})


def test_ends_of_streams():
    finished = [chunk(text="a"), chunk(finish_reason="stop", stop_reason="END")]
    assert read(*finished)[-2:] == [reply.Finished(0, "stop_sequence", "END"), reply.Ended()]
    unfinished = read(chunk(text="a"), b"data: [DONE]\n\n", chunk(text="late"))
    assert unfinished[-2:] == [reply.Finished(0, "stop"), reply.Ended()]
    assert reply.Ended() not in read(chunk(text="a"), chunk(finish_reason="stop")[:20])
    failed = read(b": ping\n\n", b'data: {"error":{"message":"broken"}}\n\n', chunk(text="a"))
    assert [type(event) for event in failed] == [reply.Pinged, reply.Failed]
    with pytest.raises(MalformedReplyError):
        read(b"data: {\n\n")


def test_streams_that_break_off_say_so():
    assert b"ended before" in write(reply.TextDelta(0, 0, "a"))
    assert b"[DONE]" in write(reply.TextDelta(0, 0, "a"), reply.Finished(0, "stop"))
    failed = write(reply.Failed("broken"), reply.TextDelta(0, 0, "a"), reply.Ended())
    assert failed == (
        b'data: {"error":{"message":"broken","type":"server_error","param":null,"code":null}}\n\n'
    )


def test_the_usage_is_last():
    stream = write(reply.UsageSeen(Usage(1, 2)), reply.Ended())
    assert b'"choices":[],"usage":{"prompt_tokens":1' in stream
