"""A document's prices, markups and settings say what a call costs us and its caller."""

import datetime as dt
from decimal import Decimal
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.test_zones import utc_ns

from faregate.catalogue.prices import Tariff
from faregate.catalogue.rates import OUTPUT_PARTS
from faregate.configuration.commerce import Plan, Price, Rates, Tier, TimeWindow
from faregate.configuration.document import Document
from faregate.configuration.pricing import Fare, as_fraction, compile_prices
from faregate.configuration.settings import CreditSettings, Settings
from faregate.core.money import parse_amount
from faregate.dialects.usage import Usage

NOW = utc_ns("2026-11-21T14:00")
MILLION = 10**6
EACH = Usage(MILLION, MILLION)


def document(
    *prices: Price,
    plans: tuple[Plan, ...] = (),
    unknown: Literal["refuse", "free", "fallback"] = "refuse",
    fallback: str | None = None,
) -> Document:
    credit = CreditSettings(
        unknown_price=unknown, fallback_price=None if fallback is None else Decimal(fallback)
    )
    return Document(prices=prices, plans=plans, settings=Settings(credit=credit))


def price(model: str, dollars_in: str, dollars_out: str, **more: object) -> Price:
    written = {"model": model, "input": dollars_in, "output": dollars_out} | more
    return msgspec.convert(written, Price, strict=False)


def dollars(tariff: Tariff | None, usage: Usage) -> Decimal | None:
    return None if tariff is None else Decimal(tariff.price(usage)) / 10**9


def both(fare: Fare, usage: Usage = EACH) -> tuple[Decimal | None, ...]:
    return dollars(fare.cost, usage), dollars(fare.charge, usage)


PLANS = (
    Plan(name="dear", markup=Decimal("1.15")),
    Plan(name="own", markup=Decimal(2), prices=(price("m", "5", "5"),)),
    Plan(name="gift", markup=Decimal(0)),
)
DOCUMENT = document(price("m", "1", "3"), price("other", "0", "0"), plans=PLANS)


@pytest.mark.parametrize(
    ("model", "plan", "cost", "charge"),
    [
        ("m", None, "4", "4"),
        ("m", "dear", "4", "4.6"),
        ("m", "own", "4", "10"),  # an own price is not marked up
        ("other", "own", "0", "0"),
        ("m", "gift", "4", "0"),
        ("gone", None, None, None),
        ("gone", "dear", None, None),
    ],
)
def test_own_prices_come_before_markups(
    model: str, plan: str | None, cost: str | None, charge: str | None
) -> None:
    fare = compile_prices(DOCUMENT).fare(model, plan, NOW)
    expected = tuple(None if each is None else Decimal(each) for each in (cost, charge))
    assert both(fare) == expected
    assert fare.until_ns is None


def test_a_plan_may_price_what_has_no_price() -> None:
    plans = (Plan(name="own", prices=(price("m", "5", "5"),)),)
    fare = compile_prices(document(plans=plans)).fare("m", "own", NOW)
    assert both(fare) == (None, Decimal(10))


@pytest.mark.parametrize(
    ("unknown", "plan", "charge"),
    [
        ("refuse", None, None),
        ("free", None, "0"),
        ("free", "dear", "0"),
        ("fallback", None, "14"),
        ("fallback", "dear", "16.1"),
    ],
)
def test_an_unknown_price_is_what_the_settings_say(
    unknown: Literal["refuse", "free", "fallback"], plan: str | None, charge: str | None
) -> None:
    prices = compile_prices(document(plans=PLANS, unknown=unknown, fallback="7"))
    fare = prices.fare("m", plan, NOW)
    assert both(fare) == (None, None if charge is None else Decimal(charge))
    assert unknown != "free" or (fare.charge is not None and fare.charge.is_free)


