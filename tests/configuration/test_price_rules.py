"""A price is complete, in order, and never silently free; the rest is refused by name."""

import datetime as dt
from decimal import Decimal

import pytest
from tests.configuration.planted import BASE, assert_one_mistake

from faregate.configuration.commerce import Price
from faregate.configuration.document import Document, Model, Provider
from faregate.configuration.export import export
from faregate.configuration.load import load
from faregate.configuration.price_rules import check, wrong_moment, wrong_zone

FREE = "{model: gpt, input: 0, output: 0"
LONG = f"{FREE}, tiers: [{{above_input_tokens: 9, input: 1}}, {{above_input_tokens:"
HOURS = "start: '22:00', end: '06:00', multiplier: 0.5"

# the price, place, part of the message, part of the fix
BAD = [
    ("{model: gtp, input: 1, output: 2}", "prices[gtp].model", "mean 'gpt'?", "add the model"),
    (
        "{model: fast, input: 1, output: 2}",
        "prices[fast].model", "'fast' is an alias of the model 'gpt'", "write gpt",
    ),
    ("{model: gpt}", "prices[gpt]", "says nothing", "'input: 0' and 'output: 0'"),
    ("{model: gpt, request: 0}", "prices[gpt]", "says nothing", "or request, for each call"),
    ("{model: gpt, input: 1}", "prices[gpt]", "of output is missing", "'output: 0'"),
    ("{model: gpt, output: 1}", "prices[gpt]", "of input is missing", "'input: 0'"),
    ("{model: gpt, request: 1, input: 1}", "prices[gpt]", "of output is missing", "output"),
    ("{model: gpt, cached_input: 1}", "prices[gpt]", "of input is missing", "add input"),
    ("{model: gpt, request: 1, reasoning: 1}", "prices[gpt]", "of input is missing", "add input"),
    (
        "{model: gpt, request: 1, tiers: [{above_input_tokens: 5, input: 1}]}",
        "prices[gpt]", "says nothing", "add input and output",
    ),
    (
        "{model: gpt, request: 1, tiers: [{above_input_tokens: 5, cached_input: 1}]}",
        "prices[gpt]", "of input is missing", "add input",
    ),
    (
        f"{FREE}, tiers: [{{above_input_tokens: 5}}]}}",
        "prices[gpt].tiers[above 5]", "no rate of its own", "leave the tier out",
    ),
    (
        f"{LONG} 9, input: 2}}]}}",
        "prices[gpt].tiers[above 9].above_input_tokens", "not above the tier before, 9", "lowest",
    ),
    (
        f"{LONG} 5, input: 2}}]}}",
        "prices[gpt].tiers[above 5].above_input_tokens", "not above the tier before, 9", "lowest",
    ),
    (
        f"{FREE}, hours: [{{start: '06:00', end: '06:00', multiplier: 2}}]}}",
        "prices[gpt].hours[0].end", "from 06:00 to 06:00 are no hours", "whole days",
    ),
    (
        f"{FREE}, hours: [{{{HOURS}, time_zone: Europe/Zurch}}]}}",
        "prices[gpt].hours[0].time_zone", "did you mean 'Europe/Zurich'?", "IANA",
    ),
    (
        f"{FREE}, hours: [{{{HOURS}, days: [mon, mon]}}]}}",
        "prices[gpt].hours[0].days[1]", "'mon'", "keep one",
    ),
    (
        f"{FREE}, from_time: 2900-01-01}}",
        "prices[gpt from 2900-01-01].from_time", "from 1970 to 2261", "write it as",
    ),
    (
        f"{FREE}}}, {{model: gpt, input: 1, output: 1}}",
        "prices[gpt]", "from the same moment on is already there", "from_time",
    ),
    (
        f"{FREE}, from_time: 2027-01-01T01:00:00+01:00}}, {FREE}, from_time: 2027-01-01}}",
        "prices[gpt from 2027-01-01]", "from the same moment", "keep one",
    ),
    (
        f"{FREE}, hours: [{{start: '06:00', end: '07:00'}}]}}",
        "prices[gpt].hours[0]", "neither a multiplier nor rates", "add multiplier",
    ),
    (
        f"{FREE}, hours: [{{{HOURS}, input: 1}}]}}",
        "prices[gpt].hours[0]", "both a multiplier and rates", "add multiplier",
    ),
    (
        f"{FREE}, tiers: [{{above_input_tokens: 9, input: 1}}], "
        "hours: [{start: '06:00', end: '07:00', input: 1}]}",
        "prices[gpt].hours[0]", "can't be in a price that has tiers", "write a multiplier",
    ),
    (
        f"{FREE}, service_tiers: [{{name: flex, multiplier: 0.5}}, {{name: flex, input: 1}}]}}",
        "prices[gpt].service_tiers[flex]", "service tier", "",
    ),
    (
        f"{FREE}, service_tiers: [{{name: default}}]}}",
        "prices[gpt].service_tiers[default]", "costs what the price does", "leave it out",
    ),
    (
        f"{FREE}, service_tiers: [{{name: flex, tiers: [{{above_input_tokens: 9}}]}}]}}",
        "prices[gpt].service_tiers[flex].tiers[above 9]", "no rate of its own", "add the rates",
    ),
    (
        f"{FREE}, images: {{hd: 0.0000000001}}}}",
        "prices[gpt].images.hd", "more than nine decimals", "",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("price", "place", "message", "fix"), BAD)
def test_one_mistake(price: str, place: str, message: str, fix: str) -> None:
    assert_one_mistake(f"prices: [{price}]\n", place, message, fix)
    plan = f"plans: [{{name: own, prices: [{price}]}}]\n"
    assert_one_mistake(plan, f"plans[own].{place}", message, fix)


@pytest.mark.parametrize(
    ("hours", "message"),
    [
        ("start: '24:00', end: '06:00', multiplier: 1", "expected a time as 22:00, found '24:00'"),
        ("start: '6:00', end: '07:00', multiplier: 1", "expected a time as 22:00, found '6:00'"),
        ("start: '06:00', end: '07:00', multiplier: -1", "it is below zero: -1"),
        (f"{HOURS}, days: [monday]", "expected one of"),
    ],
)
def test_hours_of_another_shape(hours: str, message: str) -> None:
    with pytest.raises(Exception, match=message):
        load(f"{BASE}prices: [{FREE}, hours: [{{{hours}}}]}}]\n", environment={})


@pytest.mark.parametrize(
    "prices",
    [
        f"[{FREE}}}]",
        "[{model: gpt, request: 0.002}]",
        "[{model: gpt, search_unit: 0.002}]",
        "[{model: gpt, images: {hd/1024x1024: 0.08}}]",
        "[{model: gpt, audio_hour: 0.36, service_tiers: [{name: batch, multiplier: 0.5}]}]",
        "[{model: gpt, input: 0.15, output: 0.6, cached_input: 0.075, reasoning: 0.6}]",
        "[{model: gpt, input: 1, output: 0}]",
        f"[{FREE}}}, {FREE}, from_time: 2027-01-01}}]",
        f"[{LONG} 10, output: 2}}]}}]",
        f"[{FREE}, hours: [{{start: 22:00, end: 06:30, multiplier: 0.5}}]}}]",
        f"[{FREE}, hours: [{{{HOURS}, days: [sat, sun], time_zone: America/New_York}}]}}]",
    ],
)
def test_what_is_meant_passes(prices: str) -> None:
    document = load(
        f"{BASE}prices: {prices}\nplans: [{{name: p, prices: {prices}}}]\n", environment={}
    )
    assert document.prices == document.plans[0].prices != ()


def test_times_need_no_quotes() -> None:
    hours = "{start: 22:00, end: 12:30, multiplier: 0.5}"
    document = load(f"{BASE}prices: [{FREE}, hours: [{hours}]}}]\n", environment={})
    assert (document.prices[0].hours[0].start, document.prices[0].hours[0].end) == (
        "22:00",
        "12:30",
    )
    assert load(export(document), environment={}) == document


def test_a_moment_without_a_zone() -> None:
    price = Price(model="m", input=Decimal(1), output=Decimal(1), from_time=dt.datetime(2027, 1, 1))
    document = Document(
        providers=(Provider(name="p", base_url="http://h"),),
        models=(Model(name="m", provider="p"),),
        prices=(price,),
    )
    assert [problem.fix for problem in check(document, {"m": "m"})] == ["end it with Z for UTC"]
    assert list(wrong_moment((), None)) == []


@pytest.mark.parametrize("zone", ["UTC", "Europe/Zurich", "Asia/Kolkata", "${sealed:v1:AAAA}"])
def test_zones(zone: str) -> None:
    assert list(wrong_zone((), zone)) == []


@pytest.mark.parametrize("zone", ["", "Mars", "Europe", "../UTC", "/etc/passwd", "utc+1", "a\0b"])
def test_no_zones(zone: str) -> None:
    assert [problem.fix for problem in wrong_zone((), zone)] == [
        "write UTC, or a zone of the IANA database such as Europe/Zurich"
    ]
