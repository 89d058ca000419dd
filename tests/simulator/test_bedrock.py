"""Bedrock answers Converse and InvokeModel, whole and as event streams."""

import base64

import msgspec
import pytest
from tests.simulator.asking import ask
from tests.simulator.test_eventstream import unframed

from faregate.simulator.bedrock import BEDROCK
from faregate.simulator.errors import ERRORS
from faregate.simulator.routing import Router

HELLO = [{"role": "user", "content": [{"text": "hello"}]}]
SPEC = {"name": "weather", "inputSchema": {"json": {"type": "object"}}}
TOOLS = {"tools": [{"toolSpec": SPEC}]}
CLAUDE = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 99,
    "messages": [{"role": "user", "content": "hello"}],
}


def said(model="sim", action="converse", **members):
    return ask(f"/model/{model.replace(':', '%3A')}/{action}", {"messages": HELLO, **members})


def events(found):
    assert found.headers["content-type"] == "application/vnd.amazon.eventstream"
    return [
        (headers.get(":event-type", headers.get(":exception-type")), msgspec.json.decode(payload))
        for headers, payload in unframed(found.body)
    ]


def test_a_conversation():
    found = said("sim:text=Good%20day,thinking=2,cached=3,cache_write=1,input=10").json
    reasoning, text = found["output"]["message"]["content"]
    assert reasoning["reasoningContent"]["reasoningText"]["text"] == "Leaves in"
    assert text == {"text": "Good day"}
    assert found["stopReason"] == "end_turn"
    assert found["usage"] == {
        "inputTokens": 6,
        "outputTokens": 4,
        "totalTokens": 14,
        "cacheReadInputTokens": 3,
        "cacheWriteInputTokens": 1,
    }


def test_a_stream_holds_what_the_whole_does():
    script = "sim:text=a,thinking=1,tools=2"
    made = events(said(script, "converse-stream", toolConfig=TOOLS))
    whole = said(script, toolConfig=TOOLS).json
    assert made[0] == ("messageStart", {"role": "assistant", "p": "abcdefgh"})
    starts = [event["start"]["toolUse"] for kind, event in made if kind == "contentBlockStart"]
    blocks = whole["output"]["message"]["content"]
    assert [s["toolUseId"] for s in starts] == [b["toolUse"]["toolUseId"] for b in blocks[2:]]
    assert made[-2][1]["stopReason"] == whole["stopReason"] == "tool_use"
    assert made[-1][1]["usage"] == whole["usage"]


def test_tools():
    called = said("sim:tool", toolConfig=TOOLS).json["output"]["message"]
    name = called["content"][0]["toolUse"]["toolUseId"]
    result = {"toolResult": {"toolUseId": name, "content": [{"json": {"sky": "blue"}}]}}
    talk = [*HELLO, called, {"role": "user", "content": [result]}]
    found = said("sim:tool", toolConfig=TOOLS, messages=talk).json
    assert found["output"]["message"]["content"] == [{"text": 'The tool said: {"sky":"blue"}'}]
    forced = {**TOOLS, "toolChoice": {"any": {}}}
    assert said(toolConfig=forced).json["stopReason"] == "tool_use"


@pytest.mark.parametrize(
    "members",
    [{"max_tokens": 1}, {"messages": []}, {"messages": HELLO * 2}],
)
def test_what_is_refused(members):
    found = said(**members)
    assert (found.status, found.headers["x-amzn-errortype"]) == (400, "ValidationException")


def test_claude_is_invoked():
    script = "sim:text=a%20b"
    found = ask(f"/model/{script}/invoke", CLAUDE)
    assert found.json["content"] == [{"type": "text", "text": "a b"}]
    assert found.headers["x-amzn-bedrock-output-token-count"] == "2"
    made = events(ask(f"/model/{script}/invoke-with-response-stream", CLAUDE))
    inner = [msgspec.json.decode(base64.b64decode(event["bytes"])) for _, event in made]
    assert [event["type"] for event in inner][:3] == [
        "message_start",
        "ping",
        "content_block_start",
    ]
    assert inner[-1]["amazon-bedrock-invocationMetrics"]["outputTokenCount"] == 2
    assert ask("/model/sim/invoke", {**CLAUDE, "stream": True}).status == 400
    assert ask("/model/sim/invoke", {**CLAUDE, "model": "x"}).status == 400


def test_embeddings_are_invoked():
    titan = ask("/model/sim/invoke", {"inputText": "hello", "dimensions": 4})
    assert len(titan.json["embedding"]) == 4
    assert titan.json["inputTextTokenCount"] == 2
    cohere = ask("/model/sim/invoke", {"texts": ["a", "b"], "input_type": "search_query"})
    assert (len(cohere.json["embeddings"]), cohere.json["response_type"]) == (
        2,
        "embeddings_floats",
    )
    assert cohere.headers["x-amzn-bedrock-input-token-count"] == "2"
    assert ask("/model/sim/invoke", {"texts": ["a"]}).status == 400


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    found = said(f"sim:error={name}")
    kind = BEDROCK.kinds[name]
    assert (found.status, found.headers["x-amzn-errortype"]) == (kind.status, kind.type)
    assert set(found.json) == {"message"}


def test_an_error_in_a_stream_is_an_exception():
    found = said("sim:error=rate_limit,error_in_stream_after=2", "converse-stream")
    assert [kind for kind, _ in events(found)][-1] == "throttlingException"


def test_counts():
    asked = {"input": {"converse": {"messages": HELLO}}}
    found = ask("/model/sim/count-tokens", asked).json
    assert found["inputTokens"] == said().json["usage"]["inputTokens"]
    inner = base64.b64encode(msgspec.json.encode(CLAUDE)).decode()
    assert ask("/model/sim/count-tokens", {"input": {"invokeModel": {"body": inner}}}).json


def test_a_call_without_a_signature_is_refused_where_a_key_is_known():
    found = ask("/model/sim/converse", {"messages": HELLO}, router=Router("AKID:SECRET"))
    assert found.status == 403
    assert found.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
    shown = {"authorization": "Bearer sk-sim:error=rate_limit"}
    found = ask("/model/sim/converse", {"messages": HELLO}, headers=shown)
    assert found.headers["x-amzn-errortype"] == "ThrottlingException"
