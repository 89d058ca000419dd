"""The management API: keys. Written by `make docs`."""

from typing import Any, Literal

import msgspec

from faregate.client.requests import MERGE_PATCH, Page, Request, asked, place

__all__ = [
    "KeyBulk",
    "KeyBulkReply",
    "KeyItem",
    "NewKeyItem",
    "NewKeyRequest",
    "RevokedKey",
    "change_keys",
    "create_key",
    "get_key",
    "list_keys",
    "revoke_key",
    "update_key",
]


class NewKeyRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A key to make. In a team, names may be local: shop for sales/shop."""

    name: str
    application: str | None = None
    models: list[str] | None = None
    expires_at: str | None = None


class KeyBulk(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Keys to make and to revoke; all of it is done, or nothing."""

    create: list[NewKeyRequest] = []
    revoke: list[str] = []


class KeyItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A caller's key, of which only hash and first characters are kept."""

    key_id: str
    name: str
    prefix: str
    state: str
    application: str | None
    team: str | None
    models: list[str] | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    source: str
    etag: str


class NewKeyItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A key that was just made; `key` is shown this once."""

    key_id: str
    name: str
    prefix: str
    state: str
    application: str | None
    team: str | None
    models: list[str] | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    source: str
    etag: str
    key: str


class KeyBulkReply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Keys that were made.

    Keys that were made, each shown this once, and those that were revoked.
    """

    created: list[NewKeyItem]
    revoked: list[KeyItem]


class RevokedKey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A key that no longer works; `changed` unless it was so before."""

    key_id: str
    name: str
    prefix: str
    state: str
    application: str | None
    team: str | None
    models: list[str] | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    source: str
    etag: str
    changed: bool


def change_keys(body: KeyBulk, *, team: str | None = None) -> Request[KeyBulkReply]:
    """Make and revoke many keys at once: all of them, or none."""
    return Request(
        "POST", place("/v1/keys/bulk", team=team), KeyBulkReply, body=body, repeatable=True
    )


def create_key(body: NewKeyRequest, *, team: str | None = None) -> Request[NewKeyItem]:
    """Make a key; it is shown this once."""
    return Request("POST", place("/v1/keys", team=team), NewKeyItem, body=body, repeatable=True)


def get_key(key: str, *, team: str | None = None) -> Request[KeyItem]:
    """Show one key, never the key itself."""
    return Request("GET", place("/v1/keys/{key}", key=key, team=team), KeyItem)


def list_keys(
    *,
    team: str | None = None,
    application: str | None = None,
    state: Literal["active", "expired", "revoked"] | None = None,
    name: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[KeyItem]]:
    """List keys, never the keys themselves."""
    return Request(
        "GET",
        place("/v1/keys", team=team),
        Page[KeyItem],
        query=asked(
            application=application, state=state, name=name, limit=limit, cursor=cursor, sort=sort
        ),
    )


def revoke_key(key: str, *, team: str | None = None) -> Request[RevokedKey]:
    """Revoke a key: it stops working at once, and for ever."""
    return Request("POST", place("/v1/keys/{key}/revoke", key=key, team=team), RevokedKey)


def update_key(
    key: str, body: dict[str, Any], *, version: str, team: str | None = None
) -> Request[KeyItem]:
    """Change a key's name, models or expiry."""
    return Request(
        "PATCH",
        place("/v1/keys/{key}", key=key, team=team),
        KeyItem,
        body=body,
        media_type=MERGE_PATCH,
        version=version,
    )
