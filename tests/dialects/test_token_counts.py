"""Requests to count go from one address to the other; what is no count is refused."""

import json

import pytest

from faregate.core.refusals import Refusal
from faregate.dialects import token_counts
from faregate.dialects.neutral.request import Request
from faregate.dialects.token_counts import ANTHROPIC, GEMINI, GEMINI_NATIVE, Counted
from faregate.dialects.translation import MalformedReplyError, TargetFacts

MESSAGE = {
    "model": "claude",
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "Hi"}],
    "tools": [{"name": "f", "input_schema": {"type": "object", "properties": {}}}],
}
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}


def test_a_message_is_counted_at_gemini() -> None:
    read = ANTHROPIC.read_request(json.dumps(MESSAGE).encode(), None, stream=False)
    assert isinstance(read, Request)
    written = GEMINI.write_request(read, TargetFacts(model="g/x", vendor="gemini"))
    assert (written.path, written.lost) == ("/models/g%2Fx:countTokens", ())
    whole = json.loads(written.body)["generateContentRequest"]
    assert whole["contents"] == CONTENTS["contents"]
    assert whole["tools"]
    assert whole["systemInstruction"]["parts"][0]["text"] == "Be brief."


def test_contents_are_counted_at_anthropic_without_what_it_does_not_count() -> None:
    body = CONTENTS | {"generationConfig": {"temperature": 0.5, "seed": 7, "maxOutputTokens": 9}}
    read = GEMINI.read_request(json.dumps(body).encode(), "gemini", stream=False)
    assert isinstance(read, Request)
    written = ANTHROPIC.write_request(read, TargetFacts(model="claude-sonnet-4-5"))
    assert (written.path, written.lost) == ("/messages/count_tokens", ())
    assert json.loads(written.body) == {
        "model": "claude-sonnet-4-5",
        "messages": [{"role": "user", "content": "Hi"}],
    }


def test_counts_are_read_and_written() -> None:
    assert ANTHROPIC.read_reply(b'{"input_tokens":5}') == Counted(5)
    assert GEMINI.read_reply(b'{"totalTokens":5}') == Counted(5)
    assert json.loads(ANTHROPIC.write_reply(Counted(5))) == {"input_tokens": 5}
    assert json.loads(GEMINI.write_reply(Counted(5)))["totalTokens"] == 5
    for dialect in token_counts.DIALECTS.values():
        for body in (b"", b"[]", b'{"input_tokens":-1,"totalTokens":"x"}'):
            with pytest.raises(MalformedReplyError):
                dialect.read_reply(body)


def test_an_estimate_grows_with_the_text() -> None:
    for dialect, body in ((ANTHROPIC, MESSAGE), (GEMINI, {"generateContentRequest": CONTENTS})):
        short = dialect.estimate(json.dumps(body).encode(), None).tokens
        long = dialect.estimate(json.dumps(body).replace("Hi", "Hi " * 900).encode(), None).tokens
        assert 1 <= short < 60
        assert long > short + 400
        assert dialect.estimate(b"\xff", None).tokens >= 1


@pytest.mark.parametrize(
    ("body", "spliced"),
    [
        (b'{"contents":[]}', b'{"contents":[]}'),
        (
            b'{ "generateContentRequest": {"model":"models/a" , "x":1.50} }',
            b'{ "generateContentRequest": {"model":"models/up" , "x":1.50} }',
        ),
        (b'{"generateContentRequest":{"x":"model"}}', b'{"generateContentRequest":{"x":"model"}}'),
    ],
)
def test_the_model_is_spliced_where_it_stands(body: bytes, spliced: bytes) -> None:
    assert GEMINI_NATIVE.splice_model(body, "a", "up") == spliced
    assert GEMINI_NATIVE.splice_model(body, "a", "a") == body


@pytest.mark.parametrize(
    "body",
    [
        b'{"generateContentRequest":{"model":"a"},"generateContentRequest":{"model":"b"}}',
        b'{"generateContentRequest":{"model":"a","model":"b"}}',
        b'{"generateContentRequest":["model"]}',
    ],
)
def test_what_reads_in_two_ways_is_refused(body: bytes) -> None:
    assert isinstance(GEMINI_NATIVE.splice_model(body, "a", "up"), Refusal)


def test_a_count_has_no_usage_and_no_stream() -> None:
    peeked = token_counts.ANTHROPIC_NATIVE.peek(
        b'{"model":"m","messages":[],"stream":true}', None, stream=False
    )
    assert not isinstance(peeked, Refusal)
    assert (peeked.model, peeked.stream) == ("m", False)
    assert token_counts.ANTHROPIC_NATIVE.read_usage(b'{"input_tokens":5}') is None
    assert isinstance(GEMINI_NATIVE.peek(b"{}", None, stream=False), Refusal)
    assert isinstance(GEMINI_NATIVE.peek(b"[]", "m", stream=False), Refusal)
