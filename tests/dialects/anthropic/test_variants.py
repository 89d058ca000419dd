"""A request's bytes become another service's: only what differs is touched."""

import msgspec
import pytest

from faregate.core.refusals import Refusal
from faregate.dialects.anthropic.variants import for_service

BODY = b'{"model": "claude","stream":true , "max_tokens": 5, "new": [1.0, {"model": 2}]}'


def test_vertex_takes_the_model_in_its_path():
    made = for_service(BODY, "vertex")
    assert made == (
        b'{"anthropic_version":"vertex-2023-10-16","stream":true , "max_tokens": 5, '
        b'"new": [1.0, {"model": 2}]}'
    )


def test_bedrock_takes_the_stream_in_its_path_and_betas_in_the_body():
    made = for_service(BODY, "bedrock", ("a-2025", 'b"'))
    assert isinstance(made, bytes)
    assert made.endswith(b'"max_tokens": 5, "new": [1.0, {"model": 2}]}')
    assert msgspec.json.decode(made) == {
        "anthropic_version": "bedrock-2023-05-31", "anthropic_beta": ["a-2025"],
        "max_tokens": 5, "new": [1.0, {"model": 2}],
    }  # fmt: skip


def test_a_member_that_stands_twice_is_refused():
    refusal = for_service(b'{"model":"a","model":"b"}', "vertex")
    assert isinstance(refusal, Refusal)
    assert refusal.param == "model"


@pytest.mark.parametrize("version", [b"", b'"anthropic_version":"old",'])
def test_the_version_is_ours(version: bytes):
    made = for_service(b'{%b"model":"m"}' % version, "vertex")
    assert made == b'{"anthropic_version":"vertex-2023-10-16"}'
