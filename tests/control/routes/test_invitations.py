"""Invitations are made by who may, and accepted once by their links."""

import pytest
from tests.control.people import NEW, PASSWORD, Site

from faregate.control.management import Management

EVE = {"email": "eve@example.com", "role": "team-developer"}


@pytest.fixture
def site(management: Management) -> Site:
    made = Site(management)
    made.add("ann@example.com", "owner")
    made.add("tom@example.com", sales="team-owner")
    return made


def test_into_a_team(site: Site) -> None:
    browser = site.browser("tom@example.com")
    made = browser.good("POST", "/v1/teams/sales/invitations", EVE)
    token = made["link"]["token"]
    assert made["link"]["url"].endswith(f"/accept-invitation#token={token}")
    assert made["invitation"]["inviter"] == "tom@example.com"
    (shown,) = browser.good("GET", "/v1/teams/sales/invitations")["items"]
    assert shown == made["invitation"]
    guest = site.browser()
    seen = guest.good("POST", "/v1/invitations/show", {"token": token})
    assert (seen["email"], seen["is_user"]) == ("eve@example.com", False)
    accept = {"token": token, "password": NEW, "name": "Eve"}
    guest.bad(422, "POST", "/v1/invitations/accept", accept | {"password": "short"})
    assert guest.good("POST", "/v1/invitations/accept", accept)["state"] == "logged_in"
    who = guest.good("GET", "/v1/session")
    assert (who["user"]["name"], who["teams"][0]["roles"]) == ("Eve", ["team-developer"])
    site.browser().bad(404, "POST", "/v1/invitations/accept", accept)
    site.browser().bad(404, "POST", "/v1/invitations/show", {"token": token})


def test_into_the_organisation(site: Site) -> None:
    browser = site.browser("ann@example.com")
    body = {"email": "eve@example.com", "role": "auditor"}
    made = browser.good("POST", "/v1/invitations", body)
    site.browser("tom@example.com").good("POST", "/v1/teams/sales/invitations", EVE)
    assert len(browser.good("GET", "/v1/invitations")["items"]) == 2
    browser.good("DELETE", f"/v1/invitations/{made['invitation']['invitation_id']}")
    accept = {"token": made["link"]["token"], "password": NEW}
    site.browser().bad(404, "POST", "/v1/invitations/accept", accept)


def test_who_is_a_user_already(site: Site) -> None:
    site.add("bob@example.com")
    browser = site.browser("tom@example.com")
    body = EVE | {"email": "bob@example.com"}
    token = browser.good("POST", "/v1/teams/sales/invitations", body)["link"]["token"]
    guest = site.browser()
    assert guest.good("POST", "/v1/invitations/show", {"token": token})["is_user"]
    accept = {"token": token, "password": NEW}
    guest.bad(401, "POST", "/v1/invitations/accept", accept)
    guest.good("POST", "/v1/invitations/accept", accept | {"password": PASSWORD})
    assert guest.good("GET", "/v1/teams/sales/members")["items"]


def test_it_ends_after_a_week(site: Site) -> None:
    made = site.browser("ann@example.com").good(
        "POST", "/v1/invitations", {"email": "eve@example.com", "role": "auditor"}
    )
    site.clock.advance(7 * 86_400)
    accept = {"token": made["link"]["token"], "password": NEW}
    problem = site.browser().bad(404, "POST", "/v1/invitations/accept", accept)
    assert "older than a week" in problem["detail"]


def test_nobody_rises(site: Site) -> None:
    browser = site.browser("tom@example.com")
    browser.bad(403, "POST", "/v1/invitations", {"email": "eve@example.com", "role": "auditor"})
    browser.bad(422, "POST", "/v1/teams/sales/invitations", EVE | {"role": "owner"})
    site.add("adam@example.com", "administrator")
    adam = site.browser("adam@example.com")
    for role in ("owner", "finance"):
        adam.bad(403, "POST", "/v1/invitations", {"email": "eve@example.com", "role": role})
    problem = adam.bad(422, "POST", "/v1/invitations", {"email": "eve", "role": "auditor"})
    assert problem["errors"][0]["field"] == "email"
    assert site.directory.users.list(state="invited") == []


def test_withdrawn_in_its_team(site: Site) -> None:
    browser = site.browser("tom@example.com")
    made = browser.good("POST", "/v1/teams/sales/invitations", EVE)["invitation"]
    ann = site.browser("ann@example.com")
    ann.bad(404, "DELETE", f"/v1/teams/care/invitations/{made['invitation_id']}")
    ann.bad(404, "DELETE", f"/v1/invitations/{made['invitation_id']}")
    browser.good("DELETE", f"/v1/teams/sales/invitations/{made['invitation_id']}")
    assert browser.good("GET", "/v1/teams/sales/invitations")["items"] == []
