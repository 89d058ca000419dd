"""A reply in Cohere's shape is read, and written for its SDKs."""

import json
from typing import Any, get_args

import pytest

from faregate.dialects.cohere import reply as replies
from faregate.dialects.cohere.reply import read_reply, write_reply
from faregate.dialects.neutral.parts import (
    Citation,
    Image,
    Media,
    RefusalText,
    Text,
    Thinking,
    ToolCall,
)
from faregate.dialects.neutral.reply import Choice, Finish, Reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.translation import Asked, MalformedReplyError
from faregate.dialects.usage import Usage

ASKED = Asked(request=Request(model="alias", messages=()), call_id="call-1", now_s=1)
SOURCE = {"type": "tool", "id": "w:0", "tool_output": {"temperature": "20C"}}
DOCUMENT = {
    "id": "c14c80c3",
    "finish_reason": "TOOL_CALL",
    "message": {
        "role": "assistant",
        "tool_plan": "I will look.",
        "content": [
            {"type": "thinking", "thinking": "Hm"},
            {"type": "text", "text": "It is 20C."},
        ],
        "citations": [
            {"start": 6, "end": 9, "text": "20C", "sources": [SOURCE, SOURCE], "content_index": 1,
             "type": "TEXT_CONTENT"},
        ],
        "tool_calls": [
            {"id": "w_1", "type": "function", "function": {"name": "w", "arguments": '{"a":1}'}}
        ],
    },
    "usage": {"billed_units": {"input_tokens": 5, "output_tokens": 4}},
    "logprobs": [{"text": "It is", "token_ids": [1, 2], "logprobs": [-1.0, -0.5]}],
}  # fmt: skip


def test_all_of_a_reply() -> None:
    cited = Citation(start=6, end=9, raw=SOURCE, origin="cohere")
    assert read_reply(json.dumps(DOCUMENT).encode()) == Reply(
        id="c14c80c3",
        model="",
        choices=(
            Choice(
                parts=(
                    Thinking("I will look.", id="tool_plan"),
                    Thinking("Hm"),
                    Text("It is 20C.", citations=(cited, cited)),
                    ToolCall("w_1", "w", '{"a":1}'),
                ),
                finish="tool_calls",
                logprobs=[
                    {
                        "token": "It is",
                        "logprob": -1.5,
                        "bytes": list(b"It is"),
                        "top_logprobs": [],
                    }
                ],
            ),
        ),
        usage=Usage(5, 4),
    )


def test_it_is_written_again() -> None:
    reply = read_reply(json.dumps(DOCUMENT).encode())
    assert read_reply(write_reply(reply, ASKED)) == reply


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop_sequence"),
        ("MAX_TOKENS", "length"),
        ("TOOL_CALL", "tool_calls"),
        ("ERROR", "error"),
        ("TIMEOUT", "error"),
        ("ERROR_TOXIC", "content_filter"),
        ("ERROR_LIMIT", "context_length"),
    ],
)
def test_every_reason_is_read(reason: str, finish: Finish) -> None:
    assert replies.read_finish(reason) == finish


@pytest.mark.parametrize("finish", get_args(Finish))
def test_every_finish_is_written(finish: Finish) -> None:
    known = {"COMPLETE", "STOP_SEQUENCE", "MAX_TOKENS", "TOOL_CALL", "ERROR"}
    assert replies.written_finish(finish) in known


def _written(*found: Any, **fields: Any) -> Any:
    reply = Reply(id="", model="m", choices=(Choice(parts=found, finish="stop", **fields),))
    return json.loads(write_reply(reply, ASKED))


def test_what_cohere_does_not_know_is_fitted() -> None:
    image = Image(Media(data="AA=="))
    written = _written(RefusalText("No."), image, logprobs=[{"token": "N", "logprob": -1}])
    assert written["message"]["content"] == [{"type": "text", "text": "No."}]
    assert (written["id"], written["finish_reason"]) == ("call-1", "COMPLETE")
    assert written["logprobs"] == [{"text": "N", "token_ids": [], "logprobs": [-1]}]
    nothing = json.loads(write_reply(Reply(id="r", model="m", choices=()), ASKED))
    assert nothing["finish_reason"] == "ERROR"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"\xff", b'{"message":{}}', b'{"message":{"content":3}}',
     b'{"message":{"tool_calls":[{}]},"finish_reason":"COMPLETE"}', b"[" * 100_000],
)  # fmt: skip
def test_what_is_no_reply_is_told(body: bytes) -> None:
    with pytest.raises(MalformedReplyError):
        read_reply(body)


def test_probabilities_that_are_none() -> None:
    for wrong in (None, [], [3], [{"logprobs": []}]):
        assert replies.read_logprobs(wrong) is None
    assert replies.written_logprobs(None) == []
    assert replies.written_logprobs([3, {}]) == []
