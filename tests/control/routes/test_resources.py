"""What one kind of item can do, all can: read, made, changed, removed, in whole and in teams."""

from typing import Any

import pytest
from tests.control.managed import Api, holder
from tests.control.resources.world import ORGANISATION, OWN

from faregate.control.paths import in_path
from faregate.control.resources.kinds import KINDS, Kind

ALL = tuple(KINDS.values())
OWNED = tuple(kind for kind in ALL if kind.is_owned)


@pytest.fixture
def api(stocked: Api) -> Api:
    """The operations where there are items of all kinds."""
    return stocked


def of(kind: Kind) -> str:
    """The path of an item of the organisation."""
    return f"/v1/{kind.path}/{in_path(ORGANISATION[kind.field])}"


def mine(kind: Kind, team: str = "sales") -> str:
    """The path of an item of a team."""
    return f"/v1/teams/{team}/{kind.path}/{OWN[kind.field]}"


def each(kinds: tuple[Kind, ...]) -> Any:
    """The test for every one of these kinds."""
    return pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.field)


def revision(api: Api) -> int:
    """The number of the revision in force."""
    return api.management.index.document()[0]


def example(kind: Kind, *, team: bool = False) -> dict[str, Any]:
    """The body of an item of the organisation, or of a team."""
    body = dict(kind.example)
    if kind.is_owned:
        body.pop("team", None)
    if kind.field == "models" and not team:
        body["provider"] = "openai"
    if kind.field == "applications" and not team:
        body["wallet"] = "main"
    if kind.field == "applications" and team:
        body.pop("plan")
    return body


# -- reading -------------------------------------------------------------------------------------


@each(ALL)
def test_lists_show_the_items_of_all_teams_with_their_versions(api: Api, kind: Kind) -> None:
    page = api.good("GET", f"/v1/{kind.path}?limit=500")
    names = [one["name"] for one in page["items"]]
    assert ORGANISATION[kind.field] in names
    assert names == sorted(names)
    assert page["next_cursor"] is None
    assert {one["etag"] for one in page["items"]} == {f'"{revision(api)}"'}
    if kind.is_owned:
        assert {f"sales/{OWN[kind.field]}", f"support/{OWN[kind.field]}"} < set(names)
        assert {one["team"] for one in page["items"]} == {None, "sales", "support"}


@each(OWNED)
def test_a_team_is_a_filter_of_lists(api: Api, kind: Kind) -> None:
    of_sales = api.good("GET", f"/v1/{kind.path}?team=sales")
    assert of_sales == api.good("GET", f"/v1/teams/sales/{kind.path}")
    assert {one["team"] for one in of_sales["items"]} == {"sales"}
    bare = api.good("GET", f"/v1/{kind.path}?team=")
    assert bare["items"]
    assert {one["team"] for one in bare["items"]} == {None}


@each(ALL)
def test_pages_go_on_where_the_last_ended(api: Api, kind: Kind) -> None:
    whole = api.good("GET", f"/v1/{kind.path}?sort=-name")["items"]
    seen, cursor = [], ""
    while True:
        page = api.good("GET", f"/v1/{kind.path}?sort=-name&limit=1{cursor}")
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == whole
    assert len(seen) >= 2


@each(ALL)
def test_a_single_item_has_its_version(api: Api, kind: Kind) -> None:
    response = api.ask("GET", of(kind))
    assert response.status_code == 200
    assert response.headers["etag"] == response.json()["etag"] == f'"{revision(api)}"'
    assert api.good("GET", f"{of(kind)}/history")["items"][0]["revision"] == revision(api)
    api.bad(404, "GET", f"/v1/{kind.path}/nothing")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("applications?plan=pro&name=s", ["sales/site", "support/site"]),
        ("teams/sales/applications?name=si", ["sales/site"]),
        ("models?provider=sales/own", ["sales/gpt-4"]),
        ("limits?each=key&unit=requests&team=sales", ["sales/burst"]),
        ("budgets?window=month", ["cap"]),
        ("prices?model=gpt-5-pro", ["gpt-5-pro"]),
        ("teams?wallet=sales/main", ["sales"]),
        ("plans?fit=lower", []),
    ],
)
def test_filters(api: Api, query: str, names: list[str]) -> None:
    assert [one["name"] for one in api.good("GET", f"/v1/{query}")["items"]] == names


@each(ALL)
def test_what_cannot_be_sorted_by_is_refused(api: Api, kind: Kind) -> None:
    problem = api.bad(400, "GET", f"/v1/{kind.path}?sort=colour")
    assert problem["errors"][0]["field"] == "sort"
    api.bad(400, "GET", f"/v1/{kind.path}?cursor=x")


