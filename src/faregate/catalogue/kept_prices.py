"""The prices that the package genai-prices keeps, in our words.

Its data is read, its pricing is not used. Importing this takes a third of a second and 35 MB: only
commands and the applying of a configuration do, and only where a vendor of its is concerned. A
price that has a part which we can't count is left out, so that no usage is free unseen.
"""

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from typing import Any, Final

from genai_prices import data
from genai_prices.types import (
    ClauseEquals,
    ClauseOr,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from faregate.catalogue.facts import ModelFacts, PriceEntry
from faregate.catalogue.kept_vendors import KEPT_NAMES

SOURCE: Final = f"genai-prices {version('genai-prices')}"
_VENDORS: Final = {kept: ours for ours, kept in reversed(KEPT_NAMES.items())}
_BY_ID: Final = {provider.id: provider for provider in data.providers}
# Its names of prices to ours, and how many of its units are one of ours.
_KINDS: Final[dict[str, tuple[str, int]]] = {
    "input_mtok": ("input", 1),
    "input_text_mtok": ("input", 1),
    "cache_read_mtok": ("cached_input", 1),
    "cache_write_mtok": ("cache_write", 1),
    "cache_write_5m_mtok": ("cache_write", 1),
    "cache_write_1h_mtok": ("cache_write_1h", 1),
    "input_audio_mtok": ("audio_input", 1),
    "input_image_mtok": ("image_input", 1),
    "input_video_mtok": ("video_input", 1),
    "output_mtok": ("output", 1),
    "output_text_mtok": ("output", 1),
    "output_reasoning_mtok": ("reasoning", 1),
    "output_audio_mtok": ("audio_output", 1),
    "output_image_mtok": ("image_output", 1),
    "requests_kcount": ("request", 1_000),
    "audio_hours": ("audio_hour", 1),
    "input_audio_hours": ("audio_hour", 1),
    "input_mchars": ("characters", 1),
    "rerank_searches_kcount": ("search_unit", 1_000),
    "web_searches_kcount": ("web_search", 1_000),
    "storage_searches_kcount": ("tool_call", 1_000),
}
# Parts of what we count as cached input, at a price of their own: they cost as cached input.
_FINER: Final = frozenset({"cache_audio_read_mtok", "cache_image_read_mtok"})
_DECIMALS: Final = Decimal("1e-9")


def find(vendor: str, name: str) -> ModelFacts | None:
    """What it keeps of a vendor's model, by any name that it matches."""
    provider = _BY_ID.get(KEPT_NAMES.get(vendor, vendor))
    if provider is None:
        return None
    info = provider.find_model(name, all_providers=data.providers)
    return None if info is None else _facts(provider.id, info.id, info)


def models() -> Iterator[ModelFacts]:
    """All models that it keeps."""
    for provider in data.providers:
        for info in provider.models:
            yield _facts(provider.id, info.id, info)


_MADE: Final[dict[tuple[str, int], ModelFacts]] = {}


def _facts(provider_id: str, model_id: str, info: ModelInfo) -> ModelFacts:
    made = _MADE.get((provider_id, id(info)))
    if made is None:
        made = _MADE[provider_id, id(info)] = _made(_BY_ID[provider_id], info)
    return made


def _made(provider: Provider, info: ModelInfo) -> ModelFacts:
    return ModelFacts(
        vendor=_VENDORS.get(provider.id, provider.id),
        model=info.id,
        title=info.name,
        aliases=tuple(name for name in _names(info.match) if name != info.id),
        context_tokens=info.context_window,
        prices=tuple(_entries(info)),
        deprecated=info.deprecated,
        sources=(SOURCE, *(provider.pricing_urls or ())[:1]),
    )


def _names(match: Any) -> Iterator[str]:
    if isinstance(match, ClauseEquals):
        yield match.equals
    elif isinstance(match, ClauseOr):
        for clause in match.or_:
            yield from _names(clause)


def _entries(info: ModelInfo) -> list[PriceEntry]:
    """Its prices from their days on; none where one of them can't be said in ours."""
    conditional = info.prices if isinstance(info.prices, list) else [_always(info.prices)]
    entries: list[dict[str, Any]] = []
    for one in conditional:
        try:
            said = _said(one.prices)
        except KeyError:
            return []
        if isinstance(one.constraint, TimeOfDateConstraint):
            if entries:
                entries[-1].setdefault("hours", []).append(
                    _hours(one.constraint, said, entries[-1])
                )
            continue
        if isinstance(one.constraint, StartDateConstraint):
            said["from_time"] = f"{one.constraint.start_date.isoformat()}T00:00:00Z"
        entries.append(said)
    if entries == [{}] and info.id.endswith(":free"):
        return [{"input": "0", "output": "0"}]
    if entries and (services := _services(info, entries[-1])):
        entries[-1]["service_tiers"] = services
    return [entry for entry in entries if entry]


def _always(prices: ModelPrice) -> ConditionalPrice:
    return ConditionalPrice(constraint=None, prices=prices)


def _said(prices: ModelPrice, *, whole: bool = True) -> dict[str, Any]:
    """One price; KeyError where it has a part that we can't count.

    `whole`: of tokens both input and output are said, at 0 where it says nothing of one.
    """
    said: dict[str, Any] = {}
    tiers: dict[int, dict[str, str]] = {}
    for key, price in prices.__dict__.items():
        if price is None or key.startswith("_") or key in _FINER:
            continue
        kind, units = _KINDS[key]
        if isinstance(price, TieredPrices):
            said[kind] = _amount(price.base, units)
            for tier in price.tiers:
                tiers.setdefault(tier.start, {})[kind] = _amount(tier.price, units)
        else:
            said[kind] = _amount(price, units)
    if whole and ("input" in said) != ("output" in said):
        said.setdefault("input", "0")
        said.setdefault("output", "0")
    if tiers:
        said["tiers"] = [
            {"above_input_tokens": above, **rates} for above, rates in sorted(tiers.items())
        ]
    return said


def _amount(price: Decimal, units: int) -> str:
    """Dollars as text, to the nano-dollar."""
    amount = (price / units).quantize(_DECIMALS).normalize()
    return f"{amount:f}"


def _hours(
    constraint: TimeOfDateConstraint, said: dict[str, Any], usual: dict[str, Any]
) -> dict[str, Any]:
    window = {
        "start": f"{constraint.start_time:%H:%M}",
        "end": f"{constraint.end_time:%H:%M}",
    }
    kinds = [kind for kind in said if Decimal(usual.get(kind, "0"))]
    factors = {Decimal(said[kind]) / Decimal(usual[kind]) for kind in kinds}
    if len(factors) == 1:
        return window | {"multiplier": f"{factors.pop().normalize():f}"}
    return window | {kind: said[kind] for kind in said if said[kind] != usual.get(kind)}


def _services(info: ModelInfo, usual: dict[str, Any]) -> list[dict[str, Any]]:
    """Prices at service tiers, batches and speeds; each once, the first that is said."""
    found: dict[str, dict[str, Any]] = {}
    for variant in info.price_variants or ():
        if len(variant.when) != 1:
            continue
        ((what, name),) = variant.when.items()
        if what not in ("service_tier", "processing", "speed") or name in found:
            continue
        try:
            said = _said(variant.prices, whole=False)
        except KeyError:
            continue
        rates = {kind: price for kind, price in said.items() if kind in _TOKEN_KINDS}
        hour = said.get("audio_hour")
        if hour is not None and Decimal(usual.get("audio_hour", "0")):
            rates["multiplier"] = f"{(Decimal(hour) / Decimal(usual['audio_hour'])).normalize():f}"
        if rates and (tiers := _merged_tiers(usual, said, rates)):
            rates["tiers"] = tiers
        if rates:
            found[name] = {"name": name, **rates}
    return list(found.values())


def _merged_tiers(
    usual: dict[str, Any], said: dict[str, Any], rates: dict[str, Any]
) -> list[dict[str, Any]]:
    """Long inputs at a service tier: what it doesn't say is as usual, a flat rate holds."""
    usually, here = (
        {tier["above_input_tokens"]: tier for tier in each.get("tiers", ())}
        for each in (usual, said)
    )
    return [
        {
            kind: here.get(above, {}).get(kind, rates.get(kind, rate))
            for kind, rate in (usually.get(above, {}) | here.get(above, {})).items()
        }
        for above in sorted(usually.keys() | here.keys())
    ]


_TOKEN_KINDS: Final = frozenset(kind for key, (kind, _) in _KINDS.items() if key.endswith("_mtok"))


@cache
def count() -> int:
    """How many models have a price."""
    return sum(1 for facts in models() if facts.prices)
