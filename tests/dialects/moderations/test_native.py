"""Moderations pass through, and cost what their reply states."""

from faregate.core.refusals import Refusal
from faregate.dialects.moderations.native import NATIVE
from faregate.dialects.usage import Usage


def test_a_moderation_passes() -> None:
    body = b'{"model":"omni-moderation-latest","input":"..."}'
    peeked = NATIVE.peek(body, None, stream=False)
    assert not isinstance(peeked, Refusal)
    assert peeked.model == "omni-moderation-latest"
    assert NATIVE.most(body) is None
    assert NATIVE.read_usage(b'{"id":"modr-1","results":[{"flagged":false}]}') is None
    assert NATIVE.read_usage(b'{"usage":{"prompt_tokens":4}}') == Usage(input_tokens=4)
