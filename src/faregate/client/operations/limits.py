"""The management API: limits. Written by `make docs`."""

from typing import Any, Literal

import msgspec

from faregate.client.operations.shapes import BulkReply, DeleteItem, ItemRevision, UpdateItem
from faregate.client.requests import MERGE_PATCH, Page, Request, asked, place
from faregate.configuration.commerce import Limit

__all__ = [
    "CreateLimit",
    "LimitChanges",
    "LimitItem",
    "change_limits",
    "create_limit",
    "delete_limit",
    "get_limit",
    "list_limit_history",
    "list_limits",
    "replace_limit",
    "update_limit",
]


class CreateLimit(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="action", tag="create"
):
    """Add `item`."""

    item: Limit


class LimitChanges(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Changes of limits: all of them are made, or none."""

    items: list[CreateLimit | UpdateItem | DeleteItem]


class LimitItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A cap on a rate, or on calls at once. `etag`: its version."""

    keys: list[str]
    applications: list[str]
    teams: list[str]
    plans: list[str]
    models: list[str]
    providers: list[str]
    routes: list[str]
    name: str
    team: str | None
    each: Literal["application", "customer", "key", "model", "provider", "route", "team"]
    unit: Literal["concurrent", "input_tokens", "output_tokens", "requests", "tokens"]
    max: int
    per: Literal["day", "hour", "minute", "month", "second"] | None
    burst: int | None
    etag: str


def change_limits(
    body: LimitChanges, *, team: str | None = None, message: str | None = None
) -> Request[BulkReply]:
    """Change many limits at once, all or none."""
    return Request(
        "POST",
        place("/v1/limits/bulk", team=team),
        BulkReply,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def create_limit(
    body: Limit, *, team: str | None = None, message: str | None = None
) -> Request[LimitItem]:
    """Add a limit."""
    return Request(
        "POST",
        place("/v1/limits", team=team),
        LimitItem,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def delete_limit(
    name: str, *, version: str, team: str | None = None, message: str | None = None
) -> Request[None]:
    """Remove a limit."""
    return Request(
        "DELETE",
        place("/v1/limits/{name}", name=name, team=team),
        None,
        query=asked(message=message),
        version=version,
        may_wait=True,
    )


def get_limit(name: str, *, team: str | None = None) -> Request[LimitItem]:
    """Show one limit."""
    return Request("GET", place("/v1/limits/{name}", name=name, team=team), LimitItem)


def list_limit_history(
    name: str,
    *,
    team: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[ItemRevision]]:
    """List the changes of one limit, newest first."""
    return Request(
        "GET",
        place("/v1/limits/{name}/history", name=name, team=team),
        Page[ItemRevision],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def list_limits(
    *,
    team: str | None = None,
    name: str | None = None,
    each: str | None = None,
    unit: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[LimitItem]]:
    """List the limits."""
    return Request(
        "GET",
        place("/v1/limits", team=team),
        Page[LimitItem],
        query=asked(name=name, each=each, unit=unit, limit=limit, cursor=cursor, sort=sort),
    )


def replace_limit(
    name: str, body: Limit, *, version: str, team: str | None = None, message: str | None = None
) -> Request[LimitItem]:
    """Replace a limit."""
    return Request(
        "PUT",
        place("/v1/limits/{name}", name=name, team=team),
        LimitItem,
        query=asked(message=message),
        body=body,
        version=version,
        may_wait=True,
    )


def update_limit(
    name: str,
    body: dict[str, Any],
    *,
    version: str,
    team: str | None = None,
    message: str | None = None,
) -> Request[LimitItem]:
    """Change parts of a limit."""
    return Request(
        "PATCH",
        place("/v1/limits/{name}", name=name, team=team),
        LimitItem,
        query=asked(message=message),
        body=body,
        media_type=MERGE_PATCH,
        version=version,
        may_wait=True,
    )
