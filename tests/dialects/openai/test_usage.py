"""Usage comes back from chat's form."""

import msgspec
import pytest

from faregate.dialects.openai.usage import read_usage, write_usage
from faregate.dialects.usage import Usage

USAGES = [
    Usage(input_tokens=10, output_tokens=5),
    Usage(10, 5, 4, 2, 3, 1, 2, 1),
]


@pytest.mark.parametrize("usage", USAGES)
def test_usage_comes_back(usage: Usage):
    assert read_usage(msgspec.json.encode(write_usage(usage))) == usage


def test_totals_are_numbers_and_unknown_parts_absent():
    assert write_usage(Usage(output_tokens=5)) == {
        "prompt_tokens": 0, "completion_tokens": 5, "total_tokens": 5,
    }  # fmt: skip


def test_xais_reasoning_is_added_where_only_the_total_has_it():
    stated = (
        b'{"prompt_tokens":10,"completion_tokens":5,"total_tokens":35,'
        b'"completion_tokens_details":{"reasoning_tokens":20}}'
    )
    usage = read_usage(stated)
    assert usage is not None
    assert (usage.output_tokens, usage.reasoning_tokens) == (25, 20)


@pytest.mark.parametrize(("tier", "kept"), [(None, None), ("default", None), ("flex", "flex")])
def test_another_tier_is_kept_for_its_price(tier: str | None, kept: str | None):
    usage = read_usage(b'{"prompt_tokens":1}', tier)
    assert usage is not None
    assert usage.service_tier == kept
