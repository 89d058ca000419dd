"""What genai-prices keeps is said in our words, to the digit, or left out."""

import datetime as dt
from decimal import Decimal

import pytest
from genai_prices.types import (
    ClauseEquals,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    StartDateConstraint,
    Tier,
    TieredPrices,
    TimeOfDateConstraint,
)

from faregate.catalogue import kept_prices


def entries(
    prices: ModelPrice | list[ConditionalPrice],
    variants: list[PriceVariant] | None = None,
    name: str = "m",
) -> list[object]:
    info = ModelInfo(name, ClauseEquals(name), prices=prices, price_variants=variants)
    return list(kept_prices._entries(info))


def price(**mtok: str) -> ModelPrice:
    return ModelPrice(**{f"{kind}_mtok": Decimal(amount) for kind, amount in mtok.items()})


def tiered(base: str, above: str) -> TieredPrices:
    return TieredPrices(base=Decimal(base), tiers=[Tier(start=200_000, price=Decimal(above))])


def test_kinds_have_our_names_and_units() -> None:
    found = entries(
        ModelPrice(
            input_mtok=Decimal("2.50"),
            output_mtok=Decimal(10),
            cache_write_1h_mtok=Decimal(4),
            web_searches_kcount=Decimal(10),
            requests_kcount=Decimal(5),
        )
    )
    assert found == [
        {
            "input": "2.5",
            "output": "10",
            "cache_write_1h": "4",
            "web_search": "0.01",
            "request": "0.005",
        }
    ]


def test_of_tokens_both_sides_are_said() -> None:
    assert entries(price(input="0.1")) == [{"input": "0.1", "output": "0"}]


def test_a_part_that_we_cant_count_leaves_the_price_out() -> None:
    assert entries(ModelPrice(input_mtok=Decimal(1), output_citation_mtok=Decimal(2))) == []
    assert entries(ModelPrice()) == []
    assert entries(ModelPrice(), name="m:free") == [{"input": "0", "output": "0"}]


def test_tiers_days_and_hours() -> None:
    day = StartDateConstraint(dt.date(2026, 3, 13))
    peak = TimeOfDateConstraint(dt.time(1, tzinfo=dt.UTC), dt.time(4, tzinfo=dt.UTC))
    odd = TimeOfDateConstraint(dt.time(6, tzinfo=dt.UTC), dt.time(10, tzinfo=dt.UTC))
    old = ModelPrice(input_mtok=tiered("1.25", "2.5"), output_mtok=tiered("10", "15"))
    found = entries(
        [
            ConditionalPrice(None, prices=old),
            ConditionalPrice(day, prices=price(input="1", output="2")),
            ConditionalPrice(peak, prices=price(input="2", output="4")),
            ConditionalPrice(odd, prices=price(input="2", output="5")),
        ]
    )
    assert found == [
        {
            "input": "1.25",
            "output": "10",
            "tiers": [{"above_input_tokens": 200_000, "input": "2.5", "output": "15"}],
        },
        {
            "input": "1",
            "output": "2",
            "from_time": "2026-03-13T00:00:00Z",
            "hours": [
                {"start": "01:00", "end": "04:00", "multiplier": "2"},
                {"start": "06:00", "end": "10:00", "input": "2", "output": "5"},
            ],
        },
    ]


def test_service_tiers() -> None:
    usual = ModelPrice(input_mtok=tiered("2", "4"), output_mtok=Decimal(8))
    found = entries(
        usual,
        [
            PriceVariant({"service_tier": "default"}, ModelPrice()),
            PriceVariant({"processing": "batch"}, price(input="1", output="4")),
            PriceVariant({"route": "eu"}, price(input="9")),
            PriceVariant({"service_tier": "flex"}, price(output="5")),
        ],
    )
    assert found[0]["service_tiers"] == [  # type: ignore[index]
        {
            "name": "batch",
            "input": "1",
            "output": "4",
            "tiers": [{"above_input_tokens": 200_000, "input": "1"}],
        },
        {
            "name": "flex",
            "output": "5",
            "tiers": [{"above_input_tokens": 200_000, "input": "4"}],
        },
    ]


def test_half_an_hour_of_audio() -> None:
    usual = ModelPrice(audio_hours=Decimal("0.111"), input_audio_hours=Decimal("0.111"))
    half = PriceVariant({"processing": "batch"}, ModelPrice(audio_hours=Decimal("0.0555")))
    assert entries(usual, [half]) == [
        {"audio_hour": "0.111", "service_tiers": [{"name": "batch", "multiplier": "0.5"}]}
    ]


@pytest.mark.parametrize(
    ("vendor", "name", "model"),
    [
        ("openai", "gpt-4.1-2025-04-14", "gpt-4.1"),
        ("anthropic", "claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("azure_openai", "gpt-4.1", "gpt-4.1"),  # what it hosts of another's
        ("openai", "no-such-model", None),
        ("nobody", "gpt-4.1", None),
    ],
)
def test_models_are_found_by_their_versions(vendor: str, name: str, model: str | None) -> None:
    found = kept_prices.find(vendor, name)
    assert (found and found.model) == model
    assert found is None or found.sources[0] == kept_prices.SOURCE


def test_there_are_a_thousand() -> None:
    assert kept_prices.count() >= 1_000
