"""The management API: virtual models. Written by `make docs`."""

from typing import Any, Literal

import msgspec

from faregate.client.operations.shapes import BulkReply, DeleteItem, ItemRevision, UpdateItem
from faregate.client.requests import MERGE_PATCH, Page, Request, asked, place
from faregate.configuration.document import Canary, Fallbacks, Shadow, Target, VirtualModel

__all__ = [
    "CreateVirtualModel",
    "VirtualModelChanges",
    "VirtualModelItem",
    "change_virtual_models",
    "create_virtual_model",
    "delete_virtual_model",
    "get_virtual_model",
    "list_virtual_model_history",
    "list_virtual_models",
    "replace_virtual_model",
    "update_virtual_model",
]


class CreateVirtualModel(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="action", tag="create"
):
    """Add `item`."""

    item: VirtualModel


class VirtualModelChanges(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Changes of virtual models: all of them are made, or none."""

    items: list[CreateVirtualModel | UpdateItem | DeleteItem]


class VirtualModelItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A name of your own over several models. `etag`: its version."""

    name: str
    team: str | None
    aliases: list[str]
    strategy: Literal["least_busy", "least_cost", "least_latency", "priority", "sticky", "weighted"]
    targets: list[Target]
    canary: Canary | None
    shadow: Shadow | None
    fallbacks: Fallbacks
    retries_max: int | None
    total_s: float | None
    unsupported: Literal["drop", "refuse"]
    etag: str


def change_virtual_models(
    body: VirtualModelChanges, *, team: str | None = None, message: str | None = None
) -> Request[BulkReply]:
    """Change many virtual models at once, all or none."""
    return Request(
        "POST",
        place("/v1/virtual-models/bulk", team=team),
        BulkReply,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def create_virtual_model(
    body: VirtualModel, *, team: str | None = None, message: str | None = None
) -> Request[VirtualModelItem]:
    """Add a virtual model."""
    return Request(
        "POST",
        place("/v1/virtual-models", team=team),
        VirtualModelItem,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def delete_virtual_model(
    name: str, *, version: str, team: str | None = None, message: str | None = None
) -> Request[None]:
    """Remove a virtual model."""
    return Request(
        "DELETE",
        place("/v1/virtual-models/{name}", name=name, team=team),
        None,
        query=asked(message=message),
        version=version,
        may_wait=True,
    )


def get_virtual_model(name: str, *, team: str | None = None) -> Request[VirtualModelItem]:
    """Show one virtual model."""
    return Request(
        "GET", place("/v1/virtual-models/{name}", name=name, team=team), VirtualModelItem
    )


def list_virtual_model_history(
    name: str,
    *,
    team: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[ItemRevision]]:
    """List the changes of one virtual model, newest first."""
    return Request(
        "GET",
        place("/v1/virtual-models/{name}/history", name=name, team=team),
        Page[ItemRevision],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def list_virtual_models(
    *,
    team: str | None = None,
    name: str | None = None,
    strategy: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[VirtualModelItem]]:
    """List the virtual models."""
    return Request(
        "GET",
        place("/v1/virtual-models", team=team),
        Page[VirtualModelItem],
        query=asked(name=name, strategy=strategy, limit=limit, cursor=cursor, sort=sort),
    )


def replace_virtual_model(
    name: str,
    body: VirtualModel,
    *,
    version: str,
    team: str | None = None,
    message: str | None = None,
) -> Request[VirtualModelItem]:
    """Replace a virtual model."""
    return Request(
        "PUT",
        place("/v1/virtual-models/{name}", name=name, team=team),
        VirtualModelItem,
        query=asked(message=message),
        body=body,
        version=version,
        may_wait=True,
    )


def update_virtual_model(
    name: str,
    body: dict[str, Any],
    *,
    version: str,
    team: str | None = None,
    message: str | None = None,
) -> Request[VirtualModelItem]:
    """Change parts of a virtual model."""
    return Request(
        "PATCH",
        place("/v1/virtual-models/{name}", name=name, team=team),
        VirtualModelItem,
        query=asked(message=message),
        body=body,
        media_type=MERGE_PATCH,
        version=version,
        may_wait=True,
    )
