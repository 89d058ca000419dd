"""Users are managed by who may, without anybody rising by it."""

import pytest
from tests.control.people import MACHINE, Site

from faregate.control.management import Management


@pytest.fixture
def site(management: Management) -> Site:
    made = Site(management)
    made.add("ann@example.com", "owner")
    made.add("adam@example.com", "administrator")
    made.add("bob@example.com", "auditor", sales="team-viewer")
    return made


def test_found(site: Site) -> None:
    browser = site.browser("ann@example.com")
    found = browser.good("GET", "/v1/users?sort=-email&limit=2")
    assert [one["email"] for one in found["items"]] == ["bob@example.com", "ann@example.com"]
    rest = browser.good("GET", f"/v1/users?sort=-email&cursor={found['next_cursor']}")
    assert [one["email"] for one in rest["items"]] == ["adam@example.com"]
    assert len(browser.good("GET", "/v1/users?role=auditor")["items"]) == 1
    assert len(browser.good("GET", "/v1/users?team=sales&fields=email")["items"]) == 1
    bob = browser.good("GET", "/v1/users/bob@example.com")
    assert bob["teams"] == {"sales": ["team-viewer"]}
    browser.bad(404, "GET", "/v1/users/nobody@example.com")


def test_changed_by_one_at_a_time(site: Site) -> None:
    browser, path = site.browser("ann@example.com"), "/v1/users/bob@example.com"
    tag = browser.etag(path)
    browser.bad(428, "PATCH", path, {"name": "Bob"})
    changed = browser.ask("PATCH", path, {"name": "Bob"}, If_Match=tag)
    assert changed.json()["name"] == "Bob"
    browser.bad(412, "PATCH", path, {"name": "Rob"}, If_Match=tag)
    browser.good("PATCH", path, {"roles": ["finance"]}, If_Match=changed.headers["etag"])
    assert browser.good("GET", path)["roles"] == ["finance"]
    browser.bad(422, "PATCH", path, {"roles": ["nobody"]}, If_Match="*")
    browser.bad(422, "PATCH", path, {"salary": 1}, If_Match="*")
    browser.bad(422, "PATCH", path, {"state": "asleep"}, If_Match="*")


def test_locked_and_removed_at_once(site: Site) -> None:
    browser, bob = site.browser("ann@example.com"), site.browser("bob@example.com")
    browser.good("PATCH", "/v1/users/bob@example.com", {"state": "locked"}, If_Match="*")
    bob.bad(401, "GET", "/v1/session")
    browser.good("PATCH", "/v1/users/bob@example.com", {"state": "active"}, If_Match="*")
    token = site.browser("bob@example.com").good("POST", "/v1/session/tokens", {"name": "t"})
    browser.good("DELETE", "/v1/users/bob@example.com", If_Match="*")
    site.program(token["token"]).bad(401, "GET", "/v1/session")
    browser.bad(404, "GET", "/v1/users/bob@example.com")
    assert site.acts().count("users.change") == 2


def test_the_last_owner_stays(site: Site) -> None:
    browser, path = site.browser("ann@example.com"), "/v1/users/ann@example.com"
    for body in ({"roles": []}, {"state": "disabled"}):
        assert browser.bad(409, "PATCH", path, body, If_Match="*")["code"] == "conflict"
    browser.bad(409, "DELETE", path, If_Match="*")
    assert site.directory.users.get("ann@example.com").roles == ("owner",)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "adam@example.com", {"roles": ["administrator", "owner"]}),
        ("PATCH", "adam@example.com", {"roles": ["finance"]}),
        ("PATCH", "ann@example.com", {"roles": ["owner", "auditor"], "state": "locked"}),
        ("PATCH", "ann@example.com", {"email": "adam2@example.com"}),
        ("DELETE", "ann@example.com", None),
        ("POST", "ann@example.com/password-reset", None),
        ("POST", "fred@example.com/password-reset", None),
        ("DELETE", "ann@example.com/sessions", None),
        ("DELETE", "ann@example.com/second-factor", None),
        ("DELETE", "ann@example.com/tokens/t", None),
        ("POST", "ann@example.com/unlock", None),
    ],
)
def test_an_administrator_doesnt_rise(site: Site, method: str, path: str, body: object) -> None:
    site.add("fred@example.com", "finance")
    before = site.directory.users.list()
    browser = site.browser("adam@example.com")
    browser.bad(403, method, f"/v1/users/{path}", body, If_Match="*")
    after = [one.email for one in site.directory.users.list()]
    assert after == [one.email for one in before]
    assert site.directory.users.get("adam@example.com").roles == ("administrator",)


def test_who_may_only_read(site: Site) -> None:
    browser = site.browser("bob@example.com")
    assert browser.good("GET", "/v1/users")["items"]
    browser.bad(403, "PATCH", "/v1/users/bob@example.com", {"roles": ["owner"]}, If_Match="*")
    assert "access.refused" in site.acts()


def test_logins_and_tokens_of_another(site: Site) -> None:
    bob = site.browser("bob@example.com")
    bob.good("POST", "/v1/session/tokens", {"name": "t"})
    browser, path = site.browser("ann@example.com"), "/v1/users/bob@example.com"
    assert len(browser.good("GET", f"{path}/sessions")["items"]) == 1
    assert browser.good("GET", f"{path}/tokens")["items"][0]["name"] == "t"
    browser.good("DELETE", f"{path}/tokens/t")
    assert browser.good("DELETE", f"{path}/sessions") == {"ended": 1}
    bob.bad(401, "GET", "/v1/session")
    browser.bad(409, "DELETE", f"{path}/second-factor")


def test_wrong_tries_are_forgiven(site: Site) -> None:
    wrong = {"email": "bob@example.com", "password": "something else"}
    for _ in range(3):
        site.browser().bad(401, "POST", "/v1/login", wrong)
    site.browser().bad(429, "POST", "/v1/login", wrong)
    site.browser("ann@example.com").good("POST", "/v1/users/bob@example.com/unlock")
    assert site.browser("bob@example.com").good("GET", "/v1/session")
    assert site.directory.users.forgive(MACHINE, "bob@example.com") is False
