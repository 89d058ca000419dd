"""A request is written for a vendor of responses; what it doesn't take is told."""

from typing import Any

import msgspec

from faregate.dialects.neutral.parts import CacheMark, Text, Thinking
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
from faregate.dialects.responses.items_reader import DIALECT
from faregate.dialects.responses.request_writer import write_request
from faregate.dialects.translation import TargetFacts

ASKING = Request(
    model="asked",
    messages=(Message("system", (Text("brief"),)), Message("user", (Text("x"),))),
    origin="anthropic",
)


def write(request: Request, **facts: Any) -> tuple[dict[str, Any], set[str]]:
    """The members that are written, and the names of what is lost."""
    written = write_request(request, TargetFacts(model="served", **facts))
    return msgspec.json.decode(written.body), {lost.name for lost in written.lost}


def test_a_plain_request_is_not_kept_at_the_vendor():
    body, lost = write(ASKING)
    assert body == {
        "model": "served",
        "instructions": "brief",
        "input": [{"type": "message", "role": "user", "content": "x"}],
        "store": False,
    }
    assert lost == set()
    own = msgspec.structs.replace(ASKING, origin=DIALECT)
    assert "store" not in write(own)[0]


def test_what_responses_have_not_is_told():
    asking = msgspec.structs.replace(
        ASKING, stop=("a",), top_k=1, seed=2, n=3, modalities=("audio",), speech=Speech("v"),
        logit_bias={"1": 1.0}, others={"min_p": 1}, tools=(ServerTool("anthropic", {}),),
    )  # fmt: skip
    assert write(asking)[1] == {
        "stop", "top_k", "seed", "n", "modalities", "speech", "logit_bias", "others.min_p",
        "tools.server",
    }  # fmt: skip
    harmless = msgspec.structs.replace(ASKING, n=1, modalities=("text",))
    assert write(harmless)[1] == set()


def test_what_the_vendor_refuses_is_told():
    asking = msgspec.structs.replace(
        ASKING,
        user="u",
        tools=(Tool(name="f"),),
        reasoning=Reasoning(effort="low"),
        answer_format=AnswerFormat(kind="json"),
    )
    names = {"user", "tools", "reasoning", "answer_format.json"}
    body, lost = write(asking, unsupported=frozenset(names))
    assert lost == names
    assert set(body) == {"model", "instructions", "input", "store"}


def test_thoughts_are_asked_for_with_their_proof():
    body, _ = write(msgspec.structs.replace(ASKING, reasoning=Reasoning(budget_tokens=4_096)))
    assert body["reasoning"] == {"effort": "low"}
    assert body["include"] == ["reasoning.encrypted_content"]
    shown = msgspec.structs.replace(ASKING, reasoning=Reasoning(effort="high", shows=True))
    assert write(shown)[0]["reasoning"] == {"effort": "high", "summary": "auto"}
    none = msgspec.structs.replace(ASKING, reasoning=Reasoning(effort="none"))
    assert "include" not in write(none)[0]
    thought = Message("assistant", (Thinking("", "enc", origin=DIALECT),))
    again = msgspec.structs.replace(ASKING, messages=(thought,))
    assert write(again)[0]["include"] == ["reasoning.encrypted_content"]


def test_tools_and_what_the_answer_shall_be():
    asking = msgspec.structs.replace(
        ASKING,
        tools=(Tool(name="f", cache=CacheMark()), ServerTool(DIALECT, {"type": "web_search"})),
        tool_choice=ToolChoice("tool", ("f",)),
        answer_format=AnswerFormat(kind="schema", schema={}),
        verbosity="low",
        logprobs=True,
        top_logprobs=2,
        stream=True,
        output_tokens_max=5,
        previous_id="resp_1",
    )
    body, lost = write(asking)
    assert body["tools"] == [
        {"type": "function", "name": "f", "parameters": None, "strict": False},
        {"type": "web_search"},
    ]
    assert body["tool_choice"] == {"type": "function", "name": "f"}
    assert body["text"] == {
        "format": {"type": "json_schema", "name": "answer", "schema": {}},
        "verbosity": "low",
    }
    assert (body["include"], body["top_logprobs"]) == (["message.output_text.logprobs"], 2)
    assert (body["stream"], body["max_output_tokens"]) == (True, 5)
    assert body["previous_response_id"] == "resp_1"
    assert lost == {"cache"}


def test_members_that_only_responses_have():
    others = {"truncation": "auto", "include": ["more"], "reasoning.mode": "pro",
              "text.format": {"type": "grammar"}}  # fmt: skip
    asking = msgspec.structs.replace(ASKING, others=others, origin=DIALECT)
    body, lost = write(asking)
    assert lost == set()
    assert (body["truncation"], body["include"]) == ("auto", ["more"])
    assert (body["reasoning"], body["text"]) == ({"mode": "pro"}, {"format": {"type": "grammar"}})
    assert write(asking, unsupported=frozenset({"truncation"}))[1] == {"others.truncation"}
