"""Gemini's embeddings come through the neutral form as they were."""

import json

import pytest
from hypothesis import given
from tests.dialects.embeddings.forms import (
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
from faregate.dialects.embeddings import gemini
from faregate.dialects.embeddings.gemini import BATCH, DIALECT
from faregate.dialects.embeddings.neutral import EmbedReply, EmbedRequest, Image, Mixed, Tokens
from faregate.dialects.translation import MalformedReplyError, TargetFacts
from faregate.dialects.usage import Usage

TARGET = TargetFacts(model="gemini-embedding-001", vendor="gemini")
VERTEX = TargetFacts(model="text-embedding-005", vendor="vertex")
PLACE = Place(BATCH, frozenset({"dimensions", "title", "others"}), TARGET)
PIECES = Mixed(("a", Image(PIXELS), Image("gs://bucket/a.png")))


@given(requests(PLACE, TEXTS))
def test_a_request_comes_back(request: EmbedRequest) -> None:
    written = BATCH.write_request(request, TARGET)
    assert written.lost == ()
    assert BATCH.read_request(written.body, "m", stream=False) == request


@given(REPLIES)
def test_a_reply_comes_back(reply: EmbedReply) -> None:
    read_back = BATCH.read_reply(BATCH.write_reply(reply, asked(plain())))
    assert read_back.vectors == reply.vectors
    assert read_back.usage is not None
    assert reply.usage is not None
    assert read_back.usage.input_tokens == reply.usage.input_tokens


def test_one_content_has_one_vector() -> None:
    body = b"""{"content":{"parts":[{"text":"a"},{"inline_data":{"mime_type":"image/png",
      "data":"iVBORw0KGgo="}},{"fileData":{"fileUri":"gs://bucket/a.png"}}]},
      "task_type":"RETRIEVAL_QUERY","output_dimensionality":64}"""
    request = DIALECT.read_request(body, "m", stream=False)
    assert isinstance(request, EmbedRequest)
    assert request.inputs == (PIECES,)
    assert (request.model, request.purpose, request.dimensions) == ("m", "query", 64)
    reply = EmbedReply(vectors={"base64": ("AAAAPw==",)}, usage=Usage(input_tokens=3))
    assert json.loads(DIALECT.write_reply(reply, asked(request))) == {
        "embedding": {"values": [0.5]},
        "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3},
    }
    with pytest.raises(MalformedReplyError):
        DIALECT.write_reply(EmbedReply(vectors={"float": ()}), asked(request))


def test_ai_studio_is_asked_in_batches() -> None:
    written = BATCH.write_request(plain("a", PIECES, purpose="similarity", dimensions=8), TARGET)
    assert written.lost == ()
    told = {
        "model": "models/gemini-embedding-001",
        "taskType": "SEMANTIC_SIMILARITY",
        "outputDimensionality": 8,
    }
    pieces = [
        {"text": "a"},
        {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}},
        {"fileData": {"fileUri": "gs://bucket/a.png"}},
    ]
    assert json.loads(written.body) == {
        "requests": [
            told | {"content": {"parts": [{"text": "a"}]}},
            told | {"content": {"parts": pieces}},
        ]
    }
    assert gemini.path("gemini-embedding-001", "gemini") == ":batchEmbedContents"


def test_vertex_has_addresses_of_its_own() -> None:
    assert gemini.path("text-embedding-005", "vertex") == ":predict"
    request = plain("a", Mixed(("b", "c")), purpose="query", dimensions=8, truncate="none")
    written = BATCH.write_request(request, VERTEX)
    assert written.lost == ()
    assert json.loads(written.body) == {
        "instances": [
            {"content": "a", "task_type": "RETRIEVAL_QUERY"},
            {"content": "b\nc", "task_type": "RETRIEVAL_QUERY"},
        ],
        "parameters": {"outputDimensionality": 8, "autoTruncate": False},
    }
    assert gemini.path("gemini-embedding-2", "vertex") == ":batchEmbedContents"
    batch = BATCH.write_request(
        plain("a", dimensions=8, truncate="end"), TargetFacts(model="gemini-x", vendor="vertex")
    )
    assert json.loads(batch.body) == {
        "requests": [
            {
                "content": {"parts": [{"text": "a"}]},
                "embedContentConfig": {"outputDimensionality": 8, "autoTruncate": True},
            }
        ]
    }
    reply = BATCH.read_reply(
        b"""{"predictions":[{"embeddings":{"values":[0.5],"statistics":{"token_count":2,
        "truncated":false}}},{"embeddings":{"values":[1],"statistics":{"token_count":3}}}]}"""
    )
    assert (reply.vectors, reply.usage) == ({"float": ([0.5], [1])}, Usage(input_tokens=5))


def test_what_gemini_has_not_is_told() -> None:
    request = plain(
        Tokens((1,)), Mixed((Image("https://example.com/a"),)), kinds=("int8",), user="u",
        normalize=True, truncate="start", others={"x": 1},
    )  # fmt: skip
    told = ["kinds", "user", "normalize", "truncate", "others.x", "inputs.tokens", "inputs.image"]
    assert losses(BATCH.write_request(request, TARGET)) == told
    assert "inputs.image" in losses(BATCH.write_request(plain(PIECES), VERTEX))


@pytest.mark.parametrize(
    ("batch", "body", "param"),
    [
        (False, {}, "content"),
        (False, {"content": {"parts": [{}]}}, "content.parts[0]"),
        (False, {"content": {"parts": 1}}, "content.parts"),
        (False, {"content": "a", "taskType": "X"}, "taskType"),
        (True, {}, "requests"),
        (True, {"requests": []}, "requests"),
        (True, {"requests": [{"content": "a"}, {"content": "a", "title": "t"}]}, "requests[1]"),
        (True, {"requests": [{"content": {"parts": [1]}}]}, "requests[0].content.parts[0]"),
    ],
)
def test_a_wrong_member_is_named(batch: bool, body: object, param: str) -> None:
    dialect = BATCH if batch else DIALECT
    refusal = dialect.read_request(json.dumps(body).encode(), "m", stream=False)
    assert isinstance(refusal, Refusal)
    assert refusal.param == param


@pytest.mark.parametrize(
    "body", [b"{", b"{}", b'{"embeddings":[1]}', b'{"embeddings":[{"values":["a"]}]}']
)
def test_a_wrong_reply_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedReplyError):
        BATCH.read_reply(body)
