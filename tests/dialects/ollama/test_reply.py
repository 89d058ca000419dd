"""Replies in Ollama's shapes are read, and written for its SDKs."""

import json
from typing import Any, get_args

import pytest

from faregate.dialects.neutral.parts import Image, Media, RefusalText, Text, Thinking, ToolCall
from faregate.dialects.neutral.reply import Choice, Finish, Reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.ollama import reply as replies
from faregate.dialects.ollama.reply import read_reply, write_chat, write_generate
from faregate.dialects.translation import Asked, MalformedReplyError
from faregate.dialects.usage import Usage

ASKED = Asked(request=Request(model="alias", messages=()), call_id="call-1", now_s=1_700_000_000)
COUNTS = {"prompt_eval_count": 26, "eval_count": 298, "total_duration": 4883583458}
CHAT = {
    "model": "llama3.2",
    "created_at": "2023-12-12T14:13:43.416799123Z",
    "message": {
        "role": "assistant",
        "content": "Sunny.",
        "thinking": "Hm",
        "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}],
    },
    "done": True,
    "done_reason": "stop",
    "logprobs": [{"token": "S", "logprob": -1.0}],
    **COUNTS,
}


def test_all_of_a_chat() -> None:
    assert read_reply(json.dumps(CHAT).encode()) == Reply(
        id="",
        model="llama3.2",
        choices=(
            Choice(
                parts=(
                    Thinking("Hm"),
                    Text("Sunny."),
                    ToolCall("call_20231212141343416799_0", "f", '{"a":1}'),
                ),
                finish="tool_calls",
                logprobs=[{"token": "S", "logprob": -1.0}],
            ),
        ),
        usage=Usage(26, 298),
        created_s=1_702_390_423,
    )


def test_all_of_a_generation() -> None:
    document = {
        "model": "m", "response": "Hi", "thinking": "Hm", "done": True, "done_reason": "length",
        "context": [1], "image": "AA==", **COUNTS,
    }  # fmt: skip
    reply = read_reply(json.dumps(document).encode())
    (choice,) = reply.choices
    image = Image(Media(media_type="image/png", data="AA=="))
    assert choice == Choice(parts=(Thinking("Hm"), Text("Hi"), image), finish="length")
    assert reply.usage == Usage(26, 298)
    assert read_reply(b'{"done":true,"done_reason":"load"}').choices[0].finish == "stop"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"\xff", b'{"message":3}', b'{"error":"model not found"}',
     b'{"message":{"content":3}}', b'{"response":3}', b"[" * 100_000],
)  # fmt: skip
def test_what_is_no_reply_is_told(body: bytes) -> None:
    with pytest.raises(MalformedReplyError):
        read_reply(body)


def _reply(*found: Any, finish: Finish = "stop") -> Reply:
    return Reply(id="r", model="", choices=(Choice(parts=found, finish=finish),))


def test_a_chat_is_written() -> None:
    image = Image(Media(data="AA=="))
    found = (Thinking("Hm"), RefusalText("No."), image, ToolCall("x", "f", "[1"))
    assert json.loads(write_chat(_reply(*found), ASKED)) == {
        "model": "alias",
        "created_at": "2023-11-14T22:13:20Z",
        "message": {
            "role": "assistant",
            "content": "No.",
            "thinking": "Hm",
            "images": ["AA=="],
            "tool_calls": [
                {"id": "x", "function": {"index": 0, "name": "f", "arguments": {"arguments": "[1"}}}
            ],
        },
        "done": True,
        "done_reason": "stop",
    }


def test_a_generation_is_written() -> None:
    image = Image(Media(data="AA=="))
    written = json.loads(write_generate(_reply(Text("Hi"), image, finish="length"), ASKED))
    assert (written["response"], written["image"], written["done_reason"]) == (
        "Hi", "AA==", "length",
    )  # fmt: skip
    nothing = json.loads(write_chat(Reply(id="r", model="m", choices=()), ASKED))
    assert nothing["message"]["content"] == ""


@pytest.mark.parametrize("finish", get_args(Finish))
def test_every_finish_is_written(finish: Finish) -> None:
    cut = finish in ("length", "context_length")
    assert replies.written_finish(finish) == ("length" if cut else "stop")


def test_counts_and_times_that_are_none() -> None:
    assert replies.read_usage({}) is None
    assert replies.read_usage({"prompt_eval_count": -1, "eval_count": True}) is None
    assert replies.read_usage({"eval_count": 3}) == Usage(None, 3)
    assert replies.written_usage(None) == {}
    assert (replies.seconds(None), replies.seconds("soon")) == (None, None)
    assert replies.call_stem(None) == "call_"
