"""Replies have OpenAI's shape, and the same request gets the same bytes."""

import msgspec
from tests.simulator.asking import ask

from faregate.simulator.answer import compose
from faregate.simulator.replies import (
    Chat,
    Events,
    Request,
    asked_of,
    decode_request,
    models_body,
)
from faregate.simulator.script import PLAIN, Script

CHAT = decode_request(b'{"model":"m","messages":[{"role":"user","content":"hello"}]}')
USAGE_ASKED = msgspec.structs.replace(
    CHAT,
    stream=True,
    stream_options=decode_request(b'{"stream_options":{"include_usage":true}}').stream_options,
)


def completion_body(route, request, script):
    return Chat(route, request).whole(script)


def output_tokens(request, script):
    answer = compose(asked_of(request), script)
    return answer.tokens, answer.finish


def input_tokens(request):
    return asked_of(request).input_tokens


def stream(request, script, route="chat"):
    events = Events(route, request, script)
    tokens, finish = output_tokens(request, script)
    made = [*events.opening(), *map(events.token, tokens), *events.closing(len(tokens), finish)]
    assert made.pop() == b"data: [DONE]\n\n"
    return [msgspec.json.decode(event.removeprefix(b"data: ")) for event in made]


def test_a_chat():
    body = msgspec.json.decode(completion_body("chat", CHAT, Script(tokens=3)))
    assert body["object"] == "chat.completion"
    assert body["model"] == "m"
    assert body["choices"] == [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "The gate opens",
                "refusal": None,
                "annotations": [],
            },
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    usage = body["usage"]
    assert usage["completion_tokens"] == 3
    assert usage["total_tokens"] == usage["prompt_tokens"] + 3


def test_a_completion_of_two_choices():
    request = msgspec.structs.replace(CHAT, n=2)
    body = msgspec.json.decode(completion_body("completions", request, Script(text="a b")))
    assert [choice["text"] for choice in body["choices"]] == ["a b", "a b"]
    assert body["usage"]["completion_tokens"] == 4


def test_usage_is_null_before_the_last_chunk_that_has_no_choices():
    chunks = stream(USAGE_ASKED, Script(tokens=2))
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * 4
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 2
    assert chunks[0]["choices"][0]["delta"] == {
        "role": "assistant",
        "content": "",
        "refusal": None,
    }
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert len({(chunk["id"], chunk["created"]) for chunk in chunks}) == 1


def test_usage_that_is_not_asked_for_is_not_there():
    assert not any("usage" in chunk for chunk in stream(CHAT, Script(tokens=2)))


def test_usage_can_come_with_the_last_choice_or_not_at_all():
    chunks = stream(CHAT, Script(tokens=2, usage_in_last_chunk=True))
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["usage"]["completion_tokens"] == 2
    assert not any(c.get("usage") for c in stream(USAGE_ASKED, Script(tokens=2, no_usage=True)))
    assert "usage" not in msgspec.json.decode(completion_body("chat", CHAT, Script(no_usage=True)))


def test_a_completion_streams_text():
    chunks = stream(CHAT, Script(text="one two"), "completions")
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == "one two"
    assert chunks[0]["object"] == "text_completion"


def test_the_callers_limit_ends_it():
    request = msgspec.structs.replace(CHAT, max_completion_tokens=2)
    assert output_tokens(request, PLAIN) == (["The", " gate"], "length")
    assert output_tokens(request, Script(tokens=2))[1] == "stop"


def test_the_seed_changes_the_words_and_nothing_else_does():
    one, other = (output_tokens(CHAT, Script(seed=seed, tokens=20))[0] for seed in (1, 2))
    assert one != other
    assert len(one) == len(other)
    assert completion_body("chat", CHAT, PLAIN) == completion_body("chat", CHAT, PLAIN)


def test_input_is_counted_by_the_question_alone():
    longer = msgspec.structs.replace(CHAT, model="a-much-longer-name")
    assert input_tokens(CHAT) == input_tokens(longer) == 9
    assert input_tokens(Request()) == 1


def test_models():
    body = msgspec.json.decode(models_body(["a", "b"]))
    assert [model["id"] for model in body["data"]] == ["a", "b"]


TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
HELLO = {"role": "user", "content": "hello"}
RESULT = {"role": "tool", "content": [{"type": "text", "text": "sun"}]}


def answered(name):
    """A conversation that ends with the result of a call."""
    function = {"name": "weather", "arguments": "{}"}
    call = {"id": name, "type": "function", "function": function}
    calling = {"role": "assistant", "content": None, "tool_calls": [call]}
    return [HELLO, calling, {**RESULT, "tool_call_id": name}]


def said(model="sim", path="/v1/chat/completions", **members):
    body = {"model": model, "messages": [HELLO], **members}
    return ask(path, body, headers={"api-key": "k"} if "openai" in path else {})


def test_tools_are_called_and_streamed():
    whole = said("sim:tools=2", tools=TOOLS).json["choices"][0]
    assert (whole["finish_reason"], whole["message"]["content"]) == ("tool_calls", None)
    calls = whole["message"]["tool_calls"]
    assert [call["function"] for call in calls] == [{"name": "weather", "arguments": "{}"}] * 2
    chunks = said("sim:tools=2", tools=TOOLS, stream=True).events
    deltas = [c["choices"][0]["delta"].get("tool_calls", [None])[0] for c in chunks]
    named = [d for d in deltas if d and "id" in d]
    assert [(d["id"], d["index"]) for d in named] == [(c["id"], i) for i, c in enumerate(calls)]
    assert [d["function"]["arguments"] for d in deltas if d] == ["", "{}", "", "{}"]


def test_a_result_is_mentioned():
    found = said("sim:tool", tools=TOOLS, messages=answered("x"))
    assert found.json["choices"][0]["message"]["content"] == "The tool said: sun"
    forced = said(tools=TOOLS, tool_choice="required").json["choices"][0]
    assert forced["finish_reason"] == "tool_calls"
    assert said("sim:tool", tools=TOOLS, tool_choice="none").json["choices"][0]["message"][
        "content"
    ]


def test_usage_tells_what_was_cached_and_thought():
    usage = said("sim:thinking=2,tokens=3,input=10,cached=4").json["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (10, 5)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 4
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 2


def test_vendors_show_thinking_in_their_way():
    shown = {
        vendor: said("sim:thinking=2,text=x", f"/{vendor}/v1/chat/completions").json
        for vendor in ("deepseek", "openrouter", "mistral")
    }
    messages = {vendor: found["choices"][0]["message"] for vendor, found in shown.items()}
    assert messages["deepseek"]["reasoning_content"] == "Leaves in"
    assert messages["openrouter"]["reasoning"] == "Leaves in"
    assert [part["type"] for part in messages["mistral"]["content"]] == ["thinking", "text"]
    assert shown["deepseek"]["usage"]["prompt_cache_miss_tokens"] > 0
    hidden = said("sim:thinking=2,text=x").json["choices"][0]["message"]
    assert set(hidden) == {"role", "content", "refusal", "annotations"}


def test_mistral_deviates():
    path = "/mistral/v1/chat/completions"
    call = said("sim:tool", path, tools=TOOLS).json["choices"][0]["message"]["tool_calls"][0]
    assert len(call["id"]) == 9
    assert said(path=path, messages=answered(call["id"])).status == 200
    assert said(path=path, messages=answered("call_long_1")).status == 400
    chunks = said("sim:thinking=1,text=x", path, stream=True).events
    assert chunks[1]["choices"][0]["delta"]["content"][0]["type"] == "thinking"
    assert chunks[-1]["usage"]["completion_tokens"] == 2
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_azure_deviates():
    path = "/openai/deployments/sim%3Atokens=2/chat/completions"
    found = said("ignored", f"{path}?api-version=2024-10-21").json
    assert found["model"] == "sim:tokens=2"
    assert "content_filter_results" in found["choices"][0]
    events = said("x", f"{path}?api-version=1", stream=True).events
    assert events[0]["prompt_filter_results"]
    assert said("x", path).status == 404
    newer = said("sim", "/openai/v1/chat/completions").json
    assert "prompt_filter_results" in newer
