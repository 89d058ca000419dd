"""Rules over prices: complete, ordered, never silently free."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final
from zoneinfo import available_timezones

from faregate.configuration.commerce import Price, Rates, TimeWindow
from faregate.configuration.document import Document
from faregate.configuration.problems import Path, Problem, twice, unknown
from faregate.configuration.references import is_sealed
from faregate.core.zones import time_zone

YEAR_MAX: Final = 2261  # nanoseconds since 1970 in 64 bits end in 2262
_INPUT_KINDS: Final = ("cached_input", "cache_write", "audio_input", "image_input")
_OUTPUT_KINDS: Final = ("reasoning", "audio_output")


def check(document: Document, models: Mapping[str, str]) -> Iterator[Problem]:
    """What can't be honoured in prices; `models` as for `wrong_model`."""
    yield from _prices(document.prices, ("prices",), models)
    for at, plan in enumerate(document.plans):
        yield from _prices(plan.prices, ("plans", at, "prices"), models)


def wrong_model(path: Path, name: str, models: Mapping[str, str]) -> Iterator[Problem]:
    """Why `name` is not the name of a model.

    `models` has the model that each name and each alias means.
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
            yield from _hours(hours, (*here, "hours", number))


def _begins(moment: dt.datetime | None) -> str:
    if moment is None:
        return ""
    return (moment if moment.tzinfo is None else moment.astimezone(dt.UTC)).isoformat()


def _price(price: Price, path: Path) -> Iterator[Problem]:
    rates = [price, *price.tiers]
    input_kinds = _said(rates, _INPUT_KINDS)
    output_kinds = _said(rates, _OUTPUT_KINDS)
    if price.input is None and price.output is None and not (input_kinds or output_kinds):
        if price.tiers or price.request == 0:
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
    for at, tier in enumerate(price.tiers):
        if all(getattr(tier, name) is None for name in Rates.__struct_fields__):
            yield Problem(
                (*path, "tiers", at),
                "this tier has no rate of its own",
                "add the rates that differ, such as input and output, or leave the tier out",
            )
    for at, (below, tier) in enumerate(pairwise(price.tiers), 1):
        if tier.above_input_tokens <= below.above_input_tokens:
            yield Problem(
                (*path, "tiers", at, "above_input_tokens"),
                f"it is not above the tier before, {below.above_input_tokens}",
                "write the tiers in the order of above_input_tokens, the lowest first",
            )


def _said(rates: Sequence[Rates], names: Sequence[str]) -> bool:
    return any(getattr(rate, name) is not None for rate in rates for name in names)


def _hours(hours: TimeWindow, path: Path) -> Iterator[Problem]:
    if hours.start == hours.end:
        yield Problem(
            (*path, "end"),
            f"from {hours.start} to {hours.end} are no hours",
            "for whole days leave hours out and change the rates, or write 'start: 00:00' and "
            "'end: 23:59'",
        )
    yield from wrong_zone((*path, "time_zone"), hours.time_zone)
    yield from twice((((*path, "days", at), day) for at, day in enumerate(hours.days)), "the day")
