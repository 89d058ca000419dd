"""A session answers events with events, and its usage can be reckoned."""

import base64

import msgspec
import pytest

from faregate.simulator.errors import OPENAI
from faregate.simulator.realtime import Session
from faregate.simulator.script import parse_script

TOOLS = [{"type": "function", "name": "weather", "parameters": {"type": "object"}}]


def session(script="", failure=None):
    return Session("sim", parse_script(script), failure)


def said(to, kind, **members):
    return [step.document for step in to.answer(msgspec.json.encode({"type": kind, **members}))]


def kinds(events):
    return [event["type"].removeprefix("response.") for event in events]


def test_a_response_of_text():
    to = session("text=Good day,input=10,cached=4")
    (opened,) = to.opening()
    assert opened.document["session"]["model"] == "sim"
    said(to, "session.update", session={"output_modalities": ["text"]})
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]}
    assert kinds(said(to, "conversation.item.create", item=item)) == [
        "conversation.item.added",
        "conversation.item.done",
    ]
    events = said(to, "response.create")
    assert kinds(events) == [
        "created",
        "output_item.added",
        "conversation.item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "conversation.item.done",
        "done",
    ]
    response = events[-1]["response"]
    assert response["output"][0]["content"] == [{"type": "output_text", "text": "Good day"}]
    usage = response["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (10, 2)
    assert usage["input_token_details"]["cached_tokens"] == 4


def test_audio_comes_with_its_transcript():
    events = said(session("text=a b"), "response.create")
    assert kinds(events).count("output_audio.delta") == 2
    assert events[-1]["response"]["output"][0]["content"][0]["transcript"] == "a b"


def test_audio_that_came_counts():
    to = session()
    heard = base64.b64encode(bytes(48_000)).decode()
    assert said(to, "input_audio_buffer.append", audio=heard) == []
    assert said(to, "input_audio_buffer.commit")[0]["type"] == "input_audio_buffer.committed"
    usage = said(to, "response.create")[-1]["response"]["usage"]
    assert usage["input_token_details"]["audio_tokens"] == 10
    assert said(to, "input_audio_buffer.clear")[0]["type"] == "input_audio_buffer.cleared"
    assert said(to, "input_audio_buffer.commit")[0]["type"] == "error"


def test_tools():
    to = session("tool")
    asked = {"tools": TOOLS, "output_modalities": ["text"]}
    (call,) = said(to, "response.create", response=asked)[-1]["response"]["output"]
    assert (call["type"], call["arguments"]) == ("function_call", "{}")
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "sun"}
    said(to, "conversation.item.create", item=result)
    answered = said(to, "response.create", response=asked)[-1]["response"]["output"]
    assert answered[0]["content"][0]["text"] == "The tool said: sun"


@pytest.mark.parametrize(
    "event",
    [b"x", b"[]", b"{}", b'{"type":"x"}', b'{"type":"session.update"}',
     b'{"type":"conversation.item.create","item":{"type":"x"}}', b'{"type":"response.cancel"}',
     b'{"type":"input_audio_buffer.append","audio":"a"}', b'{"type":[]}'],
)  # fmt: skip
def test_nonsense_is_answered_with_an_error(event):
    (step,) = session().answer(event)
    assert step.document["type"] == "error"


def test_a_response_fails_as_the_script_says():
    to = session("error=rate_limit", OPENAI.failure("rate_limit"))
    last = said(to, "response.create")[-1]["response"]
    assert last["status"] == "failed"
    assert last["status_details"]["error"]["code"] == "rate_limit_exceeded"
    assert to.broken_off().document["error"]["code"] == "rate_limit_exceeded"


def test_items_can_be_deleted_and_responses_cancelled():
    to = session()
    said(to, "conversation.item.create", item={"type": "message", "id": "i", "content": []})
    assert said(to, "conversation.item.delete", item_id="i")[0]["item_id"] == "i"
    assert to.cancelled().document["response"]["status"] == "cancelled"
