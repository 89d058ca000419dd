"""Whole replies are read in Bedrock's terms, and botocore reads what is written."""

from typing import Any

import msgspec
import pytest
from tests.dialects.bedrock_oracle import parsed_reply

from faregate.dialects.bedrock.reply import (
    FINISHES,
    STOP_REASONS,
    read_reply,
    read_usage,
    write_citation,
    write_reply,
    write_usage,
)
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.reply import Choice, Reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.translation import Asked, MalformedReplyError
from faregate.dialects.usage import Usage

ASKED = Asked(request=Request(model="m", messages=()), call_id="c", now_s=0)
USAGE = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 45, "cacheReadInputTokens": 20,
         "cacheWriteInputTokens": 10,
         "cacheDetails": [{"ttl": "1h", "inputTokens": 4},
                          {"ttl": "5m", "inputTokens": 6}]}  # fmt: skip
READ = Usage(40, 5, 20, cache_write_tokens=10, cache_write_1h_tokens=4, service_tier="flex")


def test_a_reply():
    body = {
        "output": {"message": {"role": "assistant", "content": [{"text": "x"}]}},
        "stopReason": "stop_sequence",
        "additionalModelResponseFields": {"stop_sequence": "END"},
        "usage": USAGE,
        "metrics": {"latencyMs": 5},
        "serviceTier": {"type": "flex"},
    }
    choice = Choice(parts=(parts.Text("x"),), finish="stop_sequence", stop_sequence="END")
    assert read_reply(msgspec.json.encode(body)) == Reply(
        id="", model="", choices=(choice,), usage=READ
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"output":3}', b'{"output":{"message":{"content":[3]}}}',
     b'{"output":{"message":{"content":[{"text":3}]}}}', b"[" * 100_000],
)  # fmt: skip
def test_a_reply_that_is_none(body: bytes):
    with pytest.raises(MalformedReplyError):
        read_reply(body)


def test_whether_input_has_the_cache_is_told_by_the_total():
    assert read_usage({"usage": {**USAGE, "totalTokens": 15}}) == Usage(
        10, 5, 20, cache_write_tokens=10, cache_write_1h_tokens=4
    )
    assert read_usage({"usage": {"inputTokens": True, "outputTokens": -1}}) == Usage()
    assert read_usage({"usage": 3}) is None
    assert read_usage({}) is None


def test_usage_comes_back():
    assert read_usage(write_usage(READ)) == READ
    assert read_usage(write_usage(None)) == Usage(0, 0)


def test_every_finish_has_a_reason():
    for finish, reason in STOP_REASONS.items():
        choice = Choice(parts=(), finish=finish)
        reply = Reply(id="", model="", choices=(choice,))
        assert msgspec.json.decode(write_reply(reply, ASKED))["stopReason"] == reason
        assert reason in FINISHES


def test_botocore_reads_what_is_written():
    found: tuple[parts.Part, ...] = (
        parts.Thinking("Hm.", "s", origin="gemini"),
        parts.Thinking(redacted="dark", origin="gemini"),
        parts.Text("x", citations=(parts.Citation(url="u", title="t", cited_text="c"),)),
        parts.ToolCall("a:b", "f", '{"a":1}'),
        parts.ServerPart("gemini", {}),
        parts.Image(parts.Media(media_type="image/png", data="aGk=")),
    )
    choice = Choice(parts=found, finish="tool_calls")
    reply = Reply(id="r", model="m", choices=(choice,), usage=READ)
    parsed: Any = parsed_reply(write_reply(reply, ASKED))
    kinds = [next(iter(block)) for block in parsed["output"]["message"]["content"]]
    assert kinds == ["reasoningContent", "reasoningContent", "citationsContent", "toolUse", "text"]
    assert parsed["stopReason"] == "tool_use"
    assert parsed["usage"] | {"cacheDetails": 0} == USAGE | {"cacheDetails": 0}


def test_foreign_sources_become_the_nearest_of_bedrocks():
    own = {"title": "own"}
    assert write_citation(parts.Citation(raw=own, origin="bedrock_converse")) is own
    place = {"documentIndex": 3, "start": 0, "end": 0}
    assert write_citation(parts.Citation(document=3)) == {"location": {"documentChar": place}}
