"""Members of a team are managed in the team, and unseen from others."""

import pytest
from tests.control.people import Site

from faregate.control.management import Management

PATH = "/v1/teams/sales/members"


@pytest.fixture
def site(management: Management) -> Site:
    made = Site(management)
    made.add("ann@example.com", "owner")
    made.add("tom@example.com", sales="team-owner")
    made.add("bob@example.com")
    return made


def test_added_changed_removed(site: Site) -> None:
    browser = site.browser("tom@example.com")
    body = {"user": "bob@example.com", "roles": ["team-viewer"]}
    made = browser.ask("POST", PATH, body)
    assert (made.status_code, made.json()["roles"]) == (201, ["team-viewer"])
    path, tag = f"{PATH}/bob@example.com", made.headers["etag"]
    bob = site.browser("bob@example.com")
    assert len(bob.good("GET", PATH)["items"]) == 2
    bob.bad(403, "POST", PATH, {"user": "bob@example.com", "roles": ["team-owner"]})
    browser.bad(428, "PUT", path, {"roles": ["team-developer"]})
    browser.good("PUT", path, {"roles": ["team-developer"]}, If_Match=tag)
    browser.bad(412, "DELETE", path, If_Match=tag)
    browser.good("DELETE", path, If_Match=browser.etag(path))
    browser.bad(404, "GET", path)
    browser.bad(404, "PUT", path, {"roles": ["team-owner"]}, If_Match="*")
    bob.bad(404, "GET", PATH)


def test_roles_of_a_team(site: Site) -> None:
    browser = site.browser("tom@example.com")
    found = browser.good("GET", "/v1/teams/sales/roles")["items"]
    assert [one["name"] for one in found] == ["team-developer", "team-owner", "team-viewer"]
    browser.bad(403, "GET", "/v1/roles")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/teams/care/members"),
        ("GET", "/v1/teams/care/members/tom@example.com"),
        ("POST", "/v1/teams/care/members"),
        ("PUT", "/v1/teams/care/members/tom@example.com"),
        ("DELETE", "/v1/teams/care/members/tom@example.com"),
        ("GET", "/v1/teams/care/invitations"),
        ("POST", "/v1/teams/care/invitations"),
        ("DELETE", "/v1/teams/care/invitations/inv_1"),
        ("GET", "/v1/teams/care/roles"),
        ("GET", "/v1/teams/care/service-accounts"),
        ("POST", "/v1/teams/care/service-accounts"),
        ("GET", "/v1/teams/care/service-accounts/ci"),
        ("GET", "/v1/teams/care/service-accounts/ci/tokens"),
        ("POST", "/v1/teams/care/service-accounts/ci/tokens"),
    ],
)
def test_another_team_is_not_there(site: Site, method: str, path: str) -> None:
    browser = site.browser("tom@example.com")
    theirs = browser.ask(method, path, {"user": "x"} if method in ("POST", "PUT") else None)
    none = browser.ask(
        method, path.replace("care", "none"), {"user": "x"} if method in ("POST", "PUT") else None
    )
    assert (theirs.status_code, none.status_code) == (404, 404)
    assert theirs.text.replace("care", "none") == none.text


def test_a_team_owner_doesnt_rise(site: Site) -> None:
    browser = site.browser("tom@example.com")
    for roles in (["owner"], ["administrator"], ["nobody"]):
        body = {"user": "tom@example.com", "roles": roles}
        browser.bad(422, "POST", PATH, body)
    browser.bad(404, "POST", PATH, {"user": "nobody@example.com", "roles": ["team-viewer"]})
    browser.bad(422, "POST", PATH, {"user": "bob@example.com", "roles": []})
    assert site.directory.users.get("tom@example.com").roles == ()
