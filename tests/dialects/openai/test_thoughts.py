"""Thoughts and what proves them come back as they were given."""

from typing import Any

import pytest

from faregate.dialects.neutral.parts import Thinking
from faregate.dialects.openai.thoughts import (
    read_details,
    read_thoughts,
    write_details,
    write_message_thoughts,
)

CHAT = "openai_chat"
THOUGHTS = [
    Thinking("plain"),
    Thinking("signed", "sig", origin=CHAT),
    Thinking("signed elsewhere", "sig", origin="anthropic"),
    Thinking("", "sig only", origin="anthropic"),
    Thinking("", None, "all of it", origin="anthropic"),
    Thinking("short", "encrypted", id="rs_1", is_summary=True, origin="openai_responses"),
    Thinking("with a format", "anthropic-claude-v1|sig", origin=CHAT),
    Thinking("", None, "google-gemini-v1|data", "tool_1", origin=CHAT),
]


@pytest.mark.parametrize("thought", THOUGHTS, ids=lambda thought: thought.text or "hidden")
def test_a_thought_comes_back(thought: Thinking):
    assert read_details(write_details(thought, 3, CHAT), CHAT) == [thought]


def test_several_thoughts_come_back():
    written = write_message_thoughts(THOUGHTS, CHAT)
    assert read_thoughts(written["reasoning_details"], written["reasoning"], CHAT) == THOUGHTS


def test_a_format_is_given_back_with_its_proof():
    entry = {
        "type": "reasoning.text", "text": "a", "signature": "s", "format": "anthropic-claude-v1",
        "index": 0,
    }  # fmt: skip
    (thought,) = read_details([entry], CHAT)
    assert write_details(thought, 0, CHAT) == [entry]


def test_pieces_of_a_stream_are_one_thought():
    pieces = [
        {"type": "reasoning.text", "text": "a", "index": 0},
        {"type": "reasoning.text", "text": "b", "index": 0},
        {"type": "reasoning.text", "text": "", "signature": "s", "index": 0},
        {"type": "reasoning.text", "text": "c", "index": 1},
    ]
    assert read_details(pieces, CHAT) == [Thinking("ab", "s", origin=CHAT), Thinking("c")]


def test_plain_text_stands_beside_hidden_details():
    details = [{"type": "reasoning.encrypted", "data": "d"}]
    hidden = Thinking("", None, "d", origin=CHAT)
    assert read_thoughts(details, "said", CHAT) == [Thinking("said"), hidden]


@pytest.mark.parametrize("details", [None, "x", [1, None], [{"type": "reasoning.text"}]])
def test_strange_details_are_no_proof(details: Any):
    assert all(thought.signature is None for thought in read_thoughts(details, None, CHAT))
