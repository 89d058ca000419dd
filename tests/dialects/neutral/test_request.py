"""The neutral request is a plain value: it survives its own encoding."""

import msgspec
from hypothesis import given
from tests.dialects.neutral_forms import requests

from faregate.dialects.neutral.features import FEATURES
from faregate.dialects.neutral.request import Request


@given(requests(FEATURES))
def test_a_request_is_a_value(request: Request):
    assert msgspec.json.decode(msgspec.json.encode(request), type=Request) == request
