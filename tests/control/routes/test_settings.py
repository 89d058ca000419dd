"""Settings and callers are one object each, changed by version."""

from typing import Any

import pytest
from tests.control.managed import Api, holder
from tests.control.resources.world import document

from faregate.control.management import Management
from faregate.control.routes.settings import routes

SECRET = "planted-0123456789abcdef0123456789abcdef"


@pytest.fixture
def api(management: Management) -> Api:
    """The operations on settings and callers."""
    made = Api(management, [routes])
    made.apply(document())
    return made


@pytest.mark.parametrize(
    ("path", "patch", "wrong", "field"),
    [
        (
            "/v1/settings",
            {"credit": {"wait_s": 2.5}},
            {"credit": {"top_up_url": "x"}},
            "credit.top_up_url",
        ),
        (
            "/v1/callers",
            {"hmac": [{"name": "till", "secret": SECRET, "application": "portal"}]},
            {"hmac": [{"name": "till", "secret": SECRET, "application": "no"}]},
            "hmac[till].application",
        ),
    ],
    ids=["settings", "callers"],
)
def test_one_object(
    api: Api, path: str, patch: dict[str, Any], wrong: dict[str, Any], field: str
) -> None:
    shown = api.good("GET", path)
    assert api.ask("GET", path).headers["etag"] == shown["etag"]
    api.bad(428, "PATCH", path, patch)
    dry = api.good("PATCH", f"{path}?dry_run=true", patch, if_match=shown["etag"])
    assert dry["changes"]
    assert api.good("GET", path) == shown
    changed = api.good("PATCH", f"{path}?message=why", patch, if_match=shown["etag"])
    assert changed != shown
    for method in ("PATCH", "PUT"):
        assert api.bad(412, method, path, patch, if_match=shown["etag"])["code"] == "stale"
    problem = api.bad(422, "PATCH", path, wrong, if_match="*")
    assert problem["errors"][0]["field"] == field
    problem = api.bad(422, "PATCH", path, {"colour": "red"}, if_match="*")
    assert "colour" in problem["detail"]
    first = api.good("GET", f"{path}/history")["items"][0]
    assert first["message"] == "why"
    back = api.good("PUT", path, {}, if_match=changed["etag"])
    assert {**back, "etag": ""} == {**shown, "etag": ""}
    assert api.ask("PATCH", f"{path}?draft=later", patch, if_match="*").status_code == 202
    api.as_(holder("finance"))
    api.bad(403, "GET", path)


def test_secrets_of_callers_are_sealed(api: Api) -> None:
    patch = {"hmac": [{"name": "till", "secret": SECRET, "application": "portal"}]}
    response = api.ask("PATCH", "/v1/callers", patch, if_match="*")
    assert response.json()["hmac"][0]["secret"] == "${sealed}"
    hmac = [{**response.json()["hmac"][0], "application": "sales/site"}]
    changed = api.ask("PATCH", "/v1/callers", {"hmac": hmac}, if_match=response.headers["etag"])
    assert changed.status_code == 200, changed.text
    clear = api.management.installation.revisions.current().clear.callers.hmac[0]
    assert (clear.secret, clear.application) == (SECRET, "sales/site")
    assert SECRET not in response.text + changed.text + api.ask("GET", "/v1/callers").text
    short = {"hmac": [{"name": "till", "secret": "tooshort-secret", "application": "portal"}]}
    problem = api.ask("PATCH", "/v1/callers", short, if_match="*")
    assert problem.json()["errors"][0]["field"] == "hmac[till].secret"
    assert "tooshort-secret" not in problem.text


def test_a_password_in_an_address_is_sealed(api: Api) -> None:
    patch = {"ledger": {"url": f"postgresql://u:{SECRET}@127.0.0.1/none"}}
    told = api.ask("PATCH", "/v1/settings?dry_run=true", patch, if_match="*")
    assert SECRET not in told.text
