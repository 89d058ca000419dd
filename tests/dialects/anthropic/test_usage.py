"""Anthropic's counts become ours and back: its input leaves the cache out, ours has it."""

import pytest

from faregate.dialects.anthropic.usage import StatedUsage, loosely, neutral, written
from faregate.dialects.usage import Usage

STATED = (
    b'{"input_tokens":10,"output_tokens":50,"cache_creation_input_tokens":300,'
    b'"cache_read_input_tokens":2000,"cache_creation":{"ephemeral_5m_input_tokens":100,'
    b'"ephemeral_1h_input_tokens":200},"output_tokens_details":{"thinking_tokens":40},'
    b'"server_tool_use":{"web_search_requests":3,"web_fetch_requests":1},'
    b'"service_tier":"priority","inference_geo":"us"}'
)
USAGE = Usage(
    input_tokens=2_310, output_tokens=50, cached_input_tokens=2_000, reasoning_tokens=40,
    cache_write_tokens=300, cache_write_1h_tokens=200, web_searches=3, service_tier="priority",
)  # fmt: skip


def test_all_that_is_stated():
    stated = loosely(STATED)
    assert stated is not None
    assert neutral(stated) == USAGE
    again = written(USAGE)
    assert again["input_tokens"] == 10
    assert again["cache_creation"] == {
        "ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200,
    }  # fmt: skip


def test_the_cache_by_its_parts_alone_and_the_fast_tier():
    stated = loosely(b'{"input_tokens":1,"cache_creation":{"ephemeral_5m_input_tokens":7},'
                     b'"speed":"fast","service_tier":"standard"}')  # fmt: skip
    assert stated is not None
    assert neutral(stated) == Usage(input_tokens=8, cache_write_tokens=7, service_tier="fast")
    assert written(neutral(stated))["speed"] == "fast"


def test_later_sums_count_and_what_they_leave_out_stays():
    start = StatedUsage(input_tokens=10, output_tokens=1, cache_read_input_tokens=5)
    end = start.updated(StatedUsage(output_tokens=99))
    assert neutral(end) == Usage(input_tokens=15, output_tokens=99, cached_input_tokens=5)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"input_tokens":"many","output_tokens":5}', StatedUsage(output_tokens=5)),
        (b'{"input_tokens":-3,"cache_creation":7}', StatedUsage()),
        (b"[]", None),
        (b"{", None),
        (b"[" * 100_000, None),
    ],
)
def test_what_can_be_read_of_nonsense(raw: bytes, expected: StatedUsage | None):
    assert loosely(raw) == expected


def test_nothing_is_stated_as_nothing():
    assert written(None) == {"input_tokens": 0, "output_tokens": 0}
    assert written(Usage(5, 6))["input_tokens"] == 5
    assert written(Usage(5, 6, cached_input_tokens=9))["input_tokens"] == 0
