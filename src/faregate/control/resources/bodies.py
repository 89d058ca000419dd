"""Bodies of bulk changes, and their replies."""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from faregate.control.resources.kinds import KINDS, Kind
from faregate.control.resources.steps import Step
from faregate.control.resources.writing import version_of

BULK_ITEMS_MAX: Final = 10_000

_ItemName = Annotated[str, Meta(min_length=1, max_length=300, description="As in the path.")]
_Etag = Annotated[str, Meta(min_length=1, max_length=40, description="As it was seen, or `*`.")]


class UpdateItem(msgspec.Struct, frozen=True, tag="update", tag_field="action", kw_only=True,
                 forbid_unknown_fields=True):  # fmt: skip
    """Merge `patch` into the item of this name."""

    name: _ItemName
    etag: _Etag
    patch: dict[str, Any]


class DeleteItem(msgspec.Struct, frozen=True, tag="delete", tag_field="action", kw_only=True,
                 forbid_unknown_fields=True):  # fmt: skip
    """Remove the item of this name."""

    name: _ItemName
    etag: _Etag


class BulkResult(msgspec.Struct, frozen=True):
    """What became of one item; `etag` is None where it was removed."""

    action: Literal["create", "update", "delete"]
    name: str
    etag: str | None


class BulkReply(msgspec.Struct, frozen=True):
    """All changes are in force, as one revision."""

    revision: int
    items: list[BulkResult]


def _create_type(kind: Kind) -> Any:
    return msgspec.defstruct(
        f"Create{kind.type.__name__}",
        [("item", kind.type)],
        tag="create",
        tag_field="action",
        frozen=True,
        forbid_unknown_fields=True,
        namespace={"__doc__": "Add `item`."},
        module=__name__,
    )


def bulk_type(kind: Kind) -> Any:
    """The body of a bulk change of this kind."""
    one: Any = _create_type(kind) | UpdateItem | DeleteItem
    items: Any = list.__class_getitem__(one)
    limited = Annotated[items, Meta(min_length=1, max_length=BULK_ITEMS_MAX)]
    return msgspec.defstruct(
        f"{kind.type.__name__}Changes",
        [("items", limited)],
        frozen=True,
        forbid_unknown_fields=True,
        namespace={"__doc__": f"Changes of {kind.plural}: all of them are made, or none."},
        module=__name__,
    )


BULKS: Final[dict[str, Any]] = {field: bulk_type(kind) for field, kind in KINDS.items()}
"""The bodies of bulk changes, by the document's field."""


def steps_of(body: Any) -> list[Step]:
    """The steps that a bulk body asks for."""
    return [_step(one) for one in body.items]


def _step(one: Any) -> Step:
    if isinstance(one, UpdateItem):
        return Step("update", one.name, patch=one.patch, version=version_of(one.etag))
    if isinstance(one, DeleteItem):
        return Step("delete", one.name, version=version_of(one.etag))
    return Step("create", item=one.item)
