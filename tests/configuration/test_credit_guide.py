"""The guide's example is what the guide says of it, and its figures are what calls cost."""

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path

import pytest

from faregate.configuration.document import Document
from faregate.configuration.export import export
from faregate.configuration.load import load
from faregate.configuration.pricing import compile_prices
from faregate.core.money import format_amount
from faregate.dialects.usage import Usage
from faregate.identity.keys import generate_key

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "credit-and-limits.md"
ENVIRONMENT = {"OPENAI_API_KEY": "sk-1", "SHOP_ASSISTANT_KEY": generate_key()}
NOW_NS = int(dt.datetime(2027, 2, 1, 12, tzinfo=dt.UTC).timestamp()) * 10**9
CALLS = [
    ("gpt-5-mini", Usage(10_000, 500, cached_input_tokens=4_000)),
    ("gpt-5-mini", Usage(300_000, 1_000)),
    ("text-embedding-3-small", Usage(8_000, 0)),
]


@pytest.fixture(scope="module")
def document() -> Document:
    text = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)[0]
    return load(text, environment=ENVIRONMENT)


def test_the_example_has_one_of_each(document: Document) -> None:
    (plan,) = document.plans
    assert plan.markup == Decimal("1.2")
    assert plan.quotas[0].carry_over_max == 20_000
    assert {budget.each for budget in document.budgets} == {"key", "customer", "run"}
    assert {budget.rolling for budget in document.budgets} == {True, False}
    assert document.budgets[0].alert_at == (50, 80, 100)
    assert [(limit.per, limit.burst) for limit in document.limits] == [
        ("second", 20),
        ("day", None),
        (None, None),
    ]
    assert {grant.kind for grant in document.wallets[0].grants} == {"paid", "promotional"}
    assert document.prices[0].cached_input == Decimal("0.025")
    assert document.prices[0].tiers[0].above_input_tokens == 200_000
    assert document.keys[0].application == document.applications[0].name


def test_the_example_loads_back_from_its_export(document: Document) -> None:
    assert load(export(document), environment=ENVIRONMENT) == document


def test_the_figures_are_what_calls_cost(document: Document) -> None:
    rows = re.findall(r"^\| `([\w.-]+)`: .*? \| ([\d.]+) \| ([\d.]+) \|$", GUIDE.read_text(), re.M)
    prices = compile_prices(document)
    computed = []
    for model, usage in CALLS:
        fare = prices.fare(model, "basic", NOW_NS)
        assert fare.cost is not None
        assert fare.charge is not None
        cost, charge = fare.cost.price(usage), fare.charge.price(usage)
        computed.append((model, format_amount(cost), format_amount(charge)))
    assert rows == computed
