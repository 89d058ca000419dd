"""What routes of people share: whose things they are, and the same in a team."""

import datetime as dt

import pytest
from starlette.requests import Request

from faregate.control.context import Caller, Context
from faregate.control.management import Management
from faregate.control.operations import Reply, Routes
from faregate.control.people import TokenWish, in_both, link, own_session, own_user
from faregate.control.problems import ProblemError
from faregate.identity.actors import Actor
from faregate.identity.permissions import Principal


def context(management: Management, **ids: str) -> Context:
    """A request of somebody with these ids."""
    routes = Routes("x")
    routes.get("/v1/x", "self")(lambda: None)
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/v1/x",
        "headers": [(b"host", b"gate:8403")],
        "query_string": b"",
        "server": ("gate", 8403),
        "scheme": "http",
        "root_path": "",
    }
    caller = Caller(Principal(Actor("user", "ann")), "192.0.2.1", **ids)
    return Context(routes.operations[0], management, caller, Request(scope))


def test_whose(management: Management) -> None:
    both = context(management, user_id="usr_1", session_id="ses_1")
    assert (own_user(both), own_session(both)) == ("usr_1", "ses_1")
    token = context(management, user_id="usr_1", token_id="tok_1")
    assert own_user(token) == "usr_1"
    with pytest.raises(ProblemError) as caught:
        own_session(token)
    assert caught.value.problem.code == "login_required"
    with pytest.raises(ProblemError) as caught:
        own_user(context(management))
    assert caught.value.problem.code == "no_user"


def test_a_link_hides_its_token_from_logs(management: Management) -> None:
    made = link(context(management), "page", "fgr_x", 0)
    assert made.url == "http://gate:8403/page#token=fgr_x"
    assert made.expires_at == "1970-01-01T00:00:00.000Z"


def test_the_same_in_a_team() -> None:
    routes = Routes("Things")

    def get_thing(context: Context, name: str) -> Reply:
        """Show a thing."""
        return Reply(f"{context} {name}")

    in_both(routes, "GET", "/v1/things/{name}", "users.read")(get_thing)
    ours, theirs = routes.operations
    assert (ours.id, theirs.id) == ("get_thing", "get_team_thing")
    assert theirs.path == "/v1/teams/{team}/things/{name}"
    assert theirs.summary == ours.summary == "Show a thing."
    assert theirs.handler(context="c", name="n", team="sales").value == "c n"


def test_a_time_needs_its_zone() -> None:
    assert TokenWish("t").expires_ns() is None
    assert TokenWish("t", None, dt.datetime(1970, 1, 1, tzinfo=dt.UTC)).expires_ns() == 0
    with pytest.raises(ProblemError):
        TokenWish("t", None, dt.datetime(2030, 1, 1)).expires_ns()
