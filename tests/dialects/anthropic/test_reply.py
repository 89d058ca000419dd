"""Whole replies are read in Anthropic's terms and written as its SDKs expect."""

import json
from typing import Any

import anthropic
import msgspec
import pytest
from hypothesis import given, settings
from tests.dialects.mutations import mutated

from faregate.dialects.anthropic.reply import (
    FINISHES,
    STOP_REASONS,
    read_reply,
    read_usage,
    shown_media,
    write_citation,
    write_reply,
)
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.reply import Choice, Reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.translation import Asked, MalformedReplyError
from faregate.dialects.usage import Usage

ASKED = Asked(request=Request(model="asked", messages=()), call_id="call-1", now_s=0)
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search",
          "input": {"query": "rain"}}  # fmt: skip
REPLY: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        SEARCH,
        {"type": "text", "text": "Rain.", "citations": None, "new": 1},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1.0},
         "caller": {"type": "direct"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "stop_details": None,
    "usage": {"input_tokens": 3, "output_tokens": 4},
}  # fmt: skip


def test_a_reply():
    assert read_reply(msgspec.json.encode(REPLY)) == Reply(
        id="msg_1",
        model="claude-opus-5",
        choices=(
            Choice(
                parts=(
                    parts.Thinking("Hm.", "c2ln", origin="anthropic"),
                    parts.ServerPart("anthropic", SEARCH),
                    parts.Text("Rain."),
                    parts.ToolCall("toolu_1", "f", '{"a":1.0}'),
                ),
                finish="tool_calls",
            ),
        ),
        usage=Usage(3, 4),
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"content":3}', b'{"content":[3]}', b'{"content":[{"type":"text"}]}',
     b'{"content":[{"type":"tool_use","id":"1","name":"f","input":{"a":"\xff"}}]}',
     b"[" * 100_000, b'{"content":[' + b"[" * 100_000],
)  # fmt: skip
def test_a_reply_that_is_none(body: bytes):
    with pytest.raises(MalformedReplyError):
        read_reply(body)


@settings(max_examples=150, deadline=None)
@given(mutated(REPLY).map(json.dumps))
def test_a_changed_value_is_read_or_told(changed: str):
    body = changed.encode()
    try:
        reply = read_reply(body)
    except MalformedReplyError:
        return
    assert msgspec.json.decode(write_reply(reply, ASKED))["type"] == "message"


def test_usage_of_any_shape_loses_no_reply():
    body = b'{"content":[],"usage":{"input_tokens":"x","output_tokens":2}}'
    assert read_reply(body).usage == Usage(output_tokens=2)
    assert read_usage(b"null") is None
    assert read_reply(b'{"content":[],"usage":null}').usage is None


def _written(*found: parts.Part, finish: Any = "stop", usage: Usage | None = None) -> Any:
    reply = Reply(id="", model="", choices=(Choice(parts=found, finish=finish),), usage=usage)
    return msgspec.json.decode(write_reply(reply, ASKED))


def test_every_finish_has_a_reason_that_is_anthropics():
    for finish, reason in STOP_REASONS.items():
        assert _written(finish=finish)["stop_reason"] == reason
        assert reason in FINISHES
    assert _written(finish="content_filter")["stop_details"]["type"] == "refusal"
    assert "stop_details" not in _written(finish="refusal")


def test_the_sdk_reads_what_is_written():
    body = _written(
        parts.Thinking("Hm.", "s", origin="gemini"),
        parts.Text("Rain.", citations=(parts.Citation(url="https://example.com", title="T"),)),
        parts.ToolCall("functions.f:0", "f", '{"a":1}'),
        finish="tool_calls",
        usage=Usage(10, 5, 4, 2, 3),
    )
    message = anthropic.types.Message.model_validate(body, strict=True)
    assert (message.id, message.model, message.stop_reason) == ("call-1", "asked", "tool_use")
    thought, text, call = message.content
    assert isinstance(thought, anthropic.types.ThinkingBlock)
    assert isinstance(text, anthropic.types.TextBlock)
    assert text.citations is not None
    assert isinstance(call, anthropic.types.ToolUseBlock)
    assert call.input == {"a": 1}
    assert message.usage.input_tokens == 3
    assert message.usage.cache_read_input_tokens == 4


def test_what_answers_have_no_block_for_is_shown():
    image = parts.Image(parts.Media(media_type="image/png", data="aGk="))
    assert shown_media(image) == "![](data:image/png;base64,aGk=)"
    assert shown_media(parts.Audio(parts.Media(data="x"), transcript="said")) == "said"
    assert shown_media(parts.RefusalText("no")) == "no"
    assert shown_media(parts.Document(text="t")) == "t"
    assert _written(image)["content"][0]["type"] == "text"
    assert _written(parts.ServerPart("gemini", {}))["content"] == []


def test_foreign_sources_become_the_nearest_of_anthropics():
    assert write_citation(parts.Citation(document=2))["type"] == "char_location"
    assert write_citation(parts.Citation(url="u"))["url"] == "u"
