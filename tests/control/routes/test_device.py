"""A command is let in over the API: it asks, a person approves, it fetches its token once."""

from pathlib import Path
from typing import Any

import pytest
from tests.control.managed import Api
from tests.storage.directories import CHEAP, MACHINE

from faregate.identity.actors import Actor
from faregate.identity.permissions import BUILT_IN_ROLES, Held, Principal
from faregate.storage.directory import Directory


@pytest.fixture
def person(api: Api) -> Principal:
    """A user of the installation, as a login knows them."""
    management = api.management
    database = management.installation.database
    directory = Directory(database, management.box, management.clock, cost=CHEAP)
    user = directory.users.create(MACHINE, "ann@example.com", "Ann", ("owner",))
    actor = Actor("user", user.email, id=user.user_id, address="127.0.0.1")
    return Principal(actor, (Held(BUILT_IN_ROLES["owner"].permissions),))


def begin(api: Api) -> Any:
    """The codes of a login that a command begins."""
    return api.as_(None).good("POST", "/v1/device", {"client": "faregate on laptop"})


def test_from_asking_to_the_token(api: Api, person: Principal) -> None:
    started = begin(api)
    assert started["verification_url_complete"].endswith(f"/device?code={started['user_code']}")
    assert 890 <= started["expires_in_s"] <= 900
    ask = {"device_code": started["device_code"]}
    waiting = api.bad(400, "POST", "/v1/device/token", ask)
    assert (waiting["code"], waiting["retry_after_s"]) == ("authorization_pending", 5)
    assert api.bad(400, "POST", "/v1/device/token", ask)["code"] == "slow_down"
    place = f"/v1/device/{started['user_code']}"
    assert api.bad(401, "GET", place)["code"] == "not_logged_in"
    api.as_(person)
    assert api.good("GET", place)["client"] == "faregate on laptop"
    assert api.good("POST", f"{place}/approve", {"scopes": ["keys.read"]}) is None
    made = api.as_(None).good("POST", "/v1/device/token", ask)
    assert made["token"].startswith("fgp_")
    assert made["name"] == "ann@example.com"
    assert api.bad(400, "POST", "/v1/device/token", ask)["code"] == "expired_token"
    assert api.as_(person).bad(404, "GET", place)["code"] == "not_found"


def test_refused(api: Api, person: Principal) -> None:
    started = begin(api)
    api.as_(person).good("POST", f"/v1/device/{started['user_code']}/deny")
    ask = {"device_code": started["device_code"]}
    assert api.as_(None).bad(400, "POST", "/v1/device/token", ask)["code"] == "access_denied"


def test_what_can_not_be_approved(api: Api, person: Principal) -> None:
    started = begin(api)
    place = f"/v1/device/{started['user_code']}/approve"
    program = Principal(Actor("service_account", "robot", id="svc_1"), person.held)
    assert api.as_(program).bad(403, "POST", place, {})["code"] == "forbidden"
    api.as_(person)
    assert api.bad(422, "POST", place, {"scopes": ["nothing.such"]})["errors"]
    assert api.bad(422, "POST", place, {"valid_days": 0})["errors"][0]["field"] == "valid_days"
    assert api.bad(404, "POST", "/v1/device/BCDF-GHJK/approve", {})["code"] == "not_found"
    assert api.bad(422, "POST", "/v1/device", {"client": ""})["errors"]


def test_nobody_can_fill_the_table(
    api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("faregate.storage.device_logins.PENDING_OF_ADDRESS_MAX", 1)
    begin(api)
    problem = api.bad(429, "POST", "/v1/device", {"client": "another"})
    assert (problem["code"], problem["retry_after_s"]) == ("too_many_logins", 60)
