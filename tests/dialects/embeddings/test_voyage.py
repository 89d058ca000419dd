"""Voyage is asked in its own words, and its replies are read."""

import json

import pytest
from tests.dialects.embeddings.forms import PIXELS, losses, plain

from faregate.dialects.embeddings.neutral import Image, Mixed, Purpose
from faregate.dialects.embeddings.voyage import DIALECT
from faregate.dialects.translation import TargetFacts
from faregate.dialects.usage import Usage

TARGET = TargetFacts(model="voyage-3.5")


@pytest.mark.parametrize(
    ("purpose", "said"),
    [
        ("query", {"input_type": "query"}),
        ("code_query", {"input_type": "query"}),
        ("document", {"input_type": "document"}),
        ("clustering", {}),
        (None, {}),
    ],
)
def test_a_request_is_in_its_words(purpose: Purpose | None, said: dict[str, str]) -> None:
    request = plain("a", "b", purpose=purpose, dimensions=256, truncate="none", kinds=("int8",))
    written = DIALECT.write_request(request, TARGET)
    assert written.lost == ()
    asked_for = {
        "model": "voyage-3.5", "input": ["a", "b"], "output_dimension": 256, "truncation": False,
        "output_dtype": "int8",
    }  # fmt: skip
    assert json.loads(written.body) == asked_for | said


def test_what_voyage_has_not_is_told() -> None:
    request = plain(
        Mixed((Image(PIXELS),)), truncate="start", kinds=("float", "int8"), user="u",
        normalize=False, others={"x": 1},
    )  # fmt: skip
    told = ["inputs.image", "truncate", "kinds", "user", "normalize", "others.x"]
    assert losses(DIALECT.write_request(request, TARGET)) == told


def test_a_documented_reply_is_read() -> None:
    reply = DIALECT.read_reply(
        b"""{"object":"list","data":[{"object":"embedding","embedding":[0.5,1],"index":0}],
        "model":"voyage-3.5","usage":{"total_tokens":10}}"""
    )
    assert reply.vectors == {"float": ([0.5, 1],)}
    assert reply.usage == Usage(input_tokens=10)