# -- changing ------------------------------------------------------------------------------------


@each(ALL)
def test_an_item_is_made_shown_changed_and_removed(api: Api, kind: Kind) -> None:
    body = example(kind)
    made = api.ask("POST", f"/v1/{kind.path}", body)
    assert made.status_code == 201, made.text
    path = made.headers["location"]
    assert api.good("GET", path) == made.json()
    version = made.json()["etag"]
    shown = api.good("PUT", path, body, if_match=version)
    assert shown == made.json(), "nothing changed, so the version is the same"
    assert api.ask("DELETE", path, if_match=version).status_code == 204
    api.bad(404, "GET", path)


@each(OWNED)
def test_a_teams_item_is_named_within_the_team(api: Api, kind: Kind) -> None:
    body = example(kind, team=True)
    made = api.ask("POST", f"/v1/teams/sales/{kind.path}", body)
    assert made.status_code == 201, made.text
    item = made.json()
    assert item["team"] == "sales"
    assert item["name"] == f"sales/{body['name']}"
    assert made.headers["location"] == f"/v1/teams/sales/{kind.path}/{body['name']}"
    assert api.good("GET", made.headers["location"]) == item
    assert api.good("GET", f"/v1/{kind.path}/{in_path(item['name'])}") == item
    api.bad(409, "POST", f"/v1/teams/sales/{kind.path}", body)


@each(ALL)
def test_two_writers_do_not_lose_an_update(api: Api, kind: Kind) -> None:
    body = example(kind)
    made = api.good("POST", f"/v1/{kind.path}", body)
    path = f"/v1/{kind.path}/{in_path(made['name'])}"
    patch = CHANGES[kind.field]
    assert api.bad(428, "PATCH", path, patch)["code"] == "version_required"
    changed = api.good("PATCH", path, patch, if_match=made["etag"])
    assert changed["etag"] != made["etag"]
    assert changed != made
    for method in ("PATCH", "PUT", "DELETE"):
        asked = None if method == "DELETE" else patch if method == "PATCH" else body
        problem = api.bad(412, method, path, asked, if_match=made["etag"])
        assert problem["code"] == "stale"
    assert api.good("GET", path) == changed
    assert api.ask("DELETE", path, if_match="*").status_code == 204


CHANGES: dict[str, dict[str, Any]] = {
    "teams": {"wallet": "main"},
    "applications": {"plan": None},
    "providers": {"vendor": "mistral"},
    "models": {"upstream_model": "other"},
    "virtual_models": {"strategy": "sticky"},
    "wallets": {"grants": [{"name": "first", "amount": "5"}]},
    "prices": {"output": 11.5},
    "plans": {"fit": "lower"},
    "limits": {"max": 7},
    "budgets": {"amount": "700", "rolling": True},
    "identity_providers": {"title": "Log in with the staff's account"},
}


@each(ALL)
def test_a_dry_run_says_the_difference_and_changes_nothing(api: Api, kind: Kind) -> None:
    before = api.good("GET", f"/v1/{kind.path}?limit=500")
    number = revision(api)
    told = api.good("POST", f"/v1/{kind.path}?dry_run=true", example(kind))
    assert told["dry_run"] is True
    assert told["revision"] == number
    assert told["changes"][0]["sign"] == "+"
    assert told["changes"][0]["place"].startswith(f"{kind.field}[")
    item = ORGANISATION[kind.field]
    told = api.good("PATCH", f"{of(kind)}?dry_run=true", CHANGES[kind.field], if_match="*")
    assert {one["place"].partition("]")[0] for one in told["changes"]} == {f"{kind.field}[{item}"}
    assert api.good("GET", f"/v1/{kind.path}?limit=500") == before
    assert revision(api) == number


@each(ALL)
def test_a_repeated_creation_is_done_once(api: Api, kind: Kind) -> None:
    key = f"one {kind.field}"
    first = api.ask("POST", f"/v1/{kind.path}", example(kind), idempotency_key=key)
    again = api.ask("POST", f"/v1/{kind.path}", example(kind), idempotency_key=key)
    assert first.status_code == again.status_code == 201
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    api.bad(409, "POST", f"/v1/{kind.path}", example(kind))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "teams": ({"wallet": "nowhere"}, "wallet"),
    "applications": ({"plan": "nothing"}, "plan"),
    "providers": ({"base_url": "ftp://x"}, "base_url"),
    "models": ({"provider": "nobody"}, "provider"),
    "virtual_models": ({"targets": [{"model": "none"}]}, "targets[none].model"),
    "wallets": ({"grants": [{"name": "x", "amount": "-1"}]}, "grants[x].amount"),
    "prices": ({"model": "nothing"}, "model"),
    "plans": ({"markup": "-2"}, "markup"),
    "limits": ({"models": ["nothing"]}, "models[0]"),
    "budgets": ({"time_zone": "Mars/Base"}, "time_zone"),
    "identity_providers": ({"issuer": "ftp://x"}, "issuer"),
}


