"""Rules over prices: complete, ordered, never silently free."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final
from zoneinfo import available_timezones

from faregate.catalogue.rates import INPUT_PARTS, OUTPUT_PARTS
from faregate.configuration.commerce import Price, Rates, ServiceTier, Tier, TimeWindow
from faregate.configuration.document import Document
from faregate.configuration.problems import Path, Problem, twice, unknown
from faregate.configuration.references import is_sealed
from faregate.core.zones import time_zone

YEAR_MAX: Final = 2261  # nanoseconds since 1970 in 64 bits end in 2262
_UNITS: Final = (
    "request", "image", "audio_hour", "characters", "search_unit", "web_search", "tool_call",
)  # fmt: skip


def check(document: Document, models: Mapping[str, str]) -> Iterator[Problem]:
    """What can't be honoured in prices; `models` as for `wrong_model`."""
    yield from _prices(document.prices, ("prices",), models)
    for at, plan in enumerate(document.plans):
        yield from _prices(plan.prices, ("plans", at, "prices"), models)
    for at, pin in enumerate(document.catalogue):
        yield from wrong_model(("catalogue", at, "model"), pin.model, models)
        yield from _prices(pin.prices, ("catalogue", at, "prices"), models)
    pins = ((("catalogue", at, "model"), pin.model) for at, pin in enumerate(document.catalogue))
    yield from twice(pins, "the model")


def check_prices(prices: tuple[Price, ...], models: Mapping[str, str]) -> Iterator[Problem]:
    """What can't be honoured in prices by themselves."""
    yield from _prices(prices, (), models)


def wrong_model(path: Path, name: str, models: Mapping[str, str]) -> Iterator[Problem]:
    """Why `name` is not the name of a model.

    `models` has the model, be it a virtual one, that each name and each alias means.
    """
    meant = models.get(name)
    if meant is None:
        known = [one for one, model in models.items() if one == model]
        yield Problem(
            path,
            unknown("model", name, known),
            "add the model under models, or name one that is there",
        )
    elif meant != name:
        yield Problem(path, f"{name!r} is an alias of the model {meant!r}", f"write {meant}")


def wrong_zone(path: Path, name: str) -> Iterator[Problem]:
    """Why `name` is not the name of a time zone."""
    if not is_sealed(name) and not _is_zone(name):
        known = sorted(available_timezones())
        yield Problem(
            path,
            unknown("time zone", name, known),
            "write UTC, or a zone of the IANA database such as Europe/Zurich",
        )


def _is_zone(name: str) -> bool:
    try:
        time_zone(name)
    except ValueError:
        return False
    return True


def wrong_moment(path: Path, moment: dt.datetime | None) -> Iterator[Problem]:
    """Why `moment` can't be kept."""
    if moment is None:
        return
    if not 1970 <= moment.year <= YEAR_MAX:
        yield Problem(
            path, f"the year must be from 1970 to {YEAR_MAX}", "write it as 2027-01-31T12:00:00Z"
        )
    elif moment.tzinfo is None:
        yield Problem(path, "the time has no zone", "end it with Z for UTC")


def _prices(prices: tuple[Price, ...], path: Path, models: Mapping[str, str]) -> Iterator[Problem]:
    seen: dict[tuple[str, str], None] = {}
    for at, price in enumerate(prices):
        here = (*path, at)
        yield from wrong_model((*here, "model"), price.model, models)
        yield from wrong_moment((*here, "from_time"), price.from_time)
        begins = price.model, _begins(price.from_time)
        if begins in seen:
            yield Problem(
                here,
                f"a price of {price.model!r} from the same moment on is already there",
                "keep one of the two, or say with from_time when the other begins",
            )
        seen[begins] = None
        yield from _price(price, here)
        for number, hours in enumerate(price.hours):
            yield from _hours(hours, price, (*here, "hours", number))


def _begins(moment: dt.datetime | None) -> str:
    if moment is None:
        return ""
    return (moment if moment.tzinfo is None else moment.astimezone(dt.UTC)).isoformat()


def _price(price: Price, path: Path) -> Iterator[Problem]:
    rates = [price, *price.tiers]
    input_kinds = _said(rates, INPUT_PARTS)
    output_kinds = _said(rates, OUTPUT_PARTS)
    if price.input is None and price.output is None and not (input_kinds or output_kinds):
        if price.tiers or not (price.images or any(getattr(price, name) for name in _UNITS)):
            yield Problem(
                path,
                f"the price of {price.model!r} says nothing of the model's tokens or calls",
                "add input and output, in dollars for a million tokens, or request, for each "
                "call; write 'input: 0' and 'output: 0' for a model that is free",
            )
    elif price.input is None or price.output is None:
        field = "input" if price.input is None else "output"
        yield Problem(
            path,
            f"a price of {field} is missing; those tokens of {price.model!r} would be free unseen",
            f"add {field}, in dollars for a million tokens, or '{field}: 0' if they are free",
        )
    yield from _tiers(price.tiers, (*path, "tiers"))
    names = (((*path, "service_tiers", at), one.name) for at, one in enumerate(price.service_tiers))
    yield from twice(names, "the service tier")
    for at, service in enumerate(price.service_tiers):
        yield from _service(service, (*path, "service_tiers", at))


def _tiers(tiers: tuple[Tier, ...], path: Path) -> Iterator[Problem]:
    for at, tier in enumerate(tiers):
        if not _has_rates(tier):
            yield Problem(
                (*path, at),
                "this tier has no rate of its own",
                "add the rates that differ, such as input and output, or leave the tier out",
            )
    for at, (below, tier) in enumerate(pairwise(tiers), 1):
        if tier.above_input_tokens <= below.above_input_tokens:
            yield Problem(
                (*path, at, "above_input_tokens"),
                f"it is not above the tier before, {below.above_input_tokens}",
                "write the tiers in the order of above_input_tokens, the lowest first",
            )


def _service(service: ServiceTier, path: Path) -> Iterator[Problem]:
    if service.multiplier == 1 and not service.tiers and not _has_rates(service):
        yield Problem(
            path,
            f"the service tier {service.name!r} costs what the price does",
            "add its multiplier, such as 0.5, or its rates, or leave it out",
        )
    yield from _tiers(service.tiers, (*path, "tiers"))


def _has_rates(rates: Rates) -> bool:
    return any(getattr(rates, name) is not None for name in Rates.__struct_fields__)


def _said(rates: Sequence[Rates], names: Sequence[str]) -> bool:
    return any(getattr(rate, name) is not None for rate in rates for name in names)


def _hours(hours: TimeWindow, price: Price, path: Path) -> Iterator[Problem]:
    if _has_rates(hours) == (hours.multiplier is not None):
        yield Problem(
            path,
            "these hours have "
            + ("neither" if hours.multiplier is None else "both")
            + " a multiplier "
            + ("nor" if hours.multiplier is None else "and")
            + " rates",
            "add multiplier, such as 0.5; or the rates that differ, such as input and output",
        )
    elif _has_rates(hours) and (price.tiers or price.service_tiers):
        yield Problem(
            path,
            "hours with rates of their own can't be in a price that has tiers",
            "write a multiplier, which the tiers take too",
        )
    if hours.start == hours.end:
        yield Problem(
            (*path, "end"),
            f"from {hours.start} to {hours.end} are no hours",
            "for whole days leave hours out and change the rates, or write 'start: 00:00' and "
            "'end: 23:59'",
        )
    yield from wrong_zone((*path, "time_zone"), hours.time_zone)
    yield from twice((((*path, "days", at), day) for at, day in enumerate(hours.days)), "the day")
