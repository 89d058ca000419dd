"""Usage is read in the forms that replies have which aren't chats."""

import pytest

from faregate.dialects import plain_usage
from faregate.dialects.usage import Usage


@pytest.mark.parametrize(
    ("stated", "usage"),
    [
        (b'{"prompt_tokens":8,"total_tokens":8}', Usage(input_tokens=8)),
        (b'{"total_tokens":8}', Usage(input_tokens=8)),
        (b'{"total_tokens":8,"output_tokens":3}', Usage(input_tokens=5, output_tokens=3)),
        (
            b'{"total_tokens":100,"input_tokens":50,"output_tokens":50,"input_tokens_details":'
            b'{"text_tokens":10,"image_tokens":40},"output_tokens_details":{"image_tokens":50}}',
            Usage(input_tokens=50, output_tokens=50, image_input_tokens=40, image_output_tokens=50),
        ),
        (
            b'{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":0,'
            b'"audio_tokens":14},"output_tokens":45,"total_tokens":59}',
            Usage(input_tokens=14, output_tokens=45, audio_input_tokens=14),
        ),
        (b'{"type":"duration","seconds":3.2001}', Usage(audio_input_ms=3201)),
        (b'{"type":"duration","seconds":1.001}', Usage(audio_input_ms=1001)),
        (b'{"seconds":-1}', None),
        (b'{"seconds":true,"input_tokens":true}', None),
        (b'{"input_tokens":1e30,"seconds":1e300}', None),
        (b"[]", None),
        (b"null", None),
    ],
)
def test_a_usage_is_read(stated: bytes, usage: Usage | None) -> None:
    body = b'{"data":[],"usage":%b}' % stated
    assert plain_usage.read_usage(body) == usage
    if stated.startswith(b"{"):
        assert plain_usage.read_usage_in_part(b'"x",' + body[1:]) == usage


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_reply_states_nothing(body: bytes) -> None:
    assert plain_usage.read_usage(body) is None
    assert plain_usage.read_usage_in_part(body) is None
