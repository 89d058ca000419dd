"""Personal access tokens: one's own."""

from typing import Annotated

from fastapi import Path

from faregate.control.context import Context
from faregate.control.operations import SELF, Reply, Routes
from faregate.control.paging import Page, Paging
from faregate.control.people import (
    AccessTokenFacts,
    NewToken,
    TokenWish,
    new_token_reply,
    own_session,
    own_user,
    token_facts,
)
from faregate.storage.access_tokens import AccessToken

routes = Routes("Personal tokens")

TokenId = Annotated[str, Path(max_length=100, description="Its id or name.")]
_SORTABLE = ("name", "created_at", "expires_at", "used_at", "token_id")


@routes.get("/v1/session/tokens", SELF, reply=Page[AccessTokenFacts], errors=(403,))
def list_own_tokens(context: Context, paging: Paging) -> Page[AccessTokenFacts]:
    """List one's own personal tokens, the newest first."""
    return token_page(paging, context.management.directory.tokens.of_user(own_user(context)))


@routes.post(
    "/v1/session/tokens",
    SELF,
    status=201,
    reply=NewToken,
    errors=(403, 409),
    idempotent=True,
    example=TokenWish("laptop", ["keys.read", "keys.write"]),
)
def create_own_token(context: Context, body: TokenWish) -> NewToken:
    """Make a personal token; it is shown now and never again.

    A token makes tokens that allow no more than itself, and end no later.
    """
    made = context.management.directory.tokens.create_personal(
        context.principal, own_user(context), body.name, body.scopes, body.expires_ns()
    )
    return new_token_reply(made)


@routes.delete("/v1/session/tokens/{token_id}", SELF, errors=(403,))
def revoke_own_token(context: Context, token_id: TokenId) -> Reply:
    """Revoke one of one's own tokens; a token may revoke itself alone."""
    user_id = own_user(context)
    if context.caller.token_id != token_id:
        own_session(context)
    context.management.directory.tokens.revoke_personal(context.principal, user_id, token_id)
    return Reply(status=204)


def token_page(paging: Paging, found: list[AccessToken]) -> Page[AccessTokenFacts]:
    """A page of tokens."""
    return paging.page(
        map(token_facts, found), sortable=_SORTABLE, default="-created_at", unique="token_id"
    )
