"""Chat and embed have Cohere's shape, and what Cohere refuses is refused."""

import pytest
from tests.simulator.asking import ask

from faregate.simulator.cohere import COHERE
from faregate.simulator.errors import ERRORS

HELLO = [{"role": "user", "content": "hello"}]
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]


def said(model="sim", **members):
    return ask("/v2/chat", {"model": model, "messages": HELLO, **members})


def test_a_chat():
    found = said("sim:text=Good day,thinking=2,input=10,cached=3").json
    assert found["message"]["content"] == [
        {"type": "thinking", "thinking": "Leaves in"},
        {"type": "text", "text": "Good day"},
    ]
    assert found["usage"] == {
        "billed_units": {"input_tokens": 10, "output_tokens": 4},
        "tokens": {"input_tokens": 70, "output_tokens": 4},
        "cached_tokens": 3,
    }
    assert found["finish_reason"] == "COMPLETE"


def test_the_order_of_events():
    events = said("sim:text=a b,thinking=1", stream=True, documents=["x"]).events
    assert [event["type"] for event in events] == [
        "message-start",
        "content-start",
        "content-delta",
        "content-end",
        "content-start",
        "content-delta",
        "content-delta",
        "content-end",
        "citation-start",
        "citation-end",
        "message-end",
    ]
    assert events[-1]["delta"]["usage"]["tokens"]["output_tokens"] == 3
    cited = events[-3]["delta"]["message"]["citations"]
    assert (cited["text"], cited["start"], cited["end"]) == ("b", 2, 3)


def test_tools():
    called = said("sim:tool,text=I look", tools=TOOLS).json
    assert called["finish_reason"] == "TOOL_CALL"
    assert called["message"]["tool_plan"] == "I look"
    (call,) = called["message"]["tool_calls"]
    result = {"role": "tool", "tool_call_id": call["id"], "content": "sun"}
    found = said("sim:tool", tools=TOOLS, messages=[*HELLO, called["message"], result]).json
    assert found["message"]["content"][0]["text"] == "The tool said: sun"
    assert found["message"]["citations"][0]["text"] == "sun"
    kinds = [e["type"] for e in said("sim:tool,text=I", stream=True, tools=TOOLS).events]
    assert kinds[1:-1] == [
        "tool-plan-delta",
        "tool-call-start",
        "tool-call-delta",
        "tool-call-end",
    ]
    assert said(tools=TOOLS, tool_choice="REQUIRED").json["finish_reason"] == "TOOL_CALL"


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"top_p": 1}, "unknown field: parameter 'top_p'"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "bot", "content": "x"}]}, "role 'bot'"),
        ({"messages": [{"role": "tool", "tool_call_id": "x", "content": "y"}]}, "not found"),
    ],
)
def test_what_is_refused(members, words):
    found = said(**members)
    assert found.status == 400
    assert words in found.json["message"]


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    found = said(f"sim:error={name}")
    assert (found.status, set(found.json)) == (COHERE.kinds[name].status, {"id", "message"})


def test_an_error_in_a_stream_ends_the_message():
    last = said("sim:error_in_stream_after=2", stream=True).events[-1]
    assert (last["type"], last["delta"]["finish_reason"]) == ("message-end", "ERROR")


def test_embeddings_in_every_form():
    forms = ["float", "int8", "uint8", "binary", "ubinary", "base64"]
    asked = {"model": "sim", "texts": ["a", "b"], "input_type": "x", "output_dimension": 16}
    found = ask("/v2/embed", {**asked, "embedding_types": forms}).json
    assert {form: len(found["embeddings"][form][0]) for form in forms[:5]} == {
        "float": 16,
        "int8": 16,
        "uint8": 16,
        "binary": 2,
        "ubinary": 2,
    }
    assert found["meta"]["billed_units"] == {"input_tokens": 2}
    assert ask("/v2/embed", {"model": "sim", "texts": ["a"]}).status == 400
    assert ask("/v2/embed", {"model": "sim", "input_type": "x"}).status == 400
    assert ask("/v2/embed", {**asked, "embedding_types": ["x"]}).status == 400
