"""What is held by the dearest of several tariffs does for each of them."""

from hypothesis import given
from hypothesis import strategies as st

from faregate.catalogue.dearest import DearestTariff, dearest
from faregate.catalogue.prices import PriceRow, Tariff
from faregate.catalogue.rates import Rates, ServiceRates
from faregate.dialects.usage import Usage

TOKENS = st.integers(0, 10**7)
TARIFFS = st.builds(
    lambda into, out, request: Tariff(
        PriceRow("m", Rates.flat(into) if into == out else _rates(into, out), request)
    ),
    st.integers(0, 10**11),
    st.integers(0, 10**11),
    st.integers(0, 10**6),
)


def _rates(into: int, out: int) -> Rates:
    flat = Rates.flat(into)
    names = [name for name in flat.__struct_fields__ if name in ("output", "reasoning")]
    return Rates(**{n: out if n in names else into for n in flat.__struct_fields__})


@given(st.lists(TARIFFS, min_size=1, max_size=4), TOKENS, TOKENS)
def test_it_bounds_each(tariffs: list[Tariff], inputs: int, outputs: int):
    held = DearestTariff(tariffs)
    bound = held.bound(inputs, outputs)
    usage = Usage(inputs, outputs)
    for each in tariffs:
        assert bound >= each.bound(inputs, outputs)
        assert held.price(usage) >= each.price(usage)
    tokens = held.affordable_output(bound, inputs)
    assert all(each.bound(inputs, min(tokens, outputs)) <= bound for each in tariffs)


def test_one_price_for_all_is_that_price():
    cheap = Tariff(PriceRow("m", Rates.flat(1_000)))
    same = Tariff(PriceRow("m", Rates.flat(1_000)))
    assert dearest([cheap, same]) is cheap
    dear = Tariff(PriceRow("n", Rates.flat(2_000)))
    assert isinstance(dearest([cheap, dear]), DearestTariff)
    assert dearest([cheap, None]) is None
    assert dearest([]) is None


def test_overage_multiplies_each():
    cheap, dear = (Tariff(PriceRow("m", Rates.flat(nano))) for nano in (10**6, 10**7))
    held = DearestTariff([cheap, dear]).times((3, 2))
    assert held.bound(10**6, 0) == 15 * 10**6


def test_each_has_service_tiers_of_its_own():
    plain = Tariff(PriceRow("m", Rates.flat(3_000_000)))
    priority = ServiceRates(name="priority", rates=Rates.flat(9_000_000))
    tiered = Tariff(PriceRow("n", Rates.flat(1_000_000), services=(priority,)))
    held = DearestTariff([plain, tiered])
    most = Usage(service_tier="priority")
    assert held.at(None) is held
    assert held.bound(10, 0) == held.at("flex").bound(10, 0) == 30
    assert held.at("priority").bound(10, 0) == held.bound(10, 0, most) == 90
    assert held.affordable_output(90, 0, most) == held.at("priority").affordable_output(90, 0) == 10
