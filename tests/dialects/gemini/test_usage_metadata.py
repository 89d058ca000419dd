"""Gemini's usage is read with thoughts and tools, and written again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.dialects.gemini import usage_metadata
from faregate.dialects.usage import Usage

STATED = {
    "promptTokenCount": 1_000,
    "cachedContentTokenCount": 400,
    "candidatesTokenCount": 50,
    "thoughtsTokenCount": 200,
    "toolUsePromptTokenCount": 30,
    "totalTokenCount": 1_280,
    "promptTokensDetails": [
        {"modality": "TEXT", "tokenCount": 642},
        {"modality": "IMAGE", "tokenCount": 258},
        {"modality": "AUDIO", "tokenCount": 100},
    ],
    "toolUsePromptTokensDetails": [{"modality": "IMAGE", "tokenCount": 2}],
    "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 40}],
    "trafficType": "ON_DEMAND_FLEX",
}


def test_thoughts_and_tools_are_added() -> None:
    assert usage_metadata.read(STATED, searches=2) == Usage(
        input_tokens=1_030,
        output_tokens=250,
        cached_input_tokens=400,
        reasoning_tokens=200,
        audio_input_tokens=100,
        image_input_tokens=260,
        audio_output_tokens=40,
        web_searches=2,
        service_tier="flex",
    )


def test_an_output_that_is_not_stated_is_the_rest_of_the_total() -> None:
    stated = {"promptTokenCount": 10, "totalTokenCount": 17}
    assert usage_metadata.read(stated) == Usage(10, 7)
    assert usage_metadata.read({"promptTokenCount": 10}) == Usage(10, None)


COUNTS = st.none() | st.integers(0, 10**6)


@given(COUNTS, st.integers(0, 500), COUNTS, st.none() | st.integers(0, 100))
def test_it_comes_back(inputs: int | None, said: int, cached: int | None, thought: int | None):
    usage = Usage(
        inputs,
        said + (thought or 0),
        cached_input_tokens=cached,
        reasoning_tokens=thought,
        audio_input_tokens=None if inputs is None else inputs // 2,
        image_output_tokens=said // 3,
    )
    assert usage_metadata.read(usage_metadata.written(usage)) == usage


@pytest.mark.parametrize(
    ("model", "searches"), [("gemini-3-pro", 3), ("gemini-2.5-flash", 1), ("gemini-1.5-pro", 1)]
)
def test_searches_are_billed_by_query_or_by_prompt(model: str, searches: int) -> None:
    candidates = [{"groundingMetadata": {"webSearchQueries": ["a", "b", "c"]}}]
    assert usage_metadata.searches(candidates, model) == searches
    assert usage_metadata.searches([{}, 3], model) == 0
    assert usage_metadata.searches(None, model) == 0


def test_nonsense_states_nothing() -> None:
    assert usage_metadata.read(None) is None
    assert usage_metadata.read([]) is None
    wrong = {"promptTokenCount": -1, "candidatesTokenCount": True, "promptTokensDetails": [3, {}]}
    assert usage_metadata.read(wrong) == Usage()
    assert usage_metadata.read({"promptTokenCount": 10**13, "thoughtsTokenCount": 2.0}) == Usage(
        None, 2, reasoning_tokens=2
    )
