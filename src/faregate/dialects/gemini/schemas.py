"""Turns Gemini's Schema into JSON Schema and, where it fits, back.

Schema is a subset of OpenAPI 3.0's: types in capitals, `nullable`, counts as text. What it can't
say goes to Gemini as JSON Schema, by members of their own (`parametersJsonSchema`,
`responseJsonSchema`). The subset that is written is narrower than the one that is read: models
differ in what else they take.

Sources: Gemini API, "Schema" (caching, Schema) and "Structured outputs"; google-genai 3.4,
`types.Schema`.
"""

from typing import Any, Final

from faregate.dialects.gemini.spelling import normal
from faregate.dialects.shapes import Object, ShapeError, as_list, as_object, as_text

_COUNTS: Final = frozenset(
    ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
)
_TYPES: Final = frozenset(("string", "number", "integer", "boolean", "array", "object"))
_FORMATS: Final = frozenset((
    ("string", "date-time"), ("number", "float"), ("number", "double"), ("integer", "int32"),
    ("integer", "int64"),
))  # fmt: skip
_PLAIN: Final = frozenset(("description", "title", "minimum", "maximum", "minItems", "maxItems"))
_DEPTH_MAX: Final = 100


def json_schema(schema: object, place: str, depth: int = 0) -> Object:
    """JSON Schema of a Gemini Schema; raises `ShapeError`."""
    if depth > _DEPTH_MAX:
        raise ShapeError(place, "it is nested too deeply")
    made: Object = {}
    nullable = False
    for name, value in normal(as_object(schema, place)).items():
        inner = f"{place}.{name}"
        if name == "type":
            kind = as_text(value, inner).lower()
            if kind != "type_unspecified":
                made["type"] = kind
        elif name == "nullable":
            nullable = value is True
        elif name in ("properties", "defs"):
            made["$defs" if name == "defs" else name] = {
                key: json_schema(one, f"{inner}.{key}", depth + 1)
                for key, one in as_object(value, inner).items()
            }
        elif name == "items":
            made[name] = json_schema(value, inner, depth + 1)
        elif name == "anyOf":
            made[name] = [json_schema(one, inner, depth + 1) for one in as_list(value, inner)]
        elif name == "additionalProperties" and isinstance(value, dict):
            made[name] = json_schema(value, inner, depth + 1)
        elif name == "ref":
            made["$ref"] = value
        elif name in _COUNTS and isinstance(value, str) and value.isdecimal():
            made[name] = int(value[:18])
        elif name == "format" and value == "enum":
            continue  # it says no more than `enum` does
        else:
            made[name] = value
    return _with_null(made) if nullable else made


def _with_null(schema: Object) -> Object:
    kind = schema.get("type")
    if kind is None:
        return {"anyOf": [schema, {"type": "null"}]}
    found = schema | {"type": [kind, "null"]}
    if "enum" in found:
        found["enum"] = [*found["enum"], None]
    return found


def gemini_schema(schema: Any, depth: int = 0) -> Object | None:
    """The same as a Gemini Schema, or None where that would say less."""
    if not isinstance(schema, dict) or depth > _DEPTH_MAX:
        return None
    made: Object = {}
    kind = schema.get("type")
    if isinstance(kind, list):
        kinds = [one for one in kind if one != "null"]
        if len(kind) != 2 or len(kinds) != 1 or "enum" in schema:
            return None
        kind = kinds[0]
        made["nullable"] = True
    if kind is None and "anyOf" not in schema:
        return None
    for name, value in schema.items():
        written = _member(name, value, kind, depth)
        if written is None:
            return None
        made[name] = written
    # AI Studio refuses an object without properties, and a list of it doesn't know what.
    if (kind == "object" and not schema.get("properties")) or (
        kind == "array" and "items" not in schema
    ):
        return None
    return made


def _member(name: str, value: Any, kind: Any, depth: int) -> Any:
    """A member as Schema writes it; None where it can't."""
    if name == "type":
        return kind.upper() if isinstance(kind, str) and kind in _TYPES else None
    if name == "enum":
        texts = isinstance(value, list) and all(isinstance(one, str) for one in value)
        return value if kind == "string" and texts and value else None
    if name == "properties" and isinstance(value, dict):
        made = {key: gemini_schema(one, depth + 1) for key, one in value.items()}
        return made if None not in made.values() else None
    if name == "items":
        return gemini_schema(value, depth + 1)
    if name == "anyOf" and isinstance(value, list):
        ways = [gemini_schema(one, depth + 1) for one in value]
        return ways if ways and None not in ways else None
    if name == "format":
        return value if (kind, value) in _FORMATS else None
    if name == "required" and isinstance(value, list):
        return value or None
    if name == "propertyOrdering":
        return value
    return value if name in _PLAIN else None
