"""Efforts and budgets stand for each other by one table."""

import pytest

from faregate.dialects.neutral.reasoning import BUDGETS, budget_tokens, effort
from faregate.dialects.neutral.request import Effort, Reasoning


@pytest.mark.parametrize("name", BUDGETS)
def test_an_effort_comes_back_from_its_budget(name: Effort) -> None:
    budget = budget_tokens(Reasoning(effort=name))
    assert effort(Reasoning(budget_tokens=budget)) == name


@pytest.mark.parametrize(
    ("budget", "name"), [(1, "minimal"), (5_000, "medium"), (10**9, "max"), (-1, None), (0, "none")]
)
def test_a_budget_is_the_least_effort_that_has_it(budget: int, name: Effort | None) -> None:
    assert effort(Reasoning(budget_tokens=budget)) == name


def test_what_was_said_is_not_reckoned() -> None:
    both = Reasoning(effort="low", budget_tokens=9)
    assert (effort(both), budget_tokens(both)) == ("low", 9)
    assert (effort(Reasoning()), budget_tokens(Reasoning())) == (None, None)
