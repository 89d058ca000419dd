"""Who is logged in: what they may do, and how they log in."""

from typing import Annotated

import msgspec
from fastapi import Path

from faregate.control.context import Context
from faregate.control.cookies import session_token
from faregate.control.moments import moment
from faregate.control.operations import SELF, Reply, Routes
from faregate.control.paging import Page, Paging
from faregate.control.people import Code, Password, own_session, own_user
from faregate.identity.tokens import cross_site_token
from faregate.storage.sessions import Session

routes = Routes("Session")

SessionId = Annotated[str, Path(max_length=64, description="Its id.")]


class TeamRights(msgspec.Struct, frozen=True):
    """What is held in one team."""

    team: str
    roles: list[str]
    permissions: list[str]


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """The user who asks."""

    user_id: str
    email: str
    name: str
    roles: list[str]
    has_password: bool
    second_factor: bool
    must_change_password: bool


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and what they may do."""

    # user, service_account or command
    kind: str
    name: str
    # null for a program
    user: Person | None
    # held in the organisation, and so in all teams
    permissions: list[str]
    # what is held in single teams
    teams: list[TeamRights]
    # what a token is narrowed to; null where it isn't
    scopes: list[str] | None
    # null without a session
    session_id: str | None
    csrf_token: str | None


class PasswordChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The password in force and a new one."""

    current_password: Password
    new_password: Password


class PasswordShown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The password in force, asked again before what matters."""

    current_password: Password


class FactorCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A code of the second factor."""

    code: Code


class SecondFactor(msgspec.Struct, frozen=True):
    """Whether a code is asked for at logins."""

    enabled: bool
    recovery_codes_left: int


class FactorSecret(msgspec.Struct, frozen=True):
    """A second factor that was begun.

    For an authenticator, by hand or as a QR code.
    """

    secret: str
    uri: str


class RecoveryCodes(msgspec.Struct, frozen=True):
    """Codes that each replace one of the second factor; shown once."""

    recovery_codes: list[str]


class SessionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One login."""

    session_id: str
    # whether it is the one that asks
    current: bool
    method: str
    address: str | None
    user_agent: str | None
    created_at: str
    used_at: str
    # when it ends, unless it is used before
    ends_at: str


class Ended(msgspec.Struct, frozen=True):
    """How many sessions ended."""

    ended: int


@routes.get("/v1/session", SELF, reply=Who, with_temporary_password=True)
def get_session(context: Context) -> Who:
    """Who asks, and what they may do."""
    principal, person, token = context.principal, None, None
    roles: dict[str, tuple[str, ...]] = {}
    if context.caller.user_id is not None:
        user = context.management.directory.users.get(context.caller.user_id)
        roles = dict(user.teams)
        person = Person(
            user_id=user.user_id,
            email=user.email,
            name=user.name,
            roles=list(user.roles),
            has_password=user.has_password,
            second_factor=user.second_factor,
            must_change_password=user.must_change_password,
        )
    if context.caller.session_id is not None:
        token = session_token(context.request, context.management)
    shown = {one.team: one.permissions for one in principal.held}
    scopes = principal.scopes
    return Who(
        kind=principal.actor.kind,
        name=principal.actor.name,
        user=person,
        permissions=_narrowed(shown.get(None, frozenset()), scopes),
        teams=[
            TeamRights(team, list(roles.get(team, ())), _narrowed(permissions, scopes))
            for team, permissions in sorted(shown.items(), key=str)
            if team is not None
        ],
        scopes=None if scopes is None else sorted(scopes),
        session_id=context.caller.session_id,
        csrf_token=None if token is None else cross_site_token(token),
    )


@routes.put(
    "/v1/session/password",
    SELF,
    status=204,
    errors=(403, 429),
    with_temporary_password=True,
    example=PasswordChange("violet river canoe", "seven brave llamas"),
)
def change_password(context: Context, body: PasswordChange) -> Reply:
    """Change one's own password; all other sessions end."""
    session_id = own_session(context)
    context.management.directory.passwords.change(
        context.actor, body.current_password, body.new_password, session_id
    )
    return Reply(status=204)


