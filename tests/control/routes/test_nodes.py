"""What runs is told, and a node that doesn't run says so."""

from typing import Any

import pytest
from tests.control.managed import Api, holder

from faregate.configuration.commerce import Team
from faregate.configuration.document import Document, Provider
from faregate.core.errors import StorageError
from faregate.storage.audit_log import AuditQuery


class Service:
    """A running service, as its operations port answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def facts(self) -> dict[str, Any]:
        return {"url": "http://127.0.0.1:8402", "operations": "127.0.0.1:8404"}

    def ask(self, method: str, target: str) -> Any:
        self.asked.append((method, target))
        if target == "/status":
            return {"ready": True, "uptime_s": 5.0, "processes": [{"role": "gate"}]}
        if target == "/providers":
            accounts = [{"name": "openai"}, {"name": "sales/own"}]
            return {"workers": [{"worker": 0, "accounts": accounts}], "silent": 0}
        return {}


@pytest.fixture
def service(api: Api) -> Service:
    """A service that runs, with an account of the organisation and one of sales."""
    own = Provider(name="sales/own", team="sales", base_url="http://127.0.0.1:1/v1")
    shared = Provider(name="openai", base_url="http://127.0.0.1:1/v1")
    api.apply(Document(teams=(Team(name="sales"), Team(name="other")), providers=(shared, own)))
    running: Any = Service()
    api.management.running = running
    return running


def test_what_does_not_run_is_stopped(api: Api) -> None:
    [node] = api.good("GET", "/v1/nodes")["items"]
    assert node["state"] == "stopped"
    api.bad(503, "GET", "/v1/provider-states")


def test_a_node_is_shown_by_its_name(api: Api, service: Service) -> None:
    [node] = api.good("GET", "/v1/nodes")["items"]
    assert node["state"] == "ready"
    assert api.good("GET", f"/v1/nodes/{node['name']}") == node
    api.good("POST", f"/v1/nodes/{node['name']}/reload")
    assert ("POST", "/reload") in service.asked
    api.bad(404, "POST", "/v1/nodes/another/reload")


def test_a_silent_service_is_not_ready(api: Api, service: Service) -> None:
    def silent(_method: str, _target: str) -> Any:
        raise StorageError("the operations port does not answer")

    service.ask = silent  # type: ignore[method-assign]
    [node] = api.good("GET", "/v1/nodes")["items"]
    assert node["state"] == "not_ready"
    assert "does not answer" in node["reasons"][0]


def test_each_sees_its_own_accounts(api: Api, service: Service) -> None:
    def names(path: str) -> list[str]:
        [worker] = api.good("GET", path)["workers"]
        return [one["name"] for one in worker["accounts"]]

    assert names("/v1/provider-states") == ["openai", "sales/own"]
    assert names("/v1/teams/sales/provider-states") == ["sales/own"]
    api.as_(holder("team-owner", "other"))
    assert names("/v1/provider-states") == []


def test_an_account_is_used_again_by_who_owns_it(api: Api, service: Service) -> None:
    api.as_(holder("team-owner", "sales"))
    api.good("POST", "/v1/teams/sales/providers/own/reset?key=second")
    assert ("POST", "/providers/reset?provider=sales%2Fown&key=second") in service.asked
    api.bad(404, "POST", "/v1/teams/sales/providers/openai/reset")
    api.bad(403, "POST", "/v1/providers/openai/reset")
    [entry] = api.management.audit.find(AuditQuery(act="providers.reset"))
    assert entry.team == "sales"


def test_what_is_left_is_said_in_dollars(api: Api, service: Service) -> None:
    api.good("PUT", "/v1/providers/openai/balance", {"amount": "25.5"})
    target = "/providers/balance?provider=openai&amount_nano=25500000000"
    assert ("POST", target) in service.asked
    api.bad(422, "PUT", "/v1/providers/openai/balance", {"amount": "-1"})
    api.bad(404, "PUT", "/v1/providers/nobody/balance", {"amount": "1"})
