"""Service accounts of the organisation and of teams, each in its tenant."""

import pytest
from tests.control.people import Site

from faregate.control.management import Management

OURS, SALES = "/v1/service-accounts", "/v1/teams/sales/service-accounts"
CI = {"name": "ci", "role": "team-developer"}


@pytest.fixture
def site(management: Management) -> Site:
    made = Site(management)
    made.add("ann@example.com", "owner")
    made.add("tom@example.com", sales="team-owner")
    return made


def test_of_a_team(site: Site) -> None:
    browser = site.browser("tom@example.com")
    made = browser.ask("POST", SALES, CI)
    assert (made.status_code, made.json()["team"]) == (201, "sales")
    token = browser.good("POST", f"{SALES}/ci/tokens", {"name": "t", "scopes": ["members.read"]})
    program = site.program(token["token"])
    assert program.good("GET", "/v1/session")["name"] == "sales/ci"
    assert program.good("GET", "/v1/teams/sales/members")["items"]
    program.bad(403, "GET", SALES)
    program.bad(404, "GET", "/v1/teams/care/members")
    (shown,) = browser.good("GET", f"{SALES}/ci/tokens")["items"]
    assert shown["used_at"] is not None
    tag = made.headers["etag"]
    browser.good("PATCH", f"{SALES}/ci", {"state": "disabled"}, If_Match=tag)
    program.bad(401, "GET", "/v1/session")
    browser.bad(412, "DELETE", f"{SALES}/ci", If_Match=tag)
    browser.good("DELETE", f"{SALES}/ci/tokens/t")
    browser.good("DELETE", f"{SALES}/ci", If_Match="*")
    assert browser.good("GET", SALES)["items"] == []


def test_tenants(site: Site) -> None:
    ann, tom = site.browser("ann@example.com"), site.browser("tom@example.com")
    ann.good("POST", OURS, {"name": "ours", "role": "auditor"})
    ann.good("POST", SALES, CI)
    ann.good("POST", SALES.replace("sales", "care"), CI)
    assert len(ann.good("GET", OURS)["items"]) == 3
    assert len(ann.good("GET", f"{OURS}?team=care")["items"]) == 1
    assert [one["team"] for one in tom.good("GET", OURS)["items"]] == ["sales"]
    assert tom.good("GET", f"{OURS}?team=care")["items"] == []
    tom.bad(403, "GET", f"{OURS}/ours")
    tom.bad(404, "GET", f"{SALES}/ours")
    ann.bad(404, "GET", f"{OURS}/ci")
    ann.bad(400, "GET", f"{OURS}/ci?team=sales")
    ann.bad(404, "DELETE", f"{SALES}/ours", If_Match="*")


def test_nobody_rises(site: Site) -> None:
    tom = site.browser("tom@example.com")
    tom.bad(422, "POST", SALES, CI | {"role": "owner"})
    tom.bad(403, "POST", OURS, {"name": "x", "role": "auditor"})
    site.add("adam@example.com", "administrator")
    adam, ann = site.browser("adam@example.com"), site.browser("ann@example.com")
    adam.bad(403, "POST", OURS, {"name": "x", "role": "owner"})
    ann.good("POST", OURS, {"name": "root", "role": "owner"})
    adam.bad(403, "POST", f"{OURS}/root/tokens", {"name": "mine"})
    adam.bad(403, "PATCH", f"{OURS}/root", {"role": "auditor"}, If_Match="*")
    adam.bad(403, "DELETE", f"{OURS}/root", If_Match="*")
    assert site.directory.tokens.of_account(None, "root") == []


def test_what_can_not_be(site: Site) -> None:
    browser = site.browser("tom@example.com")
    browser.good("POST", SALES, CI)
    browser.bad(409, "POST", SALES, CI)
    browser.bad(422, "POST", SALES, CI | {"name": ""})
    browser.bad(422, "PATCH", f"{SALES}/ci", {"team": "care"}, If_Match="*")
    problem = browser.bad(422, "POST", f"{SALES}/ci/tokens", {"name": "t", "scopes": ["x"]})
    assert problem["errors"][0]["field"] == "scopes"
