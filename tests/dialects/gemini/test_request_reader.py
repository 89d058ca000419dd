"""A request of Gemini's is read in both spellings, or refused."""

import json
from typing import Any

import pytest

from faregate.core.refusals import Refusal
from faregate.dialects.gemini.request_reader import read_request
from faregate.dialects.neutral.parts import Image, Media, Text, ToolCall, ToolResult
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


def _read(document: Any, model: str | None = "gemini-2.5-flash") -> Request:
    found = read_request(json.dumps(document).encode(), model, stream=True)
    assert isinstance(found, Request), found
    return found


HELLO = {"contents": [{"parts": [{"text": "Hello"}]}]}


def test_the_smallest_request() -> None:
    assert _read(HELLO) == Request(
        model="gemini-2.5-flash",
        messages=(Message("user", (Text("Hello"),)),),
        origin="gemini",
        stream=True,
    )


def test_lists_of_one_may_be_objects() -> None:
    document = {
        "system_instruction": {"parts": {"text": "Be terse."}},
        "contents": {"parts": {"text": "Hello"}},
        "tools": {"google_search": {}},
    }
    found = _read(document)
    assert found.messages == (
        Message("system", (Text("Be terse."),)),
        Message("user", (Text("Hello"),)),
    )
    assert found.tools == (ServerTool("gemini", {"googleSearch": {}}),)


FULL = {
    "contents": [
        {"role": "user", "parts": [{"text": "Weather?"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {"city": "B"}}}]},
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "weather", "response": {"output": "sun"}}},
                {"text": "And now?"},
            ],
        },
    ],
    "systemInstruction": {"role": "user", "parts": [{"text": "Be terse."}]},
    "tools": [
        {
            "functionDeclarations": [
                {
                    "name": "weather",
                    "description": "Tells it",
                    "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}},
                    "response": {"type": "STRING"},
                },
                {"name": "now", "parametersJsonSchema": {"type": "object", "$defs": {}}},
            ]
        },
        {"codeExecution": {}},
    ],
    "toolConfig": {
        "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather", "now"]},
        "retrievalConfig": {"languageCode": "de"},
    },
    "safetySettings": [{"category": "X", "threshold": "Y"}],
    "cachedContent": "cachedContents/1",
    "labels": {"my_team": "a"},
    "serviceTier": "flex",
    "store": True,
    "generationConfig": {
        "candidateCount": 2,
        "stopSequences": ["END"],
        "maxOutputTokens": 100,
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 40,
        "seed": 7,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "responseLogprobs": True,
        "logprobs": 3,
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}}},
        "thinkingConfig": {"thinkingBudget": 512, "includeThoughts": True},
        "responseModalities": ["TEXT", "AUDIO"],
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
        "audioTimestamp": True,
    },
}


def test_all_of_a_request() -> None:
    assert _read(FULL) == Request(
        model="gemini-2.5-flash",
        messages=(
            Message("system", (Text("Be terse."),)),
            Message("user", (Text("Weather?"),)),
            Message("assistant", (ToolCall("call_0", "weather", '{"city":"B"}'),)),
            Message("tool", (ToolResult("call_0", (Text("sun"),), name="weather"),)),
            Message("user", (Text("And now?"),)),
        ),
        origin="gemini",
        stream=True,
        tools=(
            Tool(
                name="weather",
                description="Tells it",
                parameters={"type": "object", "properties": {"city": {"type": "string"}}},
            ),
            Tool(name="now", parameters={"type": "object", "$defs": {}}),
            ServerTool("gemini", {"codeExecution": {}}),
        ),
        tool_choice=ToolChoice("allowed", ("weather", "now"), required=True),
        service_tier="flex",
        store=True,
        n=2,
        stop=("END",),
        output_tokens_max=100,
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        logprobs=True,
        top_logprobs=3,
        answer_format=AnswerFormat(
            kind="schema", schema={"type": "object", "properties": {"a": {"type": "integer"}}}
        ),
        reasoning=Reasoning(budget_tokens=512, shows=True),
        modalities=("text", "audio"),
        speech=Speech("Kore"),
        others={
            "safetySettings": [{"category": "X", "threshold": "Y"}],
            "cachedContent": "cachedContents/1",
            "labels": {"my_team": "a"},
            "generationConfig": {"mediaResolution": "MEDIA_RESOLUTION_LOW", "audioTimestamp": True},
            "toolConfig": {"retrievalConfig": {"languageCode": "de"}},
            "functionDeclarations": {"weather": {"response": {"type": "STRING"}}},
        },
    )