def test_a_fallback_without_a_price_is_none() -> None:
    assert compile_prices(document(unknown="fallback")).fare("m", None, NOW).charge is None


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (Usage(MILLION, 0), "1"),
        (Usage(MILLION, 0, MILLION), "0.1"),
        (Usage(MILLION, 0, cache_write_tokens=MILLION), "1"),
        (Usage(MILLION, 0, audio_input_tokens=MILLION), "1"),
        (Usage(0, MILLION, reasoning_tokens=MILLION), "3"),
        (Usage(0, MILLION, audio_output_tokens=MILLION), "9"),
        (Usage(2 * MILLION, 0), "4"),
        (Usage(2 * MILLION, 0, 2 * MILLION), "0.2"),  # the tier says nothing of it
        (Usage(2 * MILLION, 0, image_input_tokens=2 * MILLION), "4"),
        (Usage(4 * MILLION, 0), "8"),  # as the tier below
        (Usage(4 * MILLION, 0, 4 * MILLION), "2"),
        (Usage(4 * MILLION, MILLION), "13"),
        (Usage(4 * MILLION, MILLION, audio_output_tokens=MILLION), "17"),
    ],
)
def test_what_is_not_said_is_as_more_generally(usage: Usage, expected: str) -> None:
    row = price(
        "m",
        "1",
        "3",
        cached_input="0.1",
        audio_output="9",
        tiers=[
            {"above_input_tokens": MILLION, "input": "2"},
            {"above_input_tokens": 3 * MILLION, "output": "5", "cached_input": "0.5"},
        ],
    )
    fare = compile_prices(document(row)).fare("m", None, NOW)
    assert dollars(fare.charge, usage) == Decimal(expected)


def test_a_request_has_its_price() -> None:
    row = Price(model="search", request=Decimal("0.01"))
    plans = (Plan(name="dear", markup=Decimal("1.5")),)
    fare = compile_prices(document(row, plans=plans)).fare("search", "dear", NOW)
    assert both(fare, Usage(100, 100)) == (Decimal("0.01"), Decimal("0.015"))


BATCHED = {
    "input": "2", "output": "8", "cached_input": "0.5", "web_search": "0.01", "image": "0.04",
    "images": {"HD": "0.08"},
    "tiers": [{"above_input_tokens": MILLION, "input": "4"}],
    "service_tiers": [
        {"name": "batch", "multiplier": "0.5"},
        {"name": "priority", "input": "3.5", "output": "14", "cached_input": "0.875",
         "tiers": [{"above_input_tokens": MILLION, "output": "28"}]},
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (Usage(MILLION, MILLION), "10"),
        (Usage(MILLION, MILLION, service_tier="batch"), "5"),
        (Usage(MILLION, MILLION, service_tier="unheard of"), "10"),
        (Usage(MILLION, 0, MILLION, service_tier="batch"), "0.25"),
        (Usage(2 * MILLION, 0, service_tier="batch"), "4"),
        (Usage(MILLION, MILLION, service_tier="priority"), "17.5"),
        (Usage(2 * MILLION, MILLION, service_tier="priority"), "35"),
        (Usage(images=2, web_searches=3), "0.11"),
        (Usage(images=2, image_variant="hd"), "0.16"),
        (Usage(images=2, web_searches=3, service_tier="batch"), "0.07"),
    ],
)
def test_a_service_tier_has_its_prices(usage: Usage, expected: str) -> None:
    row = msgspec.convert({"model": "m"} | BATCHED, Price, strict=False)
    fare = compile_prices(document(row)).fare("m", None, NOW)
    assert dollars(fare.charge, usage) == Decimal(expected)


def test_hours_may_have_rates_instead_of_a_multiplier() -> None:
    hours = [{"start": "16:30", "end": "00:30", "input": "0.135", "cached_input": "0.035"}]
    prices = compile_prices(document(price("m", "0.55", "2.19", cached_input="0.14", hours=hours)))
    usage = Usage(2 * MILLION, MILLION, MILLION)
    by_day = prices.fare("m", None, utc_ns("2025-03-01T12:00")).charge
    by_night = prices.fare("m", None, utc_ns("2025-03-01T20:00")).charge
    assert dollars(by_day, usage) == Decimal("2.88")
    assert dollars(by_night, usage) == Decimal("2.36")


def test_an_overage_is_the_charge_multiplied() -> None:
    charge = compile_prices(DOCUMENT).fare("m", "dear", NOW).charge
    assert charge is not None
    overage = charge.times(as_fraction(Decimal("1.5")))
    assert dollars(overage, Usage(MILLION, MILLION)) == Decimal("6.9")


