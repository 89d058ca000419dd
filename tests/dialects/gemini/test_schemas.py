"""A Schema is JSON Schema and back, and what it can't say is seen."""

from typing import Any

import pytest

from faregate.dialects.gemini.schemas import gemini_schema, json_schema
from faregate.dialects.shapes import ShapeError

WEATHER = {
    "type": "OBJECT",
    "properties": {
        "city": {"type": "STRING", "description": "A town"},
        "days": {"type": "INTEGER", "format": "int32", "nullable": True},
        "unit": {"type": "STRING", "enum": ["C", "F"]},
        "tags": {"type": "ARRAY", "items": {"type": "STRING"}, "minItems": 1, "maxItems": 3},
        "either": {"anyOf": [{"type": "STRING"}, {"type": "NUMBER", "minimum": 0}]},
    },
    "required": ["city"],
    "propertyOrdering": ["city", "days"],
}
AS_JSON = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "A town"},
        "days": {"type": ["integer", "null"], "format": "int32"},
        "unit": {"type": "string", "enum": ["C", "F"]},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3},
        "either": {"anyOf": [{"type": "string"}, {"type": "number", "minimum": 0}]},
    },
    "required": ["city"],
    "propertyOrdering": ["city", "days"],
}


def test_a_schema_goes_both_ways() -> None:
    assert json_schema(WEATHER, "s") == AS_JSON
    assert gemini_schema(AS_JSON) == WEATHER


def test_other_spellings_are_read() -> None:
    schema = {
        "type": "array",
        "items": {"type": "STRING", "format": "enum", "enum": ["a"], "nullable": True},
        "min_items": "2",
        "any_of": [{"ref": "#/$defs/x"}],
        "defs": {"x": {"type": "TYPE_UNSPECIFIED", "nullable": True}},
        "additionalProperties": {"type": "STRING"},
    }
    assert json_schema(schema, "s") == {
        "type": "array",
        "items": {"type": ["string", "null"], "enum": ["a", None]},
        "minItems": 2,
        "anyOf": [{"$ref": "#/$defs/x"}],
        "$defs": {"x": {"anyOf": [{}, {"type": "null"}]}},
        "additionalProperties": {"type": "string"},
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {}},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}},
        {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False},
        {"type": "string", "format": "uuid"},
        {"type": "string", "pattern": "a+"},
        {"type": "integer", "enum": [1, 2]},
        {"type": "array"},
        {"type": ["string", "integer"]},
        {"oneOf": [{"type": "string"}]},
        {"anyOf": [{"const": 1}]},
        {"const": 3},
        {},
        True,
        None,
    ],
)
def test_what_it_cannot_say_is_seen(schema: Any) -> None:
    assert gemini_schema(schema) is None


def test_depth_is_bounded() -> None:
    deep: Any = {"type": "STRING"}
    for _ in range(200):
        deep = {"type": "ARRAY", "items": deep}
    with pytest.raises(ShapeError, match="deeply"):
        json_schema(deep, "s")
    assert gemini_schema({"type": "array", "items": deep}) is None


def test_a_wrong_shape_is_named() -> None:
    with pytest.raises(ShapeError, match=r"p\.properties\.a: it must be an object"):
        json_schema({"type": "OBJECT", "properties": {"a": 1}}, "p")
