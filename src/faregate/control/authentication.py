"""Who is behind a request: a login's cookie, or a bearer token."""

from functools import cached_property
from typing import Final

from starlette.requests import Request

from faregate.control.context import Caller
from faregate.control.cookies import (
    SAFE_METHODS,
    refuse_other_sites,
    require_own_page,
    session_token,
)
from faregate.control.management import Management
from faregate.control.problems import ProblemError, explained
from faregate.control.registry import all_routes
from faregate.core.errors import FaregateError
from faregate.identity.actors import Actor
from faregate.identity.keys import hash_key
from faregate.identity.operator import is_operator, is_operator_token, operator_token
from faregate.identity.permissions import machine_principal
from faregate.identity.tokens import kind_of_token
from faregate.storage.principals import Identified

_BEARER: Final = "bearer "
_CHARACTERS_MAX: Final = 256  # of a token; longer ones are none


class Authentication:
    """`control.context.Authenticator` over the stores of an installation."""

    def __init__(self, management: Management) -> None:
        self._management = management
        self._operator_hash = hash_key(operator_token(management.home.master_key()))

    def __call__(self, request: Request) -> Caller:
        """Who it is, or nobody.

        Raises `ProblemError`: 401 for a token that doesn't hold, 403 for a change by cookie that
        no page of ours sends, 429 for too many wrong tokens.
        """
        address = request.client.host if request.client else ""
        try:
            if shown := request.headers.get("authorization"):
                return self._of_token(shown, address)
            return self._of_cookie(request, address)
        except FaregateError as error:
            raise explained(error) from error

    def _of_token(self, shown: str, address: str) -> Caller:
        token = shown[len(_BEARER) :].strip() if shown[: len(_BEARER)].lower() == _BEARER else ""
        if is_operator_token(token) and is_operator(token, self._operator_hash):
            return Caller(machine_principal(Actor("command", "operator", address=address)), address)
        if len(token) <= _CHARACTERS_MAX and kind_of_token(token) in ("personal", "service"):
            found = self._management.directory.principals.of_token(token, address)
            if found is not None:
                return _caller(found, address)
        raise ProblemError(
            401,
            "token_invalid",
            "The token that was sent is none of this installation's, or no longer one.",
            fix="send a token that holds, or none to log in",
            headers={"WWW-Authenticate": 'Bearer realm="faregate", error="invalid_token"'},
        )

    def _of_cookie(self, request: Request, address: str) -> Caller:
        """Who logged in with this browser; a login that is over is nobody's."""
        changes = request.method not in SAFE_METHODS
        if (request.method, request.url.path) in self._open:
            # A login forced upon somebody by another site is refused as well.
            if changes:
                refuse_other_sites(request, self._management)
            return Caller(None, address)
        token = session_token(request, self._management)
        if token is None or kind_of_token(token) != "session":
            return Caller(None, address)
        found = self._management.directory.principals.of_session(token, address)
        if found is None:
            return Caller(None, address)
        if changes:
            require_own_page(request, self._management, token)
        return _caller(found, address)

    @cached_property
    def _open(self) -> frozenset[tuple[str, str]]:
        """Operations that need no login: an old cookie is in nobody's way there."""
        operations = (one for routes in all_routes() for one in routes.operations)
        return frozenset((one.method, one.path) for one in operations if one.permission is None)


def _caller(found: Identified, address: str) -> Caller:
    return Caller(
        found.principal,
        address,
        found.user_id,
        found.session_id,
        found.token_id,
        found.must_change_password,
    )
