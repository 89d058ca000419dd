"""The management API: providers. Written by `make docs`."""

from decimal import Decimal
from typing import Any

import msgspec

from faregate.client.operations.shapes import BulkReply, DeleteItem, ItemRevision, UpdateItem
from faregate.client.requests import MERGE_PATCH, Page, Request, asked, place
from faregate.configuration.document import (
    Provider,
    ProviderBudget,
    ProviderKey,
    ProviderLimits,
    ProviderTimeouts,
    ProviderTls,
)

__all__ = [
    "CreateProvider",
    "ProviderChanges",
    "ProviderItem",
    "change_providers",
    "create_provider",
    "delete_provider",
    "get_provider",
    "list_provider_history",
    "list_providers",
    "replace_provider",
    "update_provider",
]


class CreateProvider(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="action", tag="create"
):
    """Add `item`."""

    item: Provider


class ProviderChanges(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Changes of providers: all of them are made, or none."""

    items: list[CreateProvider | UpdateItem | DeleteItem]


class ProviderItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A contract with a vendor.

    A contract with a vendor: an address and one or several keys. `etag`: its version.
    """

    name: str
    team: str | None
    shared_with: list[str] | None
    vendor: str
    base_url: str | None
    options: dict[str, str]
    api_key: str | None
    keys: list[ProviderKey]
    limits: ProviderLimits
    budgets: list[ProviderBudget]
    dialects: dict[str, list[str]]
    tags: list[str]
    balance_alert_at: list[Decimal]
    headers: dict[str, str]
    timeouts: ProviderTimeouts
    connections_max: int
    queue_max: int
    tls: ProviderTls
    proxy: str
    ask_stream_usage: bool
    etag: str


def change_providers(
    body: ProviderChanges, *, team: str | None = None, message: str | None = None
) -> Request[BulkReply]:
    """Change many providers at once, all or none."""
    return Request(
        "POST",
        place("/v1/providers/bulk", team=team),
        BulkReply,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def create_provider(
    body: Provider, *, team: str | None = None, message: str | None = None
) -> Request[ProviderItem]:
    """Add a provider."""
    return Request(
        "POST",
        place("/v1/providers", team=team),
        ProviderItem,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def delete_provider(
    name: str, *, version: str, team: str | None = None, message: str | None = None
) -> Request[None]:
    """Remove a provider."""
    return Request(
        "DELETE",
        place("/v1/providers/{name}", name=name, team=team),
        None,
        query=asked(message=message),
        version=version,
        may_wait=True,
    )


def get_provider(name: str, *, team: str | None = None) -> Request[ProviderItem]:
    """Show one provider."""
    return Request("GET", place("/v1/providers/{name}", name=name, team=team), ProviderItem)


def list_provider_history(
    name: str,
    *,
    team: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[ItemRevision]]:
    """List the changes of one provider, newest first."""
    return Request(
        "GET",
        place("/v1/providers/{name}/history", name=name, team=team),
        Page[ItemRevision],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def list_providers(
    *,
    team: str | None = None,
    name: str | None = None,
    vendor: str | None = None,
    tags: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[ProviderItem]]:
    """List the providers."""
    return Request(
        "GET",
        place("/v1/providers", team=team),
        Page[ProviderItem],
        query=asked(name=name, vendor=vendor, tags=tags, limit=limit, cursor=cursor, sort=sort),
    )


def replace_provider(
    name: str, body: Provider, *, version: str, team: str | None = None, message: str | None = None
) -> Request[ProviderItem]:
    """Replace a provider."""
    return Request(
        "PUT",
        place("/v1/providers/{name}", name=name, team=team),
        ProviderItem,
        query=asked(message=message),
        body=body,
        version=version,
        may_wait=True,
    )


def update_provider(
    name: str,
    body: dict[str, Any],
    *,
    version: str,
    team: str | None = None,
    message: str | None = None,
) -> Request[ProviderItem]:
    """Change parts of a provider."""
    return Request(
        "PATCH",
        place("/v1/providers/{name}", name=name, team=team),
        ProviderItem,
        query=asked(message=message),
        body=body,
        media_type=MERGE_PATCH,
        version=version,
        may_wait=True,
    )
