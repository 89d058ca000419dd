"""A document as items, which are kept, changed and told one by one.

An item is named by its kind, a field of the document, and by what it goes by there. What is no
list, such as the settings, is one item without a name.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, get_args

import msgspec

from faregate.configuration.document import Document
from faregate.configuration.problems import label
from faregate.core.errors import StorageError

Label = tuple[str, str]
"""Kind and name."""

_FIELDS: Final = {field.name: field for field in msgspec.structs.fields(Document)}
LISTS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        name: get_args(field.type)[0]
        for name, field in _FIELDS.items()
        if getattr(field.type, "__origin__", None) is tuple
    }
)
"""Kinds that are lists, and what their items are."""
SINGLES: Final = tuple(name for name in _FIELDS if name not in LISTS)
"""Kinds of which there is one item."""
_LABELLED: Final = ("name", "model", "from_time")
_TYPES: Final[Mapping[str, Any]] = {
    kind: LISTS.get(kind, field.type) for kind, field in _FIELDS.items()
}
_DECODERS: Final = {
    kind: msgspec.json.Decoder(tuple[of_items, ...])  # type: ignore[valid-type]
    for kind, of_items in _TYPES.items()
}
_EMPTY: Final = Document()
_encode: Final = msgspec.json.Encoder().encode


class Row(NamedTuple):
    """An item as it is kept; `sealed` is None where it has no references."""

    kind: str
    name: str
    position: int
    written: str
    sealed: str | None


class Item(msgspec.Struct, frozen=True):
    """An item in force, as written: with references, never with secrets.

    `version` is the revision that changed it last.
    """

    kind: str
    name: str
    team: str | None
    version: int
    value: Any


def name_of(value: Any) -> str:
    """What an item of a list goes by."""
    name = getattr(value, "name", None)
    if name is None:
        name = label({field: getattr(value, field, None) for field in _LABELLED[1:]})
    return str(name)


def team_of(kind: str, value: Any) -> str | None:
    """The team that owns an item; a key says it in its name."""
    team: str | None = getattr(value, "team", None)
    if team is None and kind == "keys" and "/" in value.name:
        return str(value.name.partition("/")[0])
    return team


def where(kind: str, name: str) -> str:
    """An item as people write it: `providers[openai]`."""
    return kind if kind in SINGLES else f"{kind}[{name}]"


def assembled(values: Mapping[str, Iterable[Any]], rest: Document = _EMPTY) -> Document:
    """The document of these values, by kind; the others are as in `rest`."""
    fields: dict[str, Any] = {}
    for kind, some in values.items():
        given = tuple(some)
        if kind in LISTS:
            fields[kind] = given
        elif given:
            fields[kind] = given[0]
    return msgspec.structs.replace(rest, **fields)


def given(document: Document, kind: str) -> tuple[Any, ...]:
    """The items of a kind in their order; what is no list is one item."""
    value = getattr(document, kind)
    return value if kind in LISTS else (value,)


def alone(kind: str, value: Any) -> Document:
    """A document of this item alone: its places are as in the whole."""
    return assembled({kind: (value,)})


def of(kind: str, document: Document) -> Any:
    """The item of a document that has it alone."""
    return given(document, kind)[0]


def encoded(value: Any) -> str:
    """An item as JSON, every field written out."""
    return _encode(value).decode()


def decoded(kind: str, texts: Iterable[str]) -> tuple[Any, ...]:
    """Items of a kind from their JSON; raises `StorageError`."""
    if kind not in _DECODERS:
        raise _unreadable(f"{kind} is not known")
    try:
        found: tuple[Any, ...] = _DECODERS[kind].decode(f"[{','.join(texts)}]")
    except msgspec.DecodeError as error:
        raise _unreadable(f"{kind}: {error}") from error
    return found


def _unreadable(reason: str) -> StorageError:
    return StorageError(
        f"the stored configuration can't be read: {reason}",
        fix="run the release of Faregate that stored it, or apply a faregate.yaml again",
    )


def by_kind(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows by their kind, each kind in its order."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.kind, []).append(row)
    for some in found.values():
        some.sort(key=lambda row: row.position)
    return found
