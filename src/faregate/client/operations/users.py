"""The management API: users. Written by `make docs`."""

from typing import Any, Literal

import msgspec

from faregate.client.operations.shapes import AccessTokenFacts, Ended, Link, SessionFacts
from faregate.client.requests import MERGE_PATCH, Page, Request, asked, place

__all__ = [
    "ExternalIdentity",
    "UserFacts",
    "create_password_reset",
    "delete_user",
    "end_user_sessions",
    "get_user",
    "list_user_sessions",
    "list_user_tokens",
    "list_users",
    "remove_second_factor",
    "revoke_user_token",
    "unlock_user",
    "update_user",
]


class ExternalIdentity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who somebody is where they log in elsewhere."""

    issuer: str
    subject: str


class UserFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A user."""

    user_id: str
    email: str
    name: str
    state: Literal["active", "disabled", "invited", "locked"]
    roles: list[str]
    teams: dict[str, list[str]]
    must_change_password: bool
    has_password: bool
    second_factor: bool
    identities: list[ExternalIdentity]
    created_at: str
    login_at: str | None


def create_password_reset(user: str) -> Request[Link]:
    """Make a link by which a user chooses a new password, once."""
    return Request("POST", place("/v1/users/{user}/password-reset", user=user), Link)


def delete_user(user: str, *, version: str) -> Request[None]:
    """Remove a user; sessions and tokens end at once."""
    return Request("DELETE", place("/v1/users/{user}", user=user), None, version=version)


def end_user_sessions(user: str) -> Request[Ended]:
    """End all logins of a user."""
    return Request("DELETE", place("/v1/users/{user}/sessions", user=user), Ended)


def get_user(user: str) -> Request[UserFacts]:
    """Show a user."""
    return Request("GET", place("/v1/users/{user}", user=user), UserFacts)


def list_user_sessions(
    user: str, *, limit: int | None = None, cursor: str | None = None, sort: str | None = None
) -> Request[Page[SessionFacts]]:
    """List a user's logins, the newest first."""
    return Request(
        "GET",
        place("/v1/users/{user}/sessions", user=user),
        Page[SessionFacts],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def list_user_tokens(
    user: str, *, limit: int | None = None, cursor: str | None = None, sort: str | None = None
) -> Request[Page[AccessTokenFacts]]:
    """List a user's personal tokens, never the tokens themselves."""
    return Request(
        "GET",
        place("/v1/users/{user}/tokens", user=user),
        Page[AccessTokenFacts],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def list_users(
    *,
    state: Literal["active", "invited", "locked", "disabled"] | None = None,
    role: str | None = None,
    team: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[UserFacts]]:
    """List users, by address."""
    return Request(
        "GET",
        place("/v1/users"),
        Page[UserFacts],
        query=asked(state=state, role=role, team=team, limit=limit, cursor=cursor, sort=sort),
    )


def remove_second_factor(user: str) -> Request[None]:
    """Turn off the second factor of a user who lost it."""
    return Request("DELETE", place("/v1/users/{user}/second-factor", user=user), None)


def revoke_user_token(user: str, token_id: str) -> Request[None]:
    """Revoke a personal token of a user."""
    return Request(
        "DELETE", place("/v1/users/{user}/tokens/{token_id}", user=user, token_id=token_id), None
    )


def unlock_user(user: str) -> Request[None]:
    """Forget wrong tries at a user's password, which lock it for a while."""
    return Request("POST", place("/v1/users/{user}/unlock", user=user), None)


def update_user(user: str, body: dict[str, Any], *, version: str) -> Request[UserFacts]:
    """Change a user's address, name, state or roles."""
    return Request(
        "PATCH",
        place("/v1/users/{user}", user=user),
        UserFacts,
        body=body,
        media_type=MERGE_PATCH,
        version=version,
    )
