"""Cohere's usage is what it bills, else what it counted."""

import pytest

from faregate.dialects.cohere import usage
from faregate.dialects.usage import Usage


def test_what_is_billed_counts() -> None:
    stated = {
        "billed_units": {"input_tokens": 17.0, "output_tokens": 12, "search_units": 1},
        "tokens": {"input_tokens": 215, "output_tokens": 14},
        "cached_tokens": 208,
    }
    # What is cached is of all tokens; no more of it than is billed.
    assert usage.read(stated) == Usage(17, 12, cached_input_tokens=17, search_units=1)


def test_without_a_bill_the_tokens_count() -> None:
    stated = {"tokens": {"input_tokens": 215, "output_tokens": 14}, "cached_tokens": 8}
    assert usage.read(stated) == Usage(215, 14, cached_input_tokens=8)


@pytest.mark.parametrize(
    "known", [Usage(3, 4), Usage(3, 4, cached_input_tokens=1, search_units=2), Usage()]
)
def test_it_comes_back(known: Usage) -> None:
    assert usage.read(usage.written(known)) == known


def test_nonsense_states_nothing() -> None:
    assert usage.read(None) is None
    wrong = {"billed_units": 3, "tokens": {"input_tokens": -1, "output_tokens": True}}
    assert usage.read(wrong | {"cached_tokens": 1.5}) == Usage()
