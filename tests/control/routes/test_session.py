"""Who is logged in sees what they may do, and how they log in."""

import pyotp
import pytest
from tests.control.people import MACHINE, NEW, PASSWORD, Site

from faregate.control.management import Management
from faregate.identity.permissions import PERMISSIONS

SHOWN = {"current_password": PASSWORD}


@pytest.fixture
def site(management: Management) -> Site:
    made = Site(management)
    made.add("ann@example.com", "owner")
    return made


def test_who_am_i(site: Site) -> None:
    site.add("bob@example.com", sales="team-viewer")
    who = site.browser("ann@example.com").good("GET", "/v1/session")
    assert who["permissions"] == sorted(PERMISSIONS)
    assert (who["user"]["roles"], who["teams"], who["scopes"]) == (["owner"], [], None)
    browser = site.browser("bob@example.com")
    who = browser.good("GET", "/v1/session")
    assert who["permissions"] == []
    (sales,) = who["teams"]
    assert (sales["team"], sales["roles"]) == ("sales", ["team-viewer"])
    assert "keys.read" in sales["permissions"]
    assert who["csrf_token"] == browser.client.cookies["faregate_csrf"]


def test_changing_the_password(site: Site) -> None:
    browser, other = site.browser("ann@example.com"), site.browser("ann@example.com")
    wrong = {"current_password": "something else", "new_password": NEW}
    problem = browser.bad(422, "PUT", "/v1/session/password", wrong)
    assert problem["errors"][0]["field"] == "current_password"
    browser.good("PUT", "/v1/session/password", SHOWN | {"new_password": NEW})
    assert browser.good("GET", "/v1/session")
    other.bad(401, "GET", "/v1/session")


def test_tokens_change_no_login(site: Site) -> None:
    ann = site.directory.users.get("ann@example.com").user_id
    program = site.program(site.directory.tokens.create_personal(MACHINE, ann, "t").secret)
    for method, path, body in (
        ("PUT", "/v1/session/password", SHOWN | {"new_password": NEW}),
        ("POST", "/v1/session/second-factor", SHOWN),
        ("DELETE", "/v1/session/sessions", None),
        ("POST", "/v1/logout", None),
    ):
        assert program.bad(403, method, path, body)["code"] == "login_required"
    assert program.good("GET", "/v1/session/sessions")["items"] == []
    site.directory.service_accounts.create(MACHINE, None, "ci", "auditor")
    secret = site.directory.tokens.create_for_account(MACHINE, None, "ci", "t").secret
    problem = site.program(secret).bad(403, "GET", "/v1/session/sessions")
    assert problem["code"] == "no_user"


def test_a_second_factor_on_and_off(site: Site) -> None:
    browser, base = site.browser("ann@example.com"), "/v1/session/second-factor"
    assert browser.good("GET", base) == {"enabled": False, "recovery_codes_left": 0}
    browser.bad(409, "POST", f"{base}/confirm", {"code": "123456"})
    begun = browser.good("POST", base, SHOWN)
    assert begun["uri"].startswith("otpauth://totp/")
    browser.bad(422, "POST", f"{base}/confirm", {"code": "000000"})
    code = pyotp.TOTP(begun["secret"]).at(site.clock.wall_ns() // 10**9)
    codes = browser.good("POST", f"{base}/confirm", {"code": code})["recovery_codes"]
    assert len(set(codes)) == 10
    browser.bad(409, "POST", base, SHOWN)
    assert browser.good("GET", base) == {"enabled": True, "recovery_codes_left": 10}
    new = browser.good("POST", f"{base}/recovery-codes", SHOWN)["recovery_codes"]
    assert not set(new) & set(codes)
    browser.bad(422, "POST", f"{base}/disable", {"current_password": "something else"})
    browser.good("POST", f"{base}/disable", SHOWN)
    assert site.browser("ann@example.com").good("GET", "/v1/session")


def test_ones_own_logins(site: Site) -> None:
    here, there = site.browser("ann@example.com"), site.browser("ann@example.com")
    third = site.browser("ann@example.com")
    bob = site.add("bob@example.com")
    site.browser("bob@example.com")
    found = here.good("GET", "/v1/session/sessions")["items"]
    assert [one["current"] for one in found].count(True) == 1
    assert len(found) == 3
    theirs = there.good("GET", "/v1/session")["session_id"]
    here.good("DELETE", f"/v1/session/sessions/{theirs}")
    there.bad(401, "GET", "/v1/session")
    bobs = site.directory.sessions.list(bob)[0].session_id
    here.bad(404, "DELETE", f"/v1/session/sessions/{bobs}")
    assert here.good("DELETE", "/v1/session/sessions") == {"ended": 1}
    third.bad(401, "GET", "/v1/session")
    assert len(site.directory.sessions.list(bob)) == 1
