"""OpenAI responses as Codex sends them, over back ends that speak something else.

The shapes are those of OpenAI's documentation: "Create a model response", "Reasoning models"
(encrypted reasoning items), "Function calling" (custom tools), "Local shell".
"""

import json
from typing import Any

import openai
import pytest
from tests.agents.toolbox import NAMES, PNG, described, schema
from tests.sdks.world import World

BACK_ENDS = ("responses", "openai", "anthropic", "gemini", "bedrock", "cohere")
FUNCTIONS: list[Any] = [
    {
        "type": "function",
        "name": name,
        "description": described(name),
        "strict": False,
        "parameters": schema(name),
    }
    for name in NAMES
]
PATCH: dict[str, Any] = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edits files. The input is a patch and no JSON.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /(.|\\n)+/"},
}
SERVER: list[Any] = [{"type": "local_shell"}, {"type": "web_search"}]
DROP = {"faregate-unsupported": "drop"}
ROUNDS = 3


def message(role: str, text: str) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


def asking(model: str, items: list[Any], tools: list[Any]) -> dict[str, Any]:
    return {
        "model": model,
        "instructions": "You are a coding agent. " * 100,
        "input": items,
        "tools": tools,
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "0199c2d4-1111-7000-8000-000000000000",
    }


@pytest.fixture
def agent(place: World) -> openai.OpenAI:
    place.simulator.reset()
    return openai.OpenAI(
        base_url=f"{place.url}/v1",
        api_key=place.keys["good"],
        max_retries=0,
        default_headers={"originator": "codex_cli_rs", "session_id": "0199c2d4"},
    )


def turn(
    agent: openai.OpenAI, model: str, items: list[Any], tools: list[Any], **more: Any
) -> tuple[list[Any], Any]:
    """One call; what it said is added item by item, each as it was done."""
    said: list[Any] = []
    final = None
    for event in agent.responses.create(**asking(model, items, tools), **more):
        if event.type == "response.output_item.done":
            said.append(event.item)
        elif event.type == "response.completed":
            final = event.response
    assert final is not None
    assert [item.type for item in final.output] == [item.type for item in said]
    for item in said:
        kept = item.model_dump(exclude_none=True)
        kept.pop("status", None)
        if item.type == "reasoning":
            kept.pop("id", None)  # nothing is stored, so no id means anything
        items.append(kept)
    return said, final


def begun() -> list[Any]:
    return [
        message("developer", "<permissions>The sandbox is read-only.</permissions>"),
        message("user", "<environment>cwd: /src</environment>"),
    ]


@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_a_loop_of_functions_goes_to_its_end(
    agent: openai.OpenAI, place: World, back_end: str
) -> None:
    items = begun()
    for number in range(ROUNDS):
        items.append(message("user", f"Do step {number}."))
        said, _ = turn(agent, f"{back_end}-agent", items, FUNCTIONS)
        [call] = [item for item in said if item.type == "function_call"]
        assert call.name == "Read"
        assert json.loads(call.arguments)["file_path"]
        output = [
            {"type": "input_text", "text": "Read is done"},
            {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"},
        ]
        items.append(
            {"type": "function_call_output", "call_id": call.call_id, "output": output[0]["text"]}
        )
        said, final = turn(agent, f"{back_end}-agent", items, FUNCTIONS)
        assert "Read is done" in final.output_text
        assert final.usage.output_tokens > 0
    counts = place.simulator.snapshot()
    assert (counts["finished"], counts["cancelled"]) == (2 * ROUNDS, 0)


@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_several_functions_at_once(agent: openai.OpenAI, back_end: str) -> None:
    items = [*begun(), message("user", "Look.")]
    said, _ = turn(agent, f"{back_end}-agents", items, FUNCTIONS)
    calls = [item for item in said if item.type == "function_call"]
    assert [call.name for call in calls] == ["Read", "Write"]
    items += (
        {"type": "function_call_output", "call_id": call.call_id, "output": "done"}
        for call in calls
    )
    _, final = turn(agent, f"{back_end}-plain", items, FUNCTIONS)
    assert final.status == "completed"


@pytest.mark.parametrize("back_end", ["responses", "anthropic", "gemini", "bedrock"])
def test_encrypted_thoughts_go_back_to_who_made_them(
    agent: openai.OpenAI, place: World, back_end: str
) -> None:
    items = [*begun(), message("user", "Think.")]
    said, _ = turn(agent, f"{back_end}-agent", items, FUNCTIONS)
    assert any(item.type == "reasoning" and item.encrypted_content for item in said)
    [call] = [item for item in said if item.type == "function_call"]
    items.append({"type": "function_call_output", "call_id": call.call_id, "output": "done"})
    turn(agent, f"{back_end}-agent", items, FUNCTIONS)
    last = json.dumps(place.simulator.snapshot()["received"][-1]["body"])
    assert "skip_thought" not in last
    member = {"gemini": "thoughtSignature", "responses": "encrypted_content"}
    assert member.get(back_end, "signature") in last


@pytest.mark.parametrize("back_end", BACK_ENDS[1:])
def test_a_tool_of_free_text_is_called_with_free_text(agent: openai.OpenAI, back_end: str) -> None:
    """Where there is none such, it is a function with one text."""
    items = [*begun(), message("user", "Patch it.")]
    said, _ = turn(agent, f"{back_end}-agent", items, [PATCH], extra_headers=DROP)
    [call] = [item for item in said if item.type.endswith("_call")]
    assert call.type == "custom_tool_call"
    assert call.name == "apply_patch"
    items.append({"type": "custom_tool_call_output", "call_id": call.call_id, "output": "Done!"})
    _, final = turn(agent, f"{back_end}-agent", items, [PATCH], extra_headers=DROP)
    assert "Done!" in final.output_text


@pytest.mark.parametrize("back_end", BACK_ENDS[1:])
def test_tools_of_the_vendors_own_are_refused_by_name_or_dropped(
    agent: openai.OpenAI, back_end: str
) -> None:
    items = [*begun(), message("user", "Search.")]
    asked = asking(f"{back_end}-agent", items, [*FUNCTIONS, *SERVER])
    with pytest.raises(openai.BadRequestError) as caught:
        agent.responses.create(**asked)
    assert caught.value.code == "unsupported_parameter"
    assert caught.value.param == "tools.server"
    reply = agent.responses.with_raw_response.create(**asked, extra_headers=DROP)
    assert "tools.server" in reply.headers["faregate-dropped"]
    events = list(reply.parse())
    assert events[-1].type == "response.completed"
