"""Who is behind a request: the operator's token, so far as it goes."""

from starlette.requests import Request

from faregate.control.context import Caller
from faregate.control.management import Management
from faregate.control.problems import ProblemError
from faregate.identity.actors import Actor
from faregate.identity.keys import hash_key
from faregate.identity.operator import is_operator, is_operator_token, operator_token
from faregate.identity.permissions import machine_principal

_BEARER = "bearer "


class Authentication:
    """`control.context.Authenticator` over the stores of an installation."""

    def __init__(self, management: Management) -> None:
        self._operator_hash = hash_key(operator_token(management.home.master_key()))

    def __call__(self, request: Request) -> Caller:
        """Who it is, or nobody. Raises `ProblemError`: 401."""
        address = request.client.host if request.client else ""
        shown = request.headers.get("authorization", "")
        if not shown:
            return Caller(None, address)
        token = shown[len(_BEARER) :].strip() if shown[: len(_BEARER)].lower() == _BEARER else ""
        if is_operator_token(token) and is_operator(token, self._operator_hash):
            return Caller(machine_principal(Actor("command", "operator", address=address)), address)
        raise ProblemError(
            401,
            "token_invalid",
            "The token that was sent is none of this installation's, or no longer one.",
            fix="send a token that holds, or none to log in",
            headers={"WWW-Authenticate": 'Bearer realm="faregate", error="invalid_token"'},
        )
