"""A usage costs what exact fractions say, rounded once, and never more than its bound."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.test_zones import utc_ns

from faregate.catalogue.hours import PriceHours
from faregate.catalogue.prices import TOKENS_MAX, PriceRow, PriceTable, Tariff
from faregate.catalogue.rates import (
    INPUT_PARTS,
    OUTPUT_PARTS,
    Rates,
    ServiceRates,
    Tier,
    UnitRates,
)
from faregate.core.money import AMOUNT_NANO_MAX, NANO
from faregate.dialects.usage import Usage


def rates(
    input: float,  # noqa: A002
    output: float,
    cached: float | None = None,
    write: float | None = None,
    audio: tuple[float, float] | None = None,
    **more: float,
) -> Rates:
    """Rates as vendors write them: dollars for a million."""
    said = {"input": input, "output": output, "cached_input": cached, "cache_write": write} | more
    if audio is not None:
        said["audio_input"], said["audio_output"] = audio
    return Rates.of(**{kind: round(each * NANO) for kind, each in said.items() if each is not None})


GPT_4O = PriceRow("gpt-4o", rates(2.5, 10, cached=1.25))
GPT_4O_MINI = PriceRow("gpt-4o-mini", rates(0.15, 0.6, cached=0.075))
GPT_4O_AUDIO = PriceRow("gpt-4o-audio", rates(2.5, 10, audio=(40, 80)))
GEMINI_PRO = PriceRow(
    "gemini-2.5-pro",
    rates(1.25, 10, cached=0.31),
    tiers=(Tier(200_000, rates(2.5, 15, cached=0.625)),),
)
SONNET = PriceRow("claude-sonnet", rates(3, 15, cached=0.3, write=3.75))
SEARCH = PriceRow("search", rates(1, 1), request_nano=5_000_000)


@pytest.mark.parametrize(
    ("row", "usage", "dollars"),
    [
        (GPT_4O, Usage(1_000_000, 1_000_000), "12.50"),
        (GPT_4O, Usage(2_006, 300, 1_920), "0.005615"),
        (GPT_4O_MINI, Usage(1, 1), "0.00000075"),
        (GPT_4O_MINI, Usage(1, 0, 1), "0.000000075"),
        (GPT_4O_AUDIO, Usage(1_000, 2_000, audio_input_tokens=900, audio_output_tokens=1_500),
         "0.16125"),
        (GEMINI_PRO, Usage(200_000, 1_000), "0.26"),
        (GEMINI_PRO, Usage(200_001, 1_000), "0.5150025"),  # the whole call is dearer
        (GEMINI_PRO, Usage(300_000, 1_000, 100_000), "0.5775"),
        (SONNET, Usage(10_000, 500, 6_000, cache_write_tokens=3_000), "0.02355"),
        (SEARCH, Usage(0, 0), "0.005"),
        (SEARCH, Usage(), "0.005"),
        (GPT_4O, Usage(None, 100), "0.001"),
        (GPT_4O, Usage(100, None, None, None), "0.00025"),
        (GPT_4O, Usage(100, 10, 500, 90), "0.000225"),  # parts beyond their wholes
        (GPT_4O, Usage(-5, -7, -9, -1), "0"),
        (GPT_4O, Usage(100, 0, -50), "0.00025"),
    ],
)  # fmt: skip
def test_what_vendors_tables_say(row: PriceRow, usage: Usage, dollars: str) -> None:
    assert Tariff(row).price(usage) == Fraction(dollars) * NANO


def test_parts_are_priced_once_in_their_order() -> None:
    said = {"cached_input": 1, "cache_write": 2, "audio_input": 3, "image_input": 4}
    tariff = Tariff(PriceRow("m", Rates.of(input=100, **said)), (1_000_000, 1))
    usage = Usage(10, 0, 4, 0, 3, 2, 9)  # one token is left of the images
    assert tariff.price(usage) == 4 * 1 + 3 * 2 + 2 * 3 + 1 * 4
    assert tariff.price(Usage(10, 0, 1, 0, 1, 1, 1)) == 1 + 2 + 3 + 4 + 6 * 100


def test_rounding_is_once_and_halves_go_up() -> None:
    row = PriceRow("m", Rates.flat(250_000))
    assert [Tariff(row).price(Usage(tokens, 0)) for tokens in (1, 2, 5, 6)] == [0, 1, 1, 2]
    assert Tariff(row).price(Usage(1, 1)) == 1  # not twice 0
    assert Tariff(row).bound(1, 0) == 1


RATE = st.integers(0, 10**12)
RATES = st.builds(Rates, **{field.name: RATE for field in msgspec.structs.fields(Rates)})
IMAGES = st.dictionaries(st.sampled_from(("low", "hd/1024x1024")), RATE)
UNITS = st.just(UnitRates()) | st.builds(
    UnitRates,
    **{
        field.name: IMAGES.map(lambda each: tuple(each.items())) if field.name == "images" else RATE
        for field in msgspec.structs.fields(UnitRates)
    },
)
COUNTS = st.none() | st.integers(-5, 2_000) | st.integers(0, 10**7)
VARIANTS = st.sampled_from((None, "low", "hd/1024x1024", "other"))
SERVICES = st.sampled_from((None, "default", "flex"))
USAGES = st.builds(Usage, *[COUNTS] * 12, VARIANTS, *[COUNTS] * 5, service_tier=SERVICES)
MULTIPLIERS = st.tuples(st.integers(0, 10**6), st.integers(1, 10**6))


@st.composite
def rows(draw: st.DrawFn) -> PriceRow:
    tiers = (
        st.sets(st.integers(1, 5_000), max_size=3)
        .map(sorted)
        .flatmap(
            lambda above: st.tuples(*(st.builds(Tier, st.just(each), RATES) for each in above))
        )
    )
    flex = st.builds(ServiceRates, name=st.just("flex"), rates=RATES, tiers=tiers, units=UNITS)
    return PriceRow(
        "m",
        draw(RATES),
        draw(st.integers(0, 10**9)),
        draw(tiers),
        units=draw(UNITS),
        services=draw(st.tuples() | st.tuples(flex)),
    )


TARIFFS = st.builds(Tariff, rows(), MULTIPLIERS)


def exact(tariff: Tariff, usage: Usage) -> Fraction:
    """Nano-dollars by fractions, token by token kind."""
    inputs, outputs = max(usage.input_tokens or 0, 0), max(usage.output_tokens or 0, 0)
    row: PriceRow | ServiceRates = tariff.row
    for service in tariff.row.services:
        if service.name == usage.service_tier:
            row = service
    chosen = row.rates
    for tier in row.tiers:
        if inputs > tier.above_input_tokens:
            chosen = tier.rates
    total = Fraction(tariff.row.request_nano) + of_units(row.units, usage)
    hour = usage.cache_write_1h_tokens or 0
    hour = min(max(hour, 0), max(usage.cache_write_tokens or 0, 0))
    left_uncached = inputs - min(max(usage.cached_input_tokens or 0, 0), inputs)
    hour = min(hour, left_uncached)
    written = max(usage.cache_write_tokens or 0, 0) - hour
    stated = [
        (usage.cached_input_tokens, chosen.cached_input),
        (hour, chosen.cache_write_1h),
        (written, chosen.cache_write),
        (usage.audio_input_tokens, chosen.audio_input),
        (usage.image_input_tokens, chosen.image_input),
        (usage.video_input_tokens, chosen.video_input),
    ]
    spoken = [
        (usage.reasoning_tokens, chosen.reasoning),
        (usage.audio_output_tokens, chosen.audio_output),
        (usage.image_output_tokens, chosen.image_output),
    ]
    for whole, parts, plain in ((inputs, stated, chosen.input), (outputs, spoken, chosen.output)):
        left = whole
        for part, rate in parts:
            counted = min(max(part or 0, 0), left)
            left -= counted
            total += Fraction(counted * rate, 10**6)
        total += Fraction(left * plain, 10**6)
    return total * Fraction(*tariff.multiplier)


def of_units(units: UnitRates, usage: Usage) -> Fraction:
    """Nano-dollars of what isn't tokens."""
    known = dict(units.images)
    dearest = max(known.values(), default=0)
    image = known.get(usage.image_variant or "", units.image or dearest)
    counted = [
        (usage.images, Fraction(image)),
        (usage.audio_input_ms, Fraction(units.audio_hour, 3_600_000)),
        (usage.characters, Fraction(units.characters, 10**6)),
        (usage.search_units, Fraction(units.search_unit)),
        (usage.web_searches, Fraction(units.web_search)),
        (usage.tool_calls, Fraction(units.tool_call)),
    ]
    return sum((max(count or 0, 0) * rate for count, rate in counted), Fraction(0))


