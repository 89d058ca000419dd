"""The management API: service accounts. Written by `make docs`."""

from typing import Any, Literal

import msgspec

from faregate.client.operations.shapes import AccessTokenFacts, NewToken, TokenWish
from faregate.client.requests import MERGE_PATCH, Page, Request, asked, place

__all__ = [
    "NewServiceAccount",
    "ServiceAccountFacts",
    "create_service_account",
    "create_service_account_token",
    "delete_service_account",
    "get_service_account",
    "list_service_account_tokens",
    "list_service_accounts",
    "revoke_service_account_token",
    "update_service_account",
]


class NewServiceAccount(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A service account to be made."""

    name: str
    role: str
    summary: str = ""


class ServiceAccountFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A program that manages."""

    account_id: str
    team: str | None
    name: str
    summary: str
    role: str
    state: Literal["active", "disabled"]
    created_at: str


def create_service_account(
    body: NewServiceAccount, *, team: str | None = None
) -> Request[ServiceAccountFacts]:
    """Make a service account with one role."""
    return Request(
        "POST",
        place("/v1/service-accounts", team=team),
        ServiceAccountFacts,
        body=body,
        repeatable=True,
    )


def create_service_account_token(
    account: str, body: TokenWish, *, team: str | None = None
) -> Request[NewToken]:
    """Make a token of a service account; it is shown now and never again."""
    return Request(
        "POST",
        place("/v1/service-accounts/{account}/tokens", account=account, team=team),
        NewToken,
        body=body,
        repeatable=True,
    )


def delete_service_account(account: str, *, version: str, team: str | None = None) -> Request[None]:
    """Remove a service account and its tokens."""
    return Request(
        "DELETE",
        place("/v1/service-accounts/{account}", account=account, team=team),
        None,
        version=version,
    )


def get_service_account(account: str, *, team: str | None = None) -> Request[ServiceAccountFacts]:
    """Show a service account."""
    return Request(
        "GET",
        place("/v1/service-accounts/{account}", account=account, team=team),
        ServiceAccountFacts,
    )


def list_service_account_tokens(
    account: str,
    *,
    team: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[AccessTokenFacts]]:
    """List the tokens of a service account, never the tokens themselves."""
    return Request(
        "GET",
        place("/v1/service-accounts/{account}/tokens", account=account, team=team),
        Page[AccessTokenFacts],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def list_service_accounts(
    *,
    team: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[ServiceAccountFacts]]:
    """List service accounts."""
    return Request(
        "GET",
        place("/v1/service-accounts", team=team),
        Page[ServiceAccountFacts],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def revoke_service_account_token(
    account: str, token_id: str, *, team: str | None = None
) -> Request[None]:
    """Revoke a token of a service account."""
    return Request(
        "DELETE",
        place(
            "/v1/service-accounts/{account}/tokens/{token_id}",
            account=account,
            token_id=token_id,
            team=team,
        ),
        None,
    )


def update_service_account(
    account: str, body: dict[str, Any], *, version: str, team: str | None = None
) -> Request[ServiceAccountFacts]:
    """Change a service account; its tokens follow at once."""
    return Request(
        "PATCH",
        place("/v1/service-accounts/{account}", account=account, team=team),
        ServiceAccountFacts,
        body=body,
        media_type=MERGE_PATCH,
        version=version,
    )
