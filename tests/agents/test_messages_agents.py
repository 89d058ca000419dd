"""Anthropic messages as Claude Code sends them, over back ends that speak something else.

The shapes are those of Anthropic's documentation: "Extended thinking" (interleaved, with tools),
"Prompt caching", "Fine-grained tool streaming", "Token counting", "Tool use" (results with images).
"""

import json
from typing import Any

import anthropic
import pytest
from tests.agents.toolbox import NAMES, PNG, described, schema
from tests.sdks.world import World

BACK_ENDS = ("anthropic", "openai", "responses", "gemini", "bedrock", "cohere", "mistral", "ollama")
BETAS = [
    "claude-code-20250219",
    "interleaved-thinking-2025-05-14",
    "fine-grained-tool-streaming-2025-05-14",
    "context-management-2025-06-27",
]
MARK = {"cache_control": {"type": "ephemeral"}}
SYSTEM: list[Any] = [
    {"type": "text", "text": "You are a coding agent.", **MARK},
    {"type": "text", "text": "Work in the directory that you are told. " * 200, **MARK},
]
TOOLS: list[Any] = [
    {"name": name, "description": described(name), "input_schema": schema(name)} for name in NAMES
]
# Anthropic itself takes at most one mark for tools here: four in all.
TOOLS[-1] |= MARK
REMINDER = "<system-reminder>Nothing has changed.</system-reminder>"
ROUNDS = 3


def asking(model: str, messages: list[Any]) -> dict[str, Any]:
    return {
        "model": model,
        "max_tokens": 32_000,
        "system": SYSTEM,
        "tools": TOOLS,
        "messages": messages,
        "thinking": {"type": "enabled", "budget_tokens": 10_000},
        "metadata": {"user_id": "user_1f_account__session_2b"},
        "betas": BETAS,
        "extra_headers": {"x-app": "cli", "user-agent": "claude-cli/2.0.1 (external, cli)"},
    }


@pytest.fixture
def agent(place: World) -> anthropic.Anthropic:
    place.simulator.reset()
    return anthropic.Anthropic(
        base_url=place.url, api_key=place.keys["good"], max_retries=0, timeout=60
    )


def results(reply: Any, *, pictures: bool = True) -> list[dict[str, Any]]:
    """What the tools gave: text and a picture, the last one marked for the cache."""
    found: list[dict[str, Any]] = []
    for block in reply.content:
        if block.type == "tool_use":
            picture = {"type": "base64", "media_type": "image/png", "data": PNG}
            said = [{"type": "text", "text": f"{block.name} is done"}]
            if pictures and not found:
                said.append({"type": "image", "source": picture})
            found.append({"type": "tool_result", "tool_use_id": block.id, "content": said})
    found.append({"type": "text", "text": REMINDER, **MARK})
    return found


def turn(agent: anthropic.Anthropic, model: str, messages: list[Any], *, stream: bool) -> Any:
    """One call; its answer is added to the messages as agents do."""
    for message in messages:  # marks move on with the conversation
        for block in message["content"] if isinstance(message["content"], list) else ():
            if isinstance(block, dict):
                block.pop("cache_control", None)
    asked = asking(model, messages)
    if stream:
        with agent.beta.messages.stream(**asked) as streamed:
            reply = streamed.get_final_message()
    else:
        reply = agent.beta.messages.create(**asked)
    content = [block.model_dump(exclude_none=True) for block in reply.content]
    for block in content:
        block.pop("parsed_output", None)
    messages.append({"role": "assistant", "content": content})
    return reply


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_a_loop_of_tools_goes_to_its_end(
    agent: anthropic.Anthropic, place: World, back_end: str, stream: bool
) -> None:
    messages: list[Any] = []
    for number in range(ROUNDS):
        said = {"type": "text", "text": f"Do step {number}.", **MARK}
        messages.append({"role": "user", "content": [said]})
        reply = turn(agent, f"{back_end}-agent", messages, stream=stream)
        assert reply.stop_reason == "tool_use"
        [call] = [block for block in reply.content if block.type == "tool_use"]
        assert call.name == "Read"
        assert call.input["file_path"]
        pictures = back_end not in ("cohere", "openai")  # refused; a message of the user behind
        messages.append({"role": "user", "content": results(reply, pictures=pictures)[:-1]})
        reply = turn(agent, f"{back_end}-agent", messages, stream=stream)
        assert reply.stop_reason == "end_turn"
        text = "".join(block.text for block in reply.content if block.type == "text")
        assert "Read is done" in text
        assert reply.usage.input_tokens > 0
        assert reply.usage.output_tokens > 0
    counts = place.simulator.snapshot()
    assert (counts["finished"], counts["cancelled"]) == (2 * ROUNDS, 0)


@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_several_tools_at_once_with_a_reminder_behind_their_results(
    agent: anthropic.Anthropic, back_end: str
) -> None:
    messages: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "Look."}]}]
    reply = turn(agent, f"{back_end}-agents", messages, stream=True)
    calls = [block for block in reply.content if block.type == "tool_use"]
    assert [call.name for call in calls] == ["Read", "Write"]
    assert len({call.id for call in calls}) == 2
    pictures = back_end != "cohere"
    messages.append({"role": "user", "content": results(reply, pictures=pictures)})
    reply = turn(agent, f"{back_end}-plain", messages, stream=True)
    assert reply.stop_reason == "end_turn"


@pytest.mark.parametrize("back_end", ["anthropic", "gemini", "bedrock", "responses"])
def test_proofs_of_thoughts_go_back_to_who_made_them(
    agent: anthropic.Anthropic, place: World, back_end: str
) -> None:
    """The simulator refuses a proof that it didn't make; here it must have got one at all."""
    messages: list[Any] = [{"role": "user", "content": "Think."}]
    reply = turn(agent, f"{back_end}-agent", messages, stream=True)
    assert {"thinking", "redacted_thinking"} & {block.type for block in reply.content}
    messages.append({"role": "user", "content": results(reply)[:-1]})
    turn(agent, f"{back_end}-agent", messages, stream=True)
    last = json.dumps(place.simulator.snapshot()["received"][-1]["body"])
    assert "skip_thought" not in last
    member = {"gemini": "thoughtSignature", "responses": "encrypted_content"}
    assert member.get(back_end, "signature") in last


@pytest.mark.parametrize("back_end", ["openai", "gemini", "cohere", "bedrock"])
def test_thoughts_move_on_to_another_vendor(
    agent: anthropic.Anthropic, place: World, back_end: str
) -> None:
    """A conversation that began elsewhere: its proofs mean nothing there, and do no harm."""
    messages: list[Any] = [{"role": "user", "content": "Think."}]
    reply = turn(agent, "anthropic-agent", messages, stream=True)
    messages.append({"role": "user", "content": results(reply, pictures=False)[:-1]})
    reply = turn(agent, f"{back_end}-agent", messages, stream=True)
    assert reply.stop_reason == "end_turn"
    messages.append({"role": "user", "content": "Go on."})
    reply = turn(agent, "anthropic-agent", messages, stream=True)
    assert reply.stop_reason == "tool_use"
    headers = dict(place.simulator.snapshot()["received"][-1]["headers"])
    assert "interleaved-thinking-2025-05-14" in headers["anthropic-beta"]


@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_tokens_are_counted_wherever_the_model_is(
    agent: anthropic.Anthropic, back_end: str
) -> None:
    asked = asking(f"{back_end}-plain", [{"role": "user", "content": "hello"}])
    for name in ("max_tokens", "metadata"):
        del asked[name]
    assert agent.beta.messages.count_tokens(**asked).input_tokens > 0