@given(TARIFFS, USAGES)
def test_the_price_is_the_fraction_rounded(tariff: Tariff, usage: Usage) -> None:
    nano = exact(tariff, usage)
    expected = int(nano + Fraction(1, 2))
    assert tariff.price(usage) == min(expected, AMOUNT_NANO_MAX)
    assert tariff.price(usage) >= 0


@given(TARIFFS, USAGES, st.integers(0, 100), st.integers(0, 100))
def test_no_usage_costs_more_than_its_bound(
    tariff: Tariff, usage: Usage, more_input: int, more_output: int
) -> None:
    inputs, outputs = max(usage.input_tokens or 0, 0), max(usage.output_tokens or 0, 0)
    assert tariff.price(usage) <= tariff.bound(inputs + more_input, outputs + more_output, usage)
    unknown = msgspec.structs.replace(usage, image_variant=None)
    assert tariff.price(usage) <= tariff.bound(inputs + more_input, outputs + more_output, unknown)


@given(TARIFFS, USAGES)
def test_without_units_a_bound_is_of_tokens_at_the_usual_tier(tariff: Tariff, usage: Usage) -> None:
    tokens = Usage(*msgspec.structs.astuple(usage)[:11])
    inputs, outputs = max(usage.input_tokens or 0, 0), max(usage.output_tokens or 0, 0)
    assert tariff.price(tokens) <= tariff.bound(inputs, outputs)
    assert tariff.at("flex").price(tokens) <= tariff.at("flex").bound(inputs, outputs)
    assert tariff.at("unheard of") is tariff


