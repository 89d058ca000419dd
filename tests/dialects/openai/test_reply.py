"""Whole replies are read from OpenAI's many followers, and written for its SDK."""

from typing import Any

import msgspec
import pytest

from faregate.dialects.neutral import parts as p
from faregate.dialects.neutral.reply import Choice, Reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.openai.reply import read_reply, write_reply
from faregate.dialects.translation import Asked, MalformedReplyError
from faregate.dialects.usage import Usage

ASKED = Asked(request=Request(model="m", messages=()), call_id="call-1", now_s=7)
CHAT = "openai_chat"


def read(message: dict[str, Any], finish: str | None = "stop", **members: Any) -> Choice:
    """The one answer of a reply."""
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return read_reply(msgspec.json.encode({"id": "1", "choices": [choice]} | members)).choices[0]


def test_openais_own_reply():
    body = b"""{"id":"chatcmpl-1","object":"chat.completion","created":1741569952,"model":"gpt",
        "choices":[{"index":0,"message":{"role":"assistant","content":"Hello!","refusal":null,
        "annotations":[]},"logprobs":{"content":[{"token":"Hello","logprob":-0.1}]},
        "finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":10,
        "total_tokens":29,"prompt_tokens_details":{"cached_tokens":4}},
        "service_tier":"default","system_fingerprint":"fp"}"""
    assert read_reply(body) == Reply(
        id="chatcmpl-1",
        model="gpt",
        choices=(
            Choice(
                parts=(p.Text("Hello!"),),
                finish="stop",
                logprobs=[{"token": "Hello", "logprob": -0.1}],
            ),
        ),
        usage=Usage(19, 10, 4),
        created_s=1741569952,
        service_tier="default",
        fingerprint="fp",
    )


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_thoughts_beside_the_content(name: str):
    assert read({"content": "a", name: "hm"}).parts == (p.Thinking("hm"), p.Text("a"))


def test_openrouters_details():
    details = [
        {"type": "reasoning.text", "text": "hm", "signature": "sig",
         "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "x", "index": 1},
    ]  # fmt: skip
    found = read({"content": "a", "reasoning": "hm", "reasoning_details": details}).parts
    assert found == (
        p.Thinking("hm", "anthropic-claude-v1|sig", origin=CHAT),
        p.Thinking("", None, "x", origin=CHAT),
        p.Text("a"),
    )


def test_calls_of_google_and_ollama():
    extra = {"google": {"thought_signature": "sig"}}
    calls = [
        {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"},
         "extra_content": extra},
        {"function": {"name": "g", "arguments": {"a": [1]}}},
    ]  # fmt: skip
    found = read({"content": "", "tool_calls": calls})
    assert found.finish == "tool_calls"
    assert found.parts == (
        p.ToolCall("1", "f", "{}", "sig", CHAT),
        p.ToolCall("call_2", "g", '{"a":[1]}'),
    )


def test_an_end_that_is_not_said():
    assert read({"content": "a"}, None).finish == "stop"


def test_mistrals_chunks_and_openrouters_images():
    content = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "a"},
    ]
    images = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    assert read({"content": content, "images": images}).parts == (
        p.Thinking("hm"),
        p.Text("a"),
        p.Image(p.Media(media_type="image/png", data="AAAA")),
    )


def test_vllms_stop_sequence():
    choice = {"message": {"content": "a"}, "finish_reason": "stop", "stop_reason": "END"}
    (found,) = read_reply(msgspec.json.encode({"choices": [choice]})).choices
    assert (found.finish, found.stop_sequence) == ("stop_sequence", "END")


@pytest.mark.parametrize(
    ("members", "source"),
    [
        ({"citations": ["u", 5]}, p.Citation(url="u")),
        (
            {"citations": ["u"], "search_results": [{"url": "u", "title": "t"}, {}]},
            p.Citation(url="u", title="t"),
        ),
    ],
)
def test_perplexitys_sources(members: dict[str, Any], source: p.Citation):
    assert read({"content": "a"}, **members).parts == (p.Text("a", citations=(source,)),)


def test_moonshots_usage():
    choice = {"message": {"content": "a"}, "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
    assert read_reply(msgspec.json.encode({"choices": [choice]})).usage == Usage(1, 2)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b'{"choices":1}', b'{"choices":[{"message":1}]}', b'{"error":{}}',
        b'{"choices":[{"message":{"content":5}}]}', b"[" * 100_000,
        b'{"choices":[{"message":{"tool_calls":[{}]}}]}',
    ],
)  # fmt: skip
def test_what_is_no_reply_is_said_to_be_none(body: bytes):
    with pytest.raises(MalformedReplyError):
        read_reply(body)


FULL = Reply(
    id="1",
    model="m",
    choices=(
        Choice(
            parts=(
                p.Thinking("hm", "sig", origin="anthropic"),
                p.Text("a", citations=(p.Citation(url="u", title="t", start=0, end=1),)),
                p.ToolCall("c1", "f", "{}", "sig", "gemini"),
                p.ToolCall("c2", "g", "free", custom=True),
                p.Image(p.Media(media_type="image/png", data="AAAA")),
            ),
            finish="tool_calls",
        ),
        Choice(parts=(p.RefusalText("no"),), finish="refusal"),
        Choice(parts=(p.Text("b"),), finish="stop_sequence", stop_sequence="END", logprobs=[{}]),
    ),
    usage=Usage(1, 2, 3, 4, service_tier="flex"),
    created_s=5,
    service_tier="flex",
    fingerprint="fp",
)


def test_all_kinds_of_parts_come_back():
    found = read_reply(write_reply(FULL, ASKED))
    order = [type(part) for part in found.choices[0].parts]
    assert order == [p.Thinking, p.Text, p.Image, p.ToolCall, p.ToolCall]
    assert sorted(map(repr, found.choices[0].parts)) == sorted(map(repr, FULL.choices[0].parts))
    assert msgspec.structs.replace(found, choices=()) == msgspec.structs.replace(FULL, choices=())
    assert found.choices[1:] == FULL.choices[1:]


def test_texts_are_one_string_and_citations_are_shifted():
    texts = (p.Text("ab"), p.Text("cd", citations=(p.Citation(url="u", start=0, end=1),)))
    reply = Reply(id="", model="m", choices=(Choice(parts=texts, finish="stop"),))
    written = msgspec.json.decode(write_reply(reply, ASKED))
    message = written["choices"][0]["message"]
    assert (written["id"], written["created"], message["content"]) == ("call-1", 7, "abcd")
    assert message["annotations"][0]["url_citation"]["start_index"] == 2
