"""Messages have Anthropic's shape, and what Anthropic refuses is refused."""

import pytest
from tests.simulator.asking import ask

from faregate.simulator.anthropic import ANTHROPIC
from faregate.simulator.errors import ERRORS
from faregate.simulator.routing import Router

PATH = "/v1/messages"
VERSION = {"anthropic-version": "2023-06-01"}
TOOLS = [{"name": "weather", "input_schema": {"type": "object"}}]
HELLO = [{"role": "user", "content": "hello"}]
CALL = {"type": "tool_use", "id": "t1", "name": "weather", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "sun"}]}


def said(model="sim", headers=VERSION, path=PATH, **members):
    body = {"model": model, "max_tokens": 100, "messages": HELLO, **members}
    return ask(path, {n: v for n, v in body.items() if v is not None}, headers=headers)


def test_a_message():
    found = said("sim:text=Good day,thinking=2,cached=3,cache_write=1,input=10").json
    thinking, text = found["content"]
    assert (thinking["type"], thinking["signature"][:4]) == ("thinking", "sim-")
    assert text == {"type": "text", "text": "Good day"}
    assert (found["type"], found["role"], found["stop_reason"]) == (
        "message",
        "assistant",
        "end_turn",
    )
    usage = found["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (6, 4)
    assert (usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]) == (3, 1)


def test_a_stream_holds_what_the_whole_does():
    script = "sim:text=Good day,thinking=2,tools=2"
    events = said(script, stream=True, tools=TOOLS).events
    whole = said(script, tools=TOOLS).json
    kinds = [event["type"] for event in events]
    assert kinds[:3] == ["message_start", "ping", "content_block_start"]
    assert kinds[-2:] == ["message_delta", "message_stop"]
    blocks = {}
    for event in events:
        if event["type"] == "content_block_delta":
            delta = dict(event["delta"])
            kind = delta.pop("type")
            (value,) = delta.values()
            row = blocks.setdefault(event["index"], {})
            row[kind] = row.get(kind, "") + value
    assert blocks[0]["thinking_delta"] == whole["content"][0]["thinking"]
    assert blocks[0]["signature_delta"] == whole["content"][0]["signature"]
    assert blocks[1]["text_delta"] == "Good day"
    assert blocks[2]["input_json_delta"] == blocks[3]["input_json_delta"] == "{}"
    last = events[-2]
    assert last["delta"]["stop_reason"] == whole["stop_reason"] == "tool_use"
    assert last["usage"]["output_tokens"] == whole["usage"]["output_tokens"]


def test_tools():
    called = said("sim:tool", tools=TOOLS).json
    assert called["content"][0]["name"] == "weather"
    assert called["stop_reason"] == "tool_use"
    talk = [*HELLO, {"role": "assistant", "content": [CALL]}, {"role": "user", "content": [RESULT]}]
    assert said("sim:tool", tools=TOOLS, messages=talk).json["content"] == [
        {"type": "text", "text": "The tool said: sun"}
    ]
    forced = said(tools=TOOLS, tool_choice={"type": "tool", "name": "weather"}).json
    assert forced["stop_reason"] == "tool_use"


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"headers": {}}, "anthropic-version: header is required"),
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": 0}, "greater than or equal to 1"),
        ({"messages": None}, "messages: Field required"),
        ({"messages": []}, "at least one message"),
        ({"frequency_penalty": 1}, "frequency_penalty: Extra inputs are not permitted"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": ""}]}, "must be non-empty"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages.0.content.0.type"),
        ({"messages": [{"role": "user", "content": [RESULT]}]}, "unexpected `tool_use_id`"),
        ({"messages": [{"role": "assistant", "content": [CALL]}, *HELLO]}, "without `tool_result`"),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "content": [{"type": "thinking", "thinking": "x", "signature": "y"}],
                    }
                ]
            },
            "Invalid `signature`",
        ),
        ({"thinking": {"type": "enabled", "budget_tokens": 1}}, "budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "must be greater than"),
        ({"tools": [{"name": "x"}]}, "tools.0.custom.input_schema: Field required"),
        ({"messages": 7}, "form that is not known"),
    ],
    ids=range(16),
)
def test_what_is_refused(members, words):
    found = said(**members)
    assert found.status == 400
    assert found.json["type"] == "error"
    assert found.json["error"]["type"] == "invalid_request_error"
    assert words in found.json["error"]["message"]


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    found = said(f"sim:error={name}")
    assert found.status == ANTHROPIC.kinds[name].status
    assert found.json["error"]["type"] == ANTHROPIC.kinds[name].type


def test_an_error_in_a_stream():
    found = said("sim:error=overloaded,error_in_stream_after=3", stream=True)
    assert found.body.endswith(b"\n\n")
    assert b"event: error\n" in found.body
    assert found.events[-1]["error"]["type"] == "overloaded_error"


def test_keys():
    router = Router("right")
    body = {"model": "sim", "max_tokens": 9, "messages": HELLO}
    shown = [{**VERSION, "x-api-key": key} for key in ("right", "wrong", "sk-sim:error=quota")]
    found = [ask(PATH, body, headers=headers, router=router) for headers in shown]
    assert [one.status for one in found] == [200, 401, 400]
    assert found[1].json["error"]["type"] == "authentication_error"


def test_counts_and_models():
    found = said(path=PATH + "/count_tokens", max_tokens=None)
    assert found.json == {"input_tokens": said().json["usage"]["input_tokens"]}
    models = ask("/v1/models", method="GET", headers=VERSION).json
    assert models["data"][0]["type"] == "model"
    assert ask("/v1/models/x", method="GET", headers=VERSION).json["id"] == "x"
