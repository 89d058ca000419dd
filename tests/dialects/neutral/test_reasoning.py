"""Efforts and budgets mean the same in both directions."""

import pytest

from faregate.dialects.neutral.reasoning import budget_tokens, effort
from faregate.dialects.neutral.request import Effort, Reasoning

WORDS: list[Effort] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"]


@pytest.mark.parametrize("word", WORDS)
def test_a_word_comes_back_from_its_tokens(word: Effort):
    tokens = budget_tokens(Reasoning(effort=word))
    assert effort(Reasoning(budget_tokens=tokens)) == word


def test_more_effort_is_more_tokens():
    budgets = [budget_tokens(Reasoning(effort=word)) or 0 for word in WORDS]
    assert budgets == sorted(set(budgets))


@pytest.mark.parametrize(
    ("tokens", "word"), [(1, "minimal"), (10_000, "medium"), (31_999, "high"), (10**9, "max")]
)
def test_tokens_in_between_have_a_word(tokens: int, word: str):
    assert effort(Reasoning(budget_tokens=tokens)) == word


def test_what_is_left_to_the_model_stays_so():
    assert effort(Reasoning(budget_tokens=-1)) is None
    assert budget_tokens(Reasoning(budget_tokens=-1)) == -1
    assert effort(Reasoning()) is None
    assert budget_tokens(Reasoning(shows=True)) is None


def test_what_is_said_is_not_reckoned():
    both = Reasoning(effort="low", budget_tokens=9_999)
    assert (effort(both), budget_tokens(both)) == ("low", 9_999)
