"""What a usage costs, at most costs, and what output an amount buys.

Rates are nano-dollars per million units; multipliers (markup, hours, overage) are fractions.
Until the one rounding at the end, everything is a whole numerator over one denominator that is
known beforehand, so nothing is lost and a call costs a few multiplications.
"""

from collections.abc import Iterable, Iterator
from math import gcd, lcm
from typing import Final

import msgspec

from faregate.catalogue.hours import PriceHours, hours_at
from faregate.catalogue.rates import Rates, ServiceRates, Tier, UnitRates
from faregate.core.money import AMOUNT_NANO_MAX, round_nano, round_up_nano
from faregate.dialects.usage import Usage

MILLION: Final = 1_000_000
TOKENS_MAX: Final = 10**12  # stands for: as many as you like
Fraction = tuple[int, int]  # numerator and denominator, the latter positive
ONE: Final[Fraction] = (1, 1)
_HOUR_MS: Final = 3_600_000
_UNIT_SCALE: Final = lcm(MILLION, _HOUR_MS)
_NO_UNITS: Final = UnitRates()


class PriceRow(msgspec.Struct, frozen=True):
    """What a model costs from `from_ns` on; None: it always did.

    The tiers are in rising order.
    """

    model: str
    rates: Rates
    request_nano: int = 0
    tiers: tuple[Tier, ...] = ()
    hours: tuple[PriceHours, ...] = ()
    from_ns: int | None = None
    units: UnitRates = UnitRates()
    services: tuple[ServiceRates, ...] = ()


