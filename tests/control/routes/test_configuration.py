"""The whole configuration by the API: exported, checked, applied as one transaction."""

from typing import Any

import msgspec
import pytest
import yaml  # type: ignore[import-untyped]
from tests.control.managed import Api, holder
from tests.control.resources.world import document

from faregate.configuration.document import Document
from faregate.configuration.references import plain
from faregate.control.management import Management
from faregate.control.routes.configuration import routes

SECRET = "sk-planted-0123456789abcdef0123456789"


@pytest.fixture
def api(management: Management) -> Api:
    """The operations on the configuration, over two teams."""
    made = Api(management, [routes])
    made.apply(document())
    return made


def tree(changed: dict[str, Any] | None = None) -> dict[str, Any]:
    """The configuration as plain values."""
    return {**plain(document()), **(changed or {})}


def test_an_export_is_what_was_written(api: Api) -> None:
    response = api.ask("GET", "/v1/configuration")
    assert response.headers["etag"] == '"1"'
    assert response.json()["revision"] == 1
    exported = msgspec.convert(response.json()["document"], Document)
    assert exported == api.management.index.document()[1]
    text = api.ask("GET", "/v1/configuration?format=yaml")
    assert text.headers["content-type"].startswith("application/yaml")
    assert yaml.safe_load(text.text)["teams"][0]["name"] == "sales"
    assert [one.act for one in api.management.audit.find(limit=2)] == ["config.export"] * 2
    api.bad(400, "GET", "/v1/configuration?format=xml")


def test_an_export_applied_elsewhere_is_the_same(api: Api) -> None:
    exported = api.good("GET", "/v1/configuration")["document"]
    api.good("PUT", "/v1/configuration", {"document": {}}, if_match="*")
    assert api.good("GET", "/v1/configuration")["document"]["teams"] == []
    api.good("PUT", "/v1/configuration", {"document": exported}, if_match='"2"')
    assert api.good("GET", "/v1/configuration")["document"] == exported


def test_apply_is_for_the_revision_that_was_seen(api: Api) -> None:
    body = {"document": tree({"plans": [{"name": "pro", "markup": "2"}]}), "message": "dearer"}
    api.bad(428, "PUT", "/v1/configuration", body)
    dry = api.good("PUT", "/v1/configuration?dry_run=true", body, if_match='"1"')
    assert (dry["dry_run"], dry["revision"]) == (True, 1)
    done = api.ask("PUT", "/v1/configuration", body, if_match='"1"')
    assert done.headers["etag"] == '"2"'
    assert done.json()["changes"] == dry["changes"]
    assert {one["place"] for one in dry["changes"]} == {"plans[pro].markup", "plans[unused]"}
    for keep in (False, True):
        wanted = {**body, "keep_values": keep, "document": tree()}
        assert api.bad(412, "PUT", "/v1/configuration", wanted, if_match='"1"')["code"] == "stale"
    revisions = api.management.installation.revisions
    assert revisions.history(1)[0].message == "dearer"


def test_values_come_with_the_request(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_KEY", SECRET)
    one = {"name": "openai", "base_url": "http://127.0.0.1:9/v1", "api_key": "${env:SERVER_KEY}"}
    body: dict[str, Any] = {
        "document": tree({"providers": [one, *tree()["providers"][1:]]})
    }  # fmt: skip
    problem = api.bad(422, "PUT", "/v1/configuration", body, if_match="*")
    assert problem["errors"][0]["field"] == "providers[openai].api_key"
    body["environment"] = {"SERVER_KEY": "sk-of-the-client"}
    api.good("PUT", "/v1/configuration", body, if_match="*")
    revisions = api.management.installation.revisions
    assert revisions.current().clear.providers[0].api_key == "sk-of-the-client"
    kept = {"document": body["document"], "keep_values": True}
    api.good("PUT", "/v1/configuration", kept, if_match="*")
    assert revisions.current().clear.providers[0].api_key == "sk-of-the-client"
    renewed = {**kept, "renewed": ["providers[openai].api_key"], "environment": {"SERVER_KEY": "b"}}
    api.good("PUT", "/v1/configuration?dry_run=true", renewed, if_match="*")
    api.good("PUT", "/v1/configuration", renewed, if_match="*")
    assert revisions.current().clear.providers[0].api_key == "b"


def test_secrets_in_the_clear_are_sealed(api: Api) -> None:
    one = {"name": "openai", "base_url": "http://127.0.0.1:9/v1", "api_key": SECRET}
    body = {"document": tree({"providers": [one, *tree()["providers"][1:]]})}
    response = api.ask("PUT", "/v1/configuration", body, if_match="*")
    assert response.status_code == 200, response.text
    shown = api.ask("GET", "/v1/configuration").text
    assert SECRET not in response.text + shown
    assert "${sealed:v1:" in shown
    revisions = api.management.installation.revisions
    assert revisions.current().clear.providers[0].api_key == SECRET
    again = {"document": api.good("GET", "/v1/configuration")["document"]}
    assert api.good("PUT", "/v1/configuration", again, if_match="*")["changes"] == []


def test_a_check_tells_all_that_is_wrong(api: Api) -> None:
    good = api.good("POST", "/v1/configuration/check", {"document": {"teams": [{"name": "x"}]}})
    assert good["ok"] is True
    assert good["revision"] == 1
    assert good["changes"]
    wrong = tree({"plans": [], "wallets": []})
    told = api.good("POST", "/v1/configuration/check", {"document": wrong})
    assert told["ok"] is False
    fields = {one["field"] for one in told["problems"]}
    assert {"applications[portal].plan", "teams[sales].wallet"} <= fields
    wrong = tree({"providers": [{"name": "x", "api_key": "${sealed:v1:AAAA}"}]})
    told = api.good("POST", "/v1/configuration/check", {"document": wrong})
    assert told["problems"][0]["field"] == "providers[x].api_key"
    assert api.management.index.document()[0] == 1


def test_a_secret_is_sealed_for_its_place(api: Api) -> None:
    body = {"secret": SECRET, "place": "providers[openai].api_key"}
    sealed = api.good("POST", "/v1/configuration/seal", body)["sealed"]
    assert api.management.box.open(sealed, body["place"]) == SECRET
    one = {"name": "openai", "base_url": "http://127.0.0.1:9/v1", "api_key": sealed}
    change = {"document": tree({"providers": [one, *tree()["providers"][1:]]})}
    api.good("PUT", "/v1/configuration", change, if_match="*")


def test_credit_is_given_by_who_may_give_it(api: Api) -> None:
    wallets = [{"name": "main", "grants": [{"name": "first", "amount": "25"}]}]
    body = {"document": tree({"wallets": [*wallets, *tree()["wallets"][1:]]})}
    api.as_(holder("administrator"))
    problem = api.bad(403, "PUT", "/v1/configuration", body, if_match="*")
    assert "credit.write" in problem["detail"]
    api.as_(holder("owner"))
    done = api.good("PUT", "/v1/configuration", body, if_match="*")
    assert [(one["wallet"], one["amount"]) for one in done["granted"]] == [("main", "25.00")]
    api.as_(holder("team-owner", "sales"))
    api.bad(403, "GET", "/v1/configuration")
