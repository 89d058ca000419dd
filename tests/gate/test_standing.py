"""What stands in the ledger and in counters is told in plain numbers."""

import msgspec

from faregate.catalogue.prices import PriceRow, Tariff
from faregate.catalogue.rates import Rates, ServiceRates, Tier, UnitRates
from faregate.gate.standing import amount_of, counter_told, prices_told, purse_told, unique
from faregate.ledger.purses import PurseSpec, Standing, Unit
from faregate.ledger.slices import Slice
from faregate.limits.counters import LimitSpec, LimitUnit
from faregate.tally.memory import MemoryTally

NOW_NS = 1_700_000_000_000_000_000


def test_amounts_are_strings_and_volumes_numbers():
    assert amount_of(Unit.NANO, 1_500_000_000) == "1.50"
    assert amount_of(Unit.TOKENS, 7) == 7


def test_a_rolling_purse_resets_when_its_first_spend_leaves():
    spec = PurseSpec("budget:b:k", "budget", "b", "k", Unit.NANO, 10**9, rolling_ns=1)
    told = purse_told(Slice(spec), Standing(10**9, 10**8, 10**8, 8 * 10**8, 0, ((NOW_NS, 5),)))
    assert told == {
        "name": "b", "unit": "USD", "left": "0.80", "held": "0.10", "of": "k", "cap": "1.00",
        "used": "0.10", "resets_at": "2023-11-14T22:13:20Z",
    }  # fmt: skip


def test_what_lies_unused_in_this_worker_is_left():
    one = Slice(PurseSpec("wallet:w", "wallet", "w", "w", Unit.NANO, None))
    one.draw(4 * 10**8, Standing(10**9, 0, 4 * 10**8, 6 * 10**8, 4 * 10**8), 0.0)
    told = purse_told(one, Standing(10**9, 0, 4 * 10**8, 6 * 10**8, 4 * 10**8))
    assert (told["left"], told["held"], told["balance"]) == ("1.00", "0.00", "1.00")


def test_a_steady_rate_and_calls_at_once():
    tally = MemoryTally(lambda: 0.0)
    steady = tally.counter(LimitSpec("s", "s", "k", LimitUnit.REQUESTS, 60, 60.0, burst=5))
    told = counter_told(steady, 0.0, NOW_NS)
    assert (told["burst"], told["resets_at"], told["used"]) == (5, None, told["used"])
    at_once = tally.counter(LimitSpec("c", "c", "k", LimitUnit.CONCURRENT, 2, 0.0))
    at_once.take(1, 0.0)
    told = counter_told(at_once, 0.0, NOW_NS)
    assert (told["cap"], told["used"], told["left"]) == (2, 1, 1)
    assert "resets_at" not in told


def test_prices_with_tiers_and_multipliers():
    rates = Rates.flat(10**9)
    row = PriceRow("m", rates, 1_000_000, (Tier(1_000, Rates.flat(2 * 10**9)),))
    told = prices_told(Tariff(row, (3, 2), NOW_NS))
    assert told == {
        "input": "1.50", "output": "1.50", "request": "0.0015",
        "tiers": [{"above_input_tokens": 1_000, "input": "3.00", "output": "3.00"}],
        "until": "2023-11-14T22:13:20Z",
    }  # fmt: skip
    assert prices_told(None) is None


def test_a_tier_tells_what_it_asks_for_cached_input():
    usual = Rates.flat(10**9)
    above = Rates.flat(2 * 10**9)
    above = msgspec.structs.replace(above, cached_input=5 * 10**8)
    told = prices_told(Tariff(PriceRow("m", usual, 0, (Tier(1_000, above),)), (1, 1), None))
    assert told is not None
    assert told["tiers"] == [
        {"above_input_tokens": 1_000, "input": "2.00", "cached_input": "0.50", "output": "2.00"}
    ]


def test_what_is_billed_beside_tokens_and_by_tier_is_told():
    flex = ServiceRates(name="flex", rates=Rates.flat(5 * 10**8))
    units = UnitRates(web_search=10**7, images=(("hd", 8 * 10**7),))
    row = PriceRow("m", Rates.flat(10**9), units=units, services=(flex,))
    told = prices_told(Tariff(row, (2, 1)))
    assert told is not None
    assert told["units"] == {"web_search": "0.02", "images": {"hd": "0.16"}}
    assert told["service_tiers"] == {"flex": {"input": "1.00", "output": "1.00"}}


def test_each_purse_once():
    first, again = (Slice(PurseSpec("a", "quota", "a", "k", Unit.TOKENS, 1)) for _ in range(2))
    assert unique([first, again]) == [again]
