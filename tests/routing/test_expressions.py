"""A condition holds or not, or fails and is counted; it breaks no call."""

import subprocess
import sys

import pytest

from faregate.routing.expressions import EXPRESSION_CHARACTERS_MAX, Expression, ExpressionError

FACTS = {
    "model": "smart",
    "caller": {"key": "web", "team": "search"},
    "tokens": 12_000,
    "stream": True,
    "tags": ["eu", "paid"],
}


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ("tokens > 8000", True),
        ("tokens > 8000 && !stream", False),
        ("caller.team == 'search'", True),
        ("'eu' in tags", True),
        ("model.startsWith('sm') || missing == 1", True),
        ("has(caller.plan) && caller.plan == 'gold'", False),
        ("tags.exists(tag, tag == 'free')", False),
        ("true", True),
    ],
)
def test_it_is_true_or_not(source: str, holds: bool):
    expression = Expression(source)
    assert expression.matches(FACTS) is holds
    assert expression.failures == 0


@pytest.mark.parametrize("source", ["missing > 3", "tokens / 0 > 1", "model + 3 == 4", "tokens"])
def test_what_fails_has_not_matched_and_is_counted(source: str):
    expression = Expression(source)
    for _ in range(3):
        assert expression.matches(FACTS) is False
    told = expression.describe()
    assert told["failures"] == 3
    assert 0 < len(told["last_failure"]) <= 200


@pytest.mark.parametrize(
    "source", ["", "tokens >", "a b", "(" * 1_500, "'" + "x" * EXPRESSION_CHARACTERS_MAX + "'"]
)
def test_what_can_t_be_compiled_is_refused_at_once(source: str):
    with pytest.raises(ExpressionError) as error:
        Expression(source)
    assert 0 < len(str(error.value)) <= 200


def test_it_says_which_facts_it_reads():
    assert Expression("tokens > 1 && caller.team == 'a'").variables == {"tokens", "caller"}


def test_it_loads_neither_a_command_line_nor_itself_before_it_is_needed():
    program = (
        "import sys\n"
        "from faregate.routing.route import Route\n"
        "from faregate.routing.expressions import Expression\n"
        "before = [m for m in sys.modules if m.partition('.')[0] == 'cel']\n"
        "Expression('true')\n"
        "print(before, sorted({'rich', 'typer', 'prompt_toolkit'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert found.stdout.strip() == "[] []"
