"""Requests are written as Mistral takes them."""

from typing import Any

import msgspec
from hypothesis import given
from tests.dialects import neutral_forms as forms

from faregate.dialects.neutral import parts as p
from faregate.dialects.neutral.request import Message, Request, Tool, ToolChoice
from faregate.dialects.openai.dialect import DIALECT
from faregate.dialects.openai.mistral import CARRIES, short_id
from faregate.dialects.openai.quirks import MISTRAL_MESSAGES
from faregate.dialects.translation import TargetFacts

TARGET = TargetFacts(model="a-model", quirks=frozenset({MISTRAL_MESSAGES}))


def write(request: Request) -> tuple[dict[str, Any], set[str]]:
    """The members that are written, and the names of what is lost."""
    written = DIALECT.write_request(request, TARGET)
    return msgspec.json.decode(written.body), {lost.name for lost in written.lost}


def short(part: p.Part) -> p.Part:
    """A part with an id that Mistral takes."""
    if isinstance(part, p.ToolCall):
        return msgspec.structs.replace(part, id=short_id(part.id))
    if isinstance(part, p.ToolResult):
        return msgspec.structs.replace(part, call_id=short_id(part.call_id))
    return part


@given(forms.requests(CARRIES))
def test_requests_come_back(request_: Request):
    written = DIALECT.write_request(request_, TARGET)
    assert written.lost == ()
    found = DIALECT.read_request(written.body, None, stream=False)
    assert isinstance(found, Request), found
    messages = tuple(
        Message(message.role, tuple(map(short, message.parts))) for message in request_.messages
    )
    expected = msgspec.structs.replace(request_, messages=messages)
    assert msgspec.structs.replace(found, origin="") == expected


def test_ids_are_nine_letters_or_digits():
    assert short_id("abcDEF123") == "abcDEF123"
    made = short_id("call_of_another_vendor")
    assert len(made) == 9
    assert made.isalnum()
    assert made == short_id("call_of_another_vendor") != short_id("call_2")


def test_a_conversation():
    thought = p.Thinking("hm", "sig", origin="openai_chat")
    call = p.ToolCall("abcDEF123", "f", "{}")
    image = p.Image(p.Media(url="https://a.example/b.png"))
    body, lost = write(
        Request(
            model="m",
            messages=(
                Message("developer", (p.Text("brief"),)),
                Message("user", (p.Audio(p.Media(data="AAAA")), p.Text("x")), "ann"),
                Message("assistant", (thought, p.Text("a"), call)),
                Message("tool", (p.ToolResult("abcDEF123", (image,), name="f"),)),
                Message("assistant", (p.Text("It is"),)),
            ),
            tools=(Tool(name="f"), Tool(name="g")),
            tool_choice=ToolChoice("allowed", ("f",), required=True),
            seed=5,
            stream=True,
            user="u",
        )
    )
    assert lost == {"messages.name", "user"}
    assert (body["random_seed"], "seed" in body, "stream_options" in body) == (5, False, False)
    assert [message["role"] for message in body["messages"]] == [
        "system", "user", "assistant", "tool", "assistant",
    ]  # fmt: skip
    said = body["messages"][2]["content"]
    assert said[0] == {
        "type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "closed": True,
        "signature": "sig",
    }  # fmt: skip
    assert said[1] == {"type": "text", "text": "a"}
    assert body["messages"][1]["content"][0] == {"type": "input_audio", "input_audio": "AAAA"}
    assert body["messages"][3]["content"][0]["type"] == "image_url"
    assert body["messages"][4]["prefix"] is True
    assert [tool["function"]["name"] for tool in body["tools"]] == ["f"]
    assert body["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}
    assert body["tool_choice"] == "required"


def test_what_mistral_has_not_is_told():
    asking = Request(
        model="m",
        messages=(Message("user", (p.Audio(p.Media()), p.Video(p.Media(url="u")))),),
        tools=(Tool(name="f", custom=True),),
        store=True,
        verbosity="low",
        service_tier="flex",
    )
    assert write(asking)[1] == {
        "messages.audio", "messages.video", "tools.custom", "store", "verbosity", "service_tier",
    }  # fmt: skip
    auto = msgspec.structs.replace(asking, messages=(), service_tier="auto")
    assert write(auto)[0]["service_tier"] == "auto"


def test_earlier_calls_of_free_text_become_functions():
    call = p.ToolCall("abcDEF123", "g", "free", custom=True)
    message = Message("assistant", (call, p.RefusalText("no")))
    body, _ = write(Request(model="m", messages=(message, Message("user", (p.Text("x"),)))))
    assert body["messages"][0]["content"] == "no"
    (made,) = body["messages"][0]["tool_calls"]
    assert made["function"] == {"name": "g", "arguments": '{"input":"free"}'}
