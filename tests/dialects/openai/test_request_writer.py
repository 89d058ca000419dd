"""A request is written for a vendor as it takes it; what it doesn't take is told."""

from typing import Any

import msgspec
import pytest

from faregate.dialects.neutral.parts import CacheMark, Text
from faregate.dialects.neutral.request import (
    AnswerFormat,
    Message,
    Reasoning,
    Request,
    ServerTool,
    Speech,
    Tool,
    ToolChoice,
)
from faregate.dialects.openai import quirks
from faregate.dialects.openai.request_writer import write_reasoning, write_request
from faregate.dialects.translation import TargetFacts

ASKING = Request(model="asked", messages=(Message("user", (Text("x"),)),))


def write(request: Request, **facts: Any) -> tuple[dict[str, Any], set[str]]:
    """The members that are written, and the names of what is lost."""
    written = write_request(request, TargetFacts(model="served", **facts))
    return msgspec.json.decode(written.body), {lost.name for lost in written.lost}


def test_a_plain_request_says_nothing_more():
    assert write(ASKING) == (
        {"model": "served", "messages": [{"role": "user", "content": "x"}]},
        set(),
    )


def test_what_says_nothing_is_left_out_and_what_is_meant_is_said():
    asking = msgspec.structs.replace(ASKING, parallel_tool_calls=False, top_logprobs=2)
    body, lost = write(asking)
    assert ("parallel_tool_calls" in body, body["logprobs"], lost) == (False, True, set())


def test_the_output_limit_has_the_vendors_name():
    asking = msgspec.structs.replace(ASKING, output_tokens_max=9)
    body, _ = write(asking, output_limit_field="max_completion_tokens")
    assert body["max_completion_tokens"] == 9


def test_a_stream_asks_for_usage():
    asking = msgspec.structs.replace(ASKING, stream=True)
    assert write(asking)[0]["stream_options"] == {"include_usage": True}
    body, _ = write(asking, quirks=frozenset({quirks.NO_STREAM_OPTIONS}))
    assert (body["stream"], "stream_options" in body) == (True, False)


def test_what_the_vendor_refuses_is_told():
    asking = msgspec.structs.replace(
        ASKING,
        seed=1,
        top_k=2,
        tools=(Tool(name="f", strict=True), Tool(name="g", custom=True)),
        tool_choice=ToolChoice("required"),
        answer_format=AnswerFormat(kind="json"),
        reasoning=Reasoning(effort="low"),
        speech=Speech("alloy"),
        previous_id="resp_1",
    )
    names = {
        "seed", "tools.strict", "tools.custom", "tool_choice", "answer_format", "reasoning",
        "speech",
    }  # fmt: skip
    body, lost = write(asking, unsupported=frozenset(names))
    assert lost == (names - {"answer_format"}) | {"answer_format.json", "previous_id"}
    assert body["top_k"] == 2
    assert body["tools"] == [{"type": "function", "function": {"name": "f"}}]
    named_by_chat = frozenset({"response_format", "reasoning_effort"})
    assert write(asking, unsupported=named_by_chat)[1] == {
        "answer_format.json", "reasoning", "previous_id",
    }  # fmt: skip
    assert "tools" in write(asking, unsupported=frozenset({"tools"}))[1]


def test_one_choice_and_another_name_for_the_seed():
    asking = msgspec.structs.replace(ASKING, n=2, seed=5)
    body, lost = write(asking, quirks=frozenset({quirks.ONE_CHOICE, quirks.RANDOM_SEED}))
    assert (body["random_seed"], "seed" in body, lost) == (5, False, {"n"})
    one = msgspec.structs.replace(ASKING, n=1)
    assert write(one, quirks=frozenset({quirks.ONE_CHOICE}))[1] == set()


def test_tools_of_another_vendor_are_told():
    tools = (ServerTool("anthropic", {"type": "web_search"}), ServerTool("openai_chat", {"a": 1}))
    body, lost = write(msgspec.structs.replace(ASKING, tools=tools))
    assert (body["tools"], lost) == ([{"a": 1}], {"tools.server"})
    foreign = msgspec.structs.replace(ASKING, tools=tools[:1], parallel_tool_calls=True)
    assert "parallel_tool_calls" not in write(foreign)[0]


def test_a_tool_may_be_marked_for_the_cache():
    tool = Tool(name="f", cache=CacheMark())
    asking = msgspec.structs.replace(ASKING, tools=(tool,))
    body, lost = write(asking, quirks=frozenset({quirks.CACHE_CONTROL}))
    assert (body["tools"][0]["cache_control"], lost) == ({"type": "ephemeral"}, set())


def test_members_of_another_dialect_are_told():
    others: dict[str, Any] = {"min_p": 0.1}
    own = msgspec.structs.replace(ASKING, others=others, origin="openai_chat")
    assert write(own)[0]["min_p"] == 0.1
    foreign = msgspec.structs.replace(ASKING, others=others, origin="gemini")
    assert write(foreign)[1] == {"others.min_p"}


@pytest.mark.parametrize(
    ("reasoning", "quirk", "written"),
    [
        (Reasoning(effort="low"), "", {"reasoning_effort": "low"}),
        (Reasoning(budget_tokens=4_096), "", {"reasoning_effort": "low"}),
        (Reasoning(budget_tokens=-1), "", {}),
        (Reasoning(budget_tokens=5), quirks.REASONING_OBJECT, {"reasoning": {"max_tokens": 5}}),
        (
            Reasoning(effort="high", shows=False),
            quirks.REASONING_OBJECT,
            {"reasoning": {"effort": "high", "exclude": True}},
        ),
        (Reasoning(budget_tokens=-1), quirks.REASONING_OBJECT, {"reasoning": {"enabled": True}}),
        (Reasoning(effort="none"), quirks.THINKING_TYPE, {"thinking": {"type": "disabled"}}),
        (Reasoning(effort="low"), quirks.THINKING_TYPE, {"thinking": {"type": "enabled"}}),
        (Reasoning(shows=True), quirks.THINKING_TYPE, {}),
        (
            Reasoning(effort="max"),
            quirks.THINKING_EFFORT,
            {"thinking": {"type": "enabled"}, "reasoning_effort": "max"},
        ),
        (Reasoning(effort="none"), quirks.THINKING_EFFORT, {"thinking": {"type": "disabled"}}),
        (Reasoning(budget_tokens=0), quirks.ENABLE_THINKING, {"enable_thinking": False}),
        (
            Reasoning(budget_tokens=9),
            quirks.ENABLE_THINKING,
            {"enable_thinking": True, "thinking_budget": 9},
        ),
    ],
)
def test_thinking_is_said_in_the_vendors_way(
    reasoning: Reasoning, quirk: str, written: dict[str, Any]
):
    assert write_reasoning(reasoning, frozenset({quirk})) == written