# -- over time ------------------------------------------------------------------------------------

JULY = dt.datetime(2026, 7, 1, tzinfo=dt.UTC)
NIGHT = TimeWindow(start="22:00", end="06:00", days=("sat",), multiplier=Decimal("0.5"))
MOVING = document(
    price("m", "1", "0"),
    price("m", "2", "0", from_time=JULY),
    plans=(
        Plan(
            name="own",
            prices=(
                price("m", "9", "0", from_time=JULY + dt.timedelta(microseconds=1)),
                price("m", "8", "0", from_time=JULY + dt.timedelta(days=1)),
            ),
        ),
        Plan(name="dear", markup=Decimal(3)),
    ),
)


@pytest.mark.parametrize(
    ("plan", "at_ns", "expected", "until_ns"),
    [
        (None, utc_ns("2026-06-30"), (1, 1), utc_ns("2026-07-01")),
        (None, utc_ns("2026-07-01"), (2, 2), None),
        ("dear", utc_ns("2026-07-01") - 1, (1, 3), utc_ns("2026-07-01")),
        ("dear", utc_ns("2026-07-01"), (2, 6), None),
        ("own", utc_ns("2026-06-30"), (1, 1), utc_ns("2026-07-01")),
        ("own", utc_ns("2026-07-01"), (2, 2), utc_ns("2026-07-01") + 1_000),
        ("own", utc_ns("2026-07-01") + 1_000, (2, 9), utc_ns("2026-07-02")),
        ("own", utc_ns("2026-07-02"), (2, 8), None),
    ],
)
def test_the_next_change_of_any_price_is_known(
    plan: str | None, at_ns: int, expected: tuple[int, int], until_ns: int | None
) -> None:
    prices = compile_prices(MOVING)
    for _ in range(2):  # made, and kept
        fare = prices.fare("m", plan, at_ns)
        assert both(fare, Usage(MILLION)) == expected
        assert fare.until_ns == until_ns


def test_hours_halve_the_price() -> None:
    prices = compile_prices(document(price("m", "1", "0", hours=[msgspec.to_builtins(NIGHT)])))
    day, night = utc_ns("2026-11-21T21:59"), utc_ns("2026-11-22T05:59")  # from Saturday on
    for at_ns, expected in ((day, 1), (night, Decimal("0.5")), (day, 1)):  # a clock set back
        fare = prices.fare("m", None, at_ns)
        assert both(fare, Usage(MILLION)) == (expected, expected)
    assert fare.until_ns == utc_ns("2026-11-21T22:00")


def test_a_fare_is_kept_while_it_applies() -> None:
    prices = compile_prices(MOVING)
    first = prices.fare("m", "own", utc_ns("2026-06-01"))
    assert prices.fare("m", "own", utc_ns("2026-07-01") - 1) is first
    assert prices.fare("m", "own", utc_ns("2026-07-01")) is not first


AMOUNTS = st.none() | st.integers(0, 10**12).map(lambda nano: Decimal(nano).scaleb(-9))


@given(
    st.dictionaries(st.sampled_from(Rates.__struct_fields__), AMOUNTS),
    st.dictionaries(st.sampled_from(Rates.__struct_fields__), AMOUNTS),
)
def test_no_rate_is_lost(base: dict[str, Decimal | None], tier: dict[str, Decimal | None]) -> None:
    row = Price(model="m", tiers=(Tier(above_input_tokens=10, **tier),), **base)
    charge = compile_prices(document(row)).fare("m", None, NOW).charge
    assert charge is not None
    for kinds, found in (
        ([base], charge.row.rates),
        ([tier, base], charge.row.tiers[0].rates),
    ):
        for kind in Rates.__struct_fields__:
            whole = "output" if kind in ("output", *OUTPUT_PARTS) else "input"
            names = (kind, "cache_write", whole) if kind == "cache_write_1h" else (kind, whole)
            said = [each.get(name) for name in names for each in kinds]
            expected = next((amount for amount in said if amount is not None), Decimal(0))
            assert getattr(found, kind) == parse_amount(expected)
