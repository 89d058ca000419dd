"""The management API: members. Written by `make docs`."""

import msgspec

from faregate.client.requests import Page, Request, asked, place

__all__ = [
    "MemberFacts",
    "MemberRoles",
    "NewMember",
    "add_member",
    "get_member",
    "list_members",
    "remove_member",
    "set_member_roles",
]


class MemberFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A user in a team."""

    user_id: str
    email: str
    name: str
    state: str
    roles: list[str]


class MemberRoles(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The roles that a member has from now on."""

    roles: list[str]


class NewMember(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A user to be added to a team."""

    user: str
    roles: list[str]


def add_member(team: str, body: NewMember) -> Request[MemberFacts]:
    """Add a user to a team; who is a member has these roles from now on."""
    return Request(
        "POST",
        place("/v1/teams/{team}/members", team=team),
        MemberFacts,
        body=body,
        repeatable=True,
    )


def get_member(team: str, user: str) -> Request[MemberFacts]:
    """Show a member of a team."""
    return Request(
        "GET", place("/v1/teams/{team}/members/{user}", team=team, user=user), MemberFacts
    )


def list_members(
    team: str, *, limit: int | None = None, cursor: str | None = None, sort: str | None = None
) -> Request[Page[MemberFacts]]:
    """List the members of a team, by address."""
    return Request(
        "GET",
        place("/v1/teams/{team}/members", team=team),
        Page[MemberFacts],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def remove_member(team: str, user: str, *, version: str) -> Request[None]:
    """Take a user out of a team."""
    return Request(
        "DELETE",
        place("/v1/teams/{team}/members/{user}", team=team, user=user),
        None,
        version=version,
    )


def set_member_roles(
    team: str, user: str, body: MemberRoles, *, version: str
) -> Request[MemberFacts]:
    """Give a member these roles, and no others."""
    return Request(
        "PUT",
        place("/v1/teams/{team}/members/{user}", team=team, user=user),
        MemberFacts,
        body=body,
        version=version,
    )
