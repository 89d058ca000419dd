"""Bytes of chat and completions pass as `openai_chat` has them."""

import pytest

from faregate.core.refusals import Refusal
from faregate.dialects import openai_chat
from faregate.dialects.openai.native import CHAT, COMPLETIONS, OpenAINative

BODY = b'{"model":"a","stream":true,"max_tokens":5}'


@pytest.mark.parametrize("native", [CHAT, COMPLETIONS])
def test_it_is_the_same_as_below(native: OpenAINative):
    peeked = native.peek(BODY, None, stream=False)
    assert not isinstance(peeked, Refusal)
    assert (peeked.model, peeked.stream, peeked.output_limit) == ("a", True, 5)
    assert native.splice_model(BODY, "a", "b") == openai_chat.splice_model(BODY, "a", "b")
    assert native.set_output_limit(BODY, 3, "max_tokens") == BODY.replace(b"5", b"3")
    assert b"include_usage" in native.ask_stream_usage(BODY)
    meter = native.stream_meter(hide_usage=True, measures=True)
    assert meter.feed(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n') != b""
    assert meter.output_tokens == 1
    assert native.read_usage(b'{"usage":{"prompt_tokens":1}}') is not None
    assert native.read_usage_in_part(b'"usage":{"prompt_tokens":1}') is not None


def test_each_ends_streams_in_its_own_way():
    assert b"chat.completion.chunk" in CHAT.final_events("c", "m", 1, None)
    assert b"text_completion" in COMPLETIONS.final_events("c", "m", 1, None)
    assert isinstance(CHAT.peek(b"{}", None, stream=False), Refusal)
