"""The management API: invitations. Written by `make docs`."""

import msgspec

from faregate.client.operations.shapes import Link, LoginReply
from faregate.client.requests import Page, Request, asked, place

__all__ = [
    "InvitationAcceptance",
    "InvitationFacts",
    "InvitationShown",
    "InvitationToken",
    "InvitationWish",
    "NewInvitationFacts",
    "accept_invitation",
    "create_invitation",
    "list_invitations",
    "show_invitation",
    "withdraw_invitation",
]


class InvitationAcceptance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How somebody accepts."""

    token: str
    password: str
    name: str = ""
    code: str | None = None


class InvitationFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An open invitation."""

    invitation_id: str
    email: str
    team: str | None
    role: str
    inviter: str
    created_at: str
    expires_at: str


class InvitationShown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a link invites to."""

    email: str
    team: str | None
    role: str
    inviter: str
    expires_at: str
    is_user: bool


class InvitationToken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The token of an invitation's link."""

    token: str


class InvitationWish(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whom to invite, in which role."""

    email: str
    role: str


class NewInvitationFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An invitation that was made, with the link to pass on; shown once."""

    invitation: InvitationFacts
    link: Link


def accept_invitation(body: InvitationAcceptance) -> Request[LoginReply]:
    """Accept an invitation by its link's token, and log in."""
    return Request("POST", place("/v1/invitations/accept"), LoginReply, body=body)


def create_invitation(
    body: InvitationWish, *, team: str | None = None
) -> Request[NewInvitationFacts]:
    """Invite somebody to a role of the organisation."""
    return Request(
        "POST", place("/v1/invitations", team=team), NewInvitationFacts, body=body, repeatable=True
    )


def list_invitations(
    *,
    team: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[InvitationFacts]]:
    """List open invitations, into the organisation and all teams."""
    return Request(
        "GET",
        place("/v1/invitations", team=team),
        Page[InvitationFacts],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def show_invitation(body: InvitationToken) -> Request[InvitationShown]:
    """Show what a link invites to; needs no login."""
    return Request("POST", place("/v1/invitations/show"), InvitationShown, body=body)


def withdraw_invitation(invitation_id: str, *, team: str | None = None) -> Request[None]:
    """Take back an invitation into the organisation."""
    return Request(
        "DELETE",
        place("/v1/invitations/{invitation_id}", invitation_id=invitation_id, team=team),
        None,
    )