class _Step:
    """Rates as whole numerators over the tariff's denominator; those of parts as differences."""

    __slots__ = (
        "audio_more",
        "cached_more",
        "drawn_more",
        "hour_more",
        "images_more",
        "input",
        "input_max",
        "output",
        "output_max",
        "reasoning_more",
        "spoken_more",
        "video_more",
        "written_more",
    )

    def __init__(self, rates: Rates, factor: int, divisor: int) -> None:
        whole = [rate * factor // divisor for rate in msgspec.structs.astuple(rates)]
        self.input, self.input_max = whole[0], max(whole[:7])
        self.output, self.output_max = whole[7], max(whole[7:])
        more = [rate - self.input for rate in whole[1:7]]
        self.cached_more, self.written_more, hour, self.audio_more = more[:4]
        self.hour_more = hour - self.written_more
        self.images_more, self.video_more = more[4:]
        more = [rate - self.output for rate in whole[8:]]
        self.reasoning_more, self.spoken_more, self.drawn_more = more


class _Units:
    """Numerators of one unit each, over the tariff's denominator."""

    __slots__ = ("_each", "_image_max", "_image_other", "_images", "is_free")

    def __init__(self, units: UnitRates, scale: int, multiplier: int, divisor: int) -> None:
        factor = scale * multiplier

        def whole(nano: int, units_each: int = 1) -> int:
            return nano * factor // units_each // divisor

        self._images = {name: whole(nano) for name, nano in units.images}
        self._image_max = max(whole(units.image), *self._images.values(), 0)
        self._image_other = whole(units.image) or self._image_max
        self._each = (
            whole(units.audio_hour, _HOUR_MS),
            whole(units.characters, MILLION),
            whole(units.search_unit),
            whole(units.web_search),
            whole(units.tool_call),
        )
        self.is_free = self._image_max == 0 and not any(self._each)

    def total(self, usage: Usage) -> int:
        """The numerator of a usage's units."""
        counts = (
            usage.audio_input_ms,
            usage.characters,
            usage.search_units,
            usage.web_searches,
            usage.tool_calls,
        )
        total = 0
        for count, rate in zip(counts, self._each, strict=True):
            if count and count > 0:
                total += count * rate
        images = usage.images
        if images and images > 0:
            total += images * self._images.get(usage.image_variant or "", self._image_other)
        return total

    def most(self, usage: Usage) -> int:
        """The same at most: an image whose variant isn't known is of the dearest."""
        if usage.images and usage.image_variant is None:
            more = self._image_max - self._image_other
            return self.total(usage) + max(usage.images, 0) * more
        return self.total(usage)


class Tariff:
    """What a model costs until `until_ns`; None: for ever.

    The highest tier whose threshold the input exceeds prices the whole call. A service tier that
    the row has no rates for costs as the row.
    """

    __slots__ = (
        "_base",
        "_denominator",
        "_rare",
        "_request",
        "_services",
        "_steps",
        "_times",
        "_units",
        "is_free",
        "multiplier",
        "row",
        "until_ns",
    )

    def __init__(
        self, row: PriceRow, multiplier: Fraction = ONE, until_ns: int | None = None
    ) -> None:
        self.row = row
        self.multiplier = multiplier
        self.until_ns = until_ns
        priced = (row.rates, *(tier.rates for tier in row.tiers))
        # A million of tokens is divided into; with units, an hour of milliseconds too.
        scale = MILLION if row.units == _NO_UNITS else _UNIT_SCALE
        factor = multiplier[0] * (scale // MILLION)
        request = row.request_nano * scale * multiplier[0]
        divisor = gcd(
            scale * multiplier[1],
            request,
            *(rate * factor for rates in priced for rate in msgspec.structs.astuple(rates)),
            *_unit_numerators(row.units, scale * multiplier[0]),
        )
        self._denominator = scale * multiplier[1] // divisor
        self._request = request // divisor
        steps = [_Step(rates, factor, divisor) for rates in priced]
        self._base = steps[0]
        # (above, up to, rates) of each step, the lowest first.
        above = [-1, *(tier.above_input_tokens for tier in row.tiers)]
        self._steps = tuple(zip(above, [*above[1:], None], steps, strict=True))
        self._units = _Units(row.units, scale, multiplier[0], divisor)
        self._services = {
            service.name: Tariff(_at_service(row, service), multiplier, until_ns)
            for service in row.services
        }
        # What most rows don't price is looked at only where one does: it would cost every call.
        self._rare = not self._units.is_free or any(
            step.hour_more or step.video_more or step.drawn_more for step in steps
        )
        self.is_free: bool = (
            self._request == 0
            and self._units.is_free
            and all(step.input_max == 0 and step.output_max == 0 for step in steps)
            and all(service.is_free for service in self._services.values())
        )
        self._times: dict[Fraction, Tariff] = {}

    def times(self, multiplier: Fraction) -> "Tariff":
        """The same multiplied, as for an overage; kept for the next time."""
        tariff = self._times.get(multiplier)
        if tariff is None:
            mine = self.multiplier
            product = (mine[0] * multiplier[0], mine[1] * multiplier[1])
            tariff = self._times[multiplier] = Tariff(self.row, product, self.until_ns)
        return tariff

    def at(self, service_tier: str | None) -> "Tariff":
        """What calls at a service tier cost."""
        return self if service_tier is None else self._services.get(service_tier, self)

    def same_price(self, other: "Tariff | None") -> bool:
        """Whether every usage costs the same by both."""
        return other is not None and (self.row, self.multiplier) == (other.row, other.multiplier)

    def price(self, usage: Usage) -> int:
        """Nano-dollars of a usage.

        A kind that isn't stated costs nothing; a part that isn't stated costs as its whole kind;
        a part beyond its whole, or below zero, is cut, so nothing is priced twice.
        """
        if self._services and usage.service_tier in self._services:
            return self._services[usage.service_tier].price(usage)
        inputs = usage.input_tokens or 0
        outputs = usage.output_tokens or 0
        if inputs < 0:
            inputs = 0
        if outputs < 0:
            outputs = 0
        step = self._base if len(self._steps) == 1 else self._step(inputs)
        total = self._request + inputs * step.input + outputs * step.output
        # One by one rather than in a loop: most calls state parts, and a loop is twice as slow.
        part = usage.cached_input_tokens
        if part and part > 0:
            part = part if part < inputs else inputs
            inputs -= part
            total += part * step.cached_more
        written = usage.cache_write_tokens
        if written and written > 0:
            written = written if written < inputs else inputs
            inputs -= written
            total += written * step.written_more
        part = usage.audio_input_tokens
        if part and part > 0:
            part = part if part < inputs else inputs
            inputs -= part
            total += part * step.audio_more
        part = usage.image_input_tokens
        if part and part > 0:
            part = part if part < inputs else inputs
            inputs -= part
            total += part * step.images_more
        part = usage.reasoning_tokens
        if part and part > 0:
            part = part if part < outputs else outputs
            outputs -= part
            total += part * step.reasoning_more
        part = usage.audio_output_tokens
        if part and part > 0:
            part = part if part < outputs else outputs
            outputs -= part
            total += part * step.spoken_more
        if self._rare:
            hour = min(max(usage.cache_write_1h_tokens or 0, 0), max(written or 0, 0))
            video = min(max(usage.video_input_tokens or 0, 0), inputs)
            drawn = min(max(usage.image_output_tokens or 0, 0), outputs)
            total += hour * step.hour_more + video * step.video_more + drawn * step.drawn_more
            total += self._units.total(usage)
        nano = round_nano(total, self._denominator)
        return nano if nano < AMOUNT_NANO_MAX else AMOUNT_NANO_MAX

    def bound(self, input_tokens: int, output_tokens: int, most: Usage | None = None) -> int:
        """The most that any usage of at most so many tokens can cost.

        In nano-dollars, rounded up. `most` has the service tier that was asked for, and the most
        of each unit that is billed beside tokens; its tokens aren't looked at.
        """
        units = 0
        if most is not None:
            at = self.at(most.service_tier)
            if at is not self:
                return at.bound(input_tokens, output_tokens, most)
            units = self._units.most(most)
        if len(self._steps) == 1:
            base = self._base
            total = input_tokens * base.input_max + output_tokens * base.output_max
        else:
            total = max(
                longest * step.input_max + output_tokens * step.output_max
                for longest, step in self._reachable(input_tokens)
            )
        nano = round_up_nano(self._request + units + total, self._denominator)
        return nano if nano < AMOUNT_NANO_MAX else AMOUNT_NANO_MAX

    def affordable_output(self, nano: int, input_tokens: int, most: Usage | None = None) -> int:
        """The most output tokens whose bound fits into `nano`; -1: not even 0 do.

        At most `TOKENS_MAX`, which stands for any number where output is free. `most` as for
        `bound`.
        """
        whole = nano * self._denominator - self._request
        if most is not None:
            at = self.at(most.service_tier)
            if at is not self:
                return at.affordable_output(nano, input_tokens, most)
            whole -= self._units.most(most)
        if len(self._steps) == 1:
            base = self._base
            left = whole - input_tokens * base.input_max
            if left < 0:
                return -1
            return min(TOKENS_MAX, left // base.output_max) if base.output_max else TOKENS_MAX
        tokens = TOKENS_MAX
        for longest, step in self._reachable(input_tokens):
            left = whole - longest * step.input_max
            if left < 0:
                return -1
            if step.output_max:
                tokens = min(tokens, left // step.output_max)
        return tokens

    def _step(self, inputs: int) -> _Step:
        for above, _, step in reversed(self._steps):
            if inputs > above:
                return step
        return self._base

    def _reachable(self, input_tokens: int) -> list[tuple[int, _Step]]:
        """Each step that at most so many tokens can be priced at, with the most of them there."""
        return [
            (input_tokens if up_to is None else min(input_tokens, up_to), step)
            for above, up_to, step in self._steps
            if input_tokens > above
        ]


def _at_service(row: PriceRow, service: ServiceRates) -> PriceRow:
    return msgspec.structs.replace(
        row, rates=service.rates, tiers=service.tiers, units=service.units, services=()
    )


def _unit_numerators(units: UnitRates, factor: int) -> Iterator[int]:
    """Of each unit that has a price, over a denominator that divides all of them."""
    each = (units.image, units.search_unit, units.web_search, units.tool_call)
    yield from (nano * factor for nano in (*each, *(nano for _, nano in units.images)) if nano)
    if units.audio_hour:
        yield units.audio_hour * factor // _HOUR_MS
    if units.characters:
        yield units.characters * factor // MILLION


class PriceTable:
    """The prices of models over time."""

    def __init__(self, rows: Iterable[PriceRow]) -> None:
        self._rows: dict[str, list[PriceRow]] = {}
        for row in rows:
            self._rows.setdefault(row.model, []).append(row)
        for of_model in self._rows.values():
            of_model.sort(key=_from)

    def tariff(self, model: str, at_ns: int, multiplier: Fraction = ONE) -> Tariff | None:
        """The newest row that has begun at a moment; None: no row has."""
        begun = [row for row in self._rows.get(model, ()) if _from(row) <= at_ns]
        if not begun:
            return None
        row = begun[-1]
        window, until_ns = hours_at(row.hours, at_ns)
        if window is not None:
            multiplier = (
                multiplier[0] * window.multiplier[0],
                multiplier[1] * window.multiplier[1],
            )
            if window.rates is not None:
                row = msgspec.structs.replace(row, rates=window.rates)
        begins_ns = self.begins_ns(model, at_ns)
        if begins_ns is not None and (until_ns is None or begins_ns < until_ns):
            until_ns = begins_ns
        return Tariff(row, multiplier, until_ns)

    def begins_ns(self, model: str, at_ns: int) -> int | None:
        """When the model's next row begins."""
        for row in self._rows.get(model, ()):
            if row.from_ns is not None and row.from_ns > at_ns:
                return row.from_ns
        return None


def _from(row: PriceRow) -> float:
    return float("-inf") if row.from_ns is None else row.from_ns
