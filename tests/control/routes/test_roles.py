"""Custom roles over HTTP: of permissions that one holds, and not while somebody has them."""

import pytest
from tests.control.people import Site

from faregate.control.management import Management
from faregate.identity.permissions import PERMISSIONS

SUPPORT = {"name": "support", "permissions": ["keys.read", "calls.read"]}


@pytest.fixture
def site(management: Management) -> Site:
    made = Site(management)
    made.add("ann@example.com", "owner")
    return made


def test_listed(site: Site) -> None:
    browser = site.browser("ann@example.com")
    names = [one["name"] for one in browser.good("GET", "/v1/roles")["items"]]
    assert "owner" in names
    assert browser.good("GET", "/v1/roles/team-viewer")["of_team"]
    found = browser.good("GET", "/v1/permissions?limit=500")["items"]
    assert {one["name"] for one in found} == set(PERMISSIONS)
    assert [one["of_team"] for one in found if one["name"] == "users.read"] == [False]


def test_made_changed_removed(site: Site) -> None:
    browser = site.browser("ann@example.com")
    made = browser.ask("POST", "/v1/roles", SUPPORT)
    assert (made.status_code, made.json()["permissions"]) == (201, ["calls.read", "keys.read"])
    browser.bad(409, "POST", "/v1/roles", SUPPORT)
    site.add("bob@example.com", "support")
    bob = site.browser("bob@example.com")
    bob.bad(403, "GET", "/v1/users")
    path, tag = "/v1/roles/support", made.headers["etag"]
    browser.good("PATCH", path, {"permissions": ["users.read"]}, If_Match=tag)
    assert bob.good("GET", "/v1/users")["items"]
    browser.bad(412, "PATCH", path, {"summary": "x"}, If_Match=tag)
    browser.bad(409, "DELETE", path, If_Match="*")
    site.browser("ann@example.com").good(
        "PATCH", "/v1/users/bob@example.com", {"roles": []}, If_Match="*"
    )
    browser.good("DELETE", path, If_Match="*")
    browser.bad(404, "GET", path)


def test_nobody_makes_a_role_above_the_own(site: Site) -> None:
    site.add("adam@example.com", "administrator")
    browser = site.browser("adam@example.com")
    browser.good("POST", "/v1/roles", SUPPORT)
    for permission in ("owners.write", "credit.write"):
        body = {"permissions": [permission]}
        browser.bad(403, "POST", "/v1/roles", {"name": "risen"} | body)
        browser.bad(403, "PATCH", "/v1/roles/support", body, If_Match="*")
    assert site.directory.roles.get("support").version == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (SUPPORT | {"permissions": ["keys.reed"]}, "permissions"),
        (SUPPORT | {"permissions": []}, "permissions"),
        (SUPPORT | {"name": "owner"}, "name"),
        (SUPPORT | {"of_team": True, "permissions": ["users.read"]}, "permissions"),
    ],
)
def test_what_can_not_be(site: Site, body: dict[str, object], field: str) -> None:
    problem = site.browser("ann@example.com").bad(422, "POST", "/v1/roles", body)
    assert problem["errors"][0]["field"] == field


def test_the_built_in_ones_stay(site: Site) -> None:
    browser = site.browser("ann@example.com")
    browser.bad(409, "DELETE", "/v1/roles/auditor", If_Match="*")
    browser.bad(422, "PATCH", "/v1/roles/auditor", {"permissions": ["users.read"]}, If_Match="*")
    assert "audit.read" in browser.good("GET", "/v1/roles/auditor")["permissions"]
