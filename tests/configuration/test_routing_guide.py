"""The guide's example is what the guide says of it, and its table is what is built."""

import re
from pathlib import Path

import pytest

from faregate.configuration.accounts import account_keys, api_url
from faregate.configuration.document import Document
from faregate.configuration.export import export
from faregate.configuration.load import load
from faregate.configuration.routing_rules import VARIABLES
from faregate.routing.health import FAILURES_MIN, WINDOW_S
from faregate.routing.strategies import EXPLORED
from faregate.routing.troubles import RESTS

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "routing.md").read_text()
ENVIRONMENT = {
    name: f"sk-{name}"
    for name in ("OPENAI_KEY_1", "OPENAI_KEY_2", "ANTHROPIC_API_KEY", "AZURE_OPENAI_API_KEY")
}


@pytest.fixture(scope="module")
def document() -> Document:
    text = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)[0]
    return load(text, environment=ENVIRONMENT)


def test_the_example_has_one_of_each(document: Document) -> None:
    openai, _, azure, _ = document.providers
    assert [(key.name, key.weight) for key in account_keys(openai)] == [("main", 3), ("spare", 1)]
    assert api_url(openai) == "https://api.openai.com/v1"
    assert api_url(azure) == "https://ours-eu.openai.azure.com/openai/v1"
    small, chat, cheap = document.virtual_models
    assert small.fallbacks.failure == ("llama",)
    assert (small.retries_max, small.total_s) == (1, 60)
    assert chat.canary is not None
    assert chat.unsupported == "drop"
    assert cheap.shadow is not None
    assert {one.strategy for one in (small, chat, cheap)} == {"priority", "sticky", "least_cost"}


def test_the_example_loads_back_from_its_export(document: Document) -> None:
    assert load(export(document), environment=ENVIRONMENT) == document


def test_all_facts_of_expressions_are_named() -> None:
    paragraph = GUIDE[GUIDE.index("`when` is") : GUIDE.index("`canary` gives")]
    assert [name for name in VARIABLES if f"`{name}`" not in paragraph] == []


def test_the_figures_are_those_of_routing() -> None:
    rests = {kind: (rest.first_s, rest.most_s, rest.named_s_max) for kind, rest in RESTS.items()}
    assert rests["payment_required"] == rests["auth"] == rests["permission"] == (60, 3_600, 0)
    assert rests["quota_exhausted"] == (300, 3_600, 86_400)
    assert rests["rate_limited"] == (1, 60, 3_600)
    assert rests["failed"] == rests["timeout"] == rests["unreachable"] == (5, 60, 0)
    assert (FAILURES_MIN, WINDOW_S, EXPLORED) == (5, 30, 0.05)
