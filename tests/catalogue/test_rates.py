"""A part without a rate costs as its whole; a whole without one costs nothing."""

import pytest

from faregate.catalogue.rates import INPUT_PARTS, OUTPUT_PARTS, Rates


def test_parts_cost_as_their_wholes() -> None:
    rates = Rates.of(input=5, output=9)
    assert {getattr(rates, kind) for kind in INPUT_PARTS} == {5}
    assert {getattr(rates, kind) for kind in OUTPUT_PARTS} == {9}
    assert Rates.of() == Rates.flat(0)


@pytest.mark.parametrize("kind", [*INPUT_PARTS, *OUTPUT_PARTS])
def test_a_part_has_its_own_rate(kind: str) -> None:
    rates = Rates.of(input=5, output=9, **{kind: 1})
    changed = {name for name in Rates.__struct_fields__ if getattr(rates, name) == 1}
    assert changed == {kind} | ({"cache_write_1h"} if kind == "cache_write" else set())


def test_an_hour_in_the_cache_costs_as_a_write() -> None:
    assert Rates.of(input=5, cache_write=6).cache_write_1h == 6
    assert Rates.of(input=5, cache_write=6, cache_write_1h=10).cache_write_1h == 10


def test_flat_is_the_same_for_all() -> None:
    rates = Rates.flat(7)
    assert {getattr(rates, kind) for kind in Rates.__struct_fields__} == {7}
