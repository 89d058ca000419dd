"""An operation says who may, what it takes and what it gives."""

import msgspec
import pytest

from faregate.control.context import Context
from faregate.control.operations import Operation, Routes
from faregate.control.registry import all_routes
from faregate.identity.permissions import TEAM_PERMISSIONS


class Body(msgspec.Struct):
    name: str


def declared() -> Routes:
    routes = Routes("Things")

    @routes.post("/v1/things", "keys.write", reply=Body, status=201)
    def create_thing(context: Context, body: Body) -> Body:
        """Make a thing.

        More is not the summary.
        """
        return body

    @routes.both("GET", "/v1/things/{name}", "keys.read", reply=Body)
    def get_thing(context: Context, name: str, team: str | None = None) -> Body:
        """Show a thing."""
        return Body(name)

    @routes.delete("/v1/things/{name}", "keys.write")
    def delete_thing(context: Context, name: str) -> None:
        """Remove a thing."""

    return routes


def test_what_is_not_said_is_taken_from_the_handler() -> None:
    create, *_, delete = declared().operations
    assert (create.id, create.summary, create.body) == ("create_thing", "Make a thing.", Body)
    assert delete.status == 204


def test_both_is_one_across_teams_and_one_in_a_team() -> None:
    _, across, in_team, _ = declared().operations
    assert (across.id, across.path, across.across) == ("get_thing", "/v1/things/{name}", True)
    assert in_team.id == "get_team_thing"
    assert in_team.path == "/v1/teams/{team}/things/{name}"
    assert in_team.is_of_team
    assert not in_team.across


def test_an_unknown_permission_is_refused() -> None:
    with pytest.raises(ValueError, match="no permission"):
        Routes("x").add(Operation("GET", "/x", declared, "things.burn", "", "x"))


ALL = [one for routes in all_routes() for one in routes.operations]


def test_every_operation_is_told_apart() -> None:
    ids = [one.id for one in ALL]
    places = [(one.method, one.path) for one in ALL]
    assert len(ids) == len(set(ids))
    assert len(places) == len(set(places))
    assert len(ALL) > 20


@pytest.mark.parametrize("operation", ALL, ids=lambda one: one.id)
def test_what_is_in_a_team_needs_what_can_be_held_there(operation: Operation) -> None:
    assert operation.summary.endswith(".")
    if operation.is_of_team and operation.path != "/v1/teams/{team}":
        assert operation.permission in TEAM_PERMISSIONS


# Whoever has no login is let in here, and nowhere else.
OPEN = {
    "get_health",
    "log_in",
    "reset_password",
    "show_invitation",
    "accept_invitation",
    "start_device_login",
    "poll_device_login",
    "show_device_page",
    "show_invitation_page",
    "show_password_page",
    "list_login_providers",
    "start_single_sign_on",
    "finish_single_sign_on",
}


def test_the_operations_without_a_login_are_few() -> None:
    assert {one.id for one in ALL if one.permission is None} <= OPEN
