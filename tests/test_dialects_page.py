"""The reference of dialects tells what the writers do, for every feature and every dialect."""

import pytest
from docs import dialects_page as page

from faregate.dialects.neutral.features import FEATURES, used
from faregate.gate.served import OPERATIONS
from faregate.providers.vendors import DIALECTS

CARRIED = {page.YES, page.OTHERWISE, page.IN_PART, page.LEFT_OUT}


@pytest.mark.parametrize("feature", FEATURES)
def test_each_specimen_uses_its_feature(feature: str):
    assert feature in used(page.SPECIMENS[feature])


def test_every_dialect_of_a_target_has_its_column():
    assert {target.name for target in page.TARGETS} - {"Mistral's chat"} == set(
        DIALECTS["generate"]
    )


def test_every_dialect_that_generates_is_a_callers():
    generating = {
        operation.dialect
        for operation in OPERATIONS.values()
        if operation.name in ("generate", "completions")
    }
    assert generating == set(page.CALLERS)


def test_what_a_dialect_carries_is_never_refused():
    found = page.fates()
    refused = [
        (feature, target.name)
        for target in page.TARGETS
        for feature in target.carries - {"tools.server"}
        if found[feature][target.name].word not in CARRIED
    ]
    assert refused == []


def test_what_is_lost_has_a_reason():
    fates = [fate for cells in page.fates().values() for fate in cells.values()]
    assert all(fate.why.endswith(".") for fate in fates if fate.word not in ("yes", "otherwise"))


def test_words_are_told_by_what_the_writer_says():
    found = page.fates()
    assert found["seed"]["gemini"].word == page.YES
    assert found["seed"]["anthropic"].word == page.REFUSED
    assert found["store"]["anthropic"].word == page.LEFT_OUT
    assert found["answer_format.json"]["anthropic"].word == page.OTHERWISE
    assert found["service_tier"]["anthropic"].word == page.IN_PART


def test_every_address_stands_on_the_page():
    text = page.page()
    assert [path for path in OPERATIONS if f"| `{path}` |" not in text] == []
    assert "| `/v1/moderations` | moderations |" in text
