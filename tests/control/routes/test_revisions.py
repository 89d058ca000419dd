"""Revisions by the API: listed, shown, compared, rolled back."""

import pytest
from tests.control.managed import Api, holder
from tests.control.resources.world import document

from faregate.control.management import Management
from faregate.control.routes import resources
from faregate.control.routes.revisions import routes


@pytest.fixture
def api(management: Management) -> Api:
    """The operations on revisions and items, after three changes."""
    made = Api(management, [routes, resources.routes])
    made.apply(document())
    made.as_(holder("owner", name="ada@example.com"))
    made.good("PATCH", "/v1/plans/pro?message=dearer", {"markup": "2"}, if_match="*")
    made.good("POST", "/v1/plans", {"name": "starter"})
    return made


def test_who_changed_what_when_and_why(api: Api) -> None:
    items = api.good("GET", "/v1/revisions")["items"]
    assert [one["number"] for one in items] == [3, 2, 1]
    assert items[1]["actor"] == "ada@example.com"
    assert items[1]["actor_kind"] == "user"
    assert items[1]["message"] == "dearer"
    assert items[1]["created_at"].endswith("Z")
    page = api.good("GET", "/v1/revisions?limit=2")
    rest = api.good("GET", f"/v1/revisions?cursor={page['next_cursor']}")
    assert [one["number"] for one in (*page["items"], *rest["items"])] == [3, 2, 1]
    assert rest["next_cursor"] is None
    shown = api.good("GET", "/v1/revisions/2")
    assert shown["changes"] == [
        {"sign": "~", "place": "plans[pro].markup", "old": "1.5", "new": "2"}
    ]
    api.bad(404, "GET", "/v1/revisions/99")
    api.bad(400, "GET", "/v1/revisions/0")
    api.bad(400, "GET", "/v1/revisions?sort=actor")
    api.bad(400, "GET", "/v1/revisions?cursor=WyJ4Il0")


def test_comparison(api: Api) -> None:
    told = api.good("GET", "/v1/revisions/compare?old=1&new=3")
    places = [one["place"] for one in told["changes"]]
    assert "plans[starter]" in places
    assert "plans[pro].markup" in places
    assert api.good("GET", "/v1/revisions/compare?old=3&new=3")["changes"] == []
    api.bad(404, "GET", "/v1/revisions/compare?old=1&new=99")
    api.bad(400, "GET", "/v1/revisions/compare?old=1")


def test_an_earlier_configuration(api: Api) -> None:
    then = api.good("GET", "/v1/revisions/1/configuration")["document"]
    assert then["plans"][0]["markup"] == "1.5"
    assert api.management.audit.find(limit=1)[0].act == "config.export"


def test_rolling_back(api: Api) -> None:
    api.bad(428, "POST", "/v1/revisions/1/rollback")
    dry = api.good("POST", "/v1/revisions/1/rollback?dry_run=true", if_match='"3"')
    assert dry["dry_run"] is True
    assert {one["place"] for one in dry["changes"]} == {"plans[pro].markup", "plans[starter]"}
    assert api.management.index.document()[0] == 3
    api.bad(412, "POST", "/v1/revisions/1/rollback", if_match='"2"')
    done = api.ask("POST", "/v1/revisions/1/rollback?message=too+dear", if_match='"3"')
    assert done.json()["revision"] == 4
    assert done.headers["etag"] == '"4"'
    assert api.good("GET", "/v1/plans/pro")["markup"] == "1.5"
    api.bad(404, "GET", "/v1/plans/starter")
    assert api.good("GET", "/v1/revisions?limit=1")["items"][0]["message"] == "too dear"
    api.bad(404, "POST", "/v1/revisions/99/rollback", if_match="*")
    api.as_(holder("auditor"))
    api.bad(403, "POST", "/v1/revisions/1/rollback", if_match="*")


def test_rolling_back_to_credit_needs_the_right_to_give_it(api: Api) -> None:
    patch = {"grants": [{"name": "first", "amount": "5"}]}
    api.good("PATCH", "/v1/wallets/main", patch, if_match="*")
    api.good("PATCH", "/v1/wallets/main", {"grants": []}, if_match="*")
    api.as_(holder("administrator"))
    problem = api.bad(403, "POST", "/v1/revisions/4/rollback", if_match="*")
    assert "credit.write" in problem["detail"]
