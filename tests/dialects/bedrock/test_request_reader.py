"""A caller's Converse request is read whole, or refused by the field that is wrong."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from tests.dialects.mutations import mutated

from faregate.core.refusals import Refusal
from faregate.dialects.anthropic.request_writer import write_request as write_messages
from faregate.dialects.bedrock.request_reader import read_request
from faregate.dialects.bedrock.request_writer import write_request
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

POINT = {"cachePoint": {"type": "default"}}
FULL: dict[str, Any] = {
    "system": [{"text": "Be brief."}, POINT],
    "messages": [
        {
            "role": "user",
            "content": [
                {"image": {"format": "png", "source": {"bytes": "aGk="}}},
                {"document": {"format": "pdf", "name": "Paper", "source": {"bytes": "aGk="},
                              "context": "c", "citations": {"enabled": True}}},
                {"text": "Look."},
                {"cachePoint": {"type": "default", "ttl": "1h"}},
                {"guardContent": {"text": {"text": "guarded"}}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
                {"reasoningContent": {"redactedContent": "ZGFyaw=="}},
                {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "t1", "status": "error",
                                "content": [{"text": "x"}, {"json": {"b": 2}}]}},
            ],
        },
    ],
    "inferenceConfig": {
        "maxTokens": 100, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"],
    },
    "toolConfig": {
        "tools": [
            {"toolSpec": {"name": "f", "description": "d", "strict": True,
                          "inputSchema": {"json": {"type": "object"}}}},
            POINT,
            {"systemTool": {"name": "nova_grounding"}},
        ],
        "toolChoice": {"any": {}},
    },
    "additionalModelRequestFields": {
        "top_k": 5, "thinking": {"type": "enabled", "budget_tokens": 2000},
        "metadata": {"user_id": "u"}, "anthropic_beta": ["b"],
    },
    "outputConfig": {
        "effort": "high",
        "textFormat": {"type": "json_schema", "structure": {
            "jsonSchema": {"name": "n", "schema": '{"type":"object"}'}}},
    },
    "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"},
    "performanceConfig": {"latency": "optimized"},
    "requestMetadata": {"team": "a"},
    "serviceTier": {"type": "flex"},
}  # fmt: skip


def read(body: dict[str, Any]) -> Request:
    """A request that must be readable."""
    found = read_request(msgspec.json.encode(body), "m", stream=True)
    assert isinstance(found, Request)
    return found


def test_all_of_it():
    found = read(FULL)
    media = parts.Media(media_type="application/pdf", data="aGk=")
    assert found.messages == (
        Message("system", (parts.Text("Be brief.", parts.CacheMark()),)),
        Message(
            "user",
            (
                parts.Image(parts.Media(media_type="image/png", data="aGk=")),
                parts.Document(media, None, "Paper", "c", True),
                parts.Text("Look.", parts.CacheMark("1h")),
                parts.ServerPart("bedrock_converse", FULL["messages"][0]["content"][4]),
            ),
        ),
        Message(
            "assistant",
            (
                parts.Thinking("Hm.", "c2ln", origin="bedrock_converse"),
                parts.Thinking(redacted="ZGFyaw==", origin="bedrock_converse"),
                parts.ToolCall("t1", "f", '{"a":1}'),
            ),
        ),
        Message(
            "tool",
            (parts.ToolResult("t1", (parts.Text("x"), parts.Text('{"b":2}')), "f",
                              is_error=True),),
        ),
    )  # fmt: skip
    assert found.tools == (
        Tool(name="f", description="d", parameters={"type": "object"}, strict=True,
             cache=parts.CacheMark()),
        ServerTool("bedrock_converse", {"systemTool": {"name": "nova_grounding"}}),
    )  # fmt: skip
    assert found.tool_choice == ToolChoice("required")
    assert found.reasoning == Reasoning(effort="high", budget_tokens=2_000)
    assert found.answer_format == AnswerFormat(
        kind="schema", name="n", schema={"type": "object"}, strict=True
    )
    assert (found.model, found.stream, found.output_tokens_max) == ("m", True, 100)
    assert (found.temperature, found.top_p, found.top_k, found.stop) == (0.5, 0.9, 5, ("END",))
    assert (found.user, found.service_tier, found.metadata) == ("u", "flex", {"team": "a"})
    assert found.others == {
        "guardrailConfig": FULL["guardrailConfig"],
        "performanceConfig": {"latency": "optimized"},
        "additionalModelRequestFields": {"anthropic_beta": ["b"]},
    }


@pytest.mark.parametrize(
    ("own", "expected", "left"),
    [
        ({"thinking": {"type": "adaptive", "display": "omitted"}},
         Reasoning(budget_tokens=-1, shows=False), {}),
        ({"thinking": {"type": "disabled"}}, Reasoning(budget_tokens=0), {}),
        ({"thinking": {"type": "new"}}, None, {"thinking": {"type": "new"}}),
        ({"reasoning_effort": "low"}, Reasoning(effort="low"), {}),
        ({"reasoningConfig": {"type": "enabled"}}, None, {"reasoningConfig": {"type": "enabled"}}),
        ({"metadata": {"user_id": "u", "x": 1}}, None, {"metadata": {"user_id": "u", "x": 1}}),
    ],
)  # fmt: skip
def test_fields_of_the_models(own: dict[str, Any], expected: Reasoning | None, left: Any):
    found = read({"messages": [], "additionalModelRequestFields": own})
    assert found.reasoning == expected
    assert found.others.get("additionalModelRequestFields", {}) == left


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"messages": 3}, "messages"),
        ({"messages": [3]}, "messages.0"),
        ({"messages": [{"role": "tool", "content": []}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": "hi"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"text": 1}]}]},
         "messages.0.content.0.text"),
        ({"messages": [{"role": "user", "content": [{"image": {"format": "png"}}]}]},
         "messages.0.content.0.image.source"),
        ({"messages": [{"role": "user", "content": [{"toolUse": {"name": "f"}}]}]},
         "messages.0.content.0.toolUse.toolUseId"),
        ({"inferenceConfig": {"maxTokens": "9"}}, "inferenceConfig.maxTokens"),
        ({"inferenceConfig": {"topP": "9"}}, "inferenceConfig.topP"),
        ({"inferenceConfig": {"stopSequences": "x"}}, "inferenceConfig.stopSequences"),
        ({"toolConfig": {"tools": [{"toolSpec": {"name": "f"}}]}},
         "toolConfig.tools.0.toolSpec.inputSchema"),
        ({"toolConfig": {"toolChoice": {}}}, "toolConfig.toolChoice"),
        ({"outputConfig": {"textFormat": {"structure": {"jsonSchema": {"schema": "{"}}}}},
         "outputConfig.textFormat.structure.jsonSchema.schema"),
        ({"requestMetadata": {"a": 1}}, "requestMetadata.a"),
        ({"serviceTier": "flex"}, "serviceTier"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(members: dict[str, Any], param: str):
    refusal = read_request(msgspec.json.encode(members), "m", stream=False)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.param) == ("request_invalid", param)


@settings(max_examples=200, deadline=None)
@given(mutated(FULL).map(json.dumps))
def test_a_changed_value_is_read_or_told(changed: str):
    body = changed.encode()
    found = read_request(body, "m", stream=False)
    if isinstance(found, Refusal):
        assert found.code == "request_invalid"
        return
    target = TargetFacts(model="claude-sonnet-4-6")
    assert msgspec.json.decode(write_messages(found, target).body)["max_tokens"] >= 0
    assert isinstance(read_request(write_request(found, target).body, "m", stream=False), Request)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_can_not_be_read(body: bytes):
    refusal = read_request(body, "m", stream=False)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "request_invalid"
