"""OpenAI's embeddings come through the neutral form as they were."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects.embeddings.forms import (
    PIXELS,
    REPLIES,
    TEXTS,
    TOKENS,
    Place,
    asked,
    losses,
    plain,
    requests,
)

from faregate.core.refusals import Refusal
from faregate.dialects.embeddings import neutral
from faregate.dialects.embeddings.neutral import EmbedReply, EmbedRequest, Image, Mixed, Tokens
from faregate.dialects.embeddings.openai import DIALECT, NATIVE
from faregate.dialects.translation import MalformedReplyError, TargetFacts
from faregate.dialects.usage import Usage

FEATURES = frozenset({"dimensions", "user", "others"})
PLACE = Place(DIALECT, FEATURES, TargetFacts(model="m"))
JINA = TargetFacts(model="jina-embeddings-v4", vendor="jina")
NIM = TargetFacts(model="nv-embed", vendor="nvidia_nim")


def read(**members: object) -> EmbedRequest | Refusal:
    body = json.dumps({"model": "m", "input": "a"} | members).encode()
    return DIALECT.read_request(body, None, stream=False)


@given(requests(PLACE, TEXTS | TOKENS), st.sampled_from(["float", "base64"]))
def test_a_request_comes_back(request: EmbedRequest, kind: neutral.Kind) -> None:
    whole = EmbedRequest(**{f: getattr(request, f) for f in request.__struct_fields__} | {
        "kinds": (kind,)
    })  # fmt: skip
    written = DIALECT.write_request(whole, PLACE.target)
    assert written.lost == ()
    assert DIALECT.read_request(written.body, None, stream=False) == whole


@given(REPLIES, st.sampled_from(["float", "base64"]))
def test_a_reply_comes_back(reply: EmbedReply, kind: neutral.Kind) -> None:
    read_back = DIALECT.read_reply(DIALECT.write_reply(reply, asked(plain(kinds=(kind,)))))
    assert neutral.vectors_of(read_back, "float") == reply.vectors["float"]
    assert list(read_back.vectors) == [kind]
    assert read_back.usage == reply.usage


def test_a_documented_reply_is_read_in_the_order_of_its_inputs() -> None:
    body = b"""{"object":"list","model":"text-embedding-3-small","data":[
      {"object":"embedding","index":1,"embedding":[1,2.5]},
      {"object":"embedding","index":0,"embedding":[0.5,-1]}],
      "usage":{"prompt_tokens":5,"total_tokens":5}}"""
    reply = DIALECT.read_reply(body)
    assert reply.vectors == {"float": ([0.5, -1], [1, 2.5])}
    assert (reply.model, reply.usage) == ("text-embedding-3-small", Usage(input_tokens=5))
    assert NATIVE.read_usage(body) == NATIVE.read_usage_in_part(body[-60:]) == reply.usage


def test_inputs_are_texts_tokens_and_those_of_jina() -> None:
    for value, inputs in (
        ("a", ("a",)),
        (["a", "b"], ("a", "b")),
        ([1, 2], (Tokens((1, 2)),)),
        ([[1], [2, 3]], (Tokens((1,)), Tokens((2, 3)))),
        ([{"text": "a"}, {"image": PIXELS}], ("a", Mixed((Image(PIXELS),)))),
        ([{"image": "AAAA"}], (Mixed((Image("data:image/png;base64,AAAA"),)),)),
    ):
        request = read(input=value)
        assert isinstance(request, EmbedRequest)
        assert request.inputs == inputs


def test_what_others_have_added_is_carried() -> None:
    request = read(
        task="retrieval.query", truncate=True, normalized=True, embedding_type=["float", "int8"],
        late_chunking=True,
    )  # fmt: skip
    assert isinstance(request, EmbedRequest)
    assert (request.purpose, request.truncate, request.normalize) == ("query", "end", True)
    written = DIALECT.write_request(request, JINA)
    assert not written.lost
    assert json.loads(written.body) == {
        "model": "jina-embeddings-v4", "input": "a", "task": "retrieval.query", "truncate": True,
        "normalized": True, "embedding_type": ["float", "int8"], "late_chunking": True,
    }  # fmt: skip
    one = DIALECT.write_request(plain(purpose="document", truncate="start"), NIM)
    assert json.loads(one.body) == {
        "model": "nv-embed", "input": "a", "input_type": "passage", "truncate": "START",
    }  # fmt: skip


def test_only_some_of_jinas_models_know_code() -> None:
    for model, task in (("jina-embeddings-v4", "code.query"), ("jina-v3", "retrieval.query")):
        target = TargetFacts(model=model, vendor="jina")
        written = DIALECT.write_request(plain(purpose="code_query"), target)
        assert json.loads(written.body)["task"] == task


def test_what_openai_has_not_is_told() -> None:
    request = plain(
        Mixed(("a", Image(PIXELS))), purpose="query", truncate="end", title="t", kinds=("int8",),
        normalize=False, others={"x": 1},
    )  # fmt: skip
    written = DIALECT.write_request(request, TargetFacts(model="m"))
    told = ["inputs.image", "kinds", "truncate", "normalize", "title", "others.x"]
    assert losses(written) == told
    # A model that makes no difference between purposes loses nothing.
    assert json.loads(written.body) == {"model": "m", "input": "a"}
    assert losses(DIALECT.write_request(plain(truncate="none"), TargetFacts(model="m"))) == []
    assert losses(DIALECT.write_request(plain(Mixed((Image(PIXELS),))), JINA)) == []


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": [1, "a"]}, "input[1]"),
        ({"input": ["a", 1]}, "input[1]"),
        ({"input": [{"sound": "a"}]}, "input[0]"),
        ({"input": [[-1]]}, "input[0][0]"),
        ({"model": 1}, "model"),
        ({"dimensions": "3"}, "dimensions"),
        ({"encoding_format": "int4"}, "encoding_format"),
        ({"truncate": "MIDDLE"}, "truncate"),
        ({"user": 1}, "user"),
    ],
)
def test_a_wrong_member_is_named(members: dict[str, object], param: str) -> None:
    refusal = read(**members)
    assert isinstance(refusal, Refusal)
    assert refusal.param == param


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b'{"data":{}}', b'{"data":[1]}', b'{"data":[{"embedding":{}}]}',
        b'{"data":[{"embedding":["a"]}]}', b'{"data":[{"embedding":[1]},{"embedding":"AAAA"}]}',
        b'{"data":[{"embedding":[null]}]}', b'{"data":[{"index":-1,"embedding":[1]}]}',
    ],
)  # fmt: skip
def test_a_wrong_reply_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedReplyError):
        DIALECT.read_reply(body)


def test_bytes_that_pass_through_are_peeked_at() -> None:
    peeked = NATIVE.peek(b'{"model":"m","input":"a","user":"u"}', None, stream=False)
    assert not isinstance(peeked, Refusal)
    assert (peeked.model, peeked.user, peeked.choices, peeked.output_limit) == ("m", "u", 1, None)
    assert isinstance(NATIVE.peek(b'{"input":"a"}', None, stream=False), Refusal)
    assert NATIVE.most(b"{}") is None
