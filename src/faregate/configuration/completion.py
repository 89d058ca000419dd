"""The catalogue fills what a document doesn't say.

`pinned` writes what the catalogue says of each model into the document that a revision keeps;
`completed` puts that to work. The catalogue is loaded only for a model that needs it.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from faregate.catalogue.facts import FILE_BYTES_MAX, ModelFacts, read_models
from faregate.catalogue.library import Library
from faregate.configuration import commerce_rules, price_rules
from faregate.configuration.commerce import Price
from faregate.configuration.document import Document, Model
from faregate.configuration.pins import Pin
from faregate.core.errors import ConfigurationError

NEAR_DAYS: Final = 90  # a retirement that is so near is told


def pinned(
    document: Document, library_of: Callable[[str | None], Library] | None = None
) -> Document:
    """The document with what the catalogue says of its models.

    What it has of a model already stays, as long as that is the same model of the same vendor.
    Raises `ConfigurationError` where settings.catalogue.file can't be taken.
    """
    settings = document.settings
    priced = settings.credit.catalogue_prices
    kept = {pin.model: pin for pin in document.catalogue}
    vendors = {provider.name: provider.vendor for provider in document.providers}
    library: Library | None = None
    pins: list[Pin] = []
    for model in document.models:
        vendor, name = vendors.get(model.provider), model.upstream_model or model.name
        if vendor is None:
            continue  # the rules say so
        pin = kept.get(model.name)
        if pin is None or pin.of != f"{vendor}/{name}" or (priced and not pin.prices):
            if library is None:
                library = (library_of or open_library)(settings.catalogue.file)
            facts = library.find(vendor, name)
            pin = None if facts is None else _pin(model, f"{vendor}/{name}", facts)
        if pin is not None:
            pins.append(pin if priced else msgspec.structs.replace(pin, prices=()))
    return msgspec.structs.replace(document, catalogue=tuple(pins))


def completed(document: Document) -> Document:
    """The document as the gate takes it, with its pins put in place."""
    pins = {pin.model: pin for pin in document.catalogue}
    said = {price.model for price in document.prices}
    prices = [price for pin in document.catalogue if pin.model not in said for price in pin.prices]
    return msgspec.structs.replace(
        document,
        models=tuple(_completed(model, pins.get(model.name)) for model in document.models),
        prices=(*document.prices, *prices),
        catalogue=tuple(msgspec.structs.replace(pin, prices=()) for pin in document.catalogue),
    )


def open_library(file: str | None) -> Library:
    """The catalogue, with the models of a file before its own."""
    if file is None:
        return Library()
    try:
        with Path(file).open("rb") as opened:
            data = opened.read(FILE_BYTES_MAX + 1)
        extra = read_models(data)
        for facts in extra:
            _check(facts)
    except OSError as error:
        reason = f"{file} can't be read: {error.strerror}"
    except ValueError as error:
        reason = f"{file} is no catalogue: {error}"
    else:
        return Library(extra)
    raise ConfigurationError(
        f"settings.catalogue.file: {reason}",
        fix="name a file in the shape that docs/guides/models.md shows",
    )


def prices_of(model: str, facts: ModelFacts) -> tuple[Price, ...]:
    """The prices of facts, for the model of a document.

    Raises `ValueError` where one hasn't the shape of a price.
    """
    try:
        return tuple(
            msgspec.convert({**entry, "model": model}, Price, strict=False)
            for entry in facts.prices
        )
    except msgspec.ValidationError as error:
        raise ValueError(f"a price of {facts.vendor}/{facts.model}: {error}") from error


def retirements(document: Document, today: dt.date) -> Iterator[str]:
    """A sentence for each model that retires within 90 days, or has."""
    for pin in document.catalogue:
        if pin.retires_on is None:
            continue
        days = (dt.date.fromisoformat(pin.retires_on) - today).days
        if days <= 0:
            yield f"the model {pin.model} ({pin.of}) was retired by its vendor on {pin.retires_on}"
        elif days <= NEAR_DAYS:
            yield (
                f"the model {pin.model} ({pin.of}) will be retired by its vendor on "
                f"{pin.retires_on}, in {days} {'day' if days == 1 else 'days'}"
            )


def _check(facts: ModelFacts) -> None:
    """Raise `ValueError` where a price couldn't be one of a file."""
    prices = prices_of("m", facts)
    problems = [problem for price in prices for problem in commerce_rules.wrong_amounts(price, ())]
    for problem in problems or price_rules.check_prices(prices, {"m": "m"}):
        place = ".".join(map(str, problem.path))
        raise ValueError(f"a price of {facts.vendor}/{facts.model}: {place}: {problem.message}")


def _pin(model: Model, of: str, facts: ModelFacts) -> Pin:
    return Pin(
        model=model.name,
        of=of,
        source="; ".join(facts.sources),
        prices=prices_of(model.name, facts),
        context_tokens=facts.context_tokens,
        output_tokens_max=facts.output_tokens_max,
        hidden_reasoning=facts.shows_reasoning is False,
        tokenizer=facts.tokenizer,
        retires_on=None if facts.retires_on is None else facts.retires_on.isoformat(),
    )


def _completed(model: Model, pin: Pin | None) -> Model:
    if pin is None:
        return model
    more: dict[str, Any] = {
        name: getattr(pin, name)
        for name in ("output_tokens_max", "hidden_reasoning", "tokenizer")
        if getattr(model, name) is None
    }
    return msgspec.structs.replace(model, **more)
