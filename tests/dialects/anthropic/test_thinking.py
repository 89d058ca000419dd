"""Each model is asked to think in its own way, with the sampling that may stand beside it."""

from typing import Any

import msgspec
import pytest

from faregate.dialects.anthropic.request_writer import write_request
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.request import Message, Reasoning, Request, Tool, ToolChoice
from faregate.dialects.translation import TargetFacts

HI = Message("user", (parts.Text("hi"),))
OLD, MIDDLE, NEW, ALWAYS = (
    "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-5", "claude-fable-5"
)  # fmt: skip


def _write(model: str, **fields: Any) -> tuple[dict[str, Any], set[str]]:
    fields.setdefault("output_tokens_max", 32_000)
    fields.setdefault("messages", (HI,))
    request = Request(model="m", origin="openai_chat", **fields)
    written = write_request(request, TargetFacts(model=model))
    return msgspec.json.decode(written.body), {lost.name for lost in written.lost}


@pytest.mark.parametrize(
    ("model", "asked", "thinking", "effort"),
    [
        (OLD, Reasoning(effort="low"), {"type": "enabled", "budget_tokens": 4_096}, None),
        (OLD, Reasoning(budget_tokens=500), {"type": "enabled", "budget_tokens": 1_024}, None),
        (OLD, Reasoning(budget_tokens=90_000), {"type": "enabled", "budget_tokens": 31_999}, None),
        (OLD, Reasoning(budget_tokens=-1), {"type": "enabled", "budget_tokens": 8_192}, None),
        (OLD, Reasoning(effort="none"), None, None),
        ("claude-opus-4-5", Reasoning(effort="max"),
         {"type": "enabled", "budget_tokens": 31_999}, "high"),
        (MIDDLE, Reasoning(effort="xhigh"), {"type": "adaptive"}, "max"),
        (MIDDLE, Reasoning(budget_tokens=2_000),
         {"type": "enabled", "budget_tokens": 2_000}, "low"),
        (NEW, Reasoning(effort="minimal"), {"type": "adaptive"}, "low"),
        (NEW, Reasoning(budget_tokens=8_000, shows=True),
         {"type": "adaptive", "display": "summarized"}, "medium"),
        (NEW, Reasoning(budget_tokens=-1), {"type": "adaptive"}, None),
        (NEW, Reasoning(effort="none"), {"type": "disabled"}, None),
        ("claude-opus-4-7", Reasoning(effort="none"), None, None),
        ("claude-sonnet-5-5", Reasoning(effort="none"), {"type": "between_tools"}, None),
        ("glm-5", Reasoning(effort="low"), {"type": "enabled", "budget_tokens": 4_096}, None),
    ],
)  # fmt: skip
def test_models_are_asked_in_their_ways(
    model: str, asked: Reasoning, thinking: Any, effort: str | None
):
    body, lost = _write(model, reasoning=asked)
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == effort
    assert lost == set()


def test_a_model_that_always_thinks_is_asked_for_little():
    body, lost = _write(ALWAYS, reasoning=Reasoning(effort="none"))
    assert body["output_config"] == {"effort": "low"}
    assert lost == {"reasoning"}


def test_thinking_wants_room_below_the_callers_limit():
    body, lost = _write(OLD, reasoning=Reasoning(effort="low"), output_tokens_max=1_000)
    assert "thinking" not in body
    assert (body["max_tokens"], lost) == (1_000, {"reasoning"})


def test_a_forced_tool_is_called_without_a_budget():
    fields: dict[str, Any] = {
        "tools": (Tool(name="f"),),
        "tool_choice": ToolChoice("required"),
        "reasoning": Reasoning(effort="high"),
    }
    body, lost = _write(OLD, **fields)
    assert "thinking" not in body
    assert lost == {"reasoning"}
    body, lost = _write(NEW, **fields)
    assert body["output_config"] == {"effort": "high"}
    assert (body["thinking"], lost) == ({"type": "adaptive"}, set())


def test_thoughts_are_shown_to_whom_asks_for_a_summary():
    body, _ = _write(NEW, reasoning=Reasoning(effort="low", summary="auto"))
    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}


LOW = Reasoning(effort="low")


@pytest.mark.parametrize(
    ("model", "fields", "written", "lost"),
    [
        (OLD, {"temperature": 0.3}, {"temperature": 0.3}, set()),
        (OLD, {"temperature": 1.7}, {}, {"temperature"}),
        (OLD, {"temperature": 0.3, "top_p": 1.0}, {"temperature": 0.3}, set()),
        (OLD, {"temperature": 1.0, "top_p": 0.9}, {"top_p": 0.9}, set()),
        (OLD, {"temperature": 0.3, "top_p": 0.9}, {"temperature": 0.3}, {"top_p"}),
        (OLD, {"temperature": 0.3, "reasoning": LOW}, {}, {"temperature"}),
        (OLD, {"temperature": 1.0, "reasoning": LOW}, {"temperature": 1.0}, set()),
        (OLD, {"top_p": 0.96, "reasoning": LOW}, {"top_p": 0.96}, set()),
        (OLD, {"top_p": 0.5, "top_k": 3, "reasoning": LOW}, {}, {"top_p", "top_k"}),
        (NEW, {"temperature": 1.0, "top_p": 1.0}, {}, set()),
        (NEW, {"temperature": 0.0, "top_k": 3}, {}, {"temperature", "top_k"}),
        ("glm-5", {"temperature": 0.3, "top_p": 0.9}, {"temperature": 0.3, "top_p": 0.9}, set()),
    ],
)
def test_sampling_that_may_stand_beside_it(
    model: str, fields: dict[str, Any], written: dict[str, float], lost: set[str]
):
    body, told = _write(model, **fields)
    assert {name: body[name] for name in ("temperature", "top_p", "top_k") if name in body} == (
        written
    )
    assert told == lost
