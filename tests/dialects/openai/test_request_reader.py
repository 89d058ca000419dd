"""A chat request is read whole; what isn't known is kept, what is wrong is named."""

from typing import Any

import msgspec
import pytest

from faregate.core.refusals import Refusal
from faregate.dialects.neutral.request import AnswerFormat, Reasoning, Request, Speech
from faregate.dialects.openai.request_reader import read_request


def read(**members: Any) -> Request:
    """The request of these members."""
    stated = {"model": "m", "messages": [{"role": "user", "content": "x"}]} | members
    found = read_request(msgspec.json.encode(stated))
    assert isinstance(found, Request), found
    return found


@pytest.mark.parametrize(
    ("members", "reasoning"),
    [
        ({}, None),
        ({"reasoning_effort": "low"}, Reasoning(effort="low")),
        ({"reasoning": {"max_tokens": 2000}}, Reasoning(budget_tokens=2000)),
        (
            {"reasoning": {"effort": "high", "exclude": True}},
            Reasoning(effort="high", shows=False),
        ),
        ({"reasoning": {"enabled": True}}, Reasoning(effort="medium")),
        ({"reasoning": {"enabled": False}}, Reasoning(effort="none")),
        ({"thinking": {"type": "disabled"}}, Reasoning(budget_tokens=0)),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2048}},
            Reasoning(budget_tokens=2048),
        ),
        ({"thinking": {"type": "enabled"}}, Reasoning(budget_tokens=-1)),
    ],
)
def test_thinking_is_read_in_all_its_forms(members: dict[str, Any], reasoning: Reasoning | None):
    assert read(**members).reasoning == reasoning


def test_what_is_said_of_the_answer():
    found = read(
        stop="x",
        max_tokens=5,
        max_completion_tokens=7,
        response_format={"type": "json_object"},
        modalities=["text", "audio"],
        audio={"voice": "alloy", "format": "wav"},
        stream=True,
        stream_options={"include_usage": True},
        random_seed=3,
        logit_bias={"5": 1},
    )
    assert found.stop == ("x",)
    assert found.output_tokens_max == 7
    assert found.answer_format == AnswerFormat(kind="json")
    assert found.modalities == ("text", "audio")
    assert found.speech == Speech("alloy", "wav")
    assert (found.stream, found.stream_usage, found.seed) == (True, True, 3)
    assert found.logit_bias == {"5": 1.0}


def test_unknown_members_are_kept():
    found = read(min_p=0.1, prediction=None, tool_choice={"type": "mcp"})
    assert found.others == {"min_p": 0.1, "tool_choice": {"type": "mcp"}}
    assert found.origin == "openai_chat"


def test_users_have_two_names():
    assert read(safety_identifier="a").user == "a"
    both = read(safety_identifier="a", user="b")
    assert (both.user, both.others) == ("b", {"safety_identifier": "a"})


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{}", "model"),
        (b'{"model":"m"}', "messages"),
        (b'{"model":"m","messages":[{"role":1}]}', "messages[0].role"),
        (b'{"model":"m","messages":[],"n":0}', "n"),
        (b'{"model":"m","messages":[],"temperature":"hot"}', "temperature"),
        (b'{"model":"m","messages":[],"reasoning_effort":"huge"}', "reasoning_effort"),
        (b'{"model":"m","messages":[],"reasoning":{"max_tokens":-1}}', "reasoning.max_tokens"),
        (b'{"model":"m","messages":[],"audio":{}}', "audio.format"),
        (b'{"model":"m","messages":[],"tool_choice":"perhaps"}', "tool_choice"),
        (b"[]", None),
        (b"{", None),
        (b'{"model":"\xff"}', None),
        (b'{"model":' + b"[" * 100_000, None),
    ],
)
def test_what_is_wrong_is_named(body: bytes, param: str | None):
    refusal = read_request(body)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.param) == ("request_invalid", param)
