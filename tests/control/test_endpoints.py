"""What all operations share: who may, bodies, entity tags, keys, fields."""

import threading
from typing import Annotated

import msgspec
import pytest
from msgspec import Meta
from tests.control.managed import Api, holder

from faregate.configuration.commerce import Team
from faregate.configuration.document import Document
from faregate.control.context import Context
from faregate.control.management import Management
from faregate.control.operations import SELF, Operation, Reply, Routes
from faregate.control.paging import Page, Paging
from faregate.core.errors import ConflictError
from faregate.storage.audit_log import AuditQuery


class Thing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the operations below are about."""

    name: Annotated[str, Meta(min_length=1, max_length=20)]
    size: int = 0


routes = Routes("Things")
made: list[Thing] = []
GATE = threading.Event()


@routes.get("/v1/teams/{team}/things", "keys.read", reply=Page[Thing])
def list_team_things(context: Context, team: str, paging: Paging) -> Page[Thing]:
    """List things."""
    return paging.page([Thing("a", 1), Thing("b", 2)], sortable=("name", "size"), default="name")


@routes.get("/v1/things", "keys.read", reply=Page[Thing], across=True)
def list_things(context: Context, team: str | None = None) -> Page[Thing]:
    """List the things of the teams that one may see."""
    return Page([Thing(one) for one in sorted(context.chosen_teams(team) or ())], None)


@routes.post("/v1/things", "keys.write", reply=Thing, status=201, idempotent=True)
def create_thing(context: Context, body: Thing) -> Reply:
    """Make a thing."""
    if body.name == "slow":
        GATE.wait(5)
    if body.name == "taken":
        raise ConflictError("it is taken", fix="take another name")
    if body.name == "broken":
        raise RuntimeError("secret words")
    made.append(body)
    return Reply(body, version=len(made))


@routes.patch("/v1/things/{name}", "keys.write", reply=Thing, versioned=True, patch=True)
def update_thing(context: Context, name: str, body: Thing) -> Reply:
    """Change a thing."""
    return Reply(Thing(name), version=context.expected())


@routes.delete("/v1/things/{name}", "keys.write")
def delete_thing(context: Context, name: str) -> None:
    """Remove a thing."""


@routes.get("/v1/own", SELF, reply=Thing)
def get_own(context: Context) -> Thing:
    """Show what is one's own."""
    return Thing(context.actor.name[:20])


@routes.post("/v1/open", None, reply=Thing)
def post_open(context: Context, body: Thing) -> Thing:
    """Take something from anybody."""
    return body


@pytest.fixture
def api(management: Management) -> Api:
    made.clear()
    GATE.clear()
    api = Api(management, [routes])
    api.apply(Document(teams=(Team(name="sales"), Team(name="other"))))
    return api


def test_without_a_login_it_is_401_whatever_is_asked(api: Api) -> None:
    api.as_(None)
    problem = api.bad(401, "POST", "/v1/things", {"name": 5})
    assert "fgp_" in problem["fixes"][0]
    assert api.bad(401, "GET", "/v1/teams/sales/things?limit=wrong")["code"] == "not_logged_in"
    assert api.good("POST", "/v1/open", {"name": "x"}) == {"name": "x", "size": 0}


def test_a_team_that_one_may_not_see_is_not_there(api: Api) -> None:
    api.as_(holder("team-viewer", "sales"))
    foreign = api.bad(404, "GET", "/v1/teams/other/things")
    unknown = api.bad(404, "GET", "/v1/teams/never/things")
    assert foreign["detail"].replace("other", "never") == unknown["detail"]
    assert len(api.good("GET", "/v1/teams/sales/things")["items"]) == 2


def test_a_team_that_is_gone_is_not_there_for_the_owner_either(api: Api) -> None:
    assert api.bad(404, "GET", "/v1/teams/never/things")["code"] == "not_found"


def test_a_permission_that_is_missing_is_named_and_recorded(api: Api) -> None:
    api.as_(holder("team-viewer", "sales"))
    problem = api.bad(403, "POST", "/v1/things", {"name": "x"})
    assert "keys.write" in problem["detail"]
    entries = api.management.audit.find(AuditQuery(act="access.refused"))
    assert [one.object for one in entries] == ["operations/create_thing"]
    assert made == []


def test_across_teams_one_sees_what_is_ones_own(api: Api) -> None:
    api.as_(holder("team-viewer", "sales"))
    assert api.good("GET", "/v1/things")["items"] == [{"name": "sales", "size": 0}]
    assert api.good("GET", "/v1/things?team=other")["items"] == []


def test_what_is_ones_own_needs_no_permission(api: Api) -> None:
    api.as_(holder("team-viewer", "sales", "eve"))
    assert api.good("GET", "/v1/own")["name"] == "eve"


