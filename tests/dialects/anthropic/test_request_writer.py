"""A request of any dialect becomes one that Claude takes; what is left out is told."""

from typing import Any

import msgspec
import pytest
from tests.dialects.anthropic.test_request_reader import AGENT

from faregate.core import bounds
from faregate.dialects.anthropic.request_reader import read_request
from faregate.dialects.anthropic.request_writer import output_limit, write_request
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.request import (
    AnswerFormat,
    Message,
    Request,
    ServerTool,
    Tool,
    ToolChoice,
)
from faregate.dialects.translation import TargetFacts

TARGET = TargetFacts(model="claude-sonnet-4-6")
HI = Message("user", (parts.Text("hi"),))
TOOL = Tool(name="f", parameters={"type": "object"})


def _write(request: Request, model: str = TARGET.model) -> tuple[dict[str, Any], set[str]]:
    written = write_request(request, TargetFacts(model=model))
    return msgspec.json.decode(written.body), {lost.name for lost in written.lost}


def _asking(*messages: Message, **fields: Any) -> Request:
    return Request(model="m", messages=messages or (HI,), origin="openai_chat", **fields)


def test_an_agents_request_means_the_same():
    read = read_request(msgspec.json.encode(AGENT), None, stream=False)
    assert isinstance(read, Request)
    written = write_request(read, TargetFacts(model=AGENT["model"]))
    assert written.lost == ()
    again = read_request(written.body, None, stream=False)
    assert again == read
    body = msgspec.json.decode(written.body)
    assert body["tools"] == AGENT["tools"]
    assert body["thinking"] == AGENT["thinking"]
    assert body["service_tier"] == "standard_only"
    assert body["context_management"] == {"edits": []}


def test_an_output_limit_is_always_said():
    assert output_limit(_asking(output_tokens_max=5), TARGET) == 5
    assert output_limit(_asking(), TargetFacts(model="m", output_tokens_max=64_000)) == 64_000
    assert output_limit(_asking(), TARGET) == bounds.USUAL_OUTPUT_TOKENS


def test_neighbours_become_one_turn_with_results_first():
    call = parts.ToolCall("call:1", "f", "")
    body, lost = _write(
        _asking(
            HI,
            Message("user", (parts.Text("you"),)),
            Message("assistant", (parts.Text("well"),)),
            Message("assistant", (call,)),
            Message("user", (parts.Text("first"),)),
            Message("tool", (parts.ToolResult("call:1", (parts.Text("1"),), "f"),)),
            tools=(TOOL,),
        )
    )
    assert lost == set()
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert [block["text"] for block in body["messages"][0]["content"]] == ["hi", "you"]
    used = body["messages"][1]["content"][1]
    assert used["input"] == {}
    result, text = body["messages"][2]["content"]
    assert (result["type"], text["text"]) == ("tool_result", "first")
    assert result["tool_use_id"] == used["id"] != "call:1"


def test_system_prompts_on_the_way_go_to_the_top_or_stay():
    request = _asking(
        Message("system", (parts.Text("a"),)),
        HI,
        Message("developer", (parts.Text("b"),)),
    )
    body, lost = _write(request)
    assert [block["text"] for block in body["system"]] == ["a", "b"]
    assert lost == set()
    body, lost = _write(request, "claude-opus-4-8")
    assert body["system"] == "a"
    assert body["messages"][1] == {"role": "system", "content": "b"}


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (None, None, None),
        (ToolChoice("auto"), None, {"type": "auto"}),
        (ToolChoice("required"), False, {"type": "any", "disable_parallel_tool_use": True}),
        (ToolChoice("none"), False, {"type": "none"}),
        (ToolChoice("tool", ("f",)), None, {"type": "tool", "name": "f"}),
        (ToolChoice("allowed", ("f",), required=True), None, {"type": "any"}),
        (None, True, {"type": "auto", "disable_parallel_tool_use": False}),
    ],
)
def test_choices_of_tools(choice: ToolChoice | None, parallel: bool | None, expected: Any):
    other = Tool(name="g", parameters={"type": "object"})
    body, lost = _write(
        _asking(tools=(TOOL, other), tool_choice=choice, parallel_tool_calls=parallel)
    )
    assert body.get("tool_choice") == expected
    allowed = choice is not None and choice.mode == "allowed"
    assert [tool["name"] for tool in body["tools"]] == (["f"] if allowed else ["f", "g"])
    assert lost == set()


