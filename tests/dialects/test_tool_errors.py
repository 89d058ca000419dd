"""An error of a tool survives a dialect without a mark of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.dialects import tool_errors


@given(st.text())
def test_it_comes_back(text: str) -> None:
    assert tool_errors.read(tool_errors.written(text)) == text


@pytest.mark.parametrize(
    "text", ["", "fine", '{"error":', '{"error":3}', '{"error":"a","b":1}', '{"errors":"a"}']
)
def test_other_results_are_no_errors(text: str) -> None:
    assert tool_errors.read(text) is None
