"""Replies have OpenAI's shape, and the same request gets the same bytes."""

import msgspec

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
