"""What Cohere bills is read and said."""

import pytest

from faregate.dialects import cohere_units
from faregate.dialects.usage import Usage


@pytest.mark.parametrize(
    ("billed", "usage"),
    [
        (b'{"search_units":2}', Usage(search_units=2)),
        (b'{"input_tokens":7}', Usage(input_tokens=7)),
        (
            b'{"input_tokens":7,"image_tokens":5}',
            Usage(input_tokens=12, image_input_tokens=5),
        ),
        (b'{"search_units":-1}', None),
        (b'{"search_units":"2"}', None),
        (b"{}", None),
    ],
)
def test_billed_units_are_read(billed: bytes, usage: Usage | None) -> None:
    body = b'{"results":[],"meta":{"api_version":{"version":"2"},"billed_units":%b}}' % billed
    assert cohere_units.read_usage(body) == usage
    assert cohere_units.read_usage_in_part(b"x" + body[-70:]) == usage


@pytest.mark.parametrize("body", [b"", b"[]", b'{"meta":1}', b"\xff", b"{}"])
def test_what_states_nothing_has_no_usage(body: bytes) -> None:
    assert cohere_units.read_usage(body) is None
    assert cohere_units.read_usage_in_part(body) is None


def test_units_are_said_as_they_were_read() -> None:
    assert cohere_units.written(None) == cohere_units.written(Usage()) == {}
    usage = Usage(input_tokens=12, image_input_tokens=5, search_units=1)
    said = {"input_tokens": 7, "image_tokens": 5, "search_units": 1}
    assert cohere_units.written(usage) == {"billed_units": said}
