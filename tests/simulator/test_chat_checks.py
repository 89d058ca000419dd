"""A chat that does not hang together is refused."""

import pytest

from faregate.simulator.chat_checks import check_messages
from faregate.simulator.errors import RefusedError

USER = {"role": "user", "content": "hello"}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "sun"}


def content(role, kind):
    return [{"role": role, "content": [{"type": kind, "text": "x"}]}]


@pytest.mark.parametrize(
    "messages",
    [
        "hello",
        [],
        [{"role": "user"}],
        [USER, CALLING, RESULT],
        [USER, CALLING, RESULT, USER],
        content("user", "image_url"),
        content("assistant", "refusal"),
    ],
    ids=range(7),
)
def test_what_passes(messages):
    assert check_messages(messages, "") is None


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        (["x"], "expected an object"),
        ([{"role": "bot"}], "Invalid value: 'bot'"),
        ([{}], "Invalid value: 'None'"),
        (content("user", "image"), "Invalid value: 'image'"),
        (content("assistant", "thinking"), "Invalid value: 'thinking'"),
        ([{"role": "user", "content": ["x"]}], "Invalid value: 'None'"),
        ([RESULT], "must be a response to a preceeding"),
        ([CALLING, RESULT, RESULT], "must be a response to a preceeding"),
        ([CALLING, USER], "did not have response messages: c1"),
        ([CALLING], "did not have response messages: c1"),
        (
            [{**CALLING, "tool_calls": [{**CALL, "function": {"name": "x", "arguments": {}}}]}],
            "expected a string",
        ),
        ([{**CALLING, "tool_calls": [{**CALL, "id": None}]}], "Missing required"),
    ],
    ids=range(12),
)
def test_what_is_refused(messages, words):
    with pytest.raises(RefusedError, match=words):
        check_messages(messages, "")


def test_mistral_takes_thinking_and_short_names():
    assert check_messages(content("assistant", "thinking"), "mistral") is None
    with pytest.raises(RefusedError, match="length of 9"):
        check_messages([CALLING, RESULT], "mistral")
