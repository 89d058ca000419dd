"""Ollama answers in lines of JSON, and streams unless told otherwise."""

import msgspec
import pytest
from tests.simulator.asking import ask

from faregate.simulator.errors import ERRORS
from faregate.simulator.ollama import OLLAMA

HELLO = [{"role": "user", "content": "hello"}]
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]


def said(model="sim", path="/api/chat", **members):
    return ask(path, {"model": model, "messages": HELLO, **members})


def lines(found):
    assert found.headers["content-type"] == "application/x-ndjson"
    return [msgspec.json.decode(line) for line in found.body.splitlines()]


def test_a_chat_streams_unless_told_otherwise():
    made = lines(said("sim:text=Good day,thinking=1", think=True))
    assert [line["message"].get("thinking") for line in made] == ["Leaves", None, None, None]
    assert "".join(line["message"]["content"] for line in made) == "Good day"
    assert [line["done"] for line in made] == [False, False, False, True]
    assert (made[-1]["eval_count"], made[-1]["done_reason"]) == (3, "stop")
    whole = said("sim:text=Good day,thinking=1", think=True, stream=False).json
    assert whole["message"] == {"role": "assistant", "content": "Good day", "thinking": "Leaves"}
    assert whole["prompt_eval_count"] == made[-1]["prompt_eval_count"]


def test_tools():
    (call,) = said("sim:tool", tools=TOOLS, stream=False).json["message"]["tool_calls"]
    assert call["function"]["arguments"] == {}
    talk = [*HELLO, {"role": "assistant", "content": "", "tool_calls": [call]}]
    talk.append({"role": "tool", "tool_name": "weather", "content": "sun"})
    found = said("sim:tool", tools=TOOLS, messages=talk, stream=False).json
    assert found["message"]["content"] == "The tool said: sun"


def test_generate():
    made = lines(said("sim:text=a b", "/api/generate", prompt="x", options={"num_predict": 1}))
    assert [line["response"] for line in made] == ["a", ""]
    assert made[-1]["done_reason"] == "length"
    assert said(path="/api/generate").json["done_reason"] == "load"


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"model": ""}, "model is required"),
        ({"messages": [{"role": "bot", "content": "x"}]}, "invalid role"),
        ({"messages": [{"role": "user", "content": []}]}, "cannot unmarshal array"),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "content": "",
                        "tool_calls": [{"function": {"name": "x", "arguments": "{}"}}],
                    }
                ]
            },
            "cannot unmarshal string",
        ),
    ],
    ids=range(4),
)
def test_what_is_refused(members, words):
    found = said(**members)
    assert found.status == 400
    assert words in found.json["error"]


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    found = said(f"sim:error={name}")
    assert (found.status, set(found.json)) == (OLLAMA.kinds[name].status, {"error"})


def test_an_error_in_a_stream_is_a_line():
    assert set(lines(said("sim:error_in_stream_after=2"))[-1]) == {"error"}


def test_embeddings():
    found = said(path="/api/embed", input=["a", "b"], dimensions=4).json
    assert [len(vector) for vector in found["embeddings"]] == [4, 4]
    assert found["prompt_eval_count"] == 2
    assert len(said(path="/api/embeddings", prompt="a").json["embedding"]) == 768
    assert said(path="/api/embed", input=[1]).status == 400


def test_models():
    assert ask("/api/tags", method="GET").json["models"][0]["name"] == "sim"
    assert "tools" in ask("/api/show", {"model": "sim"}).json["capabilities"]
    assert ask("/api/show", {}).status == 400
    assert "version" in ask("/api/version", method="GET").json
