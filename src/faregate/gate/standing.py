"""How limits, volumes, budgets and wallets stand, as JSON.

Amounts are dollars as decimal strings, volumes are whole numbers. What lies with workers, for
calls in flight or to be drawn next, is `held`: a part of it may come back.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final

from faregate.catalogue.prices import Tariff
from faregate.catalogue.rates import OUTPUT_PARTS, Rates
from faregate.core.money import format_amount, round_nano
from faregate.dialects.refusal_members import moment
from faregate.gate.credit_broker import CreditBroker
from faregate.ledger.purses import Standing, Unit
from faregate.ledger.slices import Slice
from faregate.limits.counters import Counter, LimitUnit

READ_TIMEOUT_S: Final = 5.0
UNIT_NAMES: Final = {
    Unit.NANO: "USD",
    Unit.REQUESTS: "requests",
    Unit.INPUT_TOKENS: "input_tokens",
    Unit.OUTPUT_TOKENS: "output_tokens",
    Unit.TOKENS: "tokens",
}
LIMIT_UNIT_NAMES: Final = {
    LimitUnit.REQUESTS: "requests",
    LimitUnit.INPUT_TOKENS: "input_tokens",
    LimitUnit.OUTPUT_TOKENS: "output_tokens",
    LimitUnit.TOKENS: "tokens",
    LimitUnit.CONCURRENT: "concurrent",
}


async def read_standings(broker: CreditBroker, slices: Sequence[Slice]) -> list[Standing]:
    """Ask the ledger; raises `StorageError` and `TimeoutError`."""
    if not slices:
        return []
    return await asyncio.wait_for(broker.standings(slices), READ_TIMEOUT_S)


def amount_of(unit: int, amount: int) -> str | int:
    """An amount as it is told: money as a decimal string."""
    return format_amount(amount) if unit == Unit.NANO else amount


def purse_told(one: Slice, standing: Standing) -> dict[str, Any]:
    """One purse; `left` can be used now."""
    spec, unit = one.spec, one.unit
    held = max(standing.drawn - one.free, 0)
    told: dict[str, Any] = {
        "name": spec.name,
        "unit": UNIT_NAMES[Unit(unit)],
        "left": amount_of(unit, standing.available + one.free),
        "held": amount_of(unit, held),
    }
    if spec.kind == "wallet":
        return told | {"balance": amount_of(unit, standing.cap)}
    resets_ns = spec.ends_ns
    if resets_ns is None and standing.frees:
        resets_ns = standing.frees[0][0]
    return told | {
        "of": spec.subject,
        "cap": amount_of(unit, standing.cap),
        "used": amount_of(unit, standing.spent),
        "resets_at": moment(resets_ns) if resets_ns is not None else None,
    }


def counter_told(counter: Counter, now: float, now_ns: int) -> dict[str, Any]:
    """One short limit, as this worker sees it."""
    spec = counter.spec
    left = max(counter.left(now), 0)
    told: dict[str, Any] = {
        "name": spec.name,
        "of": spec.subject,
        "unit": LIMIT_UNIT_NAMES[spec.unit],
        "cap": spec.maximum,
        "used": max(spec.maximum - left, 0),
        "left": left,
    }
    if spec.unit is not LimitUnit.CONCURRENT:
        resets_s = counter.resets_s(now)
        told["window_s"] = spec.window_s
        told["resets_at"] = moment(now_ns + int(resets_s * 1e9)) if resets_s else None
    if spec.burst is not None:
        told["burst"] = spec.burst
    return told


def prices_told(tariff: Tariff | None) -> dict[str, Any] | None:
    """What a model costs its caller, in dollars for a million tokens."""
    if tariff is None:
        return None
    row = tariff.row
    told: dict[str, Any] = {**_rates_told(row.rates, tariff)}
    told["request"] = _rate(row.request_nano, tariff)
    if row.tiers:
        told["tiers"] = [
            {"above_input_tokens": tier.above_input_tokens} | _rates_told(tier.rates, tariff)
            for tier in row.tiers
        ]
    units: dict[str, Any] = {
        name: _rate(nano, tariff)
        for name in ("image", "audio_hour", "characters", "search_unit", "web_search", "tool_call")
        if (nano := getattr(row.units, name))
    }
    if row.units.images:
        units["images"] = {name: _rate(nano, tariff) for name, nano in row.units.images}
    if units:
        told["units"] = units
    if row.services:
        told["service_tiers"] = {
            service.name: _rates_told(service.rates, tariff) for service in row.services
        }
    if tariff.until_ns is not None:
        told["until"] = moment(tariff.until_ns)
    return told


def _rates_told(rates: Rates, tariff: Tariff) -> dict[str, str]:
    """Input and output, and each part of them that has a price of its own."""
    return {
        name: _rate(getattr(rates, name), tariff)
        for name in Rates.__struct_fields__
        if name in ("input", "output") or getattr(rates, name) != _usual(rates, name)
    }


def _usual(rates: Rates, name: str) -> int:
    """The rate of the whole kind that `name` is a part of."""
    if name == "cache_write_1h":
        return rates.cache_write
    return rates.output if name in OUTPUT_PARTS else rates.input


def _rate(nano: int, tariff: Tariff) -> str:
    numerator, denominator = tariff.multiplier
    return format_amount(round_nano(nano * numerator, denominator))


def unique(slices: Iterable[Slice]) -> list[Slice]:
    """Each purse once, in the order of their first mention."""
    return list({one.spec.purse_id: one for one in slices}.values())