@each(ALL)
def test_what_cannot_be_honoured_names_its_field(api: Api, kind: Kind) -> None:
    wrong, field = WRONG[kind.field]
    body = {**example(kind), **wrong}
    problem = api.bad(422, "POST", f"/v1/{kind.path}", body)
    assert [one["field"] for one in problem["errors"]] == [field]
    problem = api.bad(
        422, "POST", f"/v1/{kind.path}/bulk", {"items": [{"action": "create", "item": body}]}
    )
    assert [one["field"] for one in problem["errors"]] == [f"items[0].{field}"]


@each(ALL)
@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 422), (b"{}", 422), (b'{"name": 5, "model": 5}', 422), (b"\xff", 400)],
)
def test_bodies_of_another_shape_are_told(api: Api, kind: Kind, body: bytes, status: int) -> None:
    headers = {"content-type": "application/json"}
    response = api.client.post(f"/v1/{kind.path}", content=body, headers=headers)
    assert response.status_code == status, response.text
    headers = {"content-type": "application/merge-patch+json", "if-match": "*"}
    response = api.client.patch(of(kind), content=b'{"unknown_field": 1}', headers=headers)
    assert response.status_code == 422
    assert "unknown_field" in response.json()["detail"]


@each(tuple(kind for kind in ALL if kind.field not in ("teams",)))
def test_many_changes_are_all_made_or_none(api: Api, kind: Kind) -> None:
    made = example(kind)
    name = ORGANISATION[kind.field]
    etag = api.good("GET", of(kind))["etag"]
    items = [
        {"action": "update", "name": name, "etag": etag, "patch": CHANGES[kind.field]},
        {"action": "create", "item": made},
        {"action": "create", "item": made},
    ]
    before = api.good("GET", f"/v1/{kind.path}")
    problem = api.bad(409, "POST", f"/v1/{kind.path}/bulk", {"items": items})
    assert problem["errors"][0]["field"].startswith("items[2]")
    assert api.good("GET", f"/v1/{kind.path}") == before
    told = api.good("POST", f"/v1/{kind.path}/bulk", {"items": items[:2]})
    assert [one["action"] for one in told["items"]] == ["update", "create"]
    assert told["items"][0]["etag"] == f'"{told["revision"]}"'
    problem = api.bad(412, "POST", f"/v1/{kind.path}/bulk", {"items": items[:1]})
    assert problem["code"] == "stale"
    created = told["items"][1]
    removal = {"action": "delete", "name": created["name"], "etag": created["etag"]}
    told = api.good("POST", f"/v1/{kind.path}/bulk", {"items": [removal]})
    assert told["items"] == [{"action": "delete", "name": created["name"], "etag": None}]


@each(tuple(kind for kind in ALL if kind.field in ("providers", "models", "wallets", "plans")))
def test_what_is_in_use_is_not_removed(api: Api, kind: Kind) -> None:
    problem = api.bad(409, "DELETE", of(kind), if_match="*")
    assert problem["code"] == "in_use"
    assert problem["errors"]


@each(ALL)
def test_names_and_teams_stay(api: Api, kind: Kind) -> None:
    field = "model" if kind.field == "prices" else "name"
    problem = api.bad(422, "PATCH", of(kind), {field: "gpt-9"}, if_match="*")
    assert problem["errors"][0]["field"] == field
    if kind.is_owned:
        problem = api.bad(422, "PATCH", of(kind), {"team": "sales"}, if_match="*")
        assert problem["errors"][0]["field"] == "team"


# -- teams ---------------------------------------------------------------------------------------


@each(OWNED)
def test_another_teams_items_are_not_there(api: Api, kind: Kind) -> None:
    api.as_(holder("team-owner", "sales"))
    missing = api.bad(404, "GET", mine(kind, "support"))
    nowhere = api.bad(404, "GET", mine(kind, "nobody"))
    assert missing["detail"].replace("support", "nobody") == nowhere["detail"]
    whole = in_path(f"support/{OWN[kind.field]}")
    for path in (f"/v1/{kind.path}/{whole}", f"/v1/teams/sales/{kind.path}/{whole}"):
        api.bad(404, "GET", path)
    api.bad(404, "GET", of(kind))
    names = {one["name"] for one in api.good("GET", f"/v1/{kind.path}")["items"]}
    assert names == {f"sales/{OWN[kind.field]}"}
    assert api.good("GET", f"/v1/{kind.path}?team=support")["items"] == []
    for method in ("PATCH", "PUT", "DELETE"):
        body = None if method == "DELETE" else example(kind, team=True)
        api.bad(404, method, f"/v1/teams/sales/{kind.path}/{whole}", body, if_match="*")


