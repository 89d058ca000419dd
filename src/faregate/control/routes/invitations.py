"""Invitations by link, into the organisation or a team."""

from typing import Annotated

import msgspec
from fastapi import Path
from msgspec import Meta
from starlette.responses import Response

from faregate.control.context import Context
from faregate.control.moments import moment
from faregate.control.operations import Reply, Routes
from faregate.control.paging import Page, Paging
from faregate.control.people import (
    Code,
    Email,
    Link,
    Password,
    TeamName,
    TokenText,
    link,
)
from faregate.control.routes.login import LoginReply, login_response
from faregate.storage.invitations import Acceptance, Invitation, NewInvitation

routes = Routes("Invitations")

InvitationId = Annotated[str, Path(max_length=64, description="Its id.")]
PAGE = "accept-invitation"


class InvitationFacts(msgspec.Struct, frozen=True, kw_only=True):
    """An open invitation."""

    invitation_id: str
    email: str
    # null: into the organisation
    team: str | None
    role: str
    # who invites
    inviter: str
    created_at: str
    expires_at: str


class InvitationWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to invite, in which role."""

    email: Email
    role: Annotated[str, Meta(max_length=63)]


class NewInvitationFacts(msgspec.Struct, frozen=True):
    """An invitation that was made, with the link to pass on; shown once."""

    invitation: InvitationFacts
    link: Link


class InvitationToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The token of an invitation's link."""

    token: TokenText


class InvitationShown(msgspec.Struct, frozen=True):
    """What a link invites to."""

    email: str
    team: str | None
    role: str
    inviter: str
    expires_at: str
    # whether the address is a user's already, who then shows the password in force
    is_user: bool


class InvitationAcceptance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How somebody accepts."""

    token: TokenText
    # a new one; who is a user already gives the one in force
    password: Password
    name: Annotated[str, Meta(max_length=100)] = ""
    # of the second factor of who is a user already
    code: Code | None = None


@routes.get("/v1/invitations", "users.read", reply=Page[InvitationFacts])
def list_invitations(context: Context, paging: Paging) -> Page[InvitationFacts]:
    """List open invitations, into the organisation and all teams."""
    return _page(paging, context.management.directory.invitations.of_teams(None))


@routes.get("/v1/teams/{team}/invitations", "members.read", reply=Page[InvitationFacts])
def list_team_invitations(
    context: Context, team: TeamName, paging: Paging
) -> Page[InvitationFacts]:
    """List open invitations into a team."""
    return _page(paging, context.management.directory.invitations.list(team))


@routes.post(
    "/v1/invitations",
    "users.write",
    status=201,
    reply=NewInvitationFacts,
    idempotent=True,
    example=InvitationWish("eve@example.com", "auditor"),
)
def create_invitation(context: Context, body: InvitationWish) -> NewInvitationFacts:
    """Invite somebody to a role of the organisation."""
    return _created(context, body, None)


@routes.post(
    "/v1/teams/{team}/invitations",
    "members.write",
    status=201,
    reply=NewInvitationFacts,
    idempotent=True,
    example=InvitationWish("eve@example.com", "team-developer"),
)
def create_team_invitation(
    context: Context, team: TeamName, body: InvitationWish
) -> NewInvitationFacts:
    """Invite somebody to a role of a team."""
    return _created(context, body, team)


@routes.delete("/v1/invitations/{invitation_id}", "users.write")
def withdraw_invitation(context: Context, invitation_id: InvitationId) -> Reply:
    """Take back an invitation into the organisation."""
    invitations = context.management.directory.invitations
    invitations.withdraw(context.principal, None, invitation_id)
    return Reply(status=204)


@routes.delete("/v1/teams/{team}/invitations/{invitation_id}", "members.write")
def withdraw_team_invitation(
    context: Context, team: TeamName, invitation_id: InvitationId
) -> Reply:
    """Take back an invitation into a team."""
    invitations = context.management.directory.invitations
    invitations.withdraw(context.principal, team, invitation_id)
    return Reply(status=204)


@routes.post("/v1/invitations/show", None, reply=InvitationShown, errors=(403, 404))
def show_invitation(context: Context, body: InvitationToken) -> InvitationShown:
    """Show what a link invites to; needs no login."""
    found, is_user = context.management.directory.invitations.look(body.token)
    return InvitationShown(
        found.email, found.team, found.role, found.inviter, moment(found.expires_ns), is_user
    )


@routes.post(
    "/v1/invitations/accept",
    None,
    reply=LoginReply,
    errors=(401, 403, 404, 409, 429),
    example=InvitationAcceptance("fgi_...", "violet river canoe", "Eve"),
)
def accept_invitation(context: Context, body: InvitationAcceptance) -> Response:
    """Accept an invitation by its link's token, and log in."""
    acceptance = Acceptance(
        body.token,
        body.password,
        body.name,
        body.code,
        context.caller.address,
        context.request.headers.get("user-agent"),
    )
    return login_response(context, context.management.directory.invitations.accept(acceptance))


def _created(context: Context, body: InvitationWish, team: str | None) -> NewInvitationFacts:
    made: NewInvitation = context.management.directory.invitations.create(
        context.principal, body.email, body.role, team
    )
    expires_ns = made.record.expires_ns
    return NewInvitationFacts(_facts(made.record), link(context, PAGE, made.secret, expires_ns))


def _facts(one: Invitation) -> InvitationFacts:
    return InvitationFacts(
        invitation_id=one.invitation_id,
        email=one.email,
        team=one.team,
        role=one.role,
        inviter=one.inviter,
        created_at=moment(one.created_ns),
        expires_at=moment(one.expires_ns),
    )


def _page(paging: Paging, found: list[Invitation]) -> Page[InvitationFacts]:
    return paging.page(
        map(_facts, found),
        sortable=("email", "team", "created_at", "expires_at", "invitation_id"),
        default="-created_at",
        unique="invitation_id",
    )
