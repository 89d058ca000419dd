"""A member of the wrong shape is named in the caller's terms."""

from collections.abc import Callable
from typing import Any

import pytest

from faregate.dialects.openai.shape import MisreadError, items, members, optional_text, text


@pytest.mark.parametrize(
    ("check", "value"),
    [(text, 1), (text, None), (optional_text, []), (members, "x"), (items, {})],
)
def test_a_wrong_shape_is_named(check: Callable[[Any, str], Any], value: Any):
    with pytest.raises(MisreadError) as caught:
        check(value, "messages[0].role")
    refusal = caught.value.refusal()
    assert refusal.code == "request_invalid"
    assert refusal.param == "messages[0].role"
    assert ("is missing" in refusal.detail) == (value is None)


def test_a_right_shape_is_given_back():
    assert text("a", "x") == "a"
    assert optional_text(None, "x") is None
    assert members({"a": 1}, "x") == {"a": 1}
    assert items([1], "x") == [1]
