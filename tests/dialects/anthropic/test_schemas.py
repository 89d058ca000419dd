"""Schemas of other dialects are ones that Claude takes, and keep their meaning."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.dialects.anthropic.schemas import fitted


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, {"type": "string"}),
        ({"type": "object", "properties": {"a": {"type": "object"}}},
         {"type": "object", "additionalProperties": False,
          "properties": {"a": {"type": "object", "additionalProperties": False}}}),
        ({"type": "object", "additionalProperties": True},
         {"type": "object", "additionalProperties": True}),
        ({"type": "integer", "minimum": 1, "maximum": 9, "description": "A count."},
         {"type": "integer", "description": "A count. (minimum: 1; maximum: 9)"}),
        ({"type": "array", "minItems": 1, "maxItems": 3,
          "items": {"type": "string", "minLength": 2}},
         {"type": "array", "minItems": 1, "description": "(maxItems: 3)",
          "items": {"type": "string", "description": "(minLength: 2)"}}),
        ({"oneOf": [{"type": "null"}], "$defs": {"x": {"properties": {}}}},
         {"anyOf": [{"type": "null"}],
          "$defs": {"x": {"properties": {}, "additionalProperties": False}}}),
        ({"oneOf": [True], "anyOf": [True]}, {"oneOf": [True], "anyOf": [True]}),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        ({"type": "string", "format": "color"},
         {"type": "string", "description": '(format: "color")'}),
        # A member may have the name of a keyword.
        ({"properties": {"minimum": {"type": "number"}}, "additionalProperties": False},
         {"properties": {"minimum": {"type": "number"}}, "additionalProperties": False}),
    ],
)  # fmt: skip
def test_schemas(schema: Any, expected: Any):
    before = repr(schema)
    assert fitted(schema) == expected
    assert repr(schema) == before


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "properties", "items", "anyOf", "format", "minItems", "x"]
                ),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_what_is_no_schema_is_no_error(value: Any):
    once = fitted(value)
    assert fitted(once) == once


def test_a_deep_schema_is_no_error():
    schema: dict[str, Any] = {}
    for _ in range(500):
        schema = {"items": schema}
    assert fitted(schema).keys() == {"items"}
