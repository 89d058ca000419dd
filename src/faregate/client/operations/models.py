"""The management API: models. Written by `make docs`."""

from typing import Any, Literal

import msgspec

from faregate.client.operations.shapes import BulkReply, DeleteItem, ItemRevision, UpdateItem
from faregate.client.requests import MERGE_PATCH, Page, Request, asked, place
from faregate.configuration.document import Model

__all__ = [
    "CreateModel",
    "ModelChanges",
    "ModelItem",
    "change_models",
    "create_model",
    "delete_model",
    "get_model",
    "list_model_history",
    "list_models",
    "replace_model",
    "update_model",
]


class CreateModel(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="action", tag="create"
):
    """Add `item`."""

    item: Model


class ModelChanges(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Changes of models: all of them are made, or none."""

    items: list[CreateModel | UpdateItem | DeleteItem]


class ModelItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A name that callers ask for, and what serves it. `etag`: its version."""

    name: str
    team: str | None
    aliases: list[str]
    provider: str
    upstream_model: str | None
    output_tokens_max: int | None
    hidden_reasoning: bool | None
    image_tokens_max: int
    tokenizer: Literal["cl100k_base", "o200k_base"] | None
    etag: str


def change_models(
    body: ModelChanges, *, team: str | None = None, message: str | None = None
) -> Request[BulkReply]:
    """Change many models at once, all or none."""
    return Request(
        "POST",
        place("/v1/models/bulk", team=team),
        BulkReply,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def create_model(
    body: Model, *, team: str | None = None, message: str | None = None
) -> Request[ModelItem]:
    """Add a model."""
    return Request(
        "POST",
        place("/v1/models", team=team),
        ModelItem,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def delete_model(
    name: str, *, version: str, team: str | None = None, message: str | None = None
) -> Request[None]:
    """Remove a model."""
    return Request(
        "DELETE",
        place("/v1/models/{name}", name=name, team=team),
        None,
        query=asked(message=message),
        version=version,
        may_wait=True,
    )


def get_model(name: str, *, team: str | None = None) -> Request[ModelItem]:
    """Show one model."""
    return Request("GET", place("/v1/models/{name}", name=name, team=team), ModelItem)


def list_model_history(
    name: str,
    *,
    team: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[ItemRevision]]:
    """List the changes of one model, newest first."""
    return Request(
        "GET",
        place("/v1/models/{name}/history", name=name, team=team),
        Page[ItemRevision],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def list_models(
    *,
    team: str | None = None,
    name: str | None = None,
    provider: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[ModelItem]]:
    """List the models."""
    return Request(
        "GET",
        place("/v1/models", team=team),
        Page[ModelItem],
        query=asked(name=name, provider=provider, limit=limit, cursor=cursor, sort=sort),
    )


def replace_model(
    name: str, body: Model, *, version: str, team: str | None = None, message: str | None = None
) -> Request[ModelItem]:
    """Replace a model."""
    return Request(
        "PUT",
        place("/v1/models/{name}", name=name, team=team),
        ModelItem,
        query=asked(message=message),
        body=body,
        version=version,
        may_wait=True,
    )


def update_model(
    name: str,
    body: dict[str, Any],
    *,
    version: str,
    team: str | None = None,
    message: str | None = None,
) -> Request[ModelItem]:
    """Change parts of a model."""
    return Request(
        "PATCH",
        place("/v1/models/{name}", name=name, team=team),
        ModelItem,
        query=asked(message=message),
        body=body,
        media_type=MERGE_PATCH,
        version=version,
        may_wait=True,
    )
