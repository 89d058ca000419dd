"""Users: found, changed, locked and removed; what they log in with."""

from typing import Annotated, Literal

import msgspec
from fastapi import Path, Query
from msgspec import Meta

from faregate.control.context import Context
from faregate.control.moments import moment
from faregate.control.operations import Reply, Routes
from faregate.control.paging import Page, Paging
from faregate.control.people import AccessTokenFacts, Email, Link, Selector, link
from faregate.control.routes.session import Ended, SessionFacts, session_page
from faregate.control.routes.tokens import token_page
from faregate.control.versions import patched
from faregate.storage.directory_rows import ExternalIdentity, User
from faregate.storage.users import UserChange

routes = Routes("Users")

State = Literal["active", "invited", "locked", "disabled"]
RoleFilter = Annotated[str | None, Query(max_length=63, description="Those with this role.")]
TeamFilter = Annotated[str | None, Query(max_length=63, description="Those in this team.")]


class UserFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A user."""

    user_id: str
    email: str
    name: str
    state: State
    # in the organisation
    roles: list[str]
    # in each team
    teams: dict[str, list[str]]
    must_change_password: bool
    has_password: bool
    second_factor: bool
    # who they are where they log in elsewhere
    identities: list[ExternalIdentity]
    created_at: str
    # the last one
    login_at: str | None


class UserPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be changed of a user."""

    email: Email
    name: Annotated[str, Meta(max_length=100)]
    # invited users become active by accepting
    state: State
    # in the organisation
    roles: list[str]


@routes.get("/v1/users", "users.read", reply=Page[UserFacts])
def list_users(
    context: Context,
    paging: Paging,
    state: State | None = None,
    role: RoleFilter = None,
    team: TeamFilter = None,
) -> Page[UserFacts]:
    """List users, by address."""
    found = context.management.directory.users.list(state=state, role=role, team=team)
    return paging.page(
        map(user_facts, found),
        sortable=("email", "name", "state", "created_at", "login_at", "user_id"),
        default="email",
        unique="user_id",
    )


@routes.get("/v1/users/{user}", "users.read", reply=UserFacts)
def get_user(context: Context, user: Selector) -> Reply:
    """Show a user."""
    return _reply(context.management.directory.users.get(user))


@routes.patch(
    "/v1/users/{user}",
    "users.write",
    body=UserPatch,
    reply=UserFacts,
    patch=True,
    versioned=True,
    errors=(409,),
)
def update_user(context: Context, user: Selector, body: dict[str, object]) -> Reply:
    """Change a user's address, name, state or roles."""
    users = context.management.directory.users
    seen = users.get(user)
    wish = patched(UserPatch(seen.email, seen.name, seen.state, list(seen.roles)), body)
    change = UserChange(wish.email, wish.name, wish.state, tuple(wish.roles))
    expected = context.expected() or str(seen.version)
    return _reply(users.change(context.principal, seen.user_id, change, expected))


@routes.delete("/v1/users/{user}", "users.write", versioned=True, errors=(409,))
def delete_user(context: Context, user: Selector) -> Reply:
    """Remove a user; sessions and tokens end at once."""
    context.management.directory.users.remove(context.principal, user, context.expected())
    return Reply(status=204)


@routes.post("/v1/users/{user}/password-reset", "users.write", reply=Link, errors=(422,))
def create_password_reset(context: Context, user: Selector) -> Link:
    """Make a link by which a user chooses a new password, once."""
    passwords = context.management.directory.passwords
    _, token, expires_ns = passwords.reset_link(context.principal, user)
    return link(context, "reset-password", token, expires_ns)


@routes.post("/v1/users/{user}/unlock", "users.write", status=204)
def unlock_user(context: Context, user: Selector) -> Reply:
    """Forget wrong tries at a user's password, which lock it for a while."""
    context.management.directory.users.forgive(context.principal, user)
    return Reply(status=204)


@routes.delete("/v1/users/{user}/second-factor", "users.write", errors=(409,))
def remove_second_factor(context: Context, user: Selector) -> Reply:
    """Turn off the second factor of a user who lost it."""
    context.management.directory.second_factors.remove(context.principal, user)
    return Reply(status=204)


@routes.get("/v1/users/{user}/sessions", "users.read", reply=Page[SessionFacts])
def list_user_sessions(context: Context, user: Selector, paging: Paging) -> Page[SessionFacts]:
    """List a user's logins, the newest first."""
    directory = context.management.directory
    found = directory.sessions.list(directory.users.get(user).user_id)
    return session_page(context, paging, found)


@routes.delete("/v1/users/{user}/sessions", "users.write", status=200, reply=Ended)
def end_user_sessions(context: Context, user: Selector) -> Ended:
    """End all logins of a user."""
    return Ended(context.management.directory.sessions.end_all(context.principal, user))


@routes.get("/v1/users/{user}/tokens", "users.read", reply=Page[AccessTokenFacts])
def list_user_tokens(context: Context, user: Selector, paging: Paging) -> Page[AccessTokenFacts]:
    """List a user's personal tokens, never the tokens themselves."""
    directory = context.management.directory
    return token_page(paging, directory.tokens.of_user(directory.users.get(user).user_id))


@routes.delete("/v1/users/{user}/tokens/{token_id}", "users.write")
def revoke_user_token(
    context: Context,
    user: Selector,
    token_id: Annotated[str, Path(max_length=100, description="Its id or name.")],
) -> Reply:
    """Revoke a personal token of a user."""
    context.management.directory.tokens.revoke_personal(context.principal, user, token_id)
    return Reply(status=204)


def user_facts(user: User) -> UserFacts:
    """A user as it is shown."""
    return UserFacts(
        user_id=user.user_id,
        email=user.email,
        name=user.name,
        state=user.state,
        roles=list(user.roles),
        teams={team: list(roles) for team, roles in user.teams.items()},
        must_change_password=user.must_change_password,
        has_password=user.has_password,
        second_factor=user.second_factor,
        identities=list(user.identities),
        created_at=moment(user.created_ns),
        login_at=moment(user.login_ns),
    )


def _reply(user: User) -> Reply:
    return Reply(user_facts(user), version=user.version)
