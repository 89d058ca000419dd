"""Ollama's embeddings come through the neutral form as they were."""

import json

import pytest
from hypothesis import given
from tests.dialects.embeddings.forms import REPLIES, Place, asked, losses, plain, requests

from faregate.core.refusals import Refusal
from faregate.dialects.embeddings.neutral import EmbedReply, EmbedRequest, Tokens
from faregate.dialects.embeddings.ollama import DIALECT, LEGACY, NATIVE
from faregate.dialects.translation import MalformedReplyError, TargetFacts
from faregate.dialects.usage import Usage

TARGET = TargetFacts(model="m")
PLACE = Place(DIALECT, frozenset({"dimensions", "truncate.end", "others"}), TARGET)


@given(requests(PLACE))
def test_a_request_comes_back(request: EmbedRequest) -> None:
    written = DIALECT.write_request(request, TARGET)
    assert written.lost == ()
    assert DIALECT.read_request(written.body, None, stream=False) == request


@given(REPLIES)
def test_a_reply_comes_back(reply: EmbedReply) -> None:
    read_back = DIALECT.read_reply(DIALECT.write_reply(reply, asked(plain())))
    assert (read_back.vectors, read_back.usage) == (reply.vectors, reply.usage)


def test_the_older_address_has_one_prompt_and_one_vector() -> None:
    request = LEGACY.read_request(b'{"model":"m","prompt":"a"}', None, stream=False)
    assert isinstance(request, EmbedRequest)
    assert request.inputs == ("a",)
    assert json.loads(LEGACY.write_request(request, TARGET).body) == {"model": "m", "input": "a"}
    reply = LEGACY.read_reply(b'{"embedding":[0.5]}')
    assert json.loads(LEGACY.write_reply(reply, asked(request))) == {"embedding": [0.5]}
    with pytest.raises(MalformedReplyError):
        LEGACY.write_reply(EmbedReply(vectors={"float": ()}), asked(request))


def test_a_documented_reply_is_read() -> None:
    body = b"""{"model":"all-minilm","embeddings":[[0.010071029,-0.0017594862]],
      "total_duration":14143917,"load_duration":1019500,"prompt_eval_count":8}"""
    assert DIALECT.read_reply(body).usage == Usage(input_tokens=8)
    assert NATIVE.read_usage(body) == NATIVE.read_usage_in_part(body[-60:]) == Usage(8)
    for wrong in (b"", b"{}", b'{"prompt_eval_count":-1}', b'"prompt_eval_count"'):
        assert NATIVE.read_usage(wrong) is None
        assert NATIVE.read_usage_in_part(wrong) is None


def test_what_ollama_has_not_is_told() -> None:
    request = plain(
        Tokens((1,)), truncate="start", kinds=("int8",), title="t", user="u", normalize=False,
    )  # fmt: skip
    told = ["inputs.tokens", "truncate", "kinds", "title", "user", "normalize"]
    assert losses(DIALECT.write_request(request, TARGET)) == told
    assert losses(DIALECT.write_request(plain(others={"keep_alive": 1}), TARGET)) == []


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"model":"m"}', "input"),
        (b'{"input":"a"}', "model"),
        (b'{"model":"m","input":[1]}', "input[0]"),
        (b'{"model":"m","input":"a","truncate":1}', "truncate"),
        (b"[]", None),
    ],
)
def test_a_wrong_member_is_named(body: bytes, param: str | None) -> None:
    refusal = DIALECT.read_request(body, None, stream=False)
    assert isinstance(refusal, Refusal)
    assert refusal.param == param


@pytest.mark.parametrize("body", [b"{", b"{}", b'{"embeddings":[1]}'])
def test_a_wrong_reply_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedReplyError):
        DIALECT.read_reply(body)