def test_a_password_for_one_use_opens_nothing_else(api: Api) -> None:
    api.must_change_password = True
    assert api.bad(403, "GET", "/v1/own")["code"] == "password_change_required"


@pytest.mark.parametrize(
    ("body", "field"),
    [({"name": ""}, "name"), ({"name": "x", "size": "1"}, "size"), ({"name": "x", "y": 1}, "")],
)
def test_a_body_of_another_shape_names_the_field(api: Api, body: object, field: str) -> None:
    problem = api.bad(422, "POST", "/v1/things", body)
    assert problem["errors"][0]["field"] == field
    assert made == []


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"", "application/json", 400),
        (b"", "", 400),
        (b"{}", "text/plain", 415),
        (b"[" * 100_000, "application/json", 422),
        (b" " * (33 * 1024 * 1024), "application/json", 413),
    ],
)
def test_a_body_that_can_not_be_read_is_refused(
    api: Api, content: bytes, media_type: str, status: int
) -> None:
    headers = {"content-type": media_type} if media_type else {}
    response = api.client.post("/v1/things", content=content, headers=headers)
    assert response.status_code == status, response.text
    assert made == []


def test_errors_of_the_house_keep_their_fix(api: Api) -> None:
    problem = api.bad(409, "POST", "/v1/things", {"name": "taken"})
    assert problem["fixes"] == ["take another name"]


def test_a_mistake_of_ours_says_nothing_of_its_inside(api: Api) -> None:
    problem = api.bad(500, "POST", "/v1/things", {"name": "broken"})
    assert "secret words" not in str(problem)


def test_a_change_needs_the_version_that_was_seen(api: Api) -> None:
    assert api.bad(428, "PATCH", "/v1/things/a", {"size": 1})["fixes"]
    response = api.ask("PATCH", "/v1/things/a", {"size": 1}, If_Match='"7"')
    assert response.headers["etag"] == '"7"'


def test_the_same_key_makes_the_same_thing_once(api: Api) -> None:
    first = api.ask("POST", "/v1/things", {"name": "x"}, Idempotency_Key="k1")
    again = api.ask("POST", "/v1/things", {"name": "x"}, Idempotency_Key="k1")
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["etag"] == first.headers["etag"]
    assert len(made) == 1
    other = api.bad(422, "POST", "/v1/things", {"name": "y"}, Idempotency_Key="k1")
    assert other["code"] == "idempotency_key_reused"
    api.as_(holder("owner", name="another@example.com"))
    api.good("POST", "/v1/things", {"name": "y"}, Idempotency_Key="k1")
    assert len(made) == 2


def test_a_refused_request_leaves_its_key_free(api: Api) -> None:
    api.bad(409, "POST", "/v1/things", {"name": "taken"}, Idempotency_Key="k2")
    api.good("POST", "/v1/things", {"name": "free"}, Idempotency_Key="k2")
    assert [one.name for one in made] == ["free"]
    api.bad(400, "POST", "/v1/things", {"name": "x"}, Idempotency_Key="k" * 300)


def test_of_two_at_once_one_waits(api: Api) -> None:
    results: list[int] = []

    def ask() -> None:
        body = {"name": "slow"}
        results.append(api.ask("POST", "/v1/things", body, Idempotency_Key="k3").status_code)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    threads[0].start()
    threads[1].start()
    threads[0].join(2)
    threads[1].join(0.5)
    GATE.set()
    for thread in threads:
        thread.join(10)
    assert sorted(results) in ([201, 201], [201, 409])
    assert len(made) == 1


def test_fields_show_a_part(api: Api) -> None:
    page = api.good("GET", "/v1/teams/sales/things?fields=size&sort=-size")
    assert page == {"items": [{"size": 2}, {"size": 1}], "next_cursor": None}
    problem = api.bad(400, "GET", "/v1/teams/sales/things?fields=colour")
    assert problem["errors"][0]["field"] == "fields"


def test_a_parameter_that_has_no_effect_is_refused(api: Api) -> None:
    problem = api.bad(400, "GET", "/v1/teams/sales/things?limt=5")
    assert problem["errors"][0]["field"] == "limt"
    assert problem["fixes"] == ["did you mean 'limit'?"]
    assert "none is taken" in api.bad(400, "GET", "/v1/own?x=1")["fixes"][0]
    api.good("GET", "/v1/things?team=sales")


def test_nothing_is_kept_on_the_way_or_framed(api: Api) -> None:
    response = api.ask("GET", "/v1/own")
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"
    assert api.ask("DELETE", "/v1/things/a").status_code == 204


def test_an_operation_has_a_known_permission() -> None:
    with pytest.raises(ValueError, match="no permission"):
        Routes("x").add(Operation("GET", "/x", get_own, "things.burn", "", "x"))
