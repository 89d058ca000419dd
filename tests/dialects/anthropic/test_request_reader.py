"""A caller's Messages request is read whole, or refused by the field that is wrong."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from tests.dialects.mutations import mutated

from faregate.core.refusals import Refusal
from faregate.dialects.anthropic.request_reader import read_request
from faregate.dialects.anthropic.request_writer import write_request
from faregate.dialects.bedrock.request_writer import write_request as write_converse
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.request import (
    AnswerFormat,
    Message,
    Reasoning,
    Request,
    ServerTool,
    Tool,
    ToolChoice,
)
from faregate.dialects.translation import TargetFacts

TARGET = TargetFacts(model="claude-sonnet-4-6")
# What a coding agent sends.
AGENT: dict[str, Any] = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 32_000,
    "stream": True,
    "system": [
        {"type": "text", "text": "You are an agent."},
        {"type": "text", "text": "Rules.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ],
    "messages": [
        {"role": "user", "content": "List the files."},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "I need ls.", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "ZGFyaw=="},
                {"type": "text", "text": "Looking."},
                {"type": "tool_use", "id": "toolu_1", "name": "bash", "input": {"command": "ls"},
                 "caller": {"type": "direct"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "is_error": False,
                    "content": [
                        {"type": "text", "text": "a.png"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png",
                                                     "data": "aGk="}},
                    ],
                },
                {"type": "text", "text": "And now?", "cache_control": {"type": "ephemeral"}},
            ],
        },
    ],
    "tools": [
        {"name": "bash", "description": "Runs.", "input_schema": {"type": "object"},
         "cache_control": {"type": "ephemeral"}, "defer_loading": True},
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 5},
    ],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 16_000, "display": "summarized"},
    "output_config": {"effort": "high"},
    "metadata": {"user_id": "u-1"},
    "service_tier": "standard_only",
    "stop_sequences": ["END"],
    "context_management": {"edits": []},
}  # fmt: skip


def _read(body: dict[str, Any] | bytes) -> Request:
    read = read_request(_bytes(body), None, stream=False)
    assert isinstance(read, Request)
    return read


def _bytes(body: dict[str, Any] | bytes) -> bytes:
    return body if isinstance(body, bytes) else msgspec.json.encode(body)


def _asking(*content: dict[str, Any], **members: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": list(content) or "hi"}]
    return {"model": "m", "max_tokens": 9, "messages": turns, **members}


def test_an_agents_request():
    read = _read(AGENT)
    hour = parts.CacheMark("1h")
    image = parts.Image(parts.Media(media_type="image/png", data="aGk="))
    assert read.messages == (
        Message("system", (parts.Text("You are an agent."), parts.Text("Rules.", hour))),
        Message("user", (parts.Text("List the files."),)),
        Message(
            "assistant",
            (
                parts.Thinking("I need ls.", "c2ln", origin="anthropic"),
                parts.Thinking(redacted="ZGFyaw==", origin="anthropic"),
                parts.Text("Looking."),
                parts.ToolCall("toolu_1", "bash", '{"command":"ls"}'),
            ),
        ),
        Message(
            "tool",
            (parts.ToolResult("toolu_1", (parts.Text("a.png"), image), "bash", is_error=False),),
        ),
        Message("user", (parts.Text("And now?", parts.CacheMark()),)),
    )
    assert read.tools == (
        Tool(name="bash", description="Runs.", parameters={"type": "object"},
             cache=parts.CacheMark()),
        ServerTool("anthropic", AGENT["tools"][1]),
    )  # fmt: skip
    assert read.tool_choice == ToolChoice("auto")
    assert read.parallel_tool_calls is False
    assert read.reasoning == Reasoning(effort="high", budget_tokens=16_000, shows=True)
    assert (read.user, read.service_tier, read.stop) == ("u-1", "default", ("END",))
    assert (read.stream, read.output_tokens_max) == (True, 32_000)
    assert read.others == {
        "context_management": {"edits": []},
        "tools[].defer_loading": {"bash": True},
    }


def test_documents_of_every_source():
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
    read = _read(
        _asking(
            {"type": "document", "source": pdf, "title": "T", "context": "C",
             "citations": {"enabled": True}},
            {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
            {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
            {"type": "document",
             "source": {"type": "text", "media_type": "text/plain", "data": "Said."}},
            {"type": "document",
             "source": {"type": "content", "content": [{"type": "text", "text": "x"}]}},
        )
    )  # fmt: skip
    one, two, three, four, five = read.messages[0].parts
    media = parts.Media(media_type="application/pdf", data="JVBERi0=")
    assert one == parts.Document(media, None, "T", "C", True)
    assert two == parts.Document(parts.Media(url="https://example.com/a.pdf"))
    assert three == parts.Document(parts.Media(file_id="file_1"))
    assert four == parts.Document(text="Said.")
    assert isinstance(five, parts.ServerPart)


def test_arguments_are_kept_as_they_were_written():
    body = (
        b'{"model":"m","messages":[{"role":"assistant","content":[{"type":"tool_use","id":"1",'
        b'"name":"f","input":{ "n": 123456789012345678901234567890.50 }}]}]}'
    )
    (call,) = _read(body).messages[0].parts
    assert isinstance(call, parts.ToolCall)
    assert call.arguments == '{ "n": 123456789012345678901234567890.50 }'


@pytest.mark.parametrize(
    "block",
    [
        {"type": "search_result", "source": "s", "title": "t", "content": []},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
        {"type": "text", "text": "x", "something_new": 1},
        {"type": "image", "source": {"type": "file", "file_id": "f"}, "transformations": {}},
        {"type": "tool_use", "id": "1", "name": "f", "input": {},
         "caller": {"type": "code_execution_20250825", "tool_id": "s"}},
        {"type": "tool_result", "tool_use_id": "1",
         "content": [{"type": "tool_reference", "tool_name": "f"}]},
        {"type": "text", "text": "x", "cache_control": {"type": "persistent"}},
    ],
)  # fmt: skip
def test_what_only_anthropic_knows_is_kept_whole(block: dict[str, Any]):
    assert _read(_asking(block)).messages[0].parts == (parts.ServerPart("anthropic", block),)


@pytest.mark.parametrize(
    ("thinking", "expected"),
    [
        ({"type": "disabled"}, Reasoning(budget_tokens=0)),
        ({"type": "adaptive"}, Reasoning(budget_tokens=-1)),
        ({"type": "adaptive", "display": "omitted"}, Reasoning(budget_tokens=-1, shows=False)),
        ({"type": "enabled", "budget_tokens": 2_048}, Reasoning(budget_tokens=2_048)),
    ],
)
def test_ways_of_thinking(thinking: dict[str, Any], expected: Reasoning):
    assert _read(_asking(thinking=thinking)).reasoning == expected


def test_a_tool_that_asks_for_what_is_done_anyway_is_a_usual_one():
    tool = {"name": "f", "input_schema": {}, "eager_input_streaming": True}
    read = _read(_asking(tools=[tool]))
    assert read.tools == (Tool(name="f", parameters={}),)
    assert read.others == {}


def test_ways_of_thinking_that_are_new_are_kept():
    read = _read(_asking(thinking={"type": "between_tools"}, output_config={"new": 1}))
    assert read.reasoning is None
    assert read.others == {"thinking": {"type": "between_tools"}, "output_config": {"new": 1}}


@pytest.mark.parametrize("name", ["output_config", "output_format"])
def test_a_schema_by_its_present_name_and_the_betas(name: str):
    wanted = {"type": "json_schema", "schema": {"type": "object"}}
    members = {name: {"format": wanted} if name == "output_config" else wanted}
    expected = AnswerFormat(kind="schema", schema={"type": "object"}, strict=True)
    assert _read(_asking(**members)).answer_format == expected


def test_the_path_may_say_the_model_and_the_stream():
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 1, "messages": []}
    read = read_request(msgspec.json.encode(body), "claude", stream=True)
    assert isinstance(read, Request)
    assert (read.model, read.stream, read.others) == ("claude", True, {})


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 1}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": [{"role": "tool", "content": ""}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages.0.content"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"system": {"type": "text"}}, "system"),
        ({"system": [{"type": "text"}]}, "system.0.text"),
        ({"tools": [{"description": "d"}]}, "tools.0.name"),
        ({"tools": [{"name": "f", "input_schema": 3, "defer_loading": True}]},
         "tools.0.input_schema"),
        ({"tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"thinking": {}}, "thinking.type"),
        ({"output_config": {"effort": "huge"}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
        ({"metadata": {"user_id": 7}}, "metadata.user_id"),
        ({"temperature": "hot", "something": 1}, "temperature"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(members: dict[str, Any], param: str):
    refusal = read_request(_bytes({**_asking(), **members}), None, stream=False)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.param) == ("request_invalid", param)
    assert param in refusal.detail


@pytest.mark.parametrize(
    ("block", "param"),
    [
        ({}, "type"),
        ({"type": 1}, "type"),
        ({"type": "text"}, "text"),
        ({"type": "text", "text": 1}, "text"),
        ({"type": "image", "source": {"type": "base64", "data": ""}}, "source.media_type"),
        ({"type": "tool_use", "id": "1", "name": "f", "input": "x"}, "input"),
        ({"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text"}]},
         "content.0.text"),
    ],
)  # fmt: skip
def test_a_wrong_block_is_named(block: dict[str, Any], param: str):
    refusal = read_request(_bytes(_asking(block)), None, stream=False)
    assert isinstance(refusal, Refusal)
    assert refusal.param == f"messages.0.content.0.{param}"


@settings(max_examples=200, deadline=None)
@given(mutated(AGENT).map(json.dumps))
def test_a_changed_value_is_read_or_told(changed: str):
    body = changed.encode()
    read = read_request(body, None, stream=False)
    if isinstance(read, Refusal):
        assert read.code == "request_invalid"
        return
    for write in (write_request, write_converse):
        written = write(read, TARGET)
        again = msgspec.json.decode(written.body)
        assert len(again["messages"]) <= 4
    assert isinstance(read_request(write_request(read, TARGET).body, None, stream=False), Request)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"3", b"\xff", b"[" * 100_000,
        b'{"model":"m","messages":[{"role":"user","content":[' + b"[" * 100_000,
        b'{"model":"m","messages":[],"new":' + b"[" * 100_000,
        b'{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"\xff"}]}]}',
    ],
)  # fmt: skip
def test_a_body_that_can_not_be_read(body: bytes):
    refusal = read_request(body, None, stream=False)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "request_invalid"