@routes.get("/v1/session/second-factor", SELF, reply=SecondFactor, errors=(403,))
def get_second_factor(context: Context) -> SecondFactor:
    """Whether one's own second factor is on."""
    user_id = own_user(context)
    directory = context.management.directory
    user = directory.users.get(user_id)
    return SecondFactor(user.second_factor, directory.second_factors.codes_left(user_id))


@routes.post("/v1/session/second-factor", SELF, reply=FactorSecret, errors=(403, 409, 429))
def begin_second_factor(context: Context, body: PasswordShown) -> FactorSecret:
    """Begin a second factor; it is on once a code confirms it."""
    own_session(context)
    factors = context.management.directory.second_factors
    return FactorSecret(*factors.begin(context.actor, body.current_password))


@routes.post("/v1/session/second-factor/confirm", SELF, reply=RecoveryCodes, errors=(403, 409))
def confirm_second_factor(context: Context, body: FactorCode) -> RecoveryCodes:
    """Turn the second factor on with its first code."""
    own_session(context)
    factors = context.management.directory.second_factors
    return RecoveryCodes(factors.confirm(context.actor, body.code))


@routes.post(
    "/v1/session/second-factor/recovery-codes",
    SELF,
    reply=RecoveryCodes,
    errors=(403, 409, 429),
)
def renew_recovery_codes(context: Context, body: PasswordShown) -> RecoveryCodes:
    """Make new recovery codes; the old ones no longer work."""
    own_session(context)
    factors = context.management.directory.second_factors
    return RecoveryCodes(factors.renew_codes(context.actor, body.current_password))


@routes.post("/v1/session/second-factor/disable", SELF, status=204, errors=(403, 409, 429))
def disable_second_factor(context: Context, body: PasswordShown) -> Reply:
    """Turn one's own second factor off."""
    own_session(context)
    factors = context.management.directory.second_factors
    factors.disable(context.actor, body.current_password)
    return Reply(status=204)


@routes.get("/v1/session/sessions", SELF, reply=Page[SessionFacts], errors=(403,))
def list_own_sessions(context: Context, paging: Paging) -> Page[SessionFacts]:
    """List one's own logins, the newest first."""
    found = context.management.directory.sessions.list(own_user(context))
    return session_page(context, paging, found)


@routes.delete("/v1/session/sessions/{session_id}", SELF, errors=(403,))
def end_own_session(context: Context, session_id: SessionId) -> Reply:
    """End one of one's own logins."""
    own_session(context)
    context.management.directory.sessions.end(context.principal, own_user(context), session_id)
    return Reply(status=204)


@routes.delete("/v1/session/sessions", SELF, status=200, reply=Ended, errors=(403,))
def end_other_sessions(context: Context) -> Ended:
    """End all of one's own logins but the one that asks."""
    session_id = own_session(context)
    sessions = context.management.directory.sessions
    return Ended(sessions.end_all(context.principal, own_user(context), session_id))


def session_page(context: Context, paging: Paging, found: list[Session]) -> Page[SessionFacts]:
    """A page of logins."""
    facts = [
        SessionFacts(
            session_id=one.session_id,
            current=one.session_id == context.caller.session_id,
            method=one.method,
            address=one.address,
            user_agent=one.user_agent,
            created_at=moment(one.created_ns),
            used_at=moment(one.used_ns),
            ends_at=moment(one.ends_ns),
        )
        for one in found
    ]
    return paging.page(
        facts,
        sortable=("created_at", "used_at", "ends_at", "session_id"),
        default="-created_at",
        unique="session_id",
    )


def _narrowed(permissions: frozenset[str], scopes: frozenset[str] | None) -> list[str]:
    return sorted(permissions if scopes is None else permissions & scopes)
