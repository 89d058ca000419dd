"""From a document's prices and markups to what a call costs whom."""

import datetime as dt
from decimal import Decimal
from typing import Final

import msgspec

from faregate.catalogue.hours import PriceHours
from faregate.catalogue.prices import ONE, Fraction, PriceRow, PriceTable, Tariff
from faregate.catalogue.rates import Rates, ServiceRates, Tier, UnitRates
from faregate.configuration import commerce
from faregate.configuration.document import Document
from faregate.core.money import NANO, parse_amount, round_nano

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
# What a service tier's multiplier applies to, beside tokens.
_SERVED_UNITS: Final = ("image", "audio_hour", "characters", "search_unit")
_TOOLS: Final = ("web_search", "tool_call")


class Fare(msgspec.Struct, frozen=True):
    """What a model's calls cost under a plan, until `until_ns` or for ever.

    `cost` is what the provider bills us, None: not known. `charge` is what the caller pays, None:
    not known, and such a call is refused where money matters. `Tariff.times` gives what is
    beyond an included volume.
    """

    cost: Tariff | None
    charge: Tariff | None
    until_ns: int | None


class Prices:
    """The fares of a document; those asked for are kept while they apply."""

    def __init__(self, document: Document) -> None:
        self._base = PriceTable(_row(price) for price in document.prices)
        self._plans = {
            plan.name: (
                PriceTable(_row(price) for price in plan.prices),
                as_fraction(plan.markup),
            )
            for plan in document.plans
        }
        self._unknown = _unknown(document)
        # The moment it was made at as well: the clock may be set back.
        self._made: dict[tuple[str, str | None], tuple[int, float, Fare]] = {}

    def fare(self, model: str, plan: str | None, at_ns: int) -> Fare:
        """What calls of `model`, by its name, cost those on `plan` at a moment."""
        made = self._made.get((model, plan))
        if made is not None and made[0] <= at_ns < made[1]:
            return made[2]
        fare = self._make(model, plan, at_ns)
        ends_ns = float("inf") if fare.until_ns is None else fare.until_ns
        self._made[model, plan] = at_ns, ends_ns, fare
        return fare

    def _make(self, model: str, plan: str | None, at_ns: int) -> Fare:
        own, markup = self._plans[plan] if plan is not None else (_NO_PRICES, ONE)
        cost = self._base.tariff(model, at_ns)
        charge = own.tariff(model, at_ns)
        if charge is None:
            charge = self._base.tariff(model, at_ns, markup)
        if charge is None and self._unknown is not None:
            charge = Tariff(self._unknown, markup)
        changes = [
            own.begins_ns(model, at_ns),
            self._base.begins_ns(model, at_ns),
            *(tariff.until_ns for tariff in (cost, charge) if tariff is not None),
        ]
        return Fare(cost, charge, min((at for at in changes if at is not None), default=None))


def compile_prices(document: Document) -> Prices:
    """The prices of a document that keeps the rules."""
    return Prices(document)


def as_fraction(factor: Decimal) -> Fraction:
    """A factor, such as a markup of 1.15, as numerator and denominator."""
    return factor.as_integer_ratio()


_NO_PRICES: Final = PriceTable(())


def _unknown(document: Document) -> PriceRow | None:
    """What stands in where a price is missing; None: nothing does."""
    credit = document.settings.credit
    if credit.unknown_price == "free":
        return PriceRow("", Rates.flat(0))
    if credit.unknown_price == "fallback" and credit.fallback_price is not None:
        return PriceRow("", Rates.flat(parse_amount(credit.fallback_price)))
    return None


def _row(price: commerce.Price) -> PriceRow:
    said = _said(price)
    return PriceRow(
        price.model,
        Rates.of(**said),
        parse_amount(price.request),
        _tiers(said, price.tiers),
        tuple(_hours(window, said) for window in price.hours),
        None if price.from_time is None else _moment_ns(price.from_time),
        _units(price, ONE),
        tuple(_service(service, price, said) for service in price.service_tiers),
    )


def _said(rates: commerce.Rates) -> dict[str, int]:
    """Nano-dollars of the kinds that have a rate of their own here."""
    return {
        kind: parse_amount(dollars)
        for kind in commerce.Rates.__struct_fields__
        if (dollars := getattr(rates, kind)) is not None
    }


def _tiers(said: dict[str, int], tiers: tuple[commerce.Tier, ...]) -> tuple[Tier, ...]:
    """Each says what differs from the one below."""
    made = []
    for tier in tiers:
        said = said | _said(tier)
        made.append(Tier(tier.above_input_tokens, Rates.of(**said)))
    return tuple(made)


def _service(
    service: commerce.ServiceTier, price: commerce.Price, said: dict[str, int]
) -> ServiceRates:
    factor = as_fraction(service.multiplier)
    usual = {kind: _times(nano, factor) for kind, nano in said.items()}
    own = usual | _said(service)
    if service.tiers:
        tiers = _tiers(own, service.tiers)
    else:
        tiers = tuple(
            Tier(tier.above_input_tokens, _all_times(tier.rates, factor))
            for tier in _tiers(said, price.tiers)
        )
    return ServiceRates(
        name=service.name, rates=Rates.of(**own), tiers=tiers, units=_units(price, factor)
    )


def _units(price: commerce.Price, factor: Fraction) -> UnitRates:
    return UnitRates(
        images=tuple(
            (name.lower(), _times(parse_amount(dollars), factor))
            for name, dollars in price.images.items()
        ),
        **{name: _times(parse_amount(getattr(price, name)), factor) for name in _SERVED_UNITS},
        **{name: parse_amount(getattr(price, name)) for name in _TOOLS},
    )


def _all_times(rates: Rates, factor: Fraction) -> Rates:
    by_kind: dict[str, int] = msgspec.structs.asdict(rates)
    return Rates(**{kind: _times(nano, factor) for kind, nano in by_kind.items()})


def _times(nano: int, factor: Fraction) -> int:
    """A rate multiplied, to the whole nano-dollar for a million."""
    return round_nano(nano * factor[0], factor[1])


def _hours(window: commerce.TimeWindow, said: dict[str, int]) -> PriceHours:
    own = _said(window)
    return PriceHours(
        _minute(window.start),
        _minute(window.end),
        ONE if window.multiplier is None else as_fraction(window.multiplier),
        frozenset(_DAYS.index(day) for day in window.days),
        window.time_zone,
        Rates.of(**(said | own)) if own else None,
    )


def _minute(time: str) -> int:
    hours, _, minutes = time.partition(":")
    return 60 * int(hours) + int(minutes)


def _moment_ns(moment: dt.datetime) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return (moment - _EPOCH) // _MICROSECOND * (NANO // 1_000_000)
