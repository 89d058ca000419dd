"""A request is written in Gemini's shape, and what it can't say is told."""

import json
from typing import Any

import pytest

from faregate.dialects.gemini.request_reader import read_request
from faregate.dialects.gemini.request_writer import write_request
from faregate.dialects.neutral.parts import CacheMark, Image, Media, Text, ToolCall
from faregate.dialects.neutral.request import (
    AnswerFormat,
    Message,
    Reasoning,
    Request,
    ServerTool,
    Speech,
    Tool,
    ToolChoice,
)
from faregate.dialects.translation import TargetFacts

TARGET = TargetFacts(model="gemini-3-pro")
HELLO = (Message("user", (Text("Hello"),)),)
TOOLS = (Tool(name="f"), Tool(name="g"))


def _write(target: TargetFacts = TARGET, **fields: Any) -> tuple[Any, set[str]]:
    request = Request(model="m", **({"messages": HELLO} | fields))
    written = write_request(request, target)
    return json.loads(written.body), {one.name for one in written.lost}


def test_what_gemini_said_is_said_again() -> None:
    document = {
        "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
        "tools": [
            {"functionDeclarations": [{"name": "f", "behavior": "NON_BLOCKING"}]},
            {"googleSearch": {}},
        ],
        "toolConfig": {
            "functionCallingConfig": {"mode": "AUTO", "streamFunctionCallArguments": True},
            "retrievalConfig": {},
        },
        "generationConfig": {
            "temperature": 0.5,
            "mediaResolution": "MEDIA_RESOLUTION_MEDIUM",
            "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "ULTRA"},
        },
        "safetySettings": [],
        "cachedContent": "c",
    }
    request = read_request(json.dumps(document).encode(), "m", stream=False)
    assert isinstance(request, Request)
    written = write_request(request, TARGET)
    assert written.lost == ()
    assert json.loads(written.body) == document


def test_a_schema_that_does_not_fit_goes_as_json_schema() -> None:
    fits = {"type": "object", "properties": {"a": {"type": "string"}}}
    closed = fits | {"additionalProperties": False}
    tools = (Tool(name="f", parameters=fits), Tool(name="g", parameters=closed))
    body, lost = _write(tools=tools, answer_format=AnswerFormat(kind="schema", schema=closed))
    one, other = body["tools"][0]["functionDeclarations"]
    assert one["parameters"]["type"] == "OBJECT"
    assert other == {"name": "g", "parametersJsonSchema": closed}
    assert body["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": closed,
    }
    assert lost == set()


@pytest.mark.parametrize(
    ("model", "reasoning", "expected"),
    [
        ("gemini-3-pro", Reasoning(effort="low"), {"thinkingLevel": "LOW"}),
        ("gemini-3-pro", Reasoning(effort="max"), {"thinkingLevel": "XHIGH"}),
        ("gemini-2.5-flash", Reasoning(effort="low"), {"thinkingBudget": 4096}),
        ("publishers/google/models/gemini-2.5-pro", Reasoning(effort="high"),
         {"thinkingBudget": 24576}),
        ("gemini-3-pro", Reasoning(effort="none"), {"thinkingBudget": 0}),
        ("gemini-3-pro", Reasoning(effort="low", budget_tokens=9), {"thinkingBudget": 9}),
        ("gemini-3-pro", Reasoning(budget_tokens=-1, shows=True),
         {"thinkingBudget": -1, "includeThoughts": True}),
        ("gemini-3-pro", Reasoning(summary="auto"), {"includeThoughts": True}),
    ],
)  # fmt: skip
def test_thinking_is_a_level_or_a_budget(
    model: str, reasoning: Reasoning, expected: dict[str, Any]
) -> None:
    body, lost = _write(TargetFacts(model=model), reasoning=reasoning)
    assert body["generationConfig"]["thinkingConfig"] == expected
    assert lost == set()


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("required"), {"mode": "ANY"}),
        (ToolChoice("tool", ("f",)), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (ToolChoice("allowed", ("f",)), {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}),
        (ToolChoice("allowed", ("f", "g"), required=True),
         {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}),
    ],
)  # fmt: skip
def test_choices_are_modes(choice: ToolChoice, expected: dict[str, Any]) -> None:
    body, lost = _write(tools=TOOLS, tool_choice=choice)
    assert body["toolConfig"] == {"functionCallingConfig": expected}
    assert lost == set()


def test_strict_tools_are_validated() -> None:
    body, _ = _write(tools=(Tool(name="f", strict=True),))
    assert body["toolConfig"]["functionCallingConfig"] == {"mode": "VALIDATED"}


