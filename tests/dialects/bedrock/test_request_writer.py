"""A request of any dialect becomes one that Converse takes; what is left out is told."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from tests.dialects.bedrock.test_request_reader import FULL, read
from tests.dialects.bedrock_oracle import problems
from tests.dialects.neutral_forms import requests

from faregate.dialects.bedrock.request_writer import write_request
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.features import FEATURES
from faregate.dialects.neutral.request import Message, Reasoning, Request, Tool, ToolChoice
from faregate.dialects.translation import TargetFacts

HI = Message("user", (parts.Text("hi"),))
CLAUDE, NOVA, OSS = (
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-pro-v1:0", "openai.gpt-oss-20b-1:0"
)  # fmt: skip


def _write(model: str = CLAUDE, **fields: Any) -> tuple[dict[str, Any], set[str]]:
    fields.setdefault("messages", (HI,))
    request = Request(model="m", origin="openai_chat", **fields)
    written = write_request(request, TargetFacts(model=model, output_tokens_max=32_000))
    return msgspec.json.decode(written.body), {lost.name for lost in written.lost}


def test_all_of_it_means_the_same():
    found = read(FULL)
    written = write_request(found, TargetFacts(model=CLAUDE))
    assert written.lost == ()
    assert read(msgspec.json.decode(written.body)) == found
    assert problems(written.body) == ""


@settings(max_examples=50, deadline=None)
@given(requests(FEATURES))
def test_awss_own_model_of_the_service_takes_it(request_: Request):
    assert problems(write_request(request_, TargetFacts(model=CLAUDE)).body) == ""


@pytest.mark.parametrize(
    ("model", "asked", "own", "output", "lost"),
    [
        (CLAUDE, Reasoning(effort="low"),
         {"thinking": {"type": "enabled", "budget_tokens": 4_096}}, None, set()),
        ("anthropic.claude-opus-5", Reasoning(effort="low"),
         {"thinking": {"type": "adaptive"}}, {"effort": "low"}, set()),
        (OSS, Reasoning(effort="minimal"), {"reasoning_effort": "low"}, None, set()),
        (OSS, Reasoning(effort="none"), None, None, set()),
        (NOVA, Reasoning(effort="low"), None, None, {"reasoning"}),
    ],
)  # fmt: skip
def test_models_are_asked_to_think_in_their_ways(
    model: str, asked: Reasoning, own: Any, output: Any, lost: set[str]
):
    body, told = _write(model, reasoning=asked)
    assert body.get("additionalModelRequestFields") == own
    assert body.get("outputConfig") == output
    assert told == lost


def test_fields_that_only_some_models_have():
    body, lost = _write(NOVA, top_k=7, user="u")
    assert body["additionalModelRequestFields"] == {"inferenceConfig": {"topK": 7}}
    assert lost == {"user"}
    body, lost = _write(CLAUDE, top_k=7, user="u")
    assert body["additionalModelRequestFields"] == {"top_k": 7, "metadata": {"user_id": "u"}}
    assert lost == set()


def test_a_word_of_effort_goes_back_where_it_stood():
    found = read({"messages": [], "additionalModelRequestFields": {"reasoning_effort": "low"}})
    body = msgspec.json.decode(write_request(found, TargetFacts(model=OSS)).body)
    assert body["additionalModelRequestFields"] == {"reasoning_effort": "low"}
    assert "outputConfig" not in body


def test_turns_are_joined_with_results_first():
    call = parts.ToolCall("1", "f", "{}")
    body, lost = _write(
        messages=(
            Message("system", (parts.Text("a"),)),
            HI,
            Message("system", (parts.Text("b"),)),
            Message("assistant", (call,)),
            Message("user", (parts.Text("t"),)),
            Message("tool", (parts.ToolResult("1", (parts.Text("r"),)),)),
            Message("tool", (parts.ToolResult("2", ()),)),
        )
    )
    assert body["system"] == [{"text": "a"}, {"text": "b"}]
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert [next(iter(block)) for block in body["messages"][2]["content"]] == [
        "toolResult", "toolResult", "text",
    ]  # fmt: skip
    assert body["toolConfig"]["tools"][0]["toolSpec"]["name"] == "f"
    assert lost == set()


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice("auto"), {"auto": {}}),
        (ToolChoice("required"), {"any": {}}),
        (ToolChoice("tool", ("f",)), {"tool": {"name": "f"}}),
        (ToolChoice("allowed", ("f",), required=True), {"any": {}}),
    ],
)
def test_choices_of_tools(choice: ToolChoice, expected: Any):
    body, lost = _write(tools=(Tool(name="f"), Tool(name="g")), tool_choice=choice)
    assert body["toolConfig"]["toolChoice"] == expected
    assert len(body["toolConfig"]["tools"]) == (1 if choice.mode == "allowed" else 2)
    assert lost == set()


def test_no_tools_are_none_unless_some_were_called():
    fields: dict[str, Any] = {"tools": (Tool(name="f"),), "tool_choice": ToolChoice("none")}
    assert "toolConfig" not in _write(**fields)[0]
    called = Message("assistant", (parts.ToolCall("1", "f", "{}"),))
    body, lost = _write(messages=(HI, called), **fields)
    assert body["toolConfig"].keys() == {"tools"}
    assert lost == {"tool_choice"}


@pytest.mark.parametrize(
    ("fields", "lost"),
    [
        ({"n": 2, "seed": 1}, {"n", "seed"}),
        ({"service_tier": "auto", "n": 1, "parallel_tool_calls": False}, set()),
        ({"service_tier": "scale"}, {"service_tier"}),
        ({"tools": (Tool(name="f"),), "parallel_tool_calls": False}, {"parallel_tool_calls"}),
        ({"tools": (Tool(name="f", custom=True),)}, set()),
        ({"others": {"x": 1}}, {"others.x"}),
    ],
)
def test_what_is_left_out_is_told(fields: dict[str, Any], lost: set[str]):
    assert _write(**fields)[1] == lost


def test_what_a_model_does_not_take_is_left_out_and_told():
    target = TargetFacts(model=NOVA, unsupported=frozenset(("top_p", "system", "tools", "seed")))
    request = Request(
        model="m", messages=(Message("system", (parts.Text("s"),)), HI), top_p=0.5,
        tools=(Tool(name="f"),),
    )  # fmt: skip
    written = write_request(request, target)
    assert [lost.name for lost in written.lost] == ["system", "tools", "top_p"]
    assert msgspec.json.decode(written.body).keys() == {"messages", "inferenceConfig"}


@pytest.mark.parametrize(("model", "caches"), [(CLAUDE, True), (NOVA, True), (OSS, False)])
def test_cache_points_are_for_models_that_have_a_cache(model: str, caches: bool):
    mark = parts.CacheMark()
    messages = (
        Message("system", (parts.Text("s", mark),)),
        Message("user", (parts.Text("u", mark),)),
    )
    body, lost = _write(model, messages=messages, tools=(Tool(name="f", cache=mark),))
    assert str(body).count("cachePoint") == (3 if caches else 0)
    assert lost == (set() if caches else {"cache"})
