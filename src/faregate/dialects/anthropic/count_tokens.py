"""Counting a prompt's tokens: /v1/messages/count_tokens.

Its request is that of a message without `max_tokens`; its answer is one number. A target that
can't count is answered for by an estimate.

Source: Anthropic's API reference, "Count tokens in a Message".
"""

from collections.abc import Callable
from typing import Annotated, Final

import msgspec

from faregate.core.refusals import Refusal
from faregate.dialects.anthropic.native import NATIVE, Peek
from faregate.dialects.translation import MalformedReplyError
from faregate.dialects.typed_shapes import DECODING_ERRORS

PATH: Final = "/v1/messages/count_tokens"


class _Counted(msgspec.Struct, gc=False):
    input_tokens: Annotated[int, msgspec.Meta(ge=0, le=10**12)]


_decode: Final = msgspec.json.Decoder(_Counted).decode


def peek(body: bytes) -> Peek | Refusal:
    """The model whose tokens are counted."""
    return NATIVE.peek(body, None, stream=False)


def write_answer(body: bytes, estimate: Callable[[bytes], int]) -> bytes:
    """The answer to the request `body`, by an estimate of its tokens."""
    return b'{"input_tokens":%d}' % max(estimate(body), 1)


def read_answer(body: bytes) -> int:
    """The tokens that a vendor counted; raises `MalformedReplyError`."""
    try:
        return _decode(body).input_tokens
    except DECODING_ERRORS as error:
        raise MalformedReplyError(str(error)) from None
