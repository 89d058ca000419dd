"""Descriptions of fields for the OpenAPI document.

The comment above a field is its description in the reference of settings; it is the same here.
"""

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import inspect as shapes


def field_comments(source: str) -> dict[str, dict[str, str]]:
    """The comment above each annotated field, by class and field."""
    lines = source.splitlines()
    comments: dict[str, dict[str, str]] = {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ClassDef):
            continue
        fields = comments.setdefault(node.name, {})
        for field in node.body:
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                above: list[str] = []
                number = field.lineno - 2
                while lines[number].lstrip().startswith("#"):
                    above.insert(0, lines[number].lstrip("# "))
                    number -= 1
                fields[field.target.id] = " ".join(above)
    return comments


def structures(types: Iterable[Any]) -> set[type[msgspec.Struct]]:
    """Every structure that these types are made of."""
    found: set[type[msgspec.Struct]] = set()
    todo: list[Any] = list(shapes.multi_type_info(types))
    seen: set[int] = set()
    while todo:
        part = todo.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, shapes.StructType):
            found.add(part.cls)
        todo += _inner(part)
    return found


def _inner(part: Any) -> Iterator[Any]:
    if not isinstance(part, msgspec.Struct):
        return
    for name in part.__struct_fields__:
        value = getattr(part, name)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, (shapes.Type, shapes.Field)):
                yield one


def describe(components: dict[str, Any], types: Iterable[Any]) -> None:
    """Put descriptions into the schemas of `components`, by their names."""
    read: dict[str, dict[str, dict[str, str]]] = {}
    for structure in structures(types):
        schema = components.get(structure.__name__)
        if schema is None:
            continue
        for base in reversed(structure.__mro__):
            if not issubclass(base, msgspec.Struct) or base is msgspec.Struct:
                continue
            module = base.__module__
            if module not in read:
                read[module] = field_comments(inspect.getsource(sys.modules[module]))
            for name, words in read[module].get(base.__name__, {}).items():
                place = schema.get("properties", {}).get(name)
                if place is not None and words:
                    schema["properties"][name] = _with_words(place, words)


def _with_words(place: dict[str, Any], words: str) -> dict[str, Any]:
    sentence = words[0].upper() + words[1:]
    return {**place, "description": sentence}
