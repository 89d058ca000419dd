"""Fits JSON Schemas of other dialects to what Claude is held to.

Objects must say that they have no other members; `oneOf` is written as `anyOf`; limits of
numbers, lengths and counts become words in the description, for a grammar can't hold to them.

Source: Anthropic, "Structured outputs" (JSON Schema limitations), and what its SDK for Python
2.12 makes of the schemas of types.
"""

from typing import Any, Final

import msgspec

_DEPTH_MAX: Final = 100  # deeper ones go as they are: a model is held to nothing like them
_SCHEMAS_BY_NAME: Final = frozenset(("properties", "$defs", "definitions"))
_LISTS_OF_SCHEMAS: Final = frozenset(("anyOf", "allOf", "oneOf"))
_ONLY_WORDS: Final = frozenset(
    ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
     "maxLength", "maxItems", "uniqueItems", "minProperties", "maxProperties")
)  # fmt: skip
_FORMATS: Final = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
)


def fitted(schema: Any, depth: int = 0) -> Any:
    """The schema as Claude takes it, with the same meaning."""
    if not isinstance(schema, dict) or depth > _DEPTH_MAX:
        return schema
    made: dict[str, Any] = {}
    words: list[str] = []
    for name, value in schema.items():
        if _is_only_words(name, value):
            words.append(f"{name}: {msgspec.json.encode(value).decode()}")
        elif name in _SCHEMAS_BY_NAME and isinstance(value, dict):
            made[name] = {key: fitted(one, depth + 1) for key, one in value.items()}
        elif name in _LISTS_OF_SCHEMAS and isinstance(value, list):
            kind = "anyOf" if name == "oneOf" and "anyOf" not in schema else name
            made[kind] = [fitted(one, depth + 1) for one in value]
        else:
            made[name] = fitted(value, depth + 1) if name == "items" else value
    if words:
        said = made.get("description")
        told = f"({'; '.join(words)})"
        made["description"] = f"{said} {told}" if isinstance(said, str) and said else told
    if made.get("type") == "object" or "properties" in made:
        made.setdefault("additionalProperties", False)
    return made


def _is_only_words(name: str, value: Any) -> bool:
    if name == "minItems":
        return value not in (0, 1)
    if name == "format":
        return not isinstance(value, str) or value not in _FORMATS
    return name in _ONLY_WORDS