@given(TARIFFS, st.integers(0, 6_000), st.integers(0, 6_000))
def test_a_bound_is_reached(tariff: Tariff, inputs: int, outputs: int) -> None:
    """Some usage costs it but for the rounding: nothing is held in vain."""
    edges = {tier.above_input_tokens for tier in tariff.row.tiers} | {inputs}
    dearest = max(
        exact(
            tariff,
            Usage(
                edge,
                outputs,
                **dict.fromkeys(part, edge),
                **dict.fromkeys([spoken] if spoken else [], outputs),
            ),
        )
        for edge in edges
        if edge <= inputs
        for part in (
            (),
            ("cached_input_tokens",),
            ("cache_write_tokens",),
            ("cache_write_tokens", "cache_write_1h_tokens"),
            ("audio_input_tokens",),
            ("image_input_tokens",),
            ("video_input_tokens",),
        )
        for spoken in ("", "reasoning_tokens", "audio_output_tokens", "image_output_tokens")
    )
    assert tariff.bound(inputs, outputs) == min(-(-dearest // 1), AMOUNT_NANO_MAX)


@given(TARIFFS, st.integers(0, 10**12), st.integers(0, 6_000), st.none() | USAGES)
def test_affordable_output_is_the_most_that_fits(
    tariff: Tariff, nano: int, inputs: int, most: Usage | None
) -> None:
    tokens = tariff.affordable_output(nano, inputs, most)
    if tokens < 0:
        assert tokens == -1
        assert tariff.bound(inputs, 0, most) > nano
        return
    assert tariff.bound(inputs, tokens, most) <= nano
    assert tokens == TOKENS_MAX or tariff.bound(inputs, tokens + 1, most) > nano


@given(TARIFFS, MULTIPLIERS, USAGES)
def test_times_multiplies_exactly(
    tariff: Tariff, multiplier: tuple[int, int], usage: Usage
) -> None:
    dearer = tariff.times(multiplier)
    nano = exact(tariff, usage) * Fraction(*multiplier)
    assert dearer.price(usage) == min(int(nano + Fraction(1, 2)), AMOUNT_NANO_MAX)
    assert tariff.times(multiplier) is dearer
    assert dearer.until_ns == tariff.until_ns


def test_a_nonsense_bill_still_fits_64_bits() -> None:
    tariff = Tariff(PriceRow("m", Rates.flat(10**18)))
    assert tariff.price(Usage(10**12, 10**12)) == AMOUNT_NANO_MAX
    assert tariff.bound(10**12, 10**12) == AMOUNT_NANO_MAX


@pytest.mark.parametrize(
    ("row", "multiplier", "free"),
    [
        (PriceRow("m", Rates.flat(0)), (1, 1), True),
        (PriceRow("m", Rates.flat(1)), (0, 1), True),
        (PriceRow("m", Rates.flat(0), request_nano=1), (1, 1), False),
        (PriceRow("m", Rates.flat(0), tiers=(Tier(9, Rates.flat(1)),)), (1, 1), False),
        (PriceRow("m", Rates.of(reasoning=1)), (1, 9), False),
    ],
)
def test_free_is_free_of_all(row: PriceRow, multiplier: tuple[int, int], free: bool) -> None:
    tariff = Tariff(row, multiplier)
    assert tariff.is_free is free
    assert (tariff.bound(10, 10) == 0) is free


# -- over time ------------------------------------------------------------------------------------

JUNE, JULY = utc_ns("2026-06-01"), utc_ns("2026-07-01")
NIGHT = PriceHours(16 * 60 + 30, 30, (1, 2))  # half the price from 16:30 to 0:30
OLD = PriceRow("m", rates(4, 8))
TABLE = PriceTable(
    [
        PriceRow("m", rates(1, 2), from_ns=JULY),
        OLD,
        PriceRow("m", rates(2, 4), from_ns=JUNE, hours=(NIGHT,)),
        PriceRow("new", rates(1, 1), from_ns=JULY),
    ]
)
MILLION_EACH = Usage(1_000_000, 1_000_000)


@pytest.mark.parametrize(
    ("at", "dollars", "until"),
    [
        ("2026-05-31T23:59:59", 12, "2026-06-01T00:00"),
        ("2026-06-01T00:00", 3, "2026-06-01T00:30"),
        ("2026-06-01T12:00", 6, "2026-06-01T16:30"),
        ("2026-06-30T16:29:59", 6, "2026-06-30T16:30"),
        ("2026-06-30T23:00", 3, "2026-07-01T00:00"),  # the row ends before the window
        ("2026-07-01T00:00", 3, None),
        ("2030-01-01T00:00", 3, None),
    ],
)
def test_the_newest_row_that_has_begun_applies(at: str, dollars: int, until: str | None) -> None:
    tariff = TABLE.tariff("m", utc_ns(at))
    assert tariff is not None
    assert tariff.price(MILLION_EACH) == dollars * NANO
    assert tariff.until_ns == (utc_ns(until) if until else None)


def test_multipliers_meet() -> None:
    tariff = TABLE.tariff("m", utc_ns("2026-06-01T20:00"), (6, 5))
    assert tariff is not None
    assert tariff.price(MILLION_EACH) == 6 * NANO // 2 * 6 // 5


def test_what_has_no_price_has_none() -> None:
    assert TABLE.tariff("other", JULY) is None
    assert TABLE.tariff("new", JULY - 1) is None
    assert TABLE.begins_ns("new", JULY - 1) == JULY
    assert TABLE.begins_ns("new", JULY) is None
    assert TABLE.begins_ns("other", JULY) is None


def test_rates_stand_in_the_order_that_pricing_counts_on() -> None:
    names = [field.name for field in msgspec.structs.fields(Rates)]
    assert names == ["input", *INPUT_PARTS, "output", *OUTPUT_PARTS]


def test_hours_may_have_rates_of_their_own() -> None:
    night = PriceHours(16 * 60 + 30, 30, (1, 1), rates=rates(0.1, 1))
    table = PriceTable([PriceRow("m", rates(4, 8), hours=(night,))])
    told = [table.tariff("m", utc_ns(f"2026-06-01T{hour}:00")) for hour in (12, 20)]
    assert [each and each.price(MILLION_EACH) for each in told] == [12 * NANO, 11 * NANO // 10]


def test_a_variant_of_an_image_has_its_price() -> None:
    units = UnitRates(images=(("hd/1024x1024", 80_000_000), ("1024x1024", 40_000_000)))
    tariff = Tariff(PriceRow("m", Rates.flat(0), units=units))
    assert tariff.price(Usage(images=2, image_variant="1024x1024")) == 80_000_000
    assert tariff.price(Usage(images=1, image_variant="new")) == 80_000_000  # never too low
    assert tariff.bound(0, 0, Usage(images=2)) == 160_000_000
    assert not tariff.is_free
