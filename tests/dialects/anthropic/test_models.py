"""What a Claude model takes follows from its name, however a vendor writes it."""

import pytest

from faregate.dialects.anthropic.models import ModelFacts, facts_of


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("glm-5", "kimi-k3", "MiniMax-M3", "claude-2.1"), ModelFacts()),
        (("claude-3-5-haiku-20241022", "claude-3.7-sonnet", "anthropic/claude-sonnet-4"),
         ModelFacts()),
        (("claude-sonnet-4-5-20250929", "anthropic.claude-haiku-4-5-20251001-v1:0"),
         ModelFacts(one_sampling=True)),
        (("claude-opus-4-5@20251101", "us.anthropic.claude-opus-4-5-20251101-v1:0"),
         ModelFacts(one_sampling=True, efforts=("low", "medium", "high"))),
        (("claude-opus-4-6", "anthropic/claude-opus-4.6", "anthropic/claude-4.6-sonnet"),
         ModelFacts(adaptive=True, one_sampling=True,
                    efforts=("low", "medium", "high", "max"))),
    ],
)  # fmt: skip
def test_older_models(names: tuple[str, ...], expected: ModelFacts):
    assert [facts_of(name) for name in names] == [expected] * len(names)


@pytest.mark.parametrize(
    ("name", "rest", "forced_tools", "system_turns"),
    [
        ("claude-opus-4-7", "omitted", True, False),
        ("global.anthropic.claude-opus-4-8-20260528-v1:0", "omitted", True, True),
        ("claude-sonnet-5", "disabled", True, True),
        ("claude-opus-5", "disabled", True, True),
        ("claude-haiku-5-5-20261001", "disabled", True, True),
        ("claude-sonnet-5-5", "between_tools", False, True),
        ("claude-opus-5-5", None, False, True),
        ("claude-fable-5", None, True, True),
        ("anthropic/claude-fable-5.1", None, False, True),
        ("claude-mythos-5-2", None, False, True),
    ],
)
def test_newer_models(name: str, rest: str | None, forced_tools: bool, system_turns: bool):
    facts = facts_of(name)
    assert (facts.rest, facts.forced_tools, facts.system_turns) == (
        rest, forced_tools, system_turns,
    )  # fmt: skip
    assert (facts.budgets, facts.adaptive, facts.samples) == (False, True, False)
    assert facts.efforts == ("low", "medium", "high", "xhigh", "max")


def test_the_preview_has_both_ways_of_thinking():
    facts = facts_of("claude-mythos-preview")
    assert (facts.budgets, facts.adaptive, facts.rest) == (True, True, None)
