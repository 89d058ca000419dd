"""The catalogue: a file's facts before ours, ours before the package's; searched offline."""

import datetime as dt
import subprocess
import sys

import pytest

from faregate.catalogue.facts import ModelFacts
from faregate.catalogue.library import Library
from faregate.configuration import price_rules
from faregate.configuration.completion import prices_of
from faregate.providers.vendors import VENDORS

TODAY = dt.date(2026, 11, 22)
EXTRA = (
    ModelFacts(vendor="openai", model="gpt-4.1", output_tokens_max=7, sources=("ours",)),
    ModelFacts(
        vendor="ours",
        model="Big",
        aliases=("bigger",),
        features=("tools",),
        inputs=("text", "image"),
        prices=({"input": "0.5", "output": "1"},),
        retires_on=dt.date(2027, 1, 1),
    ),
    ModelFacts(vendor="ours", model="bare"),
)
LIBRARY = Library(EXTRA)


def test_what_a_source_doesnt_say_the_next_says() -> None:
    found = LIBRARY.find("openai", "GPT-4.1")
    assert found is not None
    assert found.output_tokens_max == 7
    assert "tools" in found.features
    assert found.prices[0]["input"] == "2"
    assert found.sources[0] == "ours"
    assert any("genai-prices" in source for source in found.sources)


def test_another_name_of_a_model_has_its_limits() -> None:
    named, version = (Library().find("openai", name) for name in ("gpt-5.4", "gpt-5-4"))
    assert named is not None
    assert version is not None
    assert version.output_tokens_max == named.output_tokens_max is not None
    assert version.retires_on is None


def test_names_are_found_without_their_case() -> None:
    for name in ("big", "BIG", "bigger"):
        found = LIBRARY.find("ours", name)
        assert found is not None
        assert found.model == "Big"
    assert LIBRARY.find("ours", "bi") is None
    assert LIBRARY.find("openai_compatible", "gpt-4.1") is None


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"vendor": "ours"}, ["Big", "bare"]),
        ({"vendor": "ours", "can": ("vision", "tools")}, ["Big"]),
        ({"vendor": "ours", "can": ("reasoning",)}, []),
        ({"vendor": "ours", "input_nano_max": 500_000_000}, ["Big"]),
        ({"vendor": "ours", "input_nano_max": 499_999_999}, []),
        ({"vendor": "ours", "text": "BAR"}, ["bare"]),
    ],
)
def test_search(asked: dict[str, object], found: list[str]) -> None:
    models = LIBRARY.search(on=TODAY, **asked)  # type: ignore[arg-type]
    assert [facts.model for facts in models] == found


def test_what_is_retired_isnt_found() -> None:
    found = LIBRARY.search(vendor="ours", on=dt.date(2027, 1, 1))
    assert [facts.model for facts in found] == ["bare"]


def test_the_cheapest_is_first() -> None:
    prices = [
        float(price["input"])
        for facts in LIBRARY.search(can=("vision", "tools"), input_nano_max=10**9, on=TODAY)
        if (price := facts.price_on(TODAY)) is not None
    ]
    assert len(prices) > 20
    assert prices == sorted(prices)
    assert prices[-1] <= 1.0


MODELS = list(Library().all_models())


def test_a_thousand_models_have_a_price() -> None:
    assert sum(bool(facts.prices) for facts in MODELS) >= 2_000
    assert len({(facts.vendor, facts.model) for facts in MODELS}) == len(MODELS)


def test_every_price_keeps_the_rules_of_a_file() -> None:
    for facts in MODELS:
        prices = prices_of("m", facts)
        assert list(price_rules.check_prices(prices, {"m": "m"})) == [], facts.model


def test_our_facts_are_of_our_vendors_and_have_a_source() -> None:
    own = {id(facts): facts for facts in Library()._own.values()}.values()
    assert len(own) >= 150
    assert {facts.vendor for facts in own} <= VENDORS.keys()
    for facts in own:
        assert facts.sources, facts.model
        limits = (facts.context_tokens, facts.output_tokens_max)
        assert all(limit is None or limit > 0 for limit in limits), facts.model


def test_other_vendors_load_nothing_heavy() -> None:
    code = (
        "import sys; from faregate.catalogue.library import Library; "
        "Library().find('llama_cpp', 'm'); import faregate.gate.worker; "
        "print(sorted({'genai_prices', 'httpx2'} & sys.modules.keys()))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.strip() == "[]"
