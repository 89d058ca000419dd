"""A count is asked for like a message, and answered by a number, found or estimated."""

import pytest

from faregate.core.refusals import Refusal
from faregate.dialects.anthropic import count_tokens
from faregate.dialects.anthropic.native import Peek
from faregate.dialects.translation import MalformedReplyError


def test_the_model_is_read():
    peeked = count_tokens.peek(b'{"model":"m","messages":[]}')
    assert isinstance(peeked, Peek)
    assert (peeked.model, peeked.output_limit, peeked.stream) == ("m", None, None)
    assert isinstance(count_tokens.peek(b'{"messages":[]}'), Refusal)


def test_an_estimate_is_an_answer():
    answer = count_tokens.write_answer(b"x" * 40, lambda body: len(body) // 4)
    assert answer == b'{"input_tokens":10}'
    assert count_tokens.read_answer(answer) == 10


@pytest.mark.parametrize("body", [b"{}", b'{"input_tokens":-1}', b'{"input_tokens":"9"}', b"x"])
def test_an_answer_that_is_none(body: bytes):
    with pytest.raises(MalformedReplyError):
        count_tokens.read_answer(body)
