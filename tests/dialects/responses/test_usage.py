"""Usage of responses is read with what is billed beside tokens."""

import msgspec

from faregate.dialects.responses.usage import StatedUsage, ToolUsage, read_usage, write_usage
from faregate.dialects.usage import Usage


def test_all_counts_are_read():
    stated = msgspec.json.decode(
        b'{"input_tokens":10,"input_tokens_details":{"cached_tokens":4,"cache_write_tokens":3},'
        b'"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":15}',
        type=StatedUsage,
    )
    tools = msgspec.json.decode(b'{"web_search":{"num_requests":2}}', type=ToolUsage)
    assert read_usage(stated, tools, "flex") == Usage(
        10, 5, 4, 2, 3, web_searches=2, service_tier="flex"
    )
    assert read_usage(StatedUsage(), None, None) == Usage()


def test_usage_comes_back_with_numbers_everywhere():
    written = write_usage(Usage(10, 5, 4, 2, 3))
    assert written["total_tokens"] == 15
    found = read_usage(msgspec.convert(written, StatedUsage), None, None)
    assert found == Usage(10, 5, 4, 2, 3)
    assert write_usage(Usage())["input_tokens_details"] == {
        "cached_tokens": 0, "cache_write_tokens": 0,
    }  # fmt: skip
