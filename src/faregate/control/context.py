"""Who asks for an operation, and what they may see of it."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
from starlette.requests import Request

from faregate.control.management import Management
from faregate.control.operations import SELF, Operation
from faregate.control.problems import ProblemError, missing
from faregate.control.versions import expected_version
from faregate.identity.actors import Actor
from faregate.identity.permissions import Principal


@dataclass(frozen=True)
class Caller:
    """Who is behind a request.

    `principal` is None for nobody. `user_id`, `session_id` and `token_id` are set where there is
    one. `must_change_password`: nothing but that is allowed. `csrf` is set for a session.
    """

    principal: Principal | None
    address: str
    user_id: str | None = None
    session_id: str | None = None
    token_id: str | None = None
    must_change_password: bool = False


class Authenticator(Protocol):
    """Finds out who is behind a request.

    `control.authentication` is the one in use.
    """

    def __call__(self, request: Request) -> Caller:
        """Who it is, or nobody. Raises `ProblemError`: 401 for credentials that don't hold."""


@dataclass(frozen=True)
class Context:
    """What a handler knows of its request.

    `teams` are those in which the permission is held; None means all and the organisation.
    """

    operation: Operation
    management: Management
    caller: Caller
    request: Request
    team: str | None = None
    teams: frozenset[str] | None = frozenset()
    state: dict[str, Any] = field(default_factory=dict)

    @property
    def principal(self) -> Principal:
        """Who asks. Raises `ProblemError` (401) for nobody."""
        if self.caller.principal is None:
            raise not_logged_in()
        return self.caller.principal

    @property
    def actor(self) -> Actor:
        """Who asks, as histories name them."""
        return self.principal.actor

    def expected(self) -> str | None:
        """The version in If-Match; None where any will do. Raises `ProblemError`."""
        return expected_version(self.request.headers.get("if-match"))

    def expected_number(self) -> int | None:
        """The same, as a number of a revision. Raises `ProblemError`.

        412 where it is none.
        """
        version = self.expected()
        if version is None:
            return None
        if not version.isdigit():
            raise ProblemError(412, "stale", "If-Match is no version of this.")
        return int(version)

    def require(self, permission: str, team: str | None = None) -> None:
        """Raise `ProblemError` (403) unless the caller holds this too."""
        if not self.principal.may(permission, team):
            raise forbidden(self.principal, permission, team)

    def chosen_teams(self, team: str | None) -> frozenset[str] | None:
        """The teams that a list is of, where its caller asked for `team`.

        None means all.
        """
        if team is None or self.team is not None:
            return self.teams
        return frozenset({team}) if self.sees(team) else frozenset()

    def sees(self, team: str | None) -> bool:
        """Whether what belongs to `team` is among what the caller may see here."""
        return self.teams is None or (team is not None and team in self.teams)


def judge(
    operation: Operation, management: Management, caller: Caller, request: Request
) -> Context:
    """The context of an operation. Raises `ProblemError`: 401, 403, 404.

    Who may not see a team is told that it is not there, be it or not.
    """
    if operation.permission is None:
        return Context(operation, management, caller, request)
    principal = caller.principal
    if principal is None:
        raise not_logged_in()
    if caller.must_change_password and not operation.with_temporary_password:
        raise ProblemError(
            403,
            "password_change_required",
            "The password is for one use, and must be changed first.",
            fix="PUT /v1/session/password with the password that you have and a new one",
        )
    team = request.path_params.get("team")
    if operation.permission == SELF:
        return Context(operation, management, caller, request, team=team)
    if team is not None:
        if not principal.sees_team(team) or not management.has_team(team):
            raise missing(f"the team {team[:63]!r}")
        if not principal.may(operation.permission, team):
            raise _refused(management, operation, principal, team)
        return Context(operation, management, caller, request, team, frozenset({team}))
    teams = principal.teams_with(operation.permission)
    if teams is None or (operation.across and teams):
        return Context(operation, management, caller, request, None, teams)
    raise _refused(management, operation, principal, None)


def not_logged_in() -> ProblemError:
    """401 for nobody."""
    return ProblemError(
        401,
        "not_logged_in",
        "This needs a login or a token.",
        fix="POST /v1/login, or send a personal access token as 'Authorization: Bearer fgp_...'",
        headers={"WWW-Authenticate": 'Bearer realm="faregate"'},
    )


def forbidden(principal: Principal, permission: str, team: str | None) -> ProblemError:
    """403: who it is is known, and may not.

    It says whether the role or the token is why.
    """
    where = f"in the team {team!r}" if team is not None else "in the organisation"
    detail = f"It needs the permission {permission} {where}."
    fix = "ask an owner or an administrator for a role that has it"
    if msgspec.structs.replace(principal, scopes=None).may(permission, team):
        detail = f"{detail[:-1]}, to which this token's scopes don't reach."
        fix = f"use a token that has the scope {permission}"
    return ProblemError(403, "forbidden", detail, fix=fix)


def _refused(
    management: Management, operation: Operation, principal: Principal, team: str | None
) -> ProblemError:
    assert operation.permission is not None
    management.note_refused(principal, operation.id, operation.permission, team)
    return forbidden(principal, operation.permission, team)
