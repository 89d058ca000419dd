"""Requests' blocks are strict, replies' pass over what is new."""

import msgspec
import pytest

from faregate.dialects.anthropic import shapes


@pytest.mark.parametrize("kind", sorted(shapes.KNOWN_BLOCKS))
def test_a_member_that_is_new_is_seen_in_requests(kind: str):
    blocks = {
        "text": {"text": "x"},
        "image": {"source": {"type": "url", "url": "u"}},
        "document": {"source": {"type": "url", "url": "u"}},
        "tool_use": {"id": "1", "name": "f", "input": {}},
        "tool_result": {"tool_use_id": "1"},
        "thinking": {"thinking": "x", "signature": "s"},
        "redacted_thinking": {"data": "x"},
    }
    block = {"type": kind, **blocks[kind]}
    assert shapes.decode_strict_block(msgspec.json.encode(block)) is not None
    changed = msgspec.json.encode({**block, "new": 1})
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        shapes.decode_strict_block(changed)
    if kind in shapes.REPLY_BLOCKS:
        assert shapes.decode_reply_block(changed) is not None
