"""A value that fits a JSON schema: what a simulated model fills in.

Depth and width are bounded: schemas come from callers.

Source: JSON Schema 2020-12, and the subset with types in capitals that Gemini takes.
"""

from typing import Any, Final

DEPTH_MAX: Final = 16
ITEMS_MAX: Final = 16
PROPERTIES_MAX: Final = 256

_FORMATS: Final = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "sim@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def fitting(schema: object) -> Any:
    """The plainest value that fits: first choices, required members."""
    return _value(schema, schema if isinstance(schema, dict) else {}, 0)


def fitting_object(schema: object) -> dict[str, Any]:
    """The same where only an object will do."""
    made = fitting(schema)
    return made if isinstance(made, dict) else {}


def _value(schema: object, root: dict[str, Any], depth: int) -> Any:
    if not isinstance(schema, dict) or depth > DEPTH_MAX:
        return {} if depth == 0 else None
    if isinstance(reference := schema.get("$ref"), str):
        return _value(_referred(reference, root), root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if isinstance(choices := schema.get("enum"), list) and choices:
        return choices[0]
    for name in ("anyOf", "oneOf", "allOf"):
        if isinstance(options := schema.get(name), list) and options:
            return _value(options[0], root, depth + 1)
    return _of_type(_type(schema), schema, root, depth)


def _type(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((item for item in kind if item != "null"), "null")
    if isinstance(kind, str):
        return kind.lower()
    return "object" if "properties" in schema else "string"


def _of_type(kind: str, schema: dict[str, Any], root: dict[str, Any], depth: int) -> Any:
    if kind == "object":
        properties = schema.get("properties")
        required = schema.get("required")
        if not isinstance(properties, dict):
            return {}
        names = required if isinstance(required, list) else list(properties)
        return {
            name: _value(properties.get(name, {}), root, depth + 1)
            for name in names[:PROPERTIES_MAX]
            if isinstance(name, str)
        }
    if kind == "array":
        least = schema.get("minItems", schema.get("min_items", 1))
        count = min(max(int(least), 0), ITEMS_MAX) if isinstance(least, int | str) else 1
        return [_value(schema.get("items", {}), root, depth + 1) for _ in range(count)]
    if kind in ("integer", "number"):
        least = schema.get("minimum", 1)
        return least if isinstance(least, int | float) else 1
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    least = schema.get("minLength", 0)
    made = _FORMATS.get(str(schema.get("format")), "sim")
    return made.ljust(min(least, 1_000), "x") if isinstance(least, int) else made


def _referred(reference: str, root: dict[str, Any]) -> object:
    found: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        if not isinstance(found, dict):
            return {}
        found = found.get(step, {}) if step else found
    return found
