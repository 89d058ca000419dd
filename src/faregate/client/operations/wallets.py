"""The management API: wallets. Written by `make docs`."""

from typing import Any

import msgspec

from faregate.client.operations.shapes import BulkReply, DeleteItem, ItemRevision, UpdateItem
from faregate.client.requests import MERGE_PATCH, Page, Request, asked, place
from faregate.configuration.commerce import Grant, Wallet

__all__ = [
    "CreateWallet",
    "WalletChanges",
    "WalletItem",
    "change_wallets",
    "create_wallet",
    "delete_wallet",
    "get_wallet",
    "list_wallet_history",
    "list_wallets",
    "replace_wallet",
    "update_wallet",
]


class CreateWallet(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="action", tag="create"
):
    """Add `item`."""

    item: Wallet


class WalletChanges(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Changes of wallets: all of them are made, or none."""

    items: list[CreateWallet | UpdateItem | DeleteItem]


class WalletItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Prepaid credit, which is never below zero. `etag`: its version."""

    name: str
    team: str | None
    grants: list[Grant]
    etag: str


def change_wallets(
    body: WalletChanges, *, team: str | None = None, message: str | None = None
) -> Request[BulkReply]:
    """Change many wallets at once, all or none."""
    return Request(
        "POST",
        place("/v1/wallets/bulk", team=team),
        BulkReply,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def create_wallet(
    body: Wallet, *, team: str | None = None, message: str | None = None
) -> Request[WalletItem]:
    """Add a wallet."""
    return Request(
        "POST",
        place("/v1/wallets", team=team),
        WalletItem,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def delete_wallet(
    name: str, *, version: str, team: str | None = None, message: str | None = None
) -> Request[None]:
    """Remove a wallet."""
    return Request(
        "DELETE",
        place("/v1/wallets/{name}", name=name, team=team),
        None,
        query=asked(message=message),
        version=version,
        may_wait=True,
    )


def get_wallet(name: str, *, team: str | None = None) -> Request[WalletItem]:
    """Show one wallet."""
    return Request("GET", place("/v1/wallets/{name}", name=name, team=team), WalletItem)


def list_wallet_history(
    name: str,
    *,
    team: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[ItemRevision]]:
    """List the changes of one wallet, newest first."""
    return Request(
        "GET",
        place("/v1/wallets/{name}/history", name=name, team=team),
        Page[ItemRevision],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def list_wallets(
    *,
    team: str | None = None,
    name: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[WalletItem]]:
    """List the wallets."""
    return Request(
        "GET",
        place("/v1/wallets", team=team),
        Page[WalletItem],
        query=asked(name=name, limit=limit, cursor=cursor, sort=sort),
    )


def replace_wallet(
    name: str, body: Wallet, *, version: str, team: str | None = None, message: str | None = None
) -> Request[WalletItem]:
    """Replace a wallet."""
    return Request(
        "PUT",
        place("/v1/wallets/{name}", name=name, team=team),
        WalletItem,
        query=asked(message=message),
        body=body,
        version=version,
        may_wait=True,
    )


def update_wallet(
    name: str,
    body: dict[str, Any],
    *,
    version: str,
    team: str | None = None,
    message: str | None = None,
) -> Request[WalletItem]:
    """Change parts of a wallet."""
    return Request(
        "PATCH",
        place("/v1/wallets/{name}", name=name, team=team),
        WalletItem,
        query=asked(message=message),
        body=body,
        media_type=MERGE_PATCH,
        version=version,
        may_wait=True,
    )
