"""Logging in with the organisation's identity provider (OpenID Connect)."""

from typing import Annotated, Final
from urllib.parse import quote

import msgspec
from fastapi import Query
from starlette.responses import RedirectResponse, Response

from faregate.configuration.single_sign_on import SingleSignOn
from faregate.configuration.single_sign_on_rules import LOOPBACK
from faregate.control.context import Context
from faregate.control.cookies import give_session, is_secure
from faregate.control.operations import Routes
from faregate.control.problems import ProblemError, missing
from faregate.control.single_sign_on import STATE_S

routes = Routes("Login")

COOKIE: Final = "faregate_sso"
_PATH: Final = "/v1/single-sign-on"
_AFTERWARDS: Final = "/v1/session"


class LoginProvider(msgspec.Struct, frozen=True):
    """An identity provider to log in with: a button, and where it leads."""

    name: str
    title: str
    start_url: str


class LoginProviders(msgspec.Struct, frozen=True):
    """All of them."""

    items: list[LoginProvider]


@routes.get(_PATH, None, reply=LoginProviders)
def list_login_providers(context: Context) -> LoginProviders:
    """List the identity providers that people log in with."""
    return LoginProviders(
        [
            LoginProvider(one.name, one.title or one.name, f"{_PATH}/{quote(one.name)}/start")
            for one in context.management.installation.revisions.written()[1].identity_providers
        ]
    )


@routes.get(f"{_PATH}/{{name}}/start", None, status=303, errors=(404, 409))
def start_single_sign_on(
    context: Context,
    name: str,
    return_to: Annotated[
        str, Query(max_length=1_000, description="Path of this site to go to afterwards.")
    ] = _AFTERWARDS,
) -> Response:
    """Begin a login: the browser is sent to the identity provider."""
    if not return_to.startswith("/") or return_to.startswith(("//", "/\\")):
        message = "it is no path of this site"
        raise ProblemError(400, "query_invalid", f"return_to: {message}.", fix="begin it with /")
    begun = context.management.identity_providers.begin(
        _found(context, name), _redirect_uri(context, name), return_to
    )
    response = RedirectResponse(begun.address, 303)
    response.headers["Cache-Control"] = "no-store"
    response.set_cookie(
        COOKIE,
        begun.cookie,
        max_age=STATE_S,
        path=_PATH,
        secure=is_secure(context.management),
        httponly=True,
        samesite="lax",  # it comes back with a navigation from another site
    )
    return response


@routes.get(f"{_PATH}/{{name}}/callback", None, status=303, errors=(401, 404), takes_any_query=True)
def finish_single_sign_on(context: Context, name: str) -> Response:
    """End a login: the identity provider sends the browser back here."""
    management, request = context.management, context.request
    returned = management.identity_providers.finish(
        _found(context, name), request.cookies.get(COOKIE), dict(request.query_params)
    )
    login = msgspec.structs.replace(
        returned.login,
        address=context.caller.address,
        user_agent=request.headers.get("user-agent"),
    )
    signed_in = management.directory.external_logins.sign_in(login)
    response = RedirectResponse(returned.return_to, 303)
    response.headers["Cache-Control"] = "no-store"
    response.delete_cookie(COOKIE, path=_PATH)
    give_session(response, signed_in.token, management)
    return response


def _found(context: Context, name: str) -> SingleSignOn:
    for one in context.management.installation.revisions.current().clear.identity_providers:
        if one.name == name:
            return one
    raise missing(f"the identity provider {name[:63]!r}")


def _redirect_uri(context: Context, name: str) -> str:
    """Where the identity provider sends the browser back to.

    An address of another host in the request's own fields is not believed.
    """
    base = context.management.directory.settings().public_url
    if base is None:
        if context.request.url.hostname not in LOOPBACK:
            raise ProblemError(
                409,
                "public_url_missing",
                "Where people reach this installation isn't set, so nobody can be sent back.",
                fix="set settings.management.public_url",
            )
        base = str(context.request.base_url)
    return f"{base.rstrip('/')}{_PATH}/{quote(name)}/callback"
