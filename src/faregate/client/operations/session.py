"""The management API: session. Written by `make docs`."""

import msgspec

from faregate.client.operations.shapes import Ended, SessionFacts
from faregate.client.requests import Page, Request, asked, place

__all__ = [
    "FactorCode",
    "FactorSecret",
    "PasswordChange",
    "PasswordShown",
    "Person",
    "RecoveryCodes",
    "SecondFactor",
    "TeamRights",
    "Who",
    "begin_second_factor",
    "change_password",
    "confirm_second_factor",
    "disable_second_factor",
    "end_other_sessions",
    "end_own_session",
    "get_second_factor",
    "get_session",
    "list_own_sessions",
    "renew_recovery_codes",
]


class FactorCode(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A code of the second factor."""

    code: str


class FactorSecret(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A second factor that was begun.

    For an authenticator, by hand or as a QR code.
    """

    secret: str
    uri: str


class PasswordChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The password in force and a new one."""

    current_password: str
    new_password: str


class PasswordShown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The password in force, asked again before what matters."""

    current_password: str


class Person(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The user who asks."""

    user_id: str
    email: str
    name: str
    roles: list[str]
    has_password: bool
    second_factor: bool
    must_change_password: bool


class RecoveryCodes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Codes that each replace one of the second factor; shown once."""

    recovery_codes: list[str]


class SecondFactor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a code is asked for at logins."""

    enabled: bool
    recovery_codes_left: int


class TeamRights(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is held in one team."""

    team: str
    roles: list[str]
    permissions: list[str]


class Who(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who asks, and what they may do."""

    kind: str
    name: str
    user: Person | None
    permissions: list[str]
    teams: list[TeamRights]
    scopes: list[str] | None
    session_id: str | None
    csrf_token: str | None


def begin_second_factor(body: PasswordShown) -> Request[FactorSecret]:
    """Begin a second factor; it is on once a code confirms it."""
    return Request("POST", place("/v1/session/second-factor"), FactorSecret, body=body)


def change_password(body: PasswordChange) -> Request[None]:
    """Change one's own password; all other sessions end."""
    return Request("PUT", place("/v1/session/password"), None, body=body)


def confirm_second_factor(body: FactorCode) -> Request[RecoveryCodes]:
    """Turn the second factor on with its first code."""
    return Request("POST", place("/v1/session/second-factor/confirm"), RecoveryCodes, body=body)


def disable_second_factor(body: PasswordShown) -> Request[None]:
    """Turn one's own second factor off."""
    return Request("POST", place("/v1/session/second-factor/disable"), None, body=body)


def end_other_sessions() -> Request[Ended]:
    """End all of one's own logins but the one that asks."""
    return Request("DELETE", place("/v1/session/sessions"), Ended)


def end_own_session(session_id: str) -> Request[None]:
    """End one of one's own logins."""
    return Request(
        "DELETE", place("/v1/session/sessions/{session_id}", session_id=session_id), None
    )


def get_second_factor() -> Request[SecondFactor]:
    """Whether one's own second factor is on."""
    return Request("GET", place("/v1/session/second-factor"), SecondFactor)


def get_session() -> Request[Who]:
    """Who asks, and what they may do."""
    return Request("GET", place("/v1/session"), Who)


def list_own_sessions(
    *, limit: int | None = None, cursor: str | None = None, sort: str | None = None
) -> Request[Page[SessionFacts]]:
    """List one's own logins, the newest first."""
    return Request(
        "GET",
        place("/v1/session/sessions"),
        Page[SessionFacts],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def renew_recovery_codes(body: PasswordShown) -> Request[RecoveryCodes]:
    """Make new recovery codes; the old ones no longer work."""
    return Request(
        "POST", place("/v1/session/second-factor/recovery-codes"), RecoveryCodes, body=body
    )
