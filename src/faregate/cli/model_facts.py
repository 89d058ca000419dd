"""What the catalogue knows, as lines for people."""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from faregate.catalogue.facts import ModelFacts, PriceEntry
from faregate.core.errors import FaregateError

HEADS: Final = ("MODEL", "VENDOR", "INPUT", "OUTPUT", "CONTEXT", "CAN", "RETIRES")
# What a price names beside its rates for tokens.
_UNITS: Final = {
    "request": "a call",
    "image": "an image",
    "audio_hour": "an hour of audio",
    "characters": "a million characters",
    "search_unit": "a search unit",
    "web_search": "a web search",
    "tool_call": "a call of another tool",
}
_SHOWN: Final = ("vision", "audio", "tools", "reasoning", "structured_output")


def row(facts: ModelFacts, today: dt.date) -> tuple[str, ...]:
    """A model's line in a table with `HEADS`."""
    price = facts.price_on(today) or {}
    return (
        facts.model,
        facts.vendor,
        _dollars(price.get("input")),
        _dollars(price.get("output")),
        "" if facts.context_tokens is None else f"{facts.context_tokens:,}",
        ",".join(name for name in _SHOWN if name in facts.abilities),
        "" if facts.retires_on is None else facts.retires_on.isoformat(),
    )


def lines(facts: ModelFacts, today: dt.date) -> Iterator[tuple[str, str]]:
    """All that is known of a model, by name."""
    yield "model", f"{facts.vendor}/{facts.model}"
    for name, value in (
        ("title", facts.title),
        ("also", ", ".join(facts.aliases)),
        ("for", facts.operation),
        ("context", _tokens(facts.context_tokens)),
        ("output", _tokens(facts.output_tokens_max)),
        ("takes", ", ".join(facts.inputs)),
        ("gives", ", ".join(facts.outputs)),
        ("can", ", ".join(facts.features)),
        ("tokenizer", facts.tokenizer),
    ):
        if value:
            yield name, value
    yield from _ends(facts)
    if not facts.prices:
        yield "price", "not known"
    for price in sorted(facts.prices, key=lambda entry: str(entry.get("from_time", ""))):
        yield from _price(price)
    for source in facts.sources:
        yield "source", source


def only(found: list[ModelFacts], name: str) -> ModelFacts:
    """The one model that was found; else a mistake that names the choice."""
    if not found:
        raise FaregateError(
            f"the catalogue knows no model {name!r}",
            fix=f"'faregate models list --catalogue --match {name}' searches it",
        )
    if len(found) > 1:
        vendors = ", ".join(sorted({facts.vendor for facts in found}))
        raise FaregateError(
            f"several vendors have a model {name!r}: {vendors}",
            fix=f"name one, as 'faregate models show {found[0].vendor}/{name}'",
        )
    return found[0]


def _ends(facts: ModelFacts) -> Iterator[tuple[str, str]]:
    if facts.deprecated_on is not None:
        yield "deprecated", f"since {facts.deprecated_on}"
    elif facts.deprecated:
        yield "deprecated", "yes"
    if facts.retires_on is not None:
        yield "retires", facts.retires_on.isoformat()


def _price(price: PriceEntry) -> Iterator[tuple[str, str]]:
    begins = price.get("from_time")
    named = "price" if begins is None else f"price from {begins[:10]}"
    yield named, _rates(price)
    for name, dollars in price.get("images", {}).items():
        yield f"image {name}", f"${dollars}"
    for tier in price.get("tiers", ()):
        yield f"above {tier['above_input_tokens']:,} tokens", _rates(tier)
    for service in price.get("service_tiers", ()):
        yield f"at {service['name']}", _rates(service)
    for window in price.get("hours", ()):
        yield (
            f"{window['start']} to {window['end']} {window.get('time_zone', 'UTC')}",
            _rates(window),
        )


def _rates(price: PriceEntry) -> str:
    """Dollars for a million tokens by kind, and what is billed beside them."""
    tokens = [
        f"{name.replace('_', ' ')} ${amount}"
        for name, amount in price.items()
        if name not in _UNITS and isinstance(amount, str | int | float) and name not in _WORDS
    ]
    told = [f"{', '.join(tokens)} a million tokens"] if tokens else []
    told += [f"${price[name]} {what}" for name, what in _UNITS.items() if name in price]
    if "multiplier" in price:
        told.append(f"times {price['multiplier']}")
    return "; ".join(told)


_WORDS: Final = frozenset(
    {"name", "start", "end", "time_zone", "multiplier", "from_time", "above_input_tokens"}
)


def _dollars(amount: Any) -> str:
    return "" if amount is None else f"${amount}"


def _tokens(count: int | None) -> str:
    return "" if count is None else f"{count:,} tokens"
