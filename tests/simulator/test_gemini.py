"""generateContent has Google's shape, and what Google refuses is refused."""

import msgspec
import pytest
from tests.simulator.asking import ask

HELLO = [{"role": "user", "parts": [{"text": "hello"}]}]
TOOLS = [{"functionDeclarations": [{"name": "weather", "parameters": {"type": "OBJECT"}}]}]
THOUGHTS = {"thinkingConfig": {"includeThoughts": True}}
CALL = {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {}}}]}
RESULT = {
    "role": "user",
    "parts": [{"functionResponse": {"name": "weather", "response": {"result": "sun"}}}],
}


def said(model="sim", action="generateContent", base="/v1beta", **members):
    body = {"contents": HELLO, **members}
    return ask(f"{base}/models/{model}:{action}", {n: v for n, v in body.items() if v is not None})


def test_an_answer():
    found = said("sim:text=Good%20day,thinking=2,cached=3,input=10", generationConfig=THOUGHTS).json
    (candidate,) = found["candidates"]
    assert candidate["content"] == {
        "role": "model",
        "parts": [{"text": "Leaves in", "thought": True}, {"text": "Good day"}],
    }
    assert candidate["finishReason"] == "STOP"
    usage = found["usageMetadata"]
    assert (usage["promptTokenCount"], usage["candidatesTokenCount"]) == (10, 2)
    assert (usage["thoughtsTokenCount"], usage["cachedContentTokenCount"]) == (2, 3)
    assert usage["totalTokenCount"] == 14


def test_thoughts_are_shown_only_where_asked_for():
    found = said("sim:thinking=2,text=x").json
    assert found["candidates"][0]["content"]["parts"] == [{"text": "x"}]
    assert found["usageMetadata"]["thoughtsTokenCount"] == 2


@pytest.mark.parametrize("query", ["?alt=sse", ""])
def test_a_stream_holds_what_the_whole_does(query):
    script = "sim:text=Good%20day,thinking=2,tools=2"
    asked = {"tools": TOOLS, "generationConfig": THOUGHTS}
    stream = said(script, "streamGenerateContent" + query, **asked)
    chunks = stream.events if query else msgspec.json.decode(stream.body)
    whole = said(script, **asked).json
    parts = [p for c in chunks for p in c["candidates"][0].get("content", {}).get("parts", [])]
    texts = [p["text"] for p in parts if "text" in p and "thought" not in p]
    assert "".join(texts) == "Good day"
    calls = [p for p in parts if "functionCall" in p]
    assert calls == [p for p in whole["candidates"][0]["content"]["parts"] if "functionCall" in p]
    assert ["thoughtSignature" in call for call in calls] == [True, False]
    assert chunks[-1]["usageMetadata"] == whole["usageMetadata"]
    assert [c for c in chunks if "finishReason" in c["candidates"][0]] == chunks[-1:]


def test_tools():
    called = said("sim:tool", tools=TOOLS).json["candidates"][0]
    assert called["content"]["parts"][0]["functionCall"]["name"] == "weather"
    answered = said("sim:tool", tools=TOOLS, contents=[*HELLO, CALL, RESULT]).json
    assert answered["candidates"][0]["content"]["parts"] == [{"text": "The tool said: sun"}]
    forced = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}}
    found = said(tools=TOOLS, toolConfig=forced).json
    assert "functionCall" in found["candidates"][0]["content"]["parts"][0]


def test_names_in_snake_case():
    found = said(
        "sim:tool",
        tools=[{"function_declarations": [{"name": "weather"}]}],
        generation_config={"max_output_tokens": 3},
    )
    assert found.status == 200


def part(**members):
    return [{"role": "user", "parts": [{"text": "x", **members}]}]


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"contents": None}, "contents is not specified"),
        ({"contents": []}, "contents is not specified"),
        ({"messages": []}, 'Unknown name "messages"'),
        ({"generationConfig": {"max_tokens": 1}}, "at 'generation_config'"),
        ({"contents": [{"role": "assistant", "parts": [{}]}]}, "valid role"),
        ({"contents": [{"role": "user", "parts": []}]}, "must not be empty"),
        ({"contents": [*HELLO, CALL, *HELLO]}, "number of function response parts"),
        ({"contents": [RESULT]}, "number of function response parts"),
        ({"contents": part(thoughtSignature="bm90IG91cnM=")}, "Corrupted thought signature"),
        ({"tools": [{"functionDeclarations": [{"name": "1 2"}]}]}, "Invalid function name"),
        ({"contents": [*HELLO, CALL, RESULT], "model": "sim:thinking=2"}, "thought_signature"),
    ],
    ids=range(11),
)
def test_what_is_refused(members, words):
    model = members.get("model", "sim")
    found = said(model, **{n: v for n, v in members.items() if n != "model"})
    assert found.status == 400
    assert found.json["error"]["status"] == "INVALID_ARGUMENT"
    assert words in found.json["error"]["message"]


def test_a_signature_that_may_be_skipped():
    assert said(contents=part(thoughtSignature="skip_thought_signature_validator")).status == 200


def test_an_error_in_a_stream():
    script = "sim:error=overloaded,error_in_stream_after=2"
    events = said(script, "streamGenerateContent?alt=sse").events
    assert (len(events), events[-1]["error"]["status"]) == (3, "UNAVAILABLE")
    rows = msgspec.json.decode(said(script, "streamGenerateContent").body)
    assert rows[-1] == events[-1]


def test_an_error_instead_of_an_array_is_in_one():
    (row,) = said("sim:error=quota", "streamGenerateContent").json
    assert row["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert "error" in said("sim:error=quota", "streamGenerateContent?alt=sse").json


def test_finish_reasons():
    found = said("sim:finish=content_filter").json["candidates"][0]
    assert (found["finishReason"], "content" in found) == ("SAFETY", False)
    limited = said(generationConfig={"maxOutputTokens": 2}).json["candidates"][0]
    assert limited["finishReason"] == "MAX_TOKENS"


def test_counts():
    tokens = said().json["usageMetadata"]["promptTokenCount"]
    assert said(action="countTokens").json["totalTokens"] == tokens
    inner = {"contents": HELLO}
    found = said(action="countTokens", contents=None, generateContentRequest=inner)
    assert found.json["totalTokens"] == tokens
