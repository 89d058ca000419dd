"""Whole responses are read from vendors and written for callers."""

import msgspec
import pytest

from faregate.dialects.neutral import parts as p
from faregate.dialects.neutral.reply import Choice, Reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.responses.items_reader import DIALECT
from faregate.dialects.responses.reply import read_reply, write_reply
from faregate.dialects.translation import Asked, MalformedReplyError
from faregate.dialects.usage import Usage

ASKED = Asked(request=Request(model="m", messages=()), call_id="call-1", now_s=7)


def test_openais_own_response():
    body = b"""{"id":"resp_1","object":"response","created_at":1741476777.5,"status":"completed",
        "model":"gpt","output":[{"type":"reasoning","id":"rs_1","summary":[],
        "encrypted_content":"enc"},{"type":"message","id":"msg_1","role":"assistant",
        "status":"completed","content":[{"type":"output_text","text":"Hi","annotations":[
        {"type":"url_citation","start_index":0,"end_index":2,"url":"u","title":"t"}],
        "logprobs":[{"token":"Hi","logprob":-0.1}]}]}],
        "usage":{"input_tokens":36,"input_tokens_details":{"cached_tokens":0},"output_tokens":87,
        "output_tokens_details":{"reasoning_tokens":5},"total_tokens":123},
        "service_tier":"default"}"""
    citation = p.Citation(url="u", title="t", start=0, end=2)
    assert read_reply(body) == Reply(
        id="resp_1",
        model="gpt",
        choices=(
            Choice(
                parts=(
                    p.Thinking("", "enc", id="rs_1", origin=DIALECT),
                    p.Text("Hi", citations=(citation,)),
                ),
                finish="stop",
                logprobs=[{"token": "Hi", "logprob": -0.1}],
            ),
        ),
        usage=Usage(36, 87, 0, 5),
        created_s=1741476777,
        service_tier="default",
    )


@pytest.mark.parametrize(
    ("members", "finish"),
    [
        (b'"status":"completed"', "stop"),
        (b'"status":"failed","error":{"code":"server_error"}', "error"),
        (b'"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}', "length"),
        (b'"incomplete_details":{"reason":"content_filter"}', "content_filter"),
        (b'"incomplete_details":{"reason":"steered"}', "stop"),
    ],
)
def test_ends(members: bytes, finish: str):
    assert read_reply(b'{"output":[],%b}' % members).choices[0].finish == finish


def test_calls_and_refusals_are_ends_too():
    call = b'{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}'
    assert read_reply(b'{"output":[%b]}' % call).choices[0].finish == "tool_calls"
    said = b'{"type":"message","content":[{"type":"refusal","refusal":"no"}]}'
    assert read_reply(b'{"output":[%b]}' % said).choices[0].finish == "refusal"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"output":5}', b'{"output":[5]}', b"[" * 100_000,
     b'{"output":[{"type":"function_call"}]}', b'{"output":[{"type":"message"}]}'],
)  # fmt: skip
def test_what_is_no_response_is_said_to_be_none(body: bytes):
    with pytest.raises(MalformedReplyError):
        read_reply(body)


def test_an_end_at_the_limit_is_incomplete():
    choice = Choice(parts=(p.Text("a"),), finish="length")
    written = msgspec.json.decode(write_reply(Reply(id="", model="m", choices=(choice,)), ASKED))
    assert (written["id"], written["status"]) == ("call-1", "incomplete")
    assert written["incomplete_details"] == {"reason": "max_output_tokens"}


def test_no_answer_is_a_failure():
    written = msgspec.json.decode(write_reply(Reply(id="1", model="m", choices=()), ASKED))
    assert (written["status"], written["error"]["code"]) == ("failed", "server_error")