def test_system_prompts_are_gathered() -> None:
    messages = (
        Message("system", (Text("a"),)),
        *HELLO,
        Message("developer", (Text("b"),)),
        Message("user", ()),
    )
    body, _ = _write(messages=messages)
    assert body["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "b"}]}
    assert body["contents"] == [{"role": "user", "parts": [{"text": "Hello"}]}]


def test_a_system_prompt_alone_is_a_question() -> None:
    body, lost = _write(messages=(Message("system", (Text("Hello"),)),))
    assert body == {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
    assert lost == set()


def test_empty_texts_are_left_out_beside_others() -> None:
    found = (Text(""), ToolCall("a", "f", "{}"))
    body, _ = _write(messages=(*HELLO, Message("assistant", found), Message("user", (Text(""),))))
    assert all(part != {"text": ""} for part in body["contents"][1]["parts"])
    assert body["contents"][2]["parts"] == [{"text": ""}]


@pytest.mark.parametrize(
    ("model", "signatures"),
    [
        ("gemini-3-pro", ["skip_thought_signature_validator", None]),
        ("publishers/google/models/gemini-3.1-flash", ["skip_thought_signature_validator", None]),
        ("gemini-2.5-flash", [None, None]),
        ("gemma-3", [None, None]),
    ],
)
def test_calls_that_others_made_need_no_proof(model: str, signatures: list[str | None]) -> None:
    calls = (ToolCall("a", "f", "{}", "sig", "openai"), ToolCall("b", "f", "{}"))
    request = Request(model="m", messages=(*HELLO, Message("assistant", calls)))
    written = write_request(request, TargetFacts(model=model))
    found = json.loads(written.body)["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in found] == signatures
    read = read_request(written.body, "m", stream=False)
    assert isinstance(read, Request)
    bare = tuple(ToolCall(call.id, call.name, "{}") for call in calls)
    assert read.messages[1].parts == bare


def test_a_proof_of_its_own_stays() -> None:
    calls = (ToolCall("a", "f", "{}", "Cq==", "gemini"), ToolCall("b", "f", "{}"))
    body, _ = _write(messages=(*HELLO, Message("assistant", calls)))
    found = [part.get("thoughtSignature") for part in body["contents"][1]["parts"]]
    assert found == ["Cq==", None]


def _image(detail: str | None) -> Message:
    return Message("user", (Image(Media(data="AA=="), detail),))


def test_one_detail_of_all_images_is_a_resolution() -> None:
    body, lost = _write(messages=(_image("low"), _image("auto"), _image(None)))
    assert body["generationConfig"] == {"mediaResolution": "MEDIA_RESOLUTION_LOW"}
    assert lost == set()
    for details in (("low", "high"), ("original",)):
        _, lost = _write(messages=tuple(_image(one) for one in details))
        assert lost == {"messages.image.detail"}


@pytest.mark.parametrize(
    ("fields", "lost"),
    [
        ({"logit_bias": {"1": 2.0}}, {"logit_bias"}),
        ({"user": "u", "metadata": {"a": "b"}, "previous_id": "p"},
         {"user", "metadata", "previous_id"}),
        ({"verbosity": "low", "prompt_cache_key": "k"}, {"verbosity", "prompt_cache_key"}),
        ({"verbosity": "medium", "metadata": {}, "parallel_tool_calls": True}, set()),
        ({"parallel_tool_calls": False}, {"parallel_tool_calls"}),
        ({"service_tier": "scale"}, {"service_tier"}),
        ({"service_tier": "auto"}, set()),
        ({"speech": Speech({"id": "v"}, "mp3")}, {"speech.voice", "speech.format"}),
        ({"tools": (ServerTool("anthropic", {}), Tool(name="c", custom=True))},
         {"tools.server"}),
        ({"tools": (Tool(name="c", cache=CacheMark()),)}, {"cache"}),
        ({"origin": "anthropic", "others": {"container": 1}}, {"others.container"}),
        ({"messages": (Message("user", (Text("a"),), name="ann"),)}, {"messages.name"}),
    ],
)  # fmt: skip
def test_what_it_cannot_say_is_told(fields: dict[str, Any], lost: set[str]) -> None:
    assert _write(**fields)[1] == lost


def test_what_the_vendor_refuses_is_left_out() -> None:
    target = TargetFacts(model="m", unsupported=frozenset(("seed", "store", "n")))
    body, lost = _write(target, seed=1, n=1, store=False, temperature=0.5)
    assert body["generationConfig"] == {"temperature": 0.5}
    assert "store" not in body
    assert lost == {"seed"}


def test_tiers_have_other_names() -> None:
    assert _write(service_tier="default")[0]["serviceTier"] == "standard"
    assert _write(service_tier="priority")[0]["serviceTier"] == "priority"
    assert _write(store=True)[0]["store"] is True
