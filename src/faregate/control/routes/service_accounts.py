"""Service accounts of the organisation and of teams, and their tokens."""

from typing import Annotated, Literal

import msgspec
from fastapi import Path
from msgspec import Meta

from faregate.control.context import Context
from faregate.control.moments import moment
from faregate.control.operations import Reply, Routes
from faregate.control.paging import Page, Paging
from faregate.control.people import (
    AccessTokenFacts,
    NewToken,
    TokenWish,
    in_both,
    new_token_reply,
)
from faregate.control.routes.tokens import TokenId, token_page
from faregate.control.versions import patched
from faregate.storage.service_accounts import AccountChange, ServiceAccount

routes = Routes("Service accounts")

AccountName = Annotated[str, Path(max_length=100, description="Its name or id.")]
AccountState = Literal["active", "disabled"]
READ, WRITE = "service_accounts.read", "service_accounts.write"


class ServiceAccountFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A program that manages."""

    account_id: str
    # null: the organisation's
    team: str | None
    name: str
    summary: str
    role: str
    state: AccountState
    created_at: str


class NewServiceAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A service account to be made."""

    # unique in its team, or in the organisation
    name: Annotated[str, Meta(max_length=100)]
    # one that whoever makes it may give
    role: Annotated[str, Meta(max_length=63)]
    summary: Annotated[str, Meta(max_length=200)] = ""


class ServiceAccountPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be changed of a service account."""

    name: Annotated[str, Meta(max_length=100)]
    role: Annotated[str, Meta(max_length=63)]
    summary: Annotated[str, Meta(max_length=200)]
    # a disabled one's tokens don't work
    state: AccountState


@routes.both("GET", "/v1/service-accounts", READ, reply=Page[ServiceAccountFacts])
def list_service_accounts(
    context: Context, paging: Paging, team: str | None = None
) -> Page[ServiceAccountFacts]:
    """List service accounts."""
    found = context.management.directory.service_accounts.of_teams(context.chosen_teams(team))
    return paging.page(
        map(_facts, found),
        sortable=("name", "team", "created_at", "account_id"),
        default="team,name",
        unique="account_id",
    )


@in_both(routes, "GET", "/v1/service-accounts/{account}", READ, reply=ServiceAccountFacts)
def get_service_account(context: Context, account: AccountName) -> Reply:
    """Show a service account."""
    accounts = context.management.directory.service_accounts
    return _reply(accounts.get(context.team, account))


@in_both(
    routes,
    "POST",
    "/v1/service-accounts",
    WRITE,
    status=201,
    reply=ServiceAccountFacts,
    errors=(409,),
    idempotent=True,
)
def create_service_account(context: Context, body: NewServiceAccount) -> Reply:
    """Make a service account with one role."""
    accounts = context.management.directory.service_accounts
    return _reply(
        accounts.create(context.principal, context.team, body.name, body.role, body.summary)
    )


@in_both(
    routes,
    "PATCH",
    "/v1/service-accounts/{account}",
    WRITE,
    body=ServiceAccountPatch,
    reply=ServiceAccountFacts,
    patch=True,
    versioned=True,
    errors=(409,),
)
def update_service_account(
    context: Context, account: AccountName, body: dict[str, object]
) -> Reply:
    """Change a service account; its tokens follow at once."""
    accounts = context.management.directory.service_accounts
    seen = accounts.get(context.team, account)
    wish = patched(ServiceAccountPatch(seen.name, seen.role, seen.summary, seen.state), body)
    change = AccountChange(wish.name, wish.role, wish.summary, wish.state)
    expected = context.expected() or str(seen.version)
    return _reply(
        accounts.change(context.principal, context.team, seen.account_id, change, expected)
    )


@in_both(routes, "DELETE", "/v1/service-accounts/{account}", WRITE, status=204, versioned=True)
def delete_service_account(context: Context, account: AccountName) -> Reply:
    """Remove a service account and its tokens."""
    accounts = context.management.directory.service_accounts
    accounts.remove(context.principal, context.team, account, context.expected())
    return Reply(status=204)


@in_both(routes, "GET", "/v1/service-accounts/{account}/tokens", READ, reply=Page[AccessTokenFacts])
def list_service_account_tokens(
    context: Context, account: AccountName, paging: Paging
) -> Page[AccessTokenFacts]:
    """List the tokens of a service account, never the tokens themselves."""
    tokens = context.management.directory.tokens
    return token_page(paging, tokens.of_account(context.team, account))


@in_both(
    routes,
    "POST",
    "/v1/service-accounts/{account}/tokens",
    WRITE,
    status=201,
    reply=NewToken,
    errors=(409,),
    idempotent=True,
)
def create_service_account_token(
    context: Context, account: AccountName, body: TokenWish
) -> NewToken:
    """Make a token of a service account; it is shown now and never again."""
    made = context.management.directory.tokens.create_for_account(
        context.principal, context.team, account, body.name, body.scopes, body.expires_ns()
    )
    return new_token_reply(made)


@in_both(routes, "DELETE", "/v1/service-accounts/{account}/tokens/{token_id}", WRITE, status=204)
def revoke_service_account_token(
    context: Context, account: AccountName, token_id: TokenId
) -> Reply:
    """Revoke a token of a service account."""
    context.management.directory.tokens.revoke_of_account(
        context.principal, context.team, account, token_id
    )
    return Reply(status=204)


def _facts(account: ServiceAccount) -> ServiceAccountFacts:
    return ServiceAccountFacts(
        account_id=account.account_id,
        team=account.team,
        name=account.name,
        summary=account.summary,
        role=account.role,
        state=account.state,
        created_at=moment(account.created_ns),
    )


def _reply(account: ServiceAccount) -> Reply:
    return Reply(_facts(account), version=account.version)
