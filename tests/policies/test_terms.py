"""What calls ask of their terms is derived once, from all that was set."""

import pytest

from faregate.identity.keys import KeyRecord
from faregate.ledger.purses import PurseSpec, Unit, wallet_spec
from faregate.ledger.slices import Slice
from faregate.limits.counters import LimitSpec, LimitUnit
from faregate.limits.making import kind_of
from faregate.policies.terms import NO_TERMS, Terms

KEY = KeyRecord("id", "key", "fg_", b"h", None, 0, None, None, application="shop")


def a_slice(unit: Unit) -> Slice:
    if unit is Unit.NANO:
        return Slice(wallet_spec("main"))
    return Slice(PurseSpec(f"quota:{unit}", "quota", "q", "k", unit, 9))


def made(
    limits: tuple[LimitUnit, ...] = (), slices: tuple[Unit, ...] = (),
    included: tuple[Unit, ...] = (), missing: str | None = None,
) -> Terms:  # fmt: skip
    terms = Terms(KEY)
    specs = [LimitSpec(unit.name, unit.name, "k", unit, 9, 60.0) for unit in limits]
    terms.counters = tuple(kind_of(spec)(spec) for spec in specs)
    terms.slices = tuple(map(a_slice, slices))
    terms.included = tuple(map(a_slice, included))
    terms.missing_subject = missing
    terms.complete()
    return terms


def test_counters_are_told_apart_by_what_a_calls_end_does_to_them() -> None:
    terms = made(tuple(LimitUnit))
    assert [one.spec.unit for one in terms.concurrent] == [LimitUnit.CONCURRENT]
    assert [one.spec.unit for one in terms.corrected] == [
        LimitUnit.INPUT_TOKENS,
        LimitUnit.OUTPUT_TOKENS,
        LimitUnit.TOKENS,
    ]
    assert [(one.spec.unit, place) for one, place in terms.counted] == [
        (unit, int(unit)) for unit in LimitUnit
    ]


@pytest.mark.parametrize(
    ("limits", "slices", "included", "measures"),
    [
        ((), (), (), False),
        ((LimitUnit.REQUESTS, LimitUnit.CONCURRENT), (), (), False),
        ((LimitUnit.TOKENS,), (), (), True),
        ((), (Unit.NANO,), (), True),
        ((), (), (Unit.REQUESTS,), True),
    ],
)
def test_calls_are_measured_where_that_decides_something(
    limits: tuple[LimitUnit, ...],
    slices: tuple[Unit, ...],
    included: tuple[Unit, ...],
    measures: bool,
) -> None:
    assert made(limits, slices, included).measures is measures


@pytest.mark.parametrize(
    ("slices", "included", "bounds_output", "needs_price"),
    [
        ((), (), False, False),
        ((Unit.REQUESTS, Unit.INPUT_TOKENS), (), False, False),
        ((Unit.OUTPUT_TOKENS,), (), True, False),
        ((Unit.TOKENS,), (), True, False),
        ((Unit.REQUESTS, Unit.NANO), (), True, True),
        ((), (Unit.TOKENS,), True, False),
        ((), (Unit.REQUESTS,), False, False),
    ],
)
def test_output_is_bounded_and_prices_are_needed_where_something_counts_them(
    slices: tuple[Unit, ...], included: tuple[Unit, ...], bounds_output: bool, needs_price: bool
) -> None:
    terms = made((), slices, included)
    assert (terms.bounds_output, terms.needs_price) == (bounds_output, needs_price)


def test_included_volumes_and_missing_names_are_unusual() -> None:
    assert not made(slices=(Unit.NANO,)).unusual
    assert made(included=(Unit.REQUESTS,)).unusual
    assert made(missing="customer").unusual


def test_purses_are_named_in_order() -> None:
    terms = made(slices=(Unit.TOKENS, Unit.NANO))
    assert terms.purse_ids == ("quota:4", "wallet:main")
    assert (terms.application, terms.team, terms.plan) == ("shop", "", "")


def test_calls_that_came_nowhere_have_terms_that_ask_for_nothing() -> None:
    assert (NO_TERMS.slices, NO_TERMS.counted, NO_TERMS.measures) == ((), (), False)
    assert (NO_TERMS.cost, NO_TERMS.charge, NO_TERMS.unusual) == (None, None, False)
