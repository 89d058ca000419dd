"""Who asks is told by a cookie of one's own pages, or by a token."""

import datetime as dt

import pytest
from tests.control.people import MACHINE, Site

from faregate.control.management import Management
from faregate.identity.operator import operator_token
from faregate.identity.tokens import new_token


@pytest.fixture
def site(management: Management) -> Site:
    made = Site(management)
    made.add("ann@example.com", "owner")
    return made


def test_nobody(site: Site) -> None:
    problem = site.browser().bad(401, "GET", "/v1/session")
    assert problem["code"] == "not_logged_in"
    assert site.browser().good("GET", "/v1/health")


def test_tokens(site: Site) -> None:
    ann = site.directory.users.get("ann@example.com").user_id
    made = site.directory.tokens.create_personal(MACHINE, ann, "t", ["users.read"])
    program = site.program(made.secret)
    who = program.good("GET", "/v1/session")
    assert (who["name"], who["scopes"]) == ("ann@example.com", ["users.read"])
    assert who["permissions"] == ["users.read"]
    assert program.good("GET", "/v1/users")["items"]
    program.bad(403, "GET", "/v1/roles")
    site.directory.service_accounts.create(MACHINE, "sales", "ci", "team-viewer")
    made = site.directory.tokens.create_for_account(MACHINE, "sales", "ci", "t")
    who = site.program(made.secret).good("GET", "/v1/session")
    assert (who["kind"], who["user"]) == ("service_account", None)
    operator = operator_token(site.management.home.master_key())
    assert site.program(operator).good("GET", "/v1/session")["kind"] == "command"


@pytest.mark.parametrize(
    "shown", ["Bearer x", "Basic YTpi", "Bearer", "Bearer fgp_", "Bearer " + "x" * 9_000]
)
def test_what_is_no_token(site: Site, shown: str) -> None:
    browser = site.browser("ann@example.com")
    problem = browser.bad(401, "GET", "/v1/session", Authorization=shown)
    assert problem["code"] == "token_invalid"


def test_a_token_of_another_kind(site: Site) -> None:
    browser = site.browser("ann@example.com")
    cookie = browser.client.cookies["faregate_session"]
    problem = site.browser().bad(401, "GET", "/v1/session", Authorization=f"Bearer {cookie}")
    assert problem["code"] == "token_invalid"


def test_guesses_at_tokens_are_slowed(site: Site) -> None:
    statuses = [
        site.program(new_token("personal")).ask("GET", "/v1/session").status_code for _ in range(22)
    ]
    assert statuses == [401] * 20 + [429] * 2
    response = site.program(new_token("service")).ask("GET", "/v1/session")
    assert response.headers["retry-after"] == "1"
    assert "tokens.unknown" in site.acts()


def test_an_expired_token(site: Site) -> None:
    ann = site.directory.users.get("ann@example.com").user_id
    at_ns = site.clock.wall_ns() + 10**9
    made = site.directory.tokens.create_personal(MACHINE, ann, "t", None, at_ns)
    assert site.program(made.secret).good("GET", "/v1/session")
    site.clock.advance(1)
    site.program(made.secret).bad(401, "GET", "/v1/session")
    assert dt.datetime.fromtimestamp(at_ns / 1e9, dt.UTC)
    assert "tokens.expired_use" in site.acts()


def test_an_old_cookie_is_in_nobodys_way(site: Site) -> None:
    browser = site.browser("ann@example.com")
    site.clock.advance(8 * 3_600)
    browser.bad(401, "GET", "/v1/session")
    login = {"email": "ann@example.com", "password": "violet river canoe"}
    browser.good("POST", "/v1/login", login, X_CSRF_Token="")
    assert browser.good("GET", "/v1/session")["kind"] == "user"


def test_a_change_by_cookie_needs_a_page_of_ours(site: Site) -> None:
    browser = site.browser("ann@example.com")
    other = site.browser("ann@example.com").client.cookies["faregate_csrf"]
    body = {"email": "eve@example.com", "role": "auditor"}
    for headers in (
        {"X_CSRF_Token": ""},
        {"X_CSRF_Token": other},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "", "Sec_Fetch_Site": ""},
    ):
        problem = browser.bad(403, "POST", "/v1/invitations", body, **headers)
        assert problem["code"] == "cross_site", headers
    assert site.directory.invitations.of_teams(None) == []
    browser.good("POST", "/v1/invitations", body, Origin="")
    browser.good("POST", "/v1/invitations", body, Sec_Fetch_Site="")
    assert browser.good("GET", "/v1/users", Origin="https://evil.example")


def test_another_site_logs_nobody_in(site: Site) -> None:
    login = {"email": "ann@example.com", "password": "violet river canoe"}
    for headers in ({"Origin": "https://evil.example"}, {"Sec_Fetch_Site": "cross-site"}):
        problem = site.browser().bad(403, "POST", "/v1/login", login, **headers)
        assert problem["code"] == "cross_site"
    assert site.browser().good("POST", "/v1/login", login, Origin="", Sec_Fetch_Site="")