@each(OWNED)
def test_a_viewer_changes_nothing(api: Api, kind: Kind) -> None:
    api.as_(holder("team-viewer", "sales"))
    assert api.good("GET", mine(kind))["team"] == "sales"
    api.bad(403, "PATCH", mine(kind), CHANGES[kind.field], if_match="*")
    api.bad(403, "POST", f"/v1/teams/sales/{kind.path}", example(kind, team=True))
    api.bad(403, "DELETE", mine(kind), if_match="*")


@each(OWNED)
def test_a_team_owner_keeps_to_the_team(api: Api, kind: Kind) -> None:
    api.as_(holder("team-owner", "sales"))
    made = api.good("POST", f"/v1/teams/sales/{kind.path}", example(kind, team=True))
    assert made["team"] == "sales"
    body = {**example(kind, team=True), "name": "other", "team": "support"}
    problem = api.bad(422, "POST", f"/v1/teams/sales/{kind.path}", body)
    assert problem["errors"][0]["field"] == "team"


def test_a_team_sees_plans_and_prices_that_its_calls_meet(api: Api) -> None:
    api.as_(holder("team-viewer", "sales"))
    assert [one["name"] for one in api.good("GET", "/v1/plans")["items"]] == ["pro"]
    prices = [one["name"] for one in api.good("GET", "/v1/teams/sales/prices")["items"]]
    assert prices == ["gpt-5", "gpt-5-pro", "sales/gpt-4"]
    api.bad(404, "GET", "/v1/plans/unused")
    api.bad(404, "GET", "/v1/teams/sales/prices/support%2Fgpt-4")
    assert [one["name"] for one in api.good("GET", "/v1/teams")["items"]] == ["sales"]
    api.bad(404, "GET", "/v1/teams/support")


# -- what needs more than the permission of the kind ---------------------------------------------


@pytest.mark.parametrize(
    ("path", "patch", "permission"),
    [
        ("applications/site", {"plan": "unused"}, "applications.write"),
        ("applications/site", {"wallet": "main"}, "applications.write"),
        ("wallets/main", {"grants": [{"name": "gift", "amount": "1000"}]}, "credit.write"),
        ("providers/own", {"proxy": "none"}, "providers.write"),
        ("providers/own", {"tls": {"ca_file": "/etc/passwd"}}, "providers.write"),
    ],
)
def test_what_the_organisation_decides(
    api: Api, path: str, patch: dict[str, Any], permission: str
) -> None:
    api.as_(holder("team-owner", "sales"))
    problem = api.bad(403, "PATCH", f"/v1/teams/sales/{path}", patch, if_match="*")
    assert permission in problem["detail"]


def test_an_administrator_gives_no_credit_by_the_configuration(api: Api) -> None:
    api.as_(holder("administrator"))
    body = {"name": "gifts", "grants": [{"name": "gift", "amount": "1000"}]}
    assert "credit.write" in api.bad(403, "POST", "/v1/wallets", body)["detail"]
    api.as_(holder("finance"))
    assert api.good("POST", "/v1/wallets", body)["grants"][0]["amount"] == "1000"


@pytest.mark.parametrize(
    ("role", "by", "permission"),
    [
        ("owner", "administrator", "owners.write"),
        ("finance", "administrator", "credit.write"),
        ("not-there-yet", "administrator", "credit.write"),
        ("auditor", "administrator", None),
        ("owner", "owner", None),
    ],
)
def test_nobody_gives_by_a_login_what_they_do_not_hold(
    api: Api, role: str, by: str, permission: str | None
) -> None:
    api.as_(holder(by))
    patch = {"roles": [{"group": "staff", "role": role}]}
    path = "/v1/identity-providers/staff"
    if permission is None:
        shown = api.good("PATCH", path, patch, if_match="*")
        assert shown["roles"][0]["role"] == role
        return
    assert permission in api.bad(403, "PATCH", path, patch, if_match="*")["detail"]
    whole = {"name": "new", "issuer": "https://x.example.com", "client_id": "x", **patch}
    api.bad(403, "POST", "/v1/identity-providers", whole)
