"""A made value fits its schema, and any schema is bounded work."""

import pytest

from faregate.simulator.schemas import fitting, fitting_object


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "sim"),
        ({"type": "string", "enum": ["b", "a"]}, "b"),
        ({"type": "string", "minLength": 5}, "simxx"),
        ({"type": "STRING", "format": "date"}, "2026-01-31"),
        ({"type": "INTEGER"}, 1),
        ({"type": "integer", "minimum": 7}, 7),
        ({"type": ["null", "boolean"]}, True),
        ({"type": "null"}, None),
        ({"const": [1]}, [1]),
        ({"type": "array", "items": {"type": "number"}, "minItems": 2}, [1, 1]),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, True),
        ({"properties": {"a": {}, "b": {}}, "required": ["b"]}, {"b": "sim"}),
        ({"type": "object", "properties": {"a": {"type": "integer"}}}, {"a": 1}),
        ({"type": "object"}, {}),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"type": "integer"}}}, 1),
        ("no schema", {}),
    ],
    ids=str,
)
def test_values(schema, value):
    assert fitting(schema) == value


def test_a_schema_that_holds_itself_ends():
    schema = {"$ref": "#/$defs/x", "$defs": {"x": {"properties": {"x": {"$ref": "#/$defs/x"}}}}}
    assert isinstance(fitting(schema), dict)
    assert fitting({"$ref": "#"}) is None


def test_only_objects():
    assert fitting_object({"type": "string"}) == {}
    assert fitting_object({"type": "array", "items": {}, "minItems": 10**9}) == {}
