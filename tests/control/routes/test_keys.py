"""Keys by the API: shown once, changed by version, revoked, and each team its own."""

from collections.abc import Iterator

import pytest
from tests.control.managed import ROOT, Api, holder, make_home
from tests.control.resources.world import document

from faregate.configuration.document import Document
from faregate.control.management import open_management
from faregate.control.routes.keys import routes
from faregate.identity.permissions import machine_principal


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The operations on keys, over one installation with two teams."""
    home = make_home(tmp_path_factory.mktemp("home") / "home")
    with open_management(home) as management:
        yield Api(management, [routes])


@pytest.fixture
def api(shared: Api) -> Api:
    """The same, without an active key."""
    keys = shared.management.installation.keys
    keys.revoke_many([one.record.key_id for one in keys.list()], "root")
    shared.apply(Document())
    shared.apply(document())
    return shared.as_(machine_principal(ROOT))


def test_a_key_is_shown_once(api: Api) -> None:
    made = api.ask("POST", "/v1/keys", {"name": "ci", "application": "portal"})
    assert made.status_code == 201, made.text
    assert made.headers["cache-control"] == "no-store"
    new = made.json()
    assert new["key"].startswith("fg_")
    assert new["state"] == "active"
    key = new.pop("key")
    shown = api.ask("GET", made.headers["location"])
    assert shown.json() == new
    assert shown.headers["etag"] == made.headers["etag"] == new["etag"]
    assert key not in api.ask("GET", "/v1/keys").text
    entry = api.management.audit.find(limit=1)[0]
    assert entry.act == "keys.create"
    assert key not in str(entry)


def test_a_repeated_request_gives_the_same_key(api: Api) -> None:
    body = {"name": "once", "application": "portal"}
    first = api.ask("POST", "/v1/keys", body, idempotency_key="once")
    again = api.ask("POST", "/v1/keys", body, idempotency_key="once")
    assert again.json() == first.json()
    assert api.bad(409, "POST", "/v1/keys", body)["code"] == "conflict"


def test_a_teams_keys(api: Api) -> None:
    api.as_(holder("team-developer", "sales"))
    body = {"name": "web", "application": "site", "models": ["gpt-4"]}
    made = api.good("POST", "/v1/teams/sales/keys", body)
    assert (made["name"], made["team"], made["application"]) == (
        "sales/web", "sales", "sales/site",
    )  # fmt: skip
    assert api.good("GET", "/v1/teams/sales/keys/web")["key_id"] == made["key_id"]
    assert api.good("GET", "/v1/keys/sales%2Fweb")["key_id"] == made["key_id"]
    assert len(api.good("GET", "/v1/keys?team=sales&state=active")["items"]) == 1
    api.bad(403, "POST", "/v1/keys", body)
    api.as_(holder("team-owner", "support"))
    key = made["key_id"]
    api.bad(404, "GET", f"/v1/keys/{key}")
    api.bad(404, "GET", f"/v1/teams/support/keys/{key}")
    api.bad(404, "GET", f"/v1/teams/sales/keys/{key}")
    api.bad(404, "POST", f"/v1/teams/support/keys/{key}/revoke")
    api.bad(404, "PATCH", f"/v1/teams/support/keys/{key}", {"name": "x"}, if_match="*")
    api.bad(404, "POST", "/v1/teams/support/keys/bulk", {"revoke": [key]})
    assert api.good("GET", "/v1/keys")["items"] == []
    body = {"name": "web", "application": "sales/site"}
    foreign = api.bad(422, "POST", "/v1/teams/support/keys", body)
    assert foreign["detail"].startswith("there is no application 'sales/site'")


def test_a_key_is_changed_by_its_version(api: Api) -> None:
    made = api.good("POST", "/v1/keys", {"name": "old", "application": "portal"})
    path = f"/v1/keys/{made['key_id']}"
    api.bad(428, "PATCH", path, {"name": "new"})
    patch = {"name": "new", "models": ["gpt-5"], "expires_at": "2099-01-01T00:00:00Z"}
    changed = api.good("PATCH", path, patch, if_match=made["etag"])
    assert (changed["name"], changed["models"]) == ("new", ["gpt-5"])
    assert changed["expires_at"] == "2099-01-01T00:00:00.000Z"
    assert api.bad(412, "PATCH", path, patch, if_match=made["etag"])["code"] == "stale"
    freed = api.good("PATCH", path, {"models": None, "expires_at": None}, if_match=changed["etag"])
    assert (freed["models"], freed["expires_at"]) == (None, None)
    for wrong, field in (
        ({"name": 5}, "name"),
        ({"colour": "red"}, ""),
        ({"expires_at": "2099-01-01T00:00:00"}, "expires_at"),
    ):
        problem = api.bad(422, "PATCH", path, wrong, if_match="*")
        assert problem["errors"][0]["field"] == field


def test_a_key_is_revoked_once(api: Api) -> None:
    made = api.good("POST", "/v1/keys", {"name": "gone", "application": "portal"})
    first = api.good("POST", f"/v1/keys/{made['key_id']}/revoke")
    again = api.good("POST", "/v1/keys/gone/revoke")
    assert (first["state"], first["changed"], again["changed"]) == ("revoked", True, False)
    api.bad(409, "PATCH", f"/v1/keys/{made['key_id']}", {"name": "x"}, if_match="*")
    # Commands take the beginning of a key; here it might mean another.
    api.bad(404, "POST", f"/v1/keys/{made['prefix']}/revoke")


def test_many_keys_at_once(api: Api) -> None:
    create = [{"name": f"many-{number}", "application": "portal"} for number in range(20)]
    problem = api.bad(409, "POST", "/v1/keys/bulk", {"create": [*create, create[0]]})
    assert "many-0" in problem["detail"]
    assert api.good("GET", "/v1/keys?name=many-")["items"] == []
    made = api.good("POST", "/v1/keys/bulk", {"create": create})["created"]
    assert len({one["key"] for one in made}) == 20
    assert made[3]["etag"] == api.good("GET", "/v1/keys/many-3")["etag"]
    names = [f"many-{number}" for number in range(10)]
    api.bad(404, "POST", "/v1/keys/bulk", {"revoke": [*names, "nothing"]})
    assert len(api.good("GET", "/v1/keys?name=many-&state=active")["items"]) == 20
    told = api.good("POST", "/v1/keys/bulk", {"revoke": names})["revoked"]
    assert {one["state"] for one in told} == {"revoked"}
    api.bad(422, "POST", "/v1/keys/bulk", {})
    both = {"create": create[:1], "revoke": ["many-15"]}
    assert api.bad(422, "POST", "/v1/keys/bulk", both)["errors"][0]["field"] == "revoke"


def test_pages(api: Api) -> None:
    create = [{"name": f"page-{number}", "application": "portal"} for number in range(7)]
    api.good("POST", "/v1/keys/bulk", {"create": create})
    names, cursor = [], ""
    while True:
        page = api.good("GET", f"/v1/keys?name=page-&sort=-name&limit=3&fields=name{cursor}")
        names += [one["name"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert names == [f"page-{number}" for number in reversed(range(7))]
    api.bad(400, "GET", "/v1/keys?sort=name,created_at")
    assert api.ask("GET", "/v1/keys?cursor=WzFd").status_code == 400
    assert api.ask("GET", "/v1/keys?cursor=WyJ4Il0").status_code in (400, 422)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, ""),
        ({"name": "a b"}, 422, "name"),
        ({"name": "x", "expires_at": "2099-01-01T00:00:00"}, 422, "expires_at"),
        ({"name": "x", "models": "gpt-5"}, 422, "models"),
        ({"name": "x", "application": "nothing"}, 422, None),
        ({"name": "x", "expires_at": "2001-01-01T00:00:00Z"}, 422, None),
    ],
)
def test_what_is_wrong_is_told(api: Api, body: object, status: int, field: str | None) -> None:
    problem = api.bad(status, "POST", "/v1/keys", body)
    if field is not None:
        assert problem["errors"][0]["field"] == field
