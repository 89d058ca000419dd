"""What is known of vendors' models, offline.

Limits, abilities, prices, ends. There are three sources, the earlier one first: a file of the
operator's, our own facts (facts.json), and the prices that the package genai-prices keeps
(`catalogue.kept_prices`, loaded when first asked for, never by a gate). What is not known is
absent. Matching is that package's: exact names, beginnings and dated versions.
"""

import datetime as dt
import pkgutil
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from faregate.catalogue.facts import ModelFacts, PriceEntry, read_models
from faregate.catalogue.kept_vendors import KEPT_NAMES
from faregate.core.money import parse_amount

_ENDS: Final = ("deprecated_on", "retires_on")


class Library:
    """All that is known, `extra` before the rest; made once and asked often."""

    def __init__(self, extra: Iterable[ModelFacts] = ()) -> None:
        self._extra = _by_name(extra)
        self._own = _by_name(_own_facts())

    def find(self, vendor: str, upstream_model: str) -> ModelFacts | None:
        """What is known of a model by the name that its vendor has for it."""
        kept = _kept_prices().find(vendor, upstream_model.lower()) if vendor in KEPT_NAMES else None
        return self._found(vendor, upstream_model.lower(), kept)

    def _found(self, vendor: str, name: str, kept: ModelFacts | None) -> ModelFacts | None:
        found = [table.get((vendor, name)) for table in (self._extra, self._own)]
        if kept is not None:
            if found == [None, None]:  # of a version by another name, the facts without its ends
                own = self._own.get((vendor, kept.model.lower()))
                found.append(own and msgspec.structs.replace(own, **dict.fromkeys(_ENDS)))
            found.append(kept)
        known = [each for each in found if each is not None]
        if not known:
            return None
        merged = known[0]
        for each in known[1:]:
            merged = _completed(merged, each)
        return msgspec.structs.replace(merged, vendor=vendor)

    def all_models(self) -> Iterator[ModelFacts]:
        """Every model once, by vendor and name."""
        named: dict[tuple[str, str], ModelFacts | None] = {
            (facts.vendor, facts.model): None
            for table in (self._own, self._extra)
            for facts in table.values()
        }
        named |= {(facts.vendor, facts.model): facts for facts in _kept_prices().models()}
        for (vendor, model), kept in sorted(named.items(), key=lambda item: item[0]):
            facts = self.find(vendor, model) if kept is None else None
            facts = facts or self._found(vendor, model.lower(), kept)
            if facts is not None:
                yield msgspec.structs.replace(facts, model=model)

    def search(
        self,
        text: str = "",
        *,
        vendor: str | None = None,
        can: Iterable[str] = (),
        input_nano_max: int | None = None,
        on: dt.date,
    ) -> list[ModelFacts]:
        """Models that fit all that is said, the cheapest first.

        Their name or title has `text`, and they can all of `can`. `input_nano_max` is nano-dollars
        for a million tokens of input on the day `on`; a model without such a price isn't found by
        it. What is retired by then isn't found.
        """
        wanted, text = frozenset(can), text.lower()
        found = []
        for facts in self.all_models():
            price = facts.price_on(on)
            nano = None if price is None else _input_nano(price)
            if (
                (vendor is None or facts.vendor == vendor)
                and wanted <= facts.abilities
                and text in f"{facts.model} {facts.title or ''}".lower()
                and (facts.retires_on is None or on < facts.retires_on)
                and (input_nano_max is None or (nano is not None and nano <= input_nano_max))
            ):
                found.append((nano is None, nano or 0, facts.vendor, facts.model, facts))
        return [each[-1] for each in sorted(found, key=lambda each: each[:4])]


def _input_nano(price: PriceEntry) -> int | None:
    return parse_amount(str(price["input"])) if "input" in price else None


def _own_facts() -> tuple[ModelFacts, ...]:
    data = pkgutil.get_data(__package__, "facts.json")
    assert data is not None
    return read_models(data)


def _kept_prices() -> Any:
    from faregate.catalogue import kept_prices  # here, for it takes a third of a second

    return kept_prices


def _by_name(models: Iterable[ModelFacts]) -> dict[tuple[str, str], ModelFacts]:
    """By vendor and each of a model's names; a name of its own comes before an alias."""
    found: dict[tuple[str, str], ModelFacts] = {}
    listed = list(models)
    for facts in listed:
        found |= {(facts.vendor, alias.lower()): facts for alias in facts.aliases}
    return found | {(facts.vendor, facts.model.lower()): facts for facts in listed}


def _completed(first: ModelFacts, second: ModelFacts) -> ModelFacts:
    """The first, with what it doesn't say as the second says it."""
    more: dict[str, Any] = {}
    for name in ModelFacts.__struct_fields__:
        value = getattr(first, name)
        if value is None or value == ():
            more[name] = getattr(second, name)
    more["sources"] = tuple(dict.fromkeys((*first.sources, *second.sources)))
    return msgspec.structs.replace(first, **more)
