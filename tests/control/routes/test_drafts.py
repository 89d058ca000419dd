"""Drafts by the API: changes are staged, looked at, and published together."""

import pytest
from tests.control.managed import Api, holder
from tests.control.resources.world import document

from faregate.control.management import Management
from faregate.control.routes import resources
from faregate.control.routes.drafts import routes


@pytest.fixture
def api(management: Management) -> Api:
    """The operations on drafts and items."""
    made = Api(management, [routes, resources.routes])
    made.apply(document())
    return made


def stage(api: Api) -> None:
    """A changed and a new plan in the draft "autumn"."""
    patch = {"markup": "2"}
    told = api.ask("PATCH", "/v1/plans/pro?draft=autumn", patch, if_match="*")
    assert (told.status_code, told.json()) == (202, {"draft": "autumn", "staged": 1})
    told = api.ask("POST", "/v1/plans?draft=autumn", {"name": "starter"})
    assert told.json() == {"draft": "autumn", "staged": 2}


def test_what_is_staged_is_not_in_force_until_it_is_published(api: Api) -> None:
    stage(api)
    assert api.good("GET", "/v1/plans/pro")["markup"] == "1.5"
    assert api.management.index.document()[0] == 1
    drafts = api.good("GET", "/v1/drafts")["items"]
    assert [one["name"] for one in drafts] == ["autumn"]
    items = api.good("GET", "/v1/drafts/autumn")["items"]
    assert {(one["kind"], one["name"], one["removed"]) for one in items} == {
        ("plans", "pro", False), ("plans", "starter", False),
    }  # fmt: skip
    preview = api.good("GET", "/v1/drafts/autumn/preview")
    assert {one["place"] for one in preview["changes"]} == {"plans[pro].markup", "plans[starter]"}
    assert (preview["stale"], preview["problems"]) == ([], [])
    done = api.good("POST", "/v1/drafts/autumn/publish?message=new+prices")
    assert done == {"revision": 2}
    assert api.good("GET", "/v1/plans/pro")["markup"] == "2"
    assert api.good("GET", "/v1/plans/starter")["name"] == "starter"
    api.bad(404, "GET", "/v1/drafts/autumn")
    api.bad(404, "POST", "/v1/drafts/autumn/publish")


def test_what_was_changed_meanwhile_is_not_overwritten(api: Api) -> None:
    stage(api)
    api.good("PATCH", "/v1/plans/pro", {"markup": "3"}, if_match="*")
    preview = api.good("GET", "/v1/drafts/autumn/preview")
    assert [one["name"] for one in preview["stale"]] == ["pro"]
    assert api.bad(412, "POST", "/v1/drafts/autumn/publish")["code"] == "stale"
    assert api.good("GET", "/v1/plans/pro")["markup"] == "3"
    api.bad(404, "GET", "/v1/plans/starter")
    some = {"items": [{"kind": "plans", "name": "pro"}]}
    assert api.good("POST", "/v1/drafts/autumn/discard", some) == {"items": 1}
    api.bad(412, "POST", "/v1/drafts/autumn/publish?revision=1")
    api.good("POST", "/v1/drafts/autumn/publish")
    assert api.good("GET", "/v1/plans/starter")["name"] == "starter"


def test_a_stale_version_is_not_staged(api: Api) -> None:
    etag = api.good("GET", "/v1/plans/pro")["etag"]
    api.good("PATCH", "/v1/plans/pro", {"markup": "3"}, if_match=etag)
    problem = api.bad(412, "PATCH", "/v1/plans/pro?draft=autumn", {"markup": "2"}, if_match=etag)
    assert problem["code"] == "stale"
    api.bad(400, "PATCH", "/v1/plans/pro?draft=a%2Fb", {"markup": "2"}, if_match="*")


def test_a_draft_is_dropped(api: Api) -> None:
    stage(api)
    assert api.good("DELETE", "/v1/drafts/autumn") == {"items": 2}
    api.bad(404, "GET", "/v1/drafts/autumn")
    api.bad(404, "DELETE", "/v1/drafts/autumn")


def test_a_whole_configuration_is_staged(api: Api) -> None:
    body = {"document": {"teams": [{"name": "only"}]}}
    draft = api.good("PUT", "/v1/drafts/clean/configuration?message=anew", body)
    assert draft["message"] == "anew"
    assert any(one["removed"] for one in draft["items"])
    api.good("POST", "/v1/drafts/clean/publish")
    assert [one["name"] for one in api.good("GET", "/v1/teams")["items"]] == ["only"]
    credit = {"document": {"wallets": [{"name": "w", "grants": [{"name": "g", "amount": "9"}]}]}}
    api.as_(holder("administrator"))
    api.bad(403, "PUT", "/v1/drafts/clean/configuration", credit)
    api.as_(holder("finance"))
    api.bad(403, "GET", "/v1/drafts")


def test_a_changed_configuration_is_staged_on_the_draft(api: Api) -> None:
    stage(api)
    read = api.good("GET", "/v1/drafts/autumn/configuration")
    assert [one["name"] for one in read["document"]["plans"]][-1] == "starter"
    read["document"]["teams"].append({"name": "new"})
    body = {"document": read["document"], "state": read["state"]}
    draft = api.good("PUT", "/v1/drafts/autumn/configuration", body)
    assert {one["name"] for one in draft["items"]} == {"pro", "starter", "new"}
    assert api.bad(412, "PUT", "/v1/drafts/autumn/configuration", body)["code"] == "stale"
    read = api.good("GET", "/v1/drafts/autumn/configuration")
    read["document"]["wallets"].append({"name": "w", "grants": [{"name": "g", "amount": "9"}]})
    body = {"document": read["document"], "state": read["state"]}
    api.as_(holder("administrator"))
    api.bad(403, "PUT", "/v1/drafts/autumn/configuration", body)
    api.as_(holder("finance"))
    api.bad(403, "GET", "/v1/drafts/autumn/configuration")
