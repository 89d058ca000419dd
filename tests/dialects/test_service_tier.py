"""The tier that a request asks for is found, whatever else its body says."""

import pytest

from faregate.dialects.service_tier import asked
from faregate.dialects.usage import Usage


@pytest.mark.parametrize(
    ("body", "tier"),
    [
        (b'{"model":"m"}', None),
        (b'{"model":"m","service_tier":"priority"}', "priority"),
        (b'{"model":"m","service\\u005ftier":"flex"}', "flex"),
        (b'{"service_tier":null}', None),
        (b'{"service_tier":7}', None),
        (b'{"messages":[{"content":"\\"service_tier\\": \\"flex\\""}]}', None),
        (b'{"speed":"fast","service_tier":"auto"}', "fast"),
        (b'{"speed":1.5}', None),
        (b'{"service_tier":', None),
        (b'{"service_tier":' + b"[" * 100_000, None),
        (b'{"service_tier":"\xff"}', None),
    ],
)
def test_what_is_asked_for(body: bytes, tier: str | None) -> None:
    assert asked(body) == (None if tier is None else Usage(service_tier=tier))
