"""The configuration's words: kinds of items, and paths of fields."""

import typing
from collections.abc import Iterator
from typing import Any

import msgspec

from faregate.configuration.document import Document
from faregate.configuration.settings import Section
from faregate.control.resources.kinds import KINDS


def kind_words() -> list[str]:
    """All kinds: teams, virtual-models."""
    return [kind.path for kind in KINDS.values()]


def item_fields(word: str) -> list[str]:
    """What may be said of an item; nothing where there is no such kind."""
    kind = KINDS.get(word.replace("-", "_"))
    return [] if kind is None else [path for path in field_paths(kind.type) if path != "name"]


def part_fields(part: str) -> list[str]:
    """What may be said of the settings or callers."""
    section = section_of(Document, part)
    return [] if section is None else [*field_paths(section)]


def field_paths(section: type[Section], before: str = "") -> Iterator[str]:
    """The paths of all fields, inner ones too: timeouts.total_s."""
    for field in msgspec.structs.fields(section):
        path = f"{before}{field.encode_name}"
        inside = section_of(section, field.encode_name)
        if inside is None:
            yield path
        else:
            yield from field_paths(inside, f"{path}.")


def section_of(section: Any, field: str) -> type[Section] | None:
    """The section that a field is; None where it is a value or a list."""
    if section is None:
        return None
    types = {one.encode_name: one.type for one in msgspec.structs.fields(section)}
    found = types.get(field)
    if typing.get_origin(found) is tuple:
        return None
    for one in (found, *typing.get_args(found)):
        if isinstance(one, type) and issubclass(one, Section):
            return one
    return None
