"""An owner logs in to a service, sets up a team, and calls go on without the API."""

import json
import os
import re
import signal
import time
from typing import Any

import httpx2
from tests.end_to_end.served import Served, wait_until

from faregate.simulator.service import SimulatorThread

PASSWORD = "violet river canoe"


class Owner:
    """A browser of the owner's at the management API."""

    def __init__(self, served: Served) -> None:
        self.base = f"http://127.0.0.1:{served.management_port}"
        self.client = httpx2.Client(base_url=self.base, timeout=20)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        fields = {"Origin": self.base, "Sec-Fetch-Site": "same-origin", **headers}
        fields["X-CSRF-Token"] = self.client.cookies.get("faregate_csrf") or ""
        return self.client.request(method, path, json=body, headers=fields)

    def good(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        reply = self.ask(method, path, body, **headers)
        assert reply.status_code < 300, reply.text
        return reply.json() if reply.content else None


def test_from_the_first_start_to_a_call_of_a_team(serve, home) -> None:
    with SimulatorThread() as simulator:
        begun = Served.__new__(Served)  # only its environment is needed to run init
        begun.environment = {**os.environ, "FAREGATE_HOME": str(home)}
        made = begun.run("init")
        password = re.search(r"^\s+((?:\w{4}-){4}\w{4})$", made.stdout + made.stderr, re.MULTILINE)
        assert password is not None, made.stdout
        served = serve(home).ready()
        wait_until(lambda: served.pids("control"), 30)
        owner = Owner(served)
        login = owner.good(
            "POST", "/v1/login", {"email": "admin@localhost", "password": password[1]}
        )
        assert login["must_change_password"]
        assert owner.ask("GET", "/v1/teams").status_code == 403
        owner.good(
            "PUT",
            "/v1/session/password",
            {"current_password": password[1], "new_password": PASSWORD},
        )
        key = set_up(owner, simulator.base_url)
        wait_until(lambda: call(served, key) == 200)
        [seen] = wait_for_calls(owner)
        assert (seen["team"], seen["application"]) == ("sales", "sales/shop")
        calls_go_on(served, owner, key)
        [node] = owner.good("GET", "/v1/nodes")["items"]
        assert node["state"] == "ready"
        assert owner.good("POST", "/v1/audit/verify", {})["ok"] is True
        assert served.stop(signal.SIGTERM) == 0


def set_up(owner: Owner, base_url: str) -> str:
    """A team with an account, a model, an application and a key of its own; gives the key."""
    owner.good("POST", "/v1/teams", {"name": "sales"})
    account = {"name": "own", "base_url": base_url, "proxy": "none"}
    owner.good("POST", "/v1/teams/sales/providers", account)
    model = {"name": "small", "provider": "sales/own", "upstream_model": "small"}
    owner.good("POST", "/v1/teams/sales/models", model)
    owner.good("POST", "/v1/teams/sales/applications", {"name": "shop"})
    made = owner.good("POST", "/v1/teams/sales/keys", {"name": "production", "application": "shop"})
    return str(made["key"])


def call(served: Served, key: str) -> int:
    body = {"model": "sales/small", "messages": [{"role": "user", "content": "Hello"}]}
    return served.post("/v1/chat/completions", body, key)[0]


def wait_for_calls(owner: Owner) -> list[dict[str, Any]]:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        items = owner.good("GET", "/v1/teams/sales/calls?status=200&limit=1")["items"]
        if items:
            return list(items)
        time.sleep(0.1)
    raise AssertionError("the call is not in the log")


def calls_go_on(served: Served, owner: Owner, key: str) -> None:
    """The management API is killed: no call notices, and it comes back."""
    [pid] = served.pids("control")
    os.kill(pid, signal.SIGKILL)
    assert [call(served, key) for _ in range(20)] == [200] * 20
    wait_until(lambda: served.pids("control") not in ([], [pid]), 30)
    session = owner.good("GET", "/v1/session")
    assert session["user"]["email"] == "admin@localhost"
    assert json.loads(served.operations("/readyz")[1])["status"] == "ready"
