"""The management API: applications. Written by `make docs`."""

from typing import Any

import msgspec

from faregate.client.operations.shapes import BulkReply, DeleteItem, ItemRevision, UpdateItem
from faregate.client.requests import MERGE_PATCH, Page, Request, asked, place
from faregate.configuration.commerce import Application

__all__ = [
    "ApplicationChanges",
    "ApplicationItem",
    "CreateApplication",
    "change_applications",
    "create_application",
    "delete_application",
    "get_application",
    "list_application_history",
    "list_applications",
    "replace_application",
    "update_application",
]


class CreateApplication(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="action", tag="create"
):
    """Add `item`."""

    item: Application


class ApplicationChanges(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Changes of applications: all of them are made, or none."""

    items: list[CreateApplication | UpdateItem | DeleteItem]


class ApplicationItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What keys belong to. `etag`: its version."""

    name: str
    team: str | None
    wallet: str | None
    plan: str | None
    etag: str


def change_applications(
    body: ApplicationChanges, *, team: str | None = None, message: str | None = None
) -> Request[BulkReply]:
    """Change many applications at once, all or none."""
    return Request(
        "POST",
        place("/v1/applications/bulk", team=team),
        BulkReply,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def create_application(
    body: Application, *, team: str | None = None, message: str | None = None
) -> Request[ApplicationItem]:
    """Add a application."""
    return Request(
        "POST",
        place("/v1/applications", team=team),
        ApplicationItem,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def delete_application(
    name: str, *, version: str, team: str | None = None, message: str | None = None
) -> Request[None]:
    """Remove a application."""
    return Request(
        "DELETE",
        place("/v1/applications/{name}", name=name, team=team),
        None,
        query=asked(message=message),
        version=version,
        may_wait=True,
    )


def get_application(name: str, *, team: str | None = None) -> Request[ApplicationItem]:
    """Show one application."""
    return Request("GET", place("/v1/applications/{name}", name=name, team=team), ApplicationItem)


def list_application_history(
    name: str,
    *,
    team: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[ItemRevision]]:
    """List the changes of one application, newest first."""
    return Request(
        "GET",
        place("/v1/applications/{name}/history", name=name, team=team),
        Page[ItemRevision],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def list_applications(
    *,
    team: str | None = None,
    name: str | None = None,
    plan: str | None = None,
    wallet: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[ApplicationItem]]:
    """List the applications."""
    return Request(
        "GET",
        place("/v1/applications", team=team),
        Page[ApplicationItem],
        query=asked(name=name, plan=plan, wallet=wallet, limit=limit, cursor=cursor, sort=sort),
    )


def replace_application(
    name: str,
    body: Application,
    *,
    version: str,
    team: str | None = None,
    message: str | None = None,
) -> Request[ApplicationItem]:
    """Replace a application."""
    return Request(
        "PUT",
        place("/v1/applications/{name}", name=name, team=team),
        ApplicationItem,
        query=asked(message=message),
        body=body,
        version=version,
        may_wait=True,
    )


def update_application(
    name: str,
    body: dict[str, Any],
    *,
    version: str,
    team: str | None = None,
    message: str | None = None,
) -> Request[ApplicationItem]:
    """Change parts of a application."""
    return Request(
        "PATCH",
        place("/v1/applications/{name}", name=name, team=team),
        ApplicationItem,
        query=asked(message=message),
        body=body,
        media_type=MERGE_PATCH,
        version=version,
        may_wait=True,
    )
