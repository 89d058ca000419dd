"""Who may not, is told so; who may not even see, is told nothing."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.control.managed import holder

from faregate.control.context import Caller, judge
from faregate.control.operations import SELF, Operation
from faregate.control.problems import ProblemError


class Stores:
    """Management, as far as a judgement needs it."""

    def __init__(self) -> None:
        self.refused: list[tuple[str, str | None]] = []

    def has_team(self, team: str) -> bool:
        return team == "sales"

    def note_refused(self, _principal: Any, _operation: str, needed: str, team: str | None) -> None:
        self.refused.append((needed, team))


def judged(permission: str | None, caller: Caller, team: str | None = None, **more: Any) -> Any:
    path = "/v1/teams/{team}/x" if team is not None else "/v1/x"
    operation = Operation("GET", path, lambda: None, permission, "", "x", **more)
    request: Any = SimpleNamespace(path_params={} if team is None else {"team": team}, headers={})
    stores: Any = Stores()
    return judge(operation, stores, caller, request)


def status(permission: str | None, caller: Caller, team: str | None = None, **more: Any) -> int:
    try:
        judged(permission, caller, team, **more)
    except ProblemError as error:
        return error.problem.status
    return 200


NOBODY = Caller(None, "")
VIEWER = Caller(holder("team-viewer", "sales"), "")
OWNER = Caller(holder("owner"), "")


@pytest.mark.parametrize(
    ("permission", "caller", "team", "expected"),
    [
        (None, NOBODY, None, 200),
        (SELF, NOBODY, None, 401),
        ("keys.read", NOBODY, "sales", 401),
        ("keys.read", NOBODY, "never", 401),
        (SELF, VIEWER, None, 200),
        ("keys.read", VIEWER, "sales", 200),
        ("keys.write", VIEWER, "sales", 403),
        ("keys.read", VIEWER, "other", 404),
        ("keys.read", VIEWER, None, 403),
        ("keys.read", OWNER, "sales", 200),
        ("keys.read", OWNER, "other", 404),
        ("users.write", OWNER, None, 200),
    ],
)
def test_the_table(permission: str | None, caller: Caller, team: str | None, expected: int) -> None:
    assert status(permission, caller, team) == expected


def test_across_teams_the_context_has_those_with_the_permission() -> None:
    assert judged("keys.read", VIEWER, across=True).teams == {"sales"}
    assert judged("keys.read", OWNER, across=True).teams is None
    assert status("keys.write", VIEWER, across=True) == 403


def test_a_filter_never_widens() -> None:
    context = judged("keys.read", VIEWER, across=True)
    assert context.chosen_teams("other") == frozenset()
    assert context.chosen_teams("sales") == {"sales"}
    assert context.chosen_teams(None) == {"sales"}
    assert judged("keys.read", OWNER, across=True).chosen_teams("other") == {"other"}
    assert judged("keys.read", VIEWER, "sales").chosen_teams("other") == {"sales"}


def test_what_belongs_to_nobody_is_the_organisations() -> None:
    assert not judged("keys.read", VIEWER, across=True).sees(None)
    assert judged("keys.read", OWNER, across=True).sees(None)


def test_a_password_for_one_use_opens_only_its_change() -> None:
    caller = Caller(OWNER.principal, "", must_change_password=True)
    assert status(SELF, caller) == 403
    assert status(SELF, caller, with_temporary_password=True) == 200
    assert status("keys.read", caller, "sales") == 403


def test_a_further_permission_is_asked_for_by_name() -> None:
    context = judged("keys.read", VIEWER, "sales")
    context.require("keys.read", "sales")
    with pytest.raises(ProblemError, match=r"credit\.write in the team 'sales'"):
        context.require("credit.write", "sales")


def test_a_refusal_says_whether_the_role_or_the_token_is_why() -> None:
    narrowed = msgspec.structs.replace(holder("auditor"), scopes=frozenset({"calls.read"}))
    with pytest.raises(ProblemError) as by_token:
        judged("keys.read", Caller(narrowed, ""))
    assert by_token.value.problem.fixes == ("use a token that has the scope keys.read",)
    with pytest.raises(ProblemError) as by_role:
        judged("keys.write", Caller(narrowed, ""))
    assert "for a role" in by_role.value.problem.fixes[0]
