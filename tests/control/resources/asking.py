"""What a handler knows of its request, made by hand."""

from typing import Any, cast

from starlette.requests import Request
from tests.control.managed import ROOT

from faregate.control.context import Caller, Context
from faregate.control.management import Management
from faregate.control.operations import Operation
from faregate.identity.permissions import Principal, machine_principal


def asking(
    management: Management | None = None,
    principal: Principal | None = None,
    team: str | None = None,
    teams: frozenset[str] | None = None,
    **headers: str,
) -> Context:
    """The context of somebody who asks for something in `team`, with fields of a request."""
    principal = principal or machine_principal(ROOT)
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/v1/things",
        "query_string": b"",
        "headers": fields,
        "server": ("127.0.0.1", 80),
    }
    operation = Operation("POST", "/v1/things", lambda: None, None, "Do it.", "Things")
    return Context(
        operation,
        cast(Management, management),
        Caller(principal, "127.0.0.1"),
        Request(scope),
        team,
        frozenset({team}) if team is not None else teams,
    )
