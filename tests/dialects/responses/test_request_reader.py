"""A request for a response is read whole; what is wrong is named."""

from typing import Any

import msgspec
import pytest

from faregate.core.refusals import Refusal
from faregate.dialects.neutral.parts import Text
from faregate.dialects.neutral.request import (
    AnswerFormat,
    Message,
    Reasoning,
    Request,
    ServerTool,
    Tool,
    ToolChoice,
)
from faregate.dialects.responses.request_reader import read_request


def read(**members: Any) -> Request:
    """The request of these members."""
    found = read_request(msgspec.json.encode({"model": "m", "input": "x"} | members))
    assert isinstance(found, Request), found
    return found


def test_a_coding_agents_request():
    search = {"type": "web_search", "search_context_size": "low"}
    found = read(
        instructions="Be brief.",
        tools=[{"type": "function", "name": "f", "parameters": {}, "strict": False}, search],
        tool_choice="auto",
        parallel_tool_calls=False,
        reasoning={"effort": "high", "summary": "auto", "context": "all_turns"},
        text={"verbosity": "low", "format": {"type": "text"}},
        include=["reasoning.encrypted_content", "message.output_text.logprobs", "more"],
        store=False,
        stream=True,
        stream_options={"include_obfuscation": False},
        prompt_cache_key="k",
        truncation="disabled",
        background=False,
        previous_response_id="resp_1",
        max_output_tokens=9,
        max_tool_calls=None,
        client_metadata={"a": "b"},
    )
    assert found.messages == (
        Message("system", (Text("Be brief."),)),
        Message("user", (Text("x"),)),
    )
    assert found.tools == (
        Tool(name="f", parameters={}),
        ServerTool("openai_responses", search),
    )
    assert (found.tool_choice, found.parallel_tool_calls) == (ToolChoice("auto"), False)
    assert found.reasoning == Reasoning(effort="high", summary="auto")
    assert (found.verbosity, found.answer_format) == ("low", AnswerFormat(kind="text"))
    assert (found.store, found.stream, found.logprobs) == (False, True, True)
    assert (found.prompt_cache_key, found.previous_id) == ("k", "resp_1")
    assert found.output_tokens_max == 9
    assert found.others == {
        "client_metadata": {"a": "b"}, "include": ["more"], "reasoning.context": "all_turns",
    }  # fmt: skip


def test_choices_and_formats_of_the_vendor_are_kept():
    found = read(
        tool_choice={"type": "web_search_preview"},
        text={"format": {"type": "grammar"}},
        truncation="auto",
        reasoning={"mode": "pro"},
    )
    assert found.others == {
        "tool_choice": {"type": "web_search_preview"}, "text.format": {"type": "grammar"},
        "truncation": "auto", "reasoning.mode": "pro",
    }  # fmt: skip
    assert (found.tool_choice, found.answer_format, found.reasoning) == (None, None, None)


def test_users_have_two_names():
    assert read(safety_identifier="a").user == "a"
    both = read(safety_identifier="a", user="b")
    assert (both.user, both.others) == ("b", {"safety_identifier": "a"})


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{}", "model"),
        (b'{"model":"m","input":5}', "input"),
        (b'{"model":"m","tools":{}}', "tools"),
        (b'{"model":"m","reasoning":{"effort":"huge"}}', "reasoning.effort"),
        (b'{"model":"m","max_output_tokens":-1}', "max_output_tokens"),
        (b'{"model":"m","text":{"format":{}}}', "text.format.type"),
        (b'{"model":"m","metadata":{"a":1}}', "metadata[...]"),
        (b"[]", None),
        (b"{", None),
        (b'{"input":' + b"[" * 100_000, None),
    ],
)
def test_what_is_wrong_is_named(body: bytes, param: str | None):
    refusal = read_request(body)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.param) == ("request_invalid", param)
