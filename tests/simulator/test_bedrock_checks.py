"""A conversation that Converse does not take is refused."""

import pytest

from faregate.simulator.bedrock_checks import check_conversation
from faregate.simulator.errors import RefusedError

USER = {"role": "user", "content": [{"text": "x"}]}
CALL = {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t", "name": "n", "input": {}}}]}
RESULT = {
    "role": "user",
    "content": [{"toolResult": {"toolUseId": "t", "content": [{"text": "sun"}]}}],
}
THOUGHT = {"reasoningContent": {"reasoningText": {"text": "x", "signature": "not ours"}}}


def test_results():
    assert check_conversation([USER], tools=False) == ()
    assert check_conversation([USER, CALL, RESULT], tools=True) == ("sun",)


@pytest.mark.parametrize(
    ("messages", "tools", "words"),
    [
        ([], False, "start with a user message"),
        ([CALL], True, "start with a user message"),
        ([USER, USER], True, "must alternate"),
        ([{**USER, "content": []}], True, "is empty"),
        ([{**USER, "content": [{"text": " "}]}], True, "is blank"),
        ([{**USER, "content": [{"type": "text"}]}], True, "not a block"),
        ([{**USER, "content": ["x"]}], True, "not a block"),
        ([USER, CALL, RESULT], False, "toolConfig field must be defined"),
        ([USER, CALL, USER], True, "Expected toolResult blocks"),
        ([RESULT], True, "Expected toolResult blocks"),
        ([USER, {**CALL, "content": [THOUGHT]}], True, "Invalid `signature`"),
    ],
    ids=range(11),
)
def test_what_is_refused(messages, tools, words):
    with pytest.raises(RefusedError, match=words):
        check_conversation(messages, tools=tools)
