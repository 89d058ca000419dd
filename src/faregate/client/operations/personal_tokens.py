"""The management API: personal tokens. Written by `make docs`."""

from faregate.client.operations.shapes import AccessTokenFacts, NewToken, TokenWish
from faregate.client.requests import Page, Request, asked, place

__all__ = ["create_own_token", "list_own_tokens", "revoke_own_token"]


def create_own_token(body: TokenWish) -> Request[NewToken]:
    """Make a personal token; it is shown now and never again."""
    return Request("POST", place("/v1/session/tokens"), NewToken, body=body, repeatable=True)


def list_own_tokens(
    *, limit: int | None = None, cursor: str | None = None, sort: str | None = None
) -> Request[Page[AccessTokenFacts]]:
    """List one's own personal tokens, the newest first."""
    return Request(
        "GET",
        place("/v1/session/tokens"),
        Page[AccessTokenFacts],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def revoke_own_token(token_id: str) -> Request[None]:
    """Revoke one of one's own tokens; a token may revoke itself alone."""
    return Request("DELETE", place("/v1/session/tokens/{token_id}", token_id=token_id), None)
