"""Cohere's embed comes through the neutral form as it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects.embeddings.forms import (
    MIXED,
    PIXELS,
    REPLIES,
    TEXTS,
    Place,
    asked,
    losses,
    plain,
    requests,
)

from faregate.core.refusals import Refusal
from faregate.dialects.embeddings.cohere import DIALECT, NATIVE
from faregate.dialects.embeddings.neutral import EmbedReply, EmbedRequest, Image, Mixed, Tokens
from faregate.dialects.translation import MalformedReplyError, TargetFacts
from faregate.dialects.usage import Usage

TARGET = TargetFacts(model="m")
PLACE = Place(DIALECT, frozenset({"dimensions", "truncate", "others"}), TARGET)


@given(requests(PLACE, TEXTS | MIXED.filter(lambda one: len(one.parts) > 1)), st.data())
def test_a_request_comes_back(request: EmbedRequest, data: st.DataObject) -> None:
    purpose = data.draw(st.sampled_from(["query", "document", "classification", "image"]))
    fields = {name: getattr(request, name) for name in request.__struct_fields__}
    whole = EmbedRequest(**fields | {"purpose": purpose, "kinds": ("float", "base64", "int8")})
    written = DIALECT.write_request(whole, TARGET)
    assert written.lost == ()
    assert DIALECT.read_request(written.body, None, stream=False) == whole


@given(REPLIES)
def test_a_reply_comes_back(reply: EmbedReply) -> None:
    read_back = DIALECT.read_reply(DIALECT.write_reply(reply, asked(plain())))
    assert (read_back.vectors, read_back.usage) == (reply.vectors, reply.usage)


def test_images_are_told_as_images() -> None:
    body = {"model": "m", "input_type": "image", "images": [PIXELS], "embedding_types": ["float"]}
    request = DIALECT.read_request(json.dumps(body).encode(), None, stream=False)
    assert isinstance(request, EmbedRequest)
    assert request.inputs == (Mixed((Image(PIXELS),)),)
    assert json.loads(DIALECT.write_request(request, TARGET).body) == body
    mixed = plain(Mixed(("a", Image("https://example.com/a"))), "b")
    assert json.loads(DIALECT.write_request(mixed, TARGET).body)["inputs"] == [
        {"content": [
            {"type": "text", "text": "a"},
            {"type": "image_url", "image_url": {"url": "https://example.com/a"}},
        ]},
        {"content": [{"type": "text", "text": "b"}]},
    ]  # fmt: skip


def test_what_must_be_said_is_said() -> None:
    written = DIALECT.write_request(plain("a", kinds=("base64",)), TARGET)
    assert json.loads(written.body) == {
        "model": "m", "texts": ["a"], "input_type": "search_document", "embedding_types": ["float"],
    }  # fmt: skip
    assert written.lost == ()


def test_what_cohere_has_not_is_told() -> None:
    request = plain(Tokens((1,)), title="t", user="u", normalize=False, others={"x": 1})
    written = DIALECT.write_request(request, TARGET)
    assert losses(written) == ["inputs.tokens", "title", "user", "normalize", "others.x"]


def test_a_documented_reply_is_read() -> None:
    body = b"""{"id":"e-1","embeddings":{"float":[[0.5,1]],"int8":[[3,-4]]},"texts":["a"],
      "meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":2.0,"image_tokens":3}},
      "response_type":"embeddings_by_type"}"""
    reply = DIALECT.read_reply(body)
    assert reply.vectors == {"float": ([0.5, 1],), "int8": ([3, -4],)}
    assert reply.usage == Usage(input_tokens=5, image_input_tokens=3)
    assert NATIVE.read_usage(body) == NATIVE.read_usage_in_part(body) == reply.usage
    written = json.loads(DIALECT.write_reply(reply, asked(plain("a", kinds=("int8", "base64")))))
    assert written["embeddings"] == {"int8": [[3, -4]], "base64": ["AAAAPwAAgD8="]}
    assert written["meta"]["billed_units"] == {"input_tokens": 2, "image_tokens": 3}
    assert DIALECT.read_reply(b'{"embeddings":[[1.5]]}').vectors == {"float": ([1.5],)}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": None}, "model"),
        ({"texts": None}, "texts"),
        ({"images": [PIXELS]}, "texts"),
        ({"texts": [1]}, "texts[0]"),
        ({"texts": None, "inputs": [{}]}, "inputs[0].content"),
        ({"input_type": "x"}, "input_type"),
        ({"truncate": "x"}, "truncate"),
        ({"embedding_types": ["x"]}, "embedding_types[0]"),
    ],
)
def test_a_wrong_member_is_named(members: dict[str, object], param: str) -> None:
    body = json.dumps({"model": "m", "input_type": "clustering", "texts": ["a"]} | members)
    refusal = DIALECT.read_request(body.encode(), None, stream=False)
    assert isinstance(refusal, Refusal)
    assert refusal.param == param


@pytest.mark.parametrize("body", [b"{", b"{}", b'{"embeddings":1}', b'{"embeddings":{"float":1}}'])
def test_a_wrong_reply_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedReplyError):
        DIALECT.read_reply(body)
