"""What is known of a model is told in lines; what isn't is left out."""

import datetime as dt

import pytest

from faregate.catalogue.facts import ModelFacts
from faregate.cli.model_facts import HEADS, lines, only, row
from faregate.core.errors import FaregateError

TODAY = dt.date(2026, 11, 22)
FACTS = ModelFacts(
    vendor="openai",
    model="big",
    title="Big",
    aliases=("big-1",),
    operation="generate",
    context_tokens=1_050_000,
    inputs=("text", "image"),
    features=("tools",),
    prices=(
        {
            "input": "2.5",
            "cached_input": "0.25",
            "output": "15",
            "web_search": "0.01",
            "images": {"hd": "0.08"},
            "tiers": [{"above_input_tokens": 272_000, "input": "5"}],
            "service_tiers": [{"name": "batch", "multiplier": "0.5"}],
            "hours": [{"start": "16:30", "end": "00:30", "input": "1"}],
            "from_time": "2026-01-01T00:00:00Z",
        },
    ),
    retires_on=dt.date(2027, 1, 31),
    sources=("a page",),
)


def test_a_line_of_a_table() -> None:
    told = row(FACTS, TODAY)
    assert told == ("big", "openai", "$2.5", "$15", "1,050,000", "vision,tools", "2027-01-31")
    assert len(told) == len(HEADS)
    assert row(ModelFacts(vendor="v", model="m"), TODAY) == ("m", "v", "", "", "", "", "")


def test_all_that_is_known() -> None:
    assert list(lines(FACTS, TODAY)) == [
        ("model", "openai/big"),
        ("title", "Big"),
        ("also", "big-1"),
        ("for", "generate"),
        ("context", "1,050,000 tokens"),
        ("takes", "text, image"),
        ("can", "tools"),
        ("retires", "2027-01-31"),
        (
            "price from 2026-01-01",
            "input $2.5, cached input $0.25, output $15 a million tokens; $0.01 a web search",
        ),
        ("image hd", "$0.08"),
        ("above 272,000 tokens", "input $5 a million tokens"),
        ("at batch", "times 0.5"),
        ("16:30 to 00:30 UTC", "input $1 a million tokens"),
        ("source", "a page"),
    ]
    assert ("price", "not known") in list(lines(ModelFacts(vendor="v", model="m"), TODAY))
    old = ModelFacts(vendor="v", model="m", deprecated=True)
    assert ("deprecated", "yes") in list(lines(old, TODAY))


def test_one_is_chosen_or_asked_for() -> None:
    assert only([FACTS], "big") is FACTS
    with pytest.raises(FaregateError, match="knows no model 'small'"):
        only([], "small")
    other = ModelFacts(vendor="azure_openai", model="big")
    with pytest.raises(FaregateError, match="azure_openai, openai"):
        only([FACTS, other], "big")
