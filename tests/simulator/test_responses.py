"""Responses have OpenAI's items, and their streams the full order of events."""

import pytest
from tests.simulator.asking import ask

TOOLS = [{"type": "function", "name": "weather", "parameters": {"type": "object"}}]
CALL = {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "sun"}


def said(model="sim", **members):
    body = {"model": model, "input": "hello", **members}
    return ask("/v1/responses", {n: v for n, v in body.items() if v is not None})


def test_a_response():
    found = said("sim:text=Good day,thinking=2,cached=3,input=10", reasoning={"summary": "auto"})
    reasoning, message = found.json["output"]
    assert reasoning["summary"] == [{"type": "summary_text", "text": "Leaves in"}]
    assert message["content"][0]["text"] == "Good day"
    assert found.json["status"] == "completed"
    assert found.json["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 14,
    }


def test_the_order_of_events():
    events = said("sim:text=a b,thinking=1,tool", stream=True, tools=TOOLS,
                  reasoning={"summary": "auto"}).events  # fmt: skip
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"].removeprefix("response.") for event in events] == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    done = [e["item"] for e in events if e["type"] == "response.output_item.done"]
    assert events[-1]["response"]["output"] == done
    assert events[-1]["response"]["usage"]["output_tokens"] == 4


def test_the_whole_is_the_end_of_the_stream():
    script = "sim:tools=2,thinking=3"
    last = said(script, stream=True, tools=TOOLS).events[-1]["response"]
    assert last == said(script, tools=TOOLS).json


def test_tools():
    (call,) = said("sim:tool", tools=TOOLS).json["output"]
    assert (call["type"], call["name"]) == ("function_call", "weather")
    found = said("sim:tool", tools=TOOLS, input=[CALL, RESULT]).json
    assert found["output"][0]["content"][0]["text"] == "The tool said: sun"
    forced = said(tools=TOOLS, tool_choice={"type": "function", "name": "weather"}).json
    assert forced["output"][0]["type"] == "function_call"


def test_incomplete():
    found = said("sim:tokens=20", max_output_tokens=16).json
    assert (found["status"], found["incomplete_details"]) == (
        "incomplete",
        {"reason": "max_output_tokens"},
    )
    assert said("sim:finish=content_filter", stream=True).events[-1]["type"] == (
        "response.incomplete"
    )


def test_reasoning_can_be_kept_by_the_caller():
    found = said("sim:thinking=2", include=["reasoning.encrypted_content"]).json
    assert found["output"][0]["encrypted_content"] == "sim-encrypted-2"
    assert found["output"][0]["summary"] == []


def content(role, kind):
    return [{"role": role, "content": [{"type": kind, "text": "x"}]}]


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"messages": []}, "messages"),
        ({"input": None}, "input"),
        ({"model": ""}, "model"),
        ({"max_output_tokens": 1}, "max_output_tokens"),
        ({"previous_response_id": "x"}, "previous_response_id"),
        ({"tools": [{"type": "function", "function": {"name": "x"}}]}, "tools[0].name"),
        ({"input": [RESULT]}, "input"),
        ({"input": content("tool", "input_text")}, "input[0].role"),
        ({"input": content("assistant", "input_text")}, "input[0].content[0].type"),
        ({"input": content("user", "text")}, "input[0].content[0].type"),
    ],
    ids=range(10),
)
def test_what_is_refused(members, param):
    found = said(**members)
    assert (found.status, found.json["error"]["param"]) == (400, param)


def test_an_error_in_a_stream():
    last = said("sim:error_in_stream_after=2", stream=True).events[-1]
    assert (last["type"], last["sequence_number"]) == ("error", 2)
