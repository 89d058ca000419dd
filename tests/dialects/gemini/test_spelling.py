"""Members are read by either name that Google's JSON has for them."""

import pytest

from faregate.dialects.gemini.spelling import normal
from faregate.dialects.shapes import ShapeError


def test_both_spellings_are_one() -> None:
    assert normal({"mime_type": 1, "data": 2}) == {"mimeType": 1, "data": 2}
    already = {"mimeType": 1}
    assert normal(already) is already


def test_a_member_in_both_spellings_is_refused() -> None:
    with pytest.raises(ShapeError, match="twice"):
        normal({"mimeType": 1, "mime_type": 2})


def test_a_name_beyond_all_bounds_stays() -> None:
    name = "a_" * 100
    assert normal({name: 1}) == {name: 1}
