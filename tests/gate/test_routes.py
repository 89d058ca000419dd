"""A document's models become routes: targets, strategies, fallbacks, and what they know of them."""

from random import Random
from typing import Any

import msgspec
import pytest

from faregate.configuration.document import Document
from faregate.configuration.pricing import compile_prices
from faregate.core.errors import FaregateError
from faregate.gate.routes import Routes, compile_routes
from faregate.routing.registry import Registry
from faregate.routing.strategies import NO_FACTS
from faregate.routing.targets import Choice, record
from faregate.routing.troubles import Trouble

NOW_NS = 1_800_000_000 * 10**9
PROVIDERS: list[dict[str, Any]] = [
    {"name": "one", "vendor": "openai", "api_key": "sk-1", "tags": ["eu"]},
    {
        "name": "two",
        "vendor": "anthropic",
        "keys": [{"name": "a", "secret": "sk-a", "weight": 3}, {"name": "b", "secret": "sk-b"}],
        "limits": {"requests_per_minute": 60},
    },
]
MODELS = [
    {"name": "big", "provider": "one"},
    {"name": "small", "provider": "two"},
    {"name": "other", "provider": "two"},
]
PRICES = [
    {"model": "big", "input": "10", "output": "20"},
    {"model": "small", "input": "1", "output": "2"},
]


def compiled(registry: Registry | None = None, now: float = 0.0, **more: Any) -> Routes:
    written = {"providers": PROVIDERS, "models": MODELS, "prices": PRICES} | more
    document = msgspec.convert(written, Document)
    registry = registry or Registry()
    routes = compile_routes(document, registry, compile_prices(document), Random(1), NOW_NS)
    registry.adopt(routes.accounts, now, NOW_NS)
    return routes


def test_a_model_is_a_route_over_its_accounts_keys() -> None:
    routes = compiled()
    route = routes.by_name["small"]
    [target] = route.targets
    assert (target.name, target.account.name, target.account.vendor) == (
        "small", "two", "anthropic",
    )  # fmt: skip
    assert [(key.name, key.weight) for key in target.account.keys] == [("a", 3), ("b", 1)]
    assert target.account.rates is not None
    assert routes.by_name["big"].targets[0].account.tags == ("eu",)
    assert routes.by_name["big"].targets[0].account.rates is None
    assert set(routes.by_name) == {"big", "small", "other"}


def test_what_is_cheapest_is_known_by_a_typical_call() -> None:
    routes = compiled().by_name
    big, small = routes["big"].targets[0], routes["small"].targets[0]
    assert big.price_nano == 10 * small.price_nano  # type: ignore[operator]
    assert routes["other"].targets[0].price_nano is None


VIRTUAL: dict[str, Any] = {
    "name": "any",
    "strategy": "weighted",
    "targets": [{"model": "big", "weight": 3}, {"model": "small", "when": "stream"}],
    "fallbacks": {"failure": ["other"], "context": ["big"], "content": ["small"]},
    "canary": {"model": "other", "percent": 10},
    "shadow": {"model": "small", "percent": 5},
    "retries_max": 4,
}


def test_a_virtual_model_is_what_it_says() -> None:
    route = compiled(virtual_models=[VIRTUAL]).by_name["any"]
    assert [(each.name, each.weight) for each in route.targets] == [("big", 3), ("small", 1)]
    assert route.strategy == "weighted"
    assert route.targets[1].when is not None
    fallbacks = route.fallbacks
    assert [each.name for each in fallbacks.failure] == ["other"]
    assert [each.name for each in fallbacks.context_length] == ["big"]
    assert [each.name for each in fallbacks.content_refused] == ["small"]
    assert route.canary is not None
    assert (route.canary.percent, route.canary.targets[0].name) == (10, "other")
    assert route.shadow is not None
    assert (route.shadow.percent, route.shadow.target.name) == (5, "small")
    assert route.retries.repeats_max == 4
    assert route.needs >= {"variables", "conversation", "caller"}


def test_settings_say_how_often_all_else_is_tried() -> None:
    routing = {"retries_max": 1, "attempts_max": 7, "retry_share": 50}
    retries = compiled(settings={"routing": routing}).by_name["big"].retries
    assert (retries.repeats_max, retries.attempts_max) == (1, 7)


def test_health_is_that_of_the_model_wherever_it_stands() -> None:
    routes = compiled(virtual_models=[VIRTUAL]).by_name
    assert routes["any"].targets[0].health is routes["big"].targets[0].health
    assert routes["small"].targets[0].account is routes["other"].targets[0].account


def _benched(routes: Routes) -> Choice:
    choice = routes.by_name["big"].targets[0].choices[0]
    record(choice, Trouble("auth", "key"), 0.0)
    return choice


@pytest.mark.parametrize(
    ("change", "stays"),
    [
        ({}, True),
        ({"tags": ["us"]}, True),
        ({"api_key": "sk-new"}, False),
        ({"base_url": "http://elsewhere/v1"}, False),
        ({"vendor": "groq"}, False),
    ],
)
def test_what_was_learnt_outlives_a_change_of_something_else(
    change: dict[str, Any], stays: bool
) -> None:
    registry = Registry()
    _benched(compiled(registry))
    changed = [PROVIDERS[0] | change, PROVIDERS[1]]
    choice = compiled(registry, 1.0, providers=changed).by_name["big"].choose(NO_FACTS, 1.0)
    assert isinstance(choice, Choice) is not stays


def test_an_expression_that_is_none_is_told() -> None:
    odd = VIRTUAL | {"targets": [{"model": "big", "when": "stream &&"}]}
    with pytest.raises(FaregateError, match="stream &&"):
        compiled(virtual_models=[odd])


def test_a_key_is_never_in_what_is_shown() -> None:
    registry = Registry()
    compiled(registry)
    shown = repr(registry.describe(0.0))
    assert "sk-" not in shown
    assert "'two'" in shown
