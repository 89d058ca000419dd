"""Bedrock's embedding models are asked in the bodies that each of them takes."""

import json

import pytest
from tests.dialects.embeddings.forms import PIXELS, losses, plain

from faregate.dialects.embeddings.bedrock import DIALECT
from faregate.dialects.embeddings.neutral import EmbedRequest, Image, Mixed, Tokens
from faregate.dialects.translation import MalformedReplyError, TargetFacts
from faregate.dialects.usage import Usage

V2 = "amazon.titan-embed-text-v2:0"
V1 = "amazon.titan-embed-text-v1"
PICTURES = "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-image-v1"
BASE64 = PIXELS.partition(",")[2]
WITH_IMAGE = Mixed(("a", Image(PIXELS)))


@pytest.mark.parametrize(
    ("model", "request_", "body", "told"),
    [
        (
            V2,
            plain(dimensions=256, normalize=False),
            {"inputText": "a", "dimensions": 256, "normalize": False},
            [],
        ),
        (V2, plain("a", "b", truncate="end"), {"inputText": "a"}, ["inputs", "truncate"]),
        (V2, plain(Tokens((1,)), kinds=("int8",)), {"inputText": ""}, ["inputs.tokens", "kinds"]),
        (V2, plain(WITH_IMAGE), {"inputText": "a"}, ["inputs.image"]),
        (V1, plain(dimensions=3, normalize=True), {"inputText": "a"}, ["dimensions", "normalize"]),
        (
            PICTURES,
            plain(WITH_IMAGE, dimensions=384),
            {
                "inputText": "a",
                "inputImage": BASE64,
                "embeddingConfig": {"outputEmbeddingLength": 384},
            },
            [],
        ),
        (PICTURES, plain(Mixed((Image("https://example.com"),))), {}, ["inputs.image"]),
        (
            "us.cohere.embed-v4:0",
            plain(purpose="query", user="u"),
            {"texts": ["a"], "input_type": "search_query", "embedding_types": ["float"]},
            ["user"],
        ),
    ],
)
def test_each_model_has_its_body(
    model: str, request_: EmbedRequest, body: dict[str, object], told: list[str]
) -> None:
    written = DIALECT.write_request(request_, TargetFacts(model=model))
    assert json.loads(written.body) == body
    assert losses(written) == told


def test_replies_of_both_are_read() -> None:
    titan = DIALECT.read_reply(
        b'{"embedding":[0.5,1],"inputTextTokenCount":5,"embeddingsByType":{"float":[0.5,1]}}'
    )
    assert (titan.vectors, titan.usage) == ({"float": ([0.5, 1],)}, Usage(input_tokens=5))
    cohere = DIALECT.read_reply(b'{"id":"1","embeddings":{"float":[[1.5]]},"texts":["a"]}')
    assert (cohere.vectors, cohere.usage) == ({"float": ([1.5],)}, None)
    for wrong in (b"{}", b"", b'{"embedding":1}'):
        with pytest.raises(MalformedReplyError):
            DIALECT.read_reply(wrong)
