"""Limits are whole, positive, and agree with one another."""

import pytest

from faregate.core import bounds

LIMITS = {name: value for name, value in vars(bounds).items() if name.isupper()}


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_is_positive(name: str):
    assert LIMITS[name] > 0


@pytest.mark.parametrize("name", [name for name in LIMITS if not name.endswith("_SECONDS")])
def test_sizes_and_counts_are_whole(name: str):
    assert type(LIMITS[name]) is int


def test_limits_agree():
    assert bounds.REQUEST_LINE_BYTES_MAX >= 8_000  # RFC 9112 §3
    assert bounds.REQUEST_LINE_BYTES_MAX < bounds.REQUEST_HEAD_BYTES_MAX
    assert bounds.REQUEST_BODY_BYTES_MAX < bounds.BUFFERED_BODY_BYTES_MAX
    assert bounds.WRITE_BUFFER_BYTES_LOW < bounds.WRITE_BUFFER_BYTES_HIGH
    assert bounds.REPLY_ENDS_BYTES * 2 <= bounds.REPLY_KEPT_BYTES_MAX
    assert bounds.JOURNAL_FRAME_BYTES_MAX < bounds.JOURNAL_SEGMENT_BYTES
