"""The management API: identity providers. Written by `make docs`."""

from typing import Any, Literal

import msgspec

from faregate.client.operations.shapes import BulkReply, DeleteItem, ItemRevision, UpdateItem
from faregate.client.requests import MERGE_PATCH, Page, Request, asked, place
from faregate.configuration.single_sign_on import GroupRole, SingleSignOn

__all__ = [
    "CreateSingleSignOn",
    "SingleSignOnChanges",
    "SingleSignOnItem",
    "change_identity_providers",
    "create_identity_provider",
    "delete_identity_provider",
    "get_identity_provider",
    "list_identity_provider_history",
    "list_identity_providers",
    "replace_identity_provider",
    "update_identity_provider",
]


class CreateSingleSignOn(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="action", tag="create"
):
    """Add `item`."""

    item: SingleSignOn


class SingleSignOnChanges(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Changes of identity providers: all of them are made, or none."""

    items: list[CreateSingleSignOn | UpdateItem | DeleteItem]


class SingleSignOnItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An identity provider that people log in with. `etag`: its version."""

    name: str
    title: str | None
    issuer: str
    client_id: str
    client_secret: str | None
    client_authentication: Literal["client_secret_basic", "client_secret_post"]
    scopes: list[str]
    groups_claim: str
    roles: list[GroupRole]
    create_users: bool
    link_by_email: bool
    email_domains: list[str]
    etag: str


def change_identity_providers(
    body: SingleSignOnChanges, *, message: str | None = None
) -> Request[BulkReply]:
    """Change many identity providers at once, all or none."""
    return Request(
        "POST",
        place("/v1/identity-providers/bulk"),
        BulkReply,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def create_identity_provider(
    body: SingleSignOn, *, message: str | None = None
) -> Request[SingleSignOnItem]:
    """Add a identity provider."""
    return Request(
        "POST",
        place("/v1/identity-providers"),
        SingleSignOnItem,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def delete_identity_provider(
    name: str, *, version: str, message: str | None = None
) -> Request[None]:
    """Remove a identity provider."""
    return Request(
        "DELETE",
        place("/v1/identity-providers/{name}", name=name),
        None,
        query=asked(message=message),
        version=version,
        may_wait=True,
    )


def get_identity_provider(name: str) -> Request[SingleSignOnItem]:
    """Show one identity provider."""
    return Request("GET", place("/v1/identity-providers/{name}", name=name), SingleSignOnItem)


def list_identity_provider_history(
    name: str, *, limit: int | None = None, cursor: str | None = None, sort: str | None = None
) -> Request[Page[ItemRevision]]:
    """List the changes of one identity provider, newest first."""
    return Request(
        "GET",
        place("/v1/identity-providers/{name}/history", name=name),
        Page[ItemRevision],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def list_identity_providers(
    *,
    name: str | None = None,
    issuer: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[SingleSignOnItem]]:
    """List the identity providers."""
    return Request(
        "GET",
        place("/v1/identity-providers"),
        Page[SingleSignOnItem],
        query=asked(name=name, issuer=issuer, limit=limit, cursor=cursor, sort=sort),
    )


def replace_identity_provider(
    name: str, body: SingleSignOn, *, version: str, message: str | None = None
) -> Request[SingleSignOnItem]:
    """Replace a identity provider."""
    return Request(
        "PUT",
        place("/v1/identity-providers/{name}", name=name),
        SingleSignOnItem,
        query=asked(message=message),
        body=body,
        version=version,
        may_wait=True,
    )


def update_identity_provider(
    name: str, body: dict[str, Any], *, version: str, message: str | None = None
) -> Request[SingleSignOnItem]:
    """Change parts of a identity provider."""
    return Request(
        "PATCH",
        place("/v1/identity-providers/{name}", name=name),
        SingleSignOnItem,
        query=asked(message=message),
        body=body,
        media_type=MERGE_PATCH,
        version=version,
        may_wait=True,
    )