def test_models_that_can_not_be_told_to_call_a_tool_are_left_free():
    body, lost = _write(
        _asking(tools=(TOOL,), tool_choice=ToolChoice("tool", ("f",))), "claude-opus-5-5"
    )
    assert (body["tool_choice"], lost) == ({"type": "auto"}, {"tool_choice"})


def test_tools_of_the_past_are_declared_and_forbidden():
    called = Message("assistant", (parts.ToolCall("1", "old", "{}"),))
    given = Message("tool", (parts.ToolResult("1", ()),))
    body, _ = _write(_asking(HI, called, given))
    assert body["tools"] == [{"name": "old", "input_schema": {"type": "object"}}]
    assert body["tool_choice"] == {"type": "none"}


def test_answers_of_json():
    wanted = AnswerFormat(kind="schema", name="n", schema={"type": "object"})
    body, lost = _write(_asking(answer_format=wanted))
    schema = {"type": "object", "additionalProperties": False}
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": schema}}
    body, lost = _write(_asking(answer_format=AnswerFormat(kind="json")))
    assert "JSON" in body["system"]
    assert lost == set()


@pytest.mark.parametrize(
    ("fields", "lost"),
    [
        ({"n": 2, "seed": 1, "logprobs": True}, {"n", "seed", "logprobs"}),
        ({"n": 1, "logprobs": False, "presence_penalty": 0.0, "store": False}, set()),
        ({"modalities": ("text",), "verbosity": "medium", "logit_bias": {}}, set()),
        ({"modalities": ("text", "audio")}, {"modalities"}),
        ({"metadata": {"a": "b"}, "previous_id": "r"}, {"metadata", "previous_id"}),
        ({"service_tier": "flex"}, {"service_tier"}),
        ({"service_tier": "auto"}, set()),
        ({"stop": ("\n\n",)}, {"stop"}),
        ({"stop": ("END",)}, set()),
        ({"others": {"logit_magic": 1}}, {"others.logit_magic"}),
        ({"tools": (Tool(name="f", custom=True),)}, set()),
        ({"tools": (ServerTool("openai_responses", {}),)}, {"tools.server"}),
    ],
)
def test_what_is_left_out_is_told(fields: dict[str, Any], lost: set[str]):
    assert _write(_asking(**fields))[1] == lost


@pytest.mark.parametrize(("strict", "closed"), [(True, True), (False, False), (None, False)])
def test_strict_tools_have_closed_schemas(strict: bool | None, closed: bool):
    tool = Tool(name="f", parameters={"type": "object"}, strict=strict)
    (made,) = _write(_asking(tools=(tool,)))[0]["tools"]
    assert made.get("strict") == (True if closed else None)
    assert ("additionalProperties" in made["input_schema"]) == closed


def test_what_a_model_does_not_take_is_left_out_and_told():
    target = TargetFacts(model="m", unsupported=frozenset(("temperature", "stop", "seed")))
    written = write_request(_asking(temperature=0.5, stop=("x",)), target)
    assert [lost.name for lost in written.lost] == ["stop", "temperature"]
    assert b"temperature" not in written.body
    assert b"stop_sequences" not in written.body


def test_marks_for_a_cache_that_is_none_are_left_out_and_told():
    mark = parts.CacheMark()
    result = parts.ToolResult("1", (parts.Text("r", mark), parts.Text("s")), cache=mark)
    request = _asking(
        Message("system", (parts.Text("s", mark),)),
        Message("user", (parts.Text("u", mark),)),
        Message("tool", (result,)),
        tools=(Tool(name="f", cache=mark),),
    )
    target = TargetFacts(model="m", unsupported=frozenset(("cache",)))
    written = write_request(request, target)
    assert b"cache_control" not in written.body
    assert [lost.name for lost in written.lost] == ["cache"]
    assert write_request(_asking(), target).lost == ()


def test_what_is_written_shares_nothing_with_the_request():
    raw = {"type": "search_result", "cache_control": {"type": "ephemeral"}}
    part = parts.ServerPart("anthropic", raw)
    target = TargetFacts(model="m", unsupported=frozenset(("cache",)))
    request = Request(model="m", messages=(Message("user", (part,)),), origin="anthropic")
    assert b"cache_control" not in write_request(request, target).body
    assert "cache_control" in raw
