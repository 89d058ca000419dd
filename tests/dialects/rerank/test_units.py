"""The usage of a rerank is read, and the most that it can be is never too low."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.dialects.rerank import units
from faregate.dialects.usage import Usage


@pytest.mark.parametrize(
    ("reply", "usage"),
    [
        ({"meta": {"billed_units": {"search_units": 3}}}, Usage(search_units=3)),
        ({"usage": {"total_tokens": 9}}, Usage(input_tokens=9)),
        ({"meta": {"tokens": {"input_tokens": 9, "output_tokens": 0}}}, Usage(9, 0)),
        ({"meta": {"tokens": 1}}, None),
        ({"meta": None}, None),
        ([], None),
    ],
)
def test_a_usage_is_read(reply: object, usage: Usage | None) -> None:
    body = json.dumps(reply).encode()
    assert units.read_usage(body) == usage
    assert units.read_usage_in_part(body) in (usage, None)


def test_a_usage_is_read_in_a_part() -> None:
    assert units.read_usage_in_part(b'"billed_units":{"search_units":3}}}') == Usage(search_units=3)
    assert units.read_usage_in_part(b'"usage":{"total_tokens":9}}') == Usage(input_tokens=9)


WORDS = st.integers(0, 1_500)


@given(st.lists(WORDS, min_size=1, max_size=300), st.integers(1, 100))
def test_the_most_is_never_too_low(lengths: list[int], query: int) -> None:
    """A token for each word of one letter: the most that a text of its length can have."""
    documents = ["a " * words for words in lengths]
    body = json.dumps({"query": "a " * query, "documents": documents}).encode()
    pieces = sum(max(-(-words // (500 - query)), 1) for words in lengths)
    found = units.most(body)
    assert found is not None
    assert found.search_units is not None
    assert found.search_units >= -(-pieces // 100)


def test_the_usual_call_is_one_unit() -> None:
    body = json.dumps({"query": "why?", "documents": ["a short answer"] * 100}).encode()
    assert units.most(body) == Usage(search_units=1)
    assert units.most(b'{"documents":1}') is None
    assert units.most(b"{}") == Usage(search_units=1)


@pytest.mark.parametrize(("documents", "found"), [(0, 1), (1, 1), (100, 1), (101, 2)])
def test_the_likely_is_by_the_count(documents: int, found: int) -> None:
    body = json.dumps({"query": "q", "documents": ["d"] * documents}).encode()
    assert units.likely(body) == Usage(search_units=found)
    assert units.likely(body[1:]) is None
