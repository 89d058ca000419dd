"""Logging in, with and without a second factor; out; and back in by a link."""

import pyotp
import pytest
from tests.control.people import MACHINE, NEW, PASSWORD, Site

from faregate.control.management import Management

LOGIN = {"email": "ann@example.com", "password": PASSWORD}


@pytest.fixture
def site(management: Management) -> Site:
    made = Site(management)
    made.add("ann@example.com", "owner")
    return made


def test_in_and_out(site: Site) -> None:
    browser = site.browser()
    reply = browser.good("POST", "/v1/login", LOGIN)
    assert (reply["state"], reply["must_change_password"]) == ("logged_in", False)
    assert reply["csrf_token"] == browser.client.cookies["faregate_csrf"]
    token = browser.client.cookies["faregate_session"]
    browser.good("POST", "/v1/logout")
    assert "faregate_session" not in browser.client.cookies
    browser.client.cookies.set("faregate_session", token)
    browser.bad(401, "GET", "/v1/session")
    assert site.acts()[-2:] == ["login", "logout"]


def test_wrong_ones_are_told_the_same(site: Site) -> None:
    problems = [
        site.browser().bad(401, "POST", "/v1/login", LOGIN | changed)
        for changed in ({"password": "something else"}, {"email": "bob@example.com"})
    ]
    assert problems[0] == problems[1]
    assert problems[0]["code"] == "login_failed"


def test_guesses_wait(site: Site) -> None:
    wrong = LOGIN | {"password": "something else"}
    for _ in range(3):
        site.browser().bad(401, "POST", "/v1/login", wrong)
    response = site.browser().ask("POST", "/v1/login", LOGIN)
    assert (response.status_code, response.headers["retry-after"]) == (429, "1")
    assert response.json()["retry_after_s"] == 1
    site.clock.advance(1)
    site.browser().good("POST", "/v1/login", LOGIN)


def test_a_second_factor(site: Site) -> None:
    browser = site.browser("ann@example.com")
    secret = browser.good("POST", "/v1/session/second-factor", {"current_password": PASSWORD})[
        "secret"
    ]

    def code() -> str:
        return pyotp.TOTP(secret).at(site.clock.wall_ns() // 10**9)

    browser.good("POST", "/v1/session/second-factor/confirm", {"code": code()})
    site.clock.advance(30)
    other = site.browser()
    reply = other.good("POST", "/v1/login", LOGIN)
    assert reply == {"state": "totp_required", "csrf_token": None, "must_change_password": False}
    other.bad(401, "GET", "/v1/session")
    assert other.good("POST", "/v1/login", LOGIN | {"code": code()})["state"] == "logged_in"
    site.browser().bad(401, "POST", "/v1/login", LOGIN | {"code": code()})


def test_a_one_time_password_opens_nothing_else(site: Site) -> None:
    _, once = site.directory.passwords.one_time(MACHINE, "ann@example.com")
    browser = site.browser()
    reply = browser.good("POST", "/v1/login", LOGIN | {"password": once})
    assert reply["must_change_password"]
    for method, path in (
        ("GET", "/v1/users"),
        ("GET", "/v1/session/sessions"),
        ("POST", "/v1/session/tokens"),
    ):
        problem = browser.bad(403, method, path, {"name": "t"} if method == "POST" else None)
        assert problem["code"] == "password_change_required"
    who = browser.good("GET", "/v1/session")
    assert (who["permissions"], who["user"]["must_change_password"]) == ([], True)
    change = {"current_password": once, "new_password": NEW}
    browser.good("PUT", "/v1/session/password", change)
    assert browser.good("GET", "/v1/users")["items"]
    site.browser().bad(401, "POST", "/v1/login", LOGIN | {"password": once})


def test_a_link_resets_the_password_once(site: Site) -> None:
    browser = site.browser("ann@example.com")
    made = browser.good("POST", "/v1/users/ann@example.com/password-reset")
    assert made["url"] == f"http://testserver/reset-password#token={made['token']}"
    body = {"token": made["token"], "new_password": NEW}
    problem = site.browser().bad(
        422, "POST", "/v1/password-resets/use", body | {"new_password": "short"}
    )
    assert problem["errors"][0]["field"] == "new_password"
    site.browser().good("POST", "/v1/password-resets/use", body)
    browser.bad(401, "GET", "/v1/session")
    site.browser().bad(404, "POST", "/v1/password-resets/use", body)
    assert site.browser("ann@example.com", NEW).good("GET", "/v1/session")


def test_bodies_are_checked(site: Site) -> None:
    browser = site.browser()
    browser.bad(422, "POST", "/v1/login", {"email": "ann@example.com"})
    browser.bad(422, "POST", "/v1/login", LOGIN | {"remember": True})
    browser.bad(422, "POST", "/v1/login", LOGIN | {"password": "x" * 1_001})
    form = browser.client.post("/v1/login", data=LOGIN)
    assert form.status_code == 415
