"""A usage costs what exact fractions say, rounded once, and never more than its bound."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.test_zones import utc_ns

from faregate.catalogue.hours import PriceHours
from faregate.catalogue.prices import TOKENS_MAX, PriceRow, PriceTable, Rates, Tariff, Tier
from faregate.core.money import AMOUNT_NANO_MAX, NANO
from faregate.dialects.usage import Usage


def rates(
    input: float,  # noqa: A002
    output: float,
    cached: float | None = None,
    write: float | None = None,
    audio: tuple[float, float] | None = None,
) -> Rates:
    """Rates as vendors write them: dollars for a million."""
    audio_in, audio_out = audio or (input, output)
    kinds = (input, input if cached is None else cached, input if write is None else write)
    dollars = (*kinds, audio_in, input, output, output, audio_out)
    return Rates(*(round(each * NANO) for each in dollars))


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
    tariff = Tariff(PriceRow("m", Rates(100, 1, 2, 3, 4, 0, 0, 0)), (1_000_000, 1))
    usage = Usage(10, 0, 4, 0, 3, 2, 9)  # one token is left of the images
    assert tariff.price(usage) == 4 * 1 + 3 * 2 + 2 * 3 + 1 * 4
    assert tariff.price(Usage(10, 0, 1, 0, 1, 1, 1)) == 1 + 2 + 3 + 4 + 6 * 100


def test_rounding_is_once_and_halves_go_up() -> None:
    row = PriceRow("m", Rates.flat(250_000))
    assert [Tariff(row).price(Usage(tokens, 0)) for tokens in (1, 2, 5, 6)] == [0, 1, 1, 2]
    assert Tariff(row).price(Usage(1, 1)) == 1  # not twice 0
    assert Tariff(row).bound(1, 0) == 1


RATE = st.integers(0, 10**12)
RATES = st.builds(Rates, *[RATE] * 8)
COUNTS = st.none() | st.integers(-5, 2_000) | st.integers(0, 10**7)
USAGES = st.builds(Usage, *[COUNTS] * 8)
MULTIPLIERS = st.tuples(st.integers(0, 10**6), st.integers(1, 10**6))


@st.composite
def rows(draw: st.DrawFn) -> PriceRow:
    above = sorted(draw(st.sets(st.integers(1, 5_000), max_size=3)))
    return PriceRow(
        "m",
        draw(RATES),
        draw(st.integers(0, 10**9)),
        tuple(Tier(each, draw(RATES)) for each in above),
    )


TARIFFS = st.builds(Tariff, rows(), MULTIPLIERS)


def exact(tariff: Tariff, usage: Usage) -> Fraction:
    """Nano-dollars by fractions, token by token kind."""
    inputs, outputs = max(usage.input_tokens or 0, 0), max(usage.output_tokens or 0, 0)
    chosen = tariff.row.rates
    for tier in tariff.row.tiers:
        if inputs > tier.above_input_tokens:
            chosen = tier.rates
    total = Fraction(tariff.row.request_nano)
    stated = [
        (usage.cached_input_tokens, chosen.cached_input),
        (usage.cache_write_tokens, chosen.cache_write),
        (usage.audio_input_tokens, chosen.audio_input),
        (usage.image_input_tokens, chosen.image_input),
    ]
    spoken = [
        (usage.reasoning_tokens, chosen.reasoning),
        (usage.audio_output_tokens, chosen.audio_output),
    ]
    for whole, parts, plain in ((inputs, stated, chosen.input), (outputs, spoken, chosen.output)):
        left = whole
        for part, rate in parts:
            counted = min(max(part or 0, 0), left)
            left -= counted
            total += Fraction(counted * rate, 10**6)
        total += Fraction(left * plain, 10**6)
    return total * Fraction(*tariff.multiplier)


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
    assert tariff.price(usage) <= tariff.bound(inputs + more_input, outputs + more_output)


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
                **dict.fromkeys([part] if part else [], edge),
                **dict.fromkeys([spoken] if spoken else [], outputs),
            ),
        )
        for edge in edges
        if edge <= inputs
        for part in (
            "",
            "cached_input_tokens",
            "cache_write_tokens",
            "audio_input_tokens",
            "image_input_tokens",
        )
        for spoken in ("", "reasoning_tokens", "audio_output_tokens")
    )
    assert tariff.bound(inputs, outputs) == min(-(-dearest // 1), AMOUNT_NANO_MAX)


@given(TARIFFS, st.integers(0, 10**12), st.integers(0, 6_000))
def test_affordable_output_is_the_most_that_fits(tariff: Tariff, nano: int, inputs: int) -> None:
    tokens = tariff.affordable_output(nano, inputs)
    if tokens < 0:
        assert tokens == -1
        assert tariff.bound(inputs, 0) > nano
        return
    assert tariff.bound(inputs, tokens) <= nano
    assert tokens == TOKENS_MAX or tariff.bound(inputs, tokens + 1) > nano


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
        (PriceRow("m", Rates(0, 0, 0, 0, 0, 0, 1, 0)), (1, 9), False),
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
    assert names.index("output") == 5
    assert names[:5] == ["input", "cached_input", "cache_write", "audio_input", "image_input"]
    assert names[5:] == ["output", "reasoning", "audio_output"]
