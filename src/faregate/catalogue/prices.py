"""What a usage costs, at most costs, and what output an amount buys.

Rates are nano-dollars per million units; multipliers (markup, hours, overage) are fractions.
Until the one rounding at the end, everything is a whole numerator over one denominator that is
known beforehand, so nothing is lost and a call costs a few multiplications.
"""

from collections.abc import Iterable
from math import gcd
from typing import Final

import msgspec

from faregate.catalogue.hours import PriceHours, hours_at
from faregate.core.money import AMOUNT_NANO_MAX, round_nano, round_up_nano
from faregate.dialects.usage import Usage

MILLION: Final = 1_000_000
TOKENS_MAX: Final = 10**12  # stands for: as many as you like
Fraction = tuple[int, int]  # numerator and denominator, the latter positive
ONE: Final[Fraction] = (1, 1)


class Rates(msgspec.Struct, frozen=True):
    """Nano-dollars per million units of each kind."""

    input: int
    cached_input: int
    cache_write: int
    audio_input: int
    image_input: int
    output: int
    reasoning: int
    audio_output: int

    @classmethod
    def flat(cls, nano: int) -> "Rates":
        """The same for all kinds."""
        return cls(nano, nano, nano, nano, nano, nano, nano, nano)


class Tier(msgspec.Struct, frozen=True):
    """Rates of a whole call whose input is above `above_input_tokens`."""

    above_input_tokens: int
    rates: Rates


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


class _Step:
    """Rates as whole numerators over the tariff's denominator; those of parts as differences."""

    __slots__ = (
        "audio_more",
        "cached_more",
        "images_more",
        "input",
        "input_max",
        "output",
        "output_max",
        "reasoning_more",
        "spoken_more",
        "written_more",
    )

    def __init__(self, rates: Rates, factor: int, divisor: int) -> None:
        whole = [rate * factor // divisor for rate in msgspec.structs.astuple(rates)]
        self.input, self.input_max = whole[0], max(whole[:5])
        self.output, self.output_max = whole[5], max(whole[5:])
        more = [rate - self.input for rate in whole[1:5]]
        self.cached_more, self.written_more, self.audio_more, self.images_more = more
        self.reasoning_more, self.spoken_more = (rate - self.output for rate in whole[6:])


class Tariff:
    """What a model costs until `until_ns`; None: for ever.

    The highest tier whose threshold the input exceeds prices the whole call.
    """

    __slots__ = (
        "_base",
        "_denominator",
        "_request",
        "_steps",
        "_times",
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
        request = row.request_nano * MILLION
        divisor = gcd(
            MILLION * multiplier[1],
            request * multiplier[0],
            *(rate * multiplier[0] for rates in priced for rate in msgspec.structs.astuple(rates)),
        )
        self._denominator = MILLION * multiplier[1] // divisor
        self._request = request * multiplier[0] // divisor
        steps = [_Step(rates, multiplier[0], divisor) for rates in priced]
        self._base = steps[0]
        # (above, up to, rates) of each step, the lowest first.
        above = [-1, *(tier.above_input_tokens for tier in row.tiers)]
        self._steps = tuple(zip(above, [*above[1:], None], steps, strict=True))
        self.is_free = self._request == 0 and all(
            step.input_max == 0 and step.output_max == 0 for step in steps
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

    def same_price(self, other: "Tariff | None") -> bool:
        """Whether every usage costs the same by both."""
        return other is not None and (self.row, self.multiplier) == (other.row, other.multiplier)

    def price(self, usage: Usage) -> int:
        """Nano-dollars of a usage.

        A kind that isn't stated costs nothing; a part that isn't stated costs as its whole kind;
        a part beyond its whole, or below zero, is cut, so nothing is priced twice.
        """
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
            part = min(part, inputs)
            inputs -= part
            total += part * step.cached_more
        part = usage.cache_write_tokens
        if part and part > 0:
            part = min(part, inputs)
            inputs -= part
            total += part * step.written_more
        part = usage.audio_input_tokens
        if part and part > 0:
            part = min(part, inputs)
            inputs -= part
            total += part * step.audio_more
        part = usage.image_input_tokens
        if part and part > 0:
            total += min(part, inputs) * step.images_more
        part = usage.reasoning_tokens
        if part and part > 0:
            part = min(part, outputs)
            outputs -= part
            total += part * step.reasoning_more
        part = usage.audio_output_tokens
        if part and part > 0:
            total += min(part, outputs) * step.spoken_more
        nano = round_nano(total, self._denominator)
        return nano if nano < AMOUNT_NANO_MAX else AMOUNT_NANO_MAX

    def bound(self, input_tokens: int, output_tokens: int) -> int:
        """The most that any usage of at most so many tokens can cost.

        In nano-dollars, rounded up.
        """
        if len(self._steps) == 1:
            base = self._base
            total = input_tokens * base.input_max + output_tokens * base.output_max
        else:
            total = max(
                longest * step.input_max + output_tokens * step.output_max
                for longest, step in self._reachable(input_tokens)
            )
        nano = round_up_nano(self._request + total, self._denominator)
        return nano if nano < AMOUNT_NANO_MAX else AMOUNT_NANO_MAX

    def affordable_output(self, nano: int, input_tokens: int) -> int:
        """The most output tokens whose bound fits into `nano`; -1: not even 0 do.

        At most `TOKENS_MAX`, which stands for any number where output is free.
        """
        most = TOKENS_MAX
        if len(self._steps) == 1:
            base = self._base
            left = nano * self._denominator - self._request - input_tokens * base.input_max
            if left < 0:
                return -1
            return min(most, left // base.output_max) if base.output_max else most
        for longest, step in self._reachable(input_tokens):
            left = nano * self._denominator - self._request - longest * step.input_max
            if left < 0:
                return -1
            if step.output_max:
                most = min(most, left // step.output_max)
        return most

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
        hours_multiplier, until_ns = hours_at(begun[-1].hours, at_ns)
        product = (multiplier[0] * hours_multiplier[0], multiplier[1] * hours_multiplier[1])
        begins_ns = self.begins_ns(model, at_ns)
        if begins_ns is not None and (until_ns is None or begins_ns < until_ns):
            until_ns = begins_ns
        return Tariff(begun[-1], product, until_ns)

    def begins_ns(self, model: str, at_ns: int) -> int | None:
        """When the model's next row begins."""
        for row in self._rows.get(model, ()):
            if row.from_ns is not None and row.from_ns > at_ns:
                return row.from_ns
        return None


def _from(row: PriceRow) -> float:
    return float("-inf") if row.from_ns is None else row.from_ns
