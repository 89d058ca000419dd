"""Members of a team, and the roles that they can have there."""

from typing import Annotated

import msgspec
from msgspec import Meta

from faregate.control.context import Context
from faregate.control.operations import Reply, Routes
from faregate.control.paging import Page, Paging
from faregate.control.people import Email, Selector, TeamName
from faregate.control.routes.roles import RoleFacts, role_facts
from faregate.storage.members import Member

routes = Routes("Members")

Roles = Annotated[list[str], Meta(min_length=1, max_length=50)]


class MemberFacts(msgspec.Struct, frozen=True):
    """A user in a team."""

    user_id: str
    email: str
    name: str
    state: str
    # in this team
    roles: list[str]


class NewMember(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user to be added to a team."""

    # id or e-mail address of a user; others are invited
    user: Email
    roles: Roles


class MemberRoles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The roles that a member has from now on."""

    roles: Roles


@routes.get("/v1/teams/{team}/members", "members.read", reply=Page[MemberFacts])
def list_members(context: Context, team: TeamName, paging: Paging) -> Page[MemberFacts]:
    """List the members of a team, by address."""
    found = context.management.directory.members.list(team)
    return paging.page(
        map(_facts, found),
        sortable=("email", "name", "user_id"),
        default="email",
        unique="user_id",
    )


@routes.get("/v1/teams/{team}/members/{user}", "members.read", reply=MemberFacts)
def get_member(context: Context, team: TeamName, user: Selector) -> Reply:
    """Show a member of a team."""
    return _reply(context.management.directory.members.get(team, user))


@routes.post(
    "/v1/teams/{team}/members",
    "members.write",
    status=201,
    reply=MemberFacts,
    errors=(409,),
    idempotent=True,
    example=NewMember("ann@example.com", ["team-developer"]),
)
def add_member(context: Context, team: TeamName, body: NewMember) -> Reply:
    """Add a user to a team; who is a member has these roles from now on."""
    members = context.management.directory.members
    return _reply(members.set(context.principal, team, body.user, tuple(body.roles)))


@routes.put(
    "/v1/teams/{team}/members/{user}",
    "members.write",
    reply=MemberFacts,
    versioned=True,
    example=MemberRoles(["team-owner"]),
)
def set_member_roles(context: Context, team: TeamName, user: Selector, body: MemberRoles) -> Reply:
    """Give a member these roles, and no others."""
    members = context.management.directory.members
    members.get(team, user)
    return _reply(members.set(context.principal, team, user, tuple(body.roles), context.expected()))


@routes.delete("/v1/teams/{team}/members/{user}", "members.write", versioned=True)
def remove_member(context: Context, team: TeamName, user: Selector) -> Reply:
    """Take a user out of a team."""
    members = context.management.directory.members
    members.remove(context.principal, team, user, context.expected())
    return Reply(status=204)


@routes.get("/v1/teams/{team}/roles", "members.read", reply=Page[RoleFacts])
def list_team_roles(context: Context, team: TeamName, paging: Paging) -> Page[RoleFacts]:
    """List the roles that members of a team can have."""
    found = context.management.directory.roles.list()
    shown = [role_facts(one) for one in found if one.role.of_team]
    return paging.page(shown, sortable=("name",), default="name")


def _facts(member: Member) -> MemberFacts:
    return MemberFacts(member.user_id, member.email, member.name, member.state, list(member.roles))


def _reply(member: Member) -> Reply:
    return Reply(_facts(member), version=member.version)
