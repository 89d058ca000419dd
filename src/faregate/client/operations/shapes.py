"""The management API: types of several kinds. Written by `make docs`."""

from typing import Any, Literal

import msgspec

from faregate.configuration.document import Document

__all__ = [
    "AccessTokenFacts",
    "BulkReply",
    "BulkResult",
    "Configuration",
    "DeleteItem",
    "Ended",
    "GrantedEntry",
    "ItemRevision",
    "Link",
    "LoginReply",
    "NewToken",
    "SessionFacts",
    "TokenWish",
    "UpdateItem",
]


class AccessTokenFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A token, without itself."""

    token_id: str
    name: str
    prefix: str
    scopes: list[str] | None
    created_at: str
    expires_at: str | None
    used_at: str | None
    used_address: str | None


class BulkResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one item; `etag` is None where it was removed."""

    action: Literal["create", "delete", "update"]
    name: str
    etag: str | None


class BulkReply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All changes are in force, as one revision."""

    revision: int
    items: list[BulkResult]


class Configuration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The configuration as written: references, never their secrets."""

    revision: int
    document: Document


class DeleteItem(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="action", tag="delete"
):
    """Remove the item of this name."""

    name: str
    etag: str


class Ended(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many sessions ended."""

    ended: int


class GrantedEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Credit that was given; amounts are decimal strings."""

    entry: str
    wallet: str
    at: str
    movement: str
    amount: str
    call_id: str | None
    author: str
    reason: str


class ItemRevision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change of an item, or of several at once: who, when, what, why."""

    revision: int
    created_at: str
    actor: str
    summary: str
    message: str | None


class Link(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A secret that was made.

    A secret that was made, as a token and as an address to open. Shown once.
    """

    token: str
    url: str
    expires_at: str


class LoginReply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a login has come."""

    state: Literal["logged_in", "totp_required"]
    csrf_token: str | None = None
    must_change_password: bool = False


class NewToken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A token that was made; it is shown now and never again."""

    token: str
    facts: AccessTokenFacts


class SessionFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One login."""

    session_id: str
    current: bool
    method: str
    address: str | None
    user_agent: str | None
    created_at: str
    used_at: str
    ends_at: str


class TokenWish(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A token to be made."""

    name: str
    scopes: list[str] | None = None
    expires_at: str | None = None


class UpdateItem(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="action", tag="update"
):
    """Merge `patch` into the item of this name."""

    name: str
    etag: str
    patch: dict[str, Any]
