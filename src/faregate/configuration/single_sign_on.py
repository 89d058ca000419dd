"""How people log in with the organisation's identity provider (OIDC)."""

from typing import Literal

from faregate.configuration.names import Name
from faregate.configuration.settings import Section


class GroupRole(Section, frozen=True, kw_only=True):
    """A role that the members of a group have."""

    # Value in the claim of groups.
    group: str
    # Role of Faregate: built in, or one of yours.
    role: str
    # Team that the role is held in, for roles of teams; none: the organisation.
    team: Name | None = None


class SingleSignOn(Section, frozen=True, kw_only=True):
    """An identity provider that people log in with."""

    # Name in this installation; the redirect address is
    # PUBLIC_URL/v1/single-sign-on/NAME/callback.
    name: Name
    # What its button says; none: its name.
    title: str | None = None
    # Address of the provider, to the letter as it calls itself.
    issuer: str
    # What the provider knows Faregate as.
    client_id: str
    # The secret that goes with it, as ${env:NAME}; none: a public client, by PKCE alone.
    client_secret: str | None = None
    # How the secret is shown to the provider.
    client_authentication: Literal["client_secret_basic", "client_secret_post"] = (
        "client_secret_basic"
    )
    # Scopes that are asked for.
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    # Claim that lists a person's groups; looked for in the ID token, then in userinfo.
    groups_claim: str = "groups"
    # Roles by group; they are given and taken with every login, those given by hand stay.
    roles: tuple[GroupRole, ...] = ()
    # Whether somebody who isn't a user here becomes one; without a role they may do nothing.
    create_users: bool = False
    # Whether an address that the provider has verified (email_verified) is the user of this
    # address here: only for a provider whose addresses are your organisation's alone.
    link_by_email: bool = False
    # Domains of addresses that may log in; none: all.
    email_domains: tuple[str, ...] = ()
