"""Logging in and out, and the way back in by a link."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.responses import Response

from faregate.control.context import Context
from faregate.control.cookies import give_session, take_session
from faregate.control.operations import SELF, Reply, Routes
from faregate.control.people import Code, Email, Password, TokenText, own_session
from faregate.identity.tokens import cross_site_token
from faregate.storage.logins import Attempt, SignedIn

routes = Routes("Login")


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody shows to log in."""

    email: Email
    password: Password
    # of the second factor, or a recovery code; left out in the first try
    code: Code | None = None


class LoginReply(msgspec.Struct, frozen=True):
    """How far a login has come."""

    # totp_required: the password is right; send it again with a code
    state: Literal["logged_in", "totp_required"]
    # to be sent as X-CSRF-Token with every change by cookie
    csrf_token: str | None = None
    # nothing else is possible before PUT /v1/session/password
    must_change_password: bool = False


class Reset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new password, by the token of a link."""

    token: TokenText
    new_password: Annotated[str, Meta(max_length=1_000)]


@routes.post(
    "/v1/login",
    None,
    reply=LoginReply,
    errors=(401, 403, 429),
    example=Login("ann@example.com", "violet river canoe"),
    reply_example=LoginReply("logged_in", "5f2c..."),
)
def log_in(context: Context, body: Login) -> Response:
    """Log in with a password; the session is in the cookie that comes back.

    Wrong tries are slowed, whether there is such a user or not.
    """
    client = context.request.headers.get("user-agent")
    signed_in = context.management.directory.logins.sign_in(
        Attempt(body.email, body.password, body.code, context.caller.address, client)
    )
    return login_response(context, signed_in)


@routes.post("/v1/logout", SELF, status=204, errors=(403,), with_temporary_password=True)
def log_out(context: Context) -> Response:
    """End the session that asks, and take its cookies away."""
    session_id = own_session(context)
    user_id = context.caller.user_id or ""
    context.management.directory.sessions.end(context.principal, user_id, session_id, "logout")
    response = Response(status_code=204, headers={"Cache-Control": "no-store"})
    take_session(response, context.management)
    return response


@routes.post(
    "/v1/password-resets/use",
    None,
    status=204,
    errors=(403, 404),
    example=Reset("fgr_...", "violet river canoe"),
)
def reset_password(context: Context, body: Reset) -> Reply:
    """Choose a new password by a link's token; all sessions end."""
    context.management.directory.passwords.reset(
        body.token, body.new_password, context.caller.address
    )
    return Reply(status=204)


def login_response(context: Context, signed_in: SignedIn | None) -> Response:
    """The reply to a login, with its cookies; None: a code is wanted."""
    reply = LoginReply("totp_required")
    if signed_in is not None:
        reply = LoginReply(
            "logged_in",
            cross_site_token(signed_in.token),
            signed_in.user.must_change_password,
        )
    response = Response(
        msgspec.json.encode(reply),
        headers={"Cache-Control": "no-store"},
        media_type="application/json",
    )
    if signed_in is not None:
        give_session(response, signed_in.token, context.management)
    return response
