"""Items as the API shows them: all fields, and the version.

A sealed secret is shown as `${sealed}`; sent back at the same place, that means the secret which
is there.
"""

import datetime as dt
from decimal import Decimal
from typing import Any, Final

import msgspec

from faregate.configuration.amounts import amount_text
from faregate.configuration.references import SEALED
from faregate.configuration.settings import Section
from faregate.control.resources.kinds import KINDS, Kind
from faregate.control.versions import etag

HIDDEN: Final = "${sealed}"
"""What stands for a sealed value."""


def view_type(item: type[Section], extra: tuple[tuple[str, Any], ...] = ()) -> Any:
    """The struct of an item with all of its fields, `extra` ones, and `etag`."""
    fields = [(field.name, field.type) for field in msgspec.structs.fields(item)]
    known = {name for name, _ in fields}
    return msgspec.defstruct(
        f"{item.__name__}Item",
        [*(one for one in extra if one[0] not in known), *fields, ("etag", str)],
        kw_only=True,
        frozen=True,
        namespace={"__doc__": f"{(item.__doc__ or '').partition(chr(10))[0]} `etag`: its version."},
        module=__name__,
    )


VIEWS: Final[dict[str, Any]] = {
    field: view_type(kind.type, (("name", str),)) for field, kind in KINDS.items()
}
"""The types of replies, by the document's field."""


def shown(value: Any, name: str, version: int) -> dict[str, Any]:
    """An item as it is shown; `name` is what it goes by."""
    tree: dict[str, Any] = plain_item(value)
    return {"name": name, **tree, "etag": etag(version)}


def shown_section(value: Any, version: int) -> dict[str, Any]:
    """A part of the document that is one object."""
    tree: dict[str, Any] = plain_item(value)
    return {**tree, "etag": etag(version)}


def plain_item(value: Any) -> Any:
    """Dicts, lists and texts; sealed values hidden, amounts in plain digits."""
    return _hidden(msgspec.to_builtins(value, builtin_types=(Decimal, dt.datetime)))


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _hidden(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hidden(inner) for inner in value]
    if isinstance(value, str):
        return SEALED.sub(HIDDEN, value) if "${sealed" in value else value
    return amount_text(value) if isinstance(value, Decimal) else value


def example_view(kind: Kind) -> dict[str, Any]:
    """The example of a reply."""
    item = msgspec.convert(dict(kind.example), kind.type)
    tree = plain_item(item)
    team, name = tree.get("team"), tree.get("name", tree.get("model"))
    if team:
        name = f"{team}/{name}"
    for secret in ("api_key", "client_secret"):
        if tree.get(secret):
            tree[secret] = HIDDEN
    return {**tree, "name": name, "etag": etag(12)}