def _snake(value: Any) -> Any:
    if isinstance(value, list):
        return [_snake(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = ("my_team", "$defs", "properties", "args", "response")
    return {
        name if name in kept else "".join(f"_{c.lower()}" if c.isupper() else c for c in name):
        # What callers name themselves stays as it is.
        one if name in ("labels", "args", "retrievalConfig") else _snake(one)
        for name, one in value.items()
    }


def test_both_spellings_are_one() -> None:
    assert _read(_snake(FULL)) == _read(FULL)


def test_levels_and_modes() -> None:
    def config(**members: Any) -> Request:
        return _read(HELLO | {"generationConfig": members})

    def mode(name: str, *names: str) -> ToolChoice | None:
        calling = {"mode": name, "allowedFunctionNames": list(names)}
        return _read(HELLO | {"toolConfig": {"functionCallingConfig": calling}}).tool_choice

    assert config(thinkingConfig={"thinkingLevel": "high"}).reasoning == Reasoning(effort="high")
    unknown = config(thinkingConfig={"thinkingLevel": "ULTRA"})
    assert unknown.others == {"generationConfig": {"thinkingConfig": {"thinkingLevel": "ULTRA"}}}
    assert config(responseMimeType="application/json").answer_format == AnswerFormat(kind="json")
    assert config(responseMimeType="text/plain").answer_format == AnswerFormat(kind="text")
    enum = config(responseMimeType="text/x.enum", responseSchema={"type": "STRING"})
    assert enum.answer_format is None
    assert set(enum.others["generationConfig"]) == {"responseMimeType", "responseSchema"}
    many = {"multiSpeakerVoiceConfig": {}}
    assert config(speechConfig=many).others == {"generationConfig": {"speechConfig": many}}
    assert mode("AUTO") == ToolChoice("auto")
    assert mode("none") == ToolChoice("none")
    assert mode("ANY") == ToolChoice("required")
    assert mode("ANY", "f") == ToolChoice("tool", ("f",))
    assert mode("VALIDATED", "f") == ToolChoice("allowed", ("f",))
    assert mode("MODE_UNSPECIFIED") is None


def test_a_resolution_of_images_alone_is_their_detail() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}
    found = _read(
        {
            "contents": [{"parts": [image, {"text": "?"}]}],
            "generationConfig": {"mediaResolution": "MEDIA_RESOLUTION_HIGH"},
        }
    )
    expected = Image(Media(media_type="image/png", data="AA=="), "high")
    assert found.messages[0].parts[0] == expected
    assert found.others == {}


def test_the_model_may_stand_in_the_body() -> None:
    assert _read(HELLO | {"model": "models/gemini-3"}, None).model == "gemini-3"
    assert _read(HELLO | {"model": "models/other"}).model == "gemini-2.5-flash"


@pytest.mark.parametrize(
    ("document", "param"),
    [
        ({}, "contents"),
        ({"contents": "Hello"}, "contents"),
        ({"contents": [{"role": "assistant", "parts": []}]}, "contents[0].role"),
        ({"contents": [{"parts": [{"text": 1}]}]}, "contents[0].parts[0].text"),
        (HELLO | {"generationConfig": {"topK": 1.5}}, "generationConfig.topK"),
        (HELLO | {"generationConfig": {"maxOutputTokens": -1}}, "generationConfig.maxOutputTokens"),
        (HELLO | {"generationConfig": []}, "generationConfig"),
        (HELLO | {"generation_config": {}, "generationConfig": {}}, "generationConfig"),
        (HELLO | {"tools": [{"functionDeclarations": [{}]}]},
         "tools[0].functionDeclarations[0].name"),
        (HELLO | {"toolConfig": {"functionCallingConfig": {"mode": "MAYBE"}}},
         "toolConfig.functionCallingConfig.mode"),
        (HELLO | {"systemInstruction": 3}, "systemInstruction"),
        (HELLO | {"store": "yes"}, "store"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_name(document: Any, param: str) -> None:
    found = read_request(json.dumps(document).encode(), "m", stream=False)
    assert isinstance(found, Refusal)
    assert (found.code, found.param) == ("request_invalid", param)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"contents":' + b"[" * 100_000])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    found = read_request(body, "m", stream=False)
    assert isinstance(found, Refusal)
    assert found.code == "request_invalid"
