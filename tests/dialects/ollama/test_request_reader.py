"""Requests in Ollama's shapes are read; a wrong one is refused."""

import json
from typing import Any

import pytest

from faregate.core.refusals import Refusal
from faregate.dialects.neutral.parts import Image, Media, Text
from faregate.dialects.neutral.request import (
    AnswerFormat,
    Message,
    Reasoning,
    Request,
    Tool,
)
from faregate.dialects.ollama.request_reader import read_chat, read_generate

HELLO: dict[str, Any] = {"model": "llama3.2", "messages": [{"role": "user", "content": "Hello"}]}


def _chat(document: Any) -> Request:
    found = read_chat(json.dumps(document).encode(), None, stream=False)
    assert isinstance(found, Request), found
    return found


def test_it_streams_unless_told_not_to() -> None:
    expected = Request(
        model="llama3.2",
        messages=(Message("user", (Text("Hello"),)),),
        origin="ollama",
        stream=True,
    )
    assert _chat(HELLO) == expected
    assert not _chat(HELLO | {"stream": False}).stream


FULL = HELLO | {
    "tools": [
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": {}}}
    ],
    "think": "high",
    "format": {"type": "object"},
    "options": {
        "num_predict": 9,
        "temperature": 0.5,
        "top_k": 4,
        "top_p": 0.9,
        "seed": 7,
        "stop": ["END"],
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "num_ctx": 4096,
        "repeat_penalty": 1.1,
    },
    "keep_alive": "5m",
    "logprobs": True,
    "top_logprobs": 2,
}


def test_all_of_a_chat() -> None:
    assert _chat(FULL) == Request(
        model="llama3.2",
        messages=(Message("user", (Text("Hello"),)),),
        origin="ollama",
        stream=True,
        tools=(Tool(name="f", description="d", parameters={}),),
        reasoning=Reasoning(effort="high"),
        answer_format=AnswerFormat(kind="schema", schema={"type": "object"}),
        output_tokens_max=9,
        temperature=0.5,
        top_k=4,
        top_p=0.9,
        seed=7,
        stop=("END",),
        presence_penalty=0.1,
        frequency_penalty=0.2,
        logprobs=True,
        top_logprobs=2,
        others={"keep_alive": "5m", "options": {"num_ctx": 4096, "repeat_penalty": 1.1}},
    )


def test_all_of_a_prompt() -> None:
    document = {
        "model": "llava",
        "prompt": "What is it?",
        "system": "Be terse.",
        "images": ["/9j/4A"],
        "suffix": "!",
        "context": [1, 2],
        "raw": False,
        "format": "json",
        "think": False,
        "options": {"num_predict": -1, "stop": "END"},
    }
    found = read_generate(json.dumps(document).encode(), None, stream=False)
    assert found == Request(
        model="llava",
        messages=(
            Message("system", (Text("Be terse."),)),
            Message(
                "user",
                (Image(Media(media_type="image/jpeg", data="/9j/4A")), Text("What is it?")),
            ),
        ),
        origin="ollama_generate",
        stream=True,
        answer_format=AnswerFormat(kind="json"),
        reasoning=Reasoning(budget_tokens=0),
        stop=("END",),
        others={"suffix": "!", "context": [1, 2], "raw": False},
    )


def test_what_may_be_empty() -> None:
    found = _chat(HELLO | {"format": "", "think": "", "options": None, "tools": None})
    assert found == _chat(HELLO)
    assert _chat({"model": "m"}).messages == ()  # such a call loads the model
    assert _chat(HELLO | {"think": True}).reasoning == Reasoning(budget_tokens=-1)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": None}, "model"),
        ({"messages": "Hello"}, "messages"),
        ({"messages": [{"role": "alien"}]}, "messages[0].role"),
        ({"stream": 1}, "stream"),
        ({"think": "hard"}, "think"),
        ({"think": 3}, "think"),
        ({"format": "xml"}, "format"),
        ({"options": []}, "options"),
        ({"options": {"num_predict": "9"}}, "options.num_predict"),
        ({"options": {"stop": [1]}}, "options.stop[0]"),
        ({"tools": [{"function": {"name": 1}}]}, "tools[0].function.name"),
        ({"top_logprobs": -1}, "top_logprobs"),
    ],
)
def test_what_is_wrong_is_refused_by_name(members: Any, param: str) -> None:
    found = read_chat(json.dumps(HELLO | members).encode(), None, stream=False)
    assert isinstance(found, Refusal)
    assert (found.code, found.param) == ("request_invalid", param)


@pytest.mark.parametrize("read", [read_chat, read_generate])
@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"messages":' + b"[" * 100_000])
def test_what_is_no_object_is_refused(read: Any, body: bytes) -> None:
    assert isinstance(read(body, None, stream=False), Refusal)
