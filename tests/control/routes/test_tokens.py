"""One's own tokens are made with a login, shown once, and revoked."""

import pytest
from tests.control.people import Site

from faregate.control.management import Management

PATH = "/v1/session/tokens"


@pytest.fixture
def site(management: Management) -> Site:
    made = Site(management)
    made.add("ann@example.com", "owner")
    made.add("bob@example.com", "auditor")
    return made


def test_made_used_and_revoked(site: Site) -> None:
    browser = site.browser("bob@example.com")
    body = {"name": "laptop", "scopes": ["users.read"], "expires_at": "2050-01-01T00:00:00Z"}
    made = browser.good("POST", PATH, body)
    assert made["token"].startswith("fgp_")
    assert made["facts"]["expires_at"] == "2050-01-01T00:00:00.000Z"
    program = site.program(made["token"])
    assert program.good("GET", "/v1/users")["items"]
    program.bad(403, "GET", "/v1/roles")
    (shown,) = browser.good("GET", PATH)["items"]
    assert (shown["name"], shown["scopes"]) == ("laptop", ["users.read"])
    assert shown["used_at"] is not None
    assert made["token"] not in str(shown)
    browser.good("DELETE", f"{PATH}/laptop")
    program.bad(401, "GET", "/v1/users")
    browser.bad(404, "DELETE", f"{PATH}/laptop")


def test_a_token_revokes_itself_alone(site: Site) -> None:
    browser = site.browser("bob@example.com")
    one, other = (browser.good("POST", PATH, {"name": name}) for name in ("one", "other"))
    program = site.program(one["token"])
    program.bad(403, "DELETE", f"{PATH}/{other['facts']['token_id']}")
    program.good("DELETE", f"{PATH}/{one['facts']['token_id']}")
    program.bad(401, "GET", "/v1/session")
    assert site.program(other["token"]).good("GET", "/v1/session")


def test_a_token_makes_no_better_one(site: Site) -> None:
    browser = site.browser("bob@example.com")
    end = "2030-01-01T00:00:00Z"
    own = {"name": "own", "scopes": ["users.read"], "expires_at": end}
    program = site.program(browser.good("POST", PATH, own)["token"])
    for better in (
        {"name": "b"},
        {"name": "b", "scopes": ["users.read", "roles.read"], "expires_at": end},
        {"name": "b", "scopes": ["users.read"]},
        {"name": "b", "scopes": ["users.read"], "expires_at": "2030-01-02T00:00:00Z"},
    ):
        assert program.bad(403, "POST", PATH, better)["code"] == "forbidden"
    program.good("POST", PATH, own | {"name": "same"})
    whole = site.program(browser.good("POST", PATH, {"name": "whole"})["token"])
    assert whole.good("POST", PATH, {"name": "other"})["facts"]["scopes"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "t", "scopes": ["users.write"]}, "scopes"),
        ({"name": "t", "scopes": []}, "scopes"),
        ({"name": ""}, "name"),
        ({"name": "t", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ],
)
def test_what_can_not_be(site: Site, body: dict[str, object], field: str) -> None:
    problem = site.browser("bob@example.com").bad(422, "POST", PATH, body)
    assert problem["errors"][0]["field"] == field


def test_made_once_for_one_key(site: Site) -> None:
    browser = site.browser("bob@example.com")
    first = browser.good("POST", PATH, {"name": "t"}, Idempotency_Key="a1")
    assert browser.good("POST", PATH, {"name": "t"}, Idempotency_Key="a1") == first
    assert len(browser.good("GET", PATH)["items"]) == 1
    browser.bad(409, "POST", PATH, {"name": "t"})


def test_anothers_are_not_seen(site: Site) -> None:
    site.browser("ann@example.com").good("POST", PATH, {"name": "hers"})
    browser = site.browser("bob@example.com")
    assert browser.good("GET", PATH)["items"] == []
    browser.bad(404, "DELETE", f"{PATH}/hers")
