"""Webhooks are made, tried and removed by their own tenant alone."""

from typing import Any

import pytest
from tests.control.managed import Api, holder

from faregate.configuration.commerce import Team
from faregate.configuration.document import Document
from faregate.configuration.settings import Settings, WebhookSettings
from faregate.identity.permissions import Held, Principal
from faregate.identity.webhooks import WebhookMessage
from faregate.storage.webhook_outbox import Tried, WebhookOutbox

TEAMS = (Team(name="sales"), Team(name="support"))
NEW = {"name": "ops", "url": "https://example.com/hook", "events": ["wallet.*"]}
OWN = "/v1/teams/sales/webhooks"


@pytest.fixture
def teams(api: Api) -> Api:
    api.apply(Document(teams=TEAMS))
    return api


def put(api: Api, count: int = 1, team: str | None = None) -> WebhookOutbox:
    """Events on their way, as the delivery task puts them there."""
    management = api.management
    outbox = WebhookOutbox(management.installation.database, management.box, management.clock)
    now_ns = management.clock.wall_ns()
    messages = [
        WebhookMessage(f"m{number}", "wallet.empty", now_ns, {"n": number}, team)
        for number in range(1, count + 1)
    ]
    outbox.put("test", outbox.cursor("test"), count, messages)
    return outbox


def test_a_webhook_from_its_making_to_its_end(teams: Api) -> None:
    made = teams.ask("POST", "/v1/webhooks", NEW)
    assert made.status_code == 201
    secret = made.json()["secret"]
    assert secret.startswith("whsec_")
    shown = teams.ask("GET", "/v1/webhooks/ops")
    assert "secret" not in shown.json()
    assert shown.json() == {k: v for k, v in made.json().items() if k != "secret"}
    assert shown.headers["etag"] == made.headers["etag"] == '"1"'
    changed = teams.ask(
        "PATCH", "/v1/webhooks/ops", {"events": ["*"], "enabled": False}, if_match='"1"'
    )
    assert (changed.json()["events"], changed.json()["enabled"]) == (["*"], False)
    assert changed.headers["etag"] == '"2"'
    rotated = teams.good("POST", "/v1/webhooks/ops/rotate", {"overlap_s": 60})
    assert rotated["secret"] != secret
    assert rotated["old_secret_until"] is not None
    assert teams.ask("DELETE", "/v1/webhooks/ops", if_match='"3"').status_code == 204
    teams.bad(404, "GET", "/v1/webhooks/ops")


def test_what_can_not_be_honoured_names_the_field(teams: Api) -> None:
    teams.good("POST", "/v1/webhooks", NEW)
    assert teams.bad(409, "POST", "/v1/webhooks", NEW)["code"] == "conflict"
    for field, value in (
        ("url", "http://example.com/"),
        ("url", "https://127.0.0.1/"),
        ("events", ["a*"]),
        ("events", []),
        ("name", "a b"),
    ):
        problem = teams.bad(422, "POST", "/v1/webhooks", NEW | {"name": "x", field: value})
        assert problem["errors"][0]["field"].startswith(field)
    teams.bad(428, "PATCH", "/v1/webhooks/ops", {"enabled": False})
    teams.bad(412, "PATCH", "/v1/webhooks/ops", {"enabled": False}, if_match='"7"')
    teams.bad(412, "DELETE", "/v1/webhooks/ops", if_match='"7"')
    teams.bad(422, "PATCH", "/v1/webhooks/ops", {"name": "other"}, if_match="*")
    teams.bad(422, "PATCH", "/v1/webhooks/ops", {"url": None}, if_match="*")


def test_the_own_network_is_for_the_organisation_to_open(teams: Api) -> None:
    inside = NEW | {"url": "http://127.0.0.1:9000/hook"}
    teams.bad(422, "POST", OWN, inside)
    teams.apply(
        Document(teams=TEAMS, settings=Settings(webhooks=WebhookSettings(private_addresses=True)))
    )
    assert teams.good("POST", OWN, inside)["url"] == inside["url"]


def test_the_same_request_makes_one_webhook(teams: Api) -> None:
    first = teams.ask("POST", "/v1/webhooks", NEW, idempotency_key="k1")
    again = teams.ask("POST", "/v1/webhooks", NEW, idempotency_key="k1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    teams.bad(422, "POST", "/v1/webhooks", NEW | {"name": "x"}, idempotency_key="k1")


def test_teams_have_their_own(teams: Api) -> None:
    for path in ("/v1/webhooks", OWN, "/v1/teams/support/webhooks"):
        teams.good("POST", path, NEW)
    items = teams.good("GET", "/v1/webhooks")["items"]
    assert [one["team"] for one in items] == [None, "sales", "support"]
    assert [one["team"] for one in teams.good("GET", "/v1/webhooks?team=sales")["items"]] == [
        "sales"
    ]
    page = teams.good("GET", "/v1/webhooks?limit=2&sort=name")
    rest = teams.good("GET", f"/v1/webhooks?limit=2&sort=name&cursor={page['next_cursor']}")
    assert [one["team"] for one in (*page["items"], *rest["items"])] == [None, "sales", "support"]
    teams.as_(holder("team-developer", "sales"))
    assert [one["team"] for one in teams.good("GET", "/v1/webhooks")["items"]] == ["sales"]
    teams.bad(403, "GET", "/v1/webhooks/ops")
    teams.bad(404, "GET", "/v1/teams/support/webhooks/ops")
    teams.bad(404, "POST", "/v1/teams/support/webhooks/ops/ping")
    teams.good("POST", f"{OWN}/ops/ping")
    assert teams.ask("DELETE", f"{OWN}/ops", if_match="*").status_code == 204


def test_deliveries(teams: Api) -> None:
    teams.good("POST", OWN, NEW)
    outbox = put(teams, 3, team="sales")
    due = outbox.due()[0]
    now_ns = teams.management.clock.wall_ns()
    outbox.note(due, Tried(now_ns, 1_500, 500, None, "oops"), WebhookSettings(), 0.5)
    page = teams.good("GET", f"{OWN}/ops/deliveries?limit=2")
    assert [one["message_id"] for one in page["items"]] == ["m3", "m2"]
    rest = teams.good("GET", f"{OWN}/ops/deliveries?limit=2&cursor={page['next_cursor']}")
    assert [one["message_id"] for one in rest["items"]] == ["m1"]
    number = rest["items"][0]["number"]
    shown = teams.good("GET", f"{OWN}/ops/deliveries/{number}")
    assert shown["payload"]["data"] == {"n": 1}
    (tried,) = shown["tries"]
    assert (tried["status"], tried["reply"], tried["duration_ms"]) == (500, "oops", 1.5)
    assert teams.good("GET", f"{OWN}/ops/deliveries?state=failed")["items"] == []
    again = teams.ask("POST", f"{OWN}/ops/deliveries/{number}/redeliver")
    assert (again.status_code, again.json()["attempts"]) == (202, 0)
    teams.bad(404, "GET", f"{OWN}/ops/deliveries/1000")
    teams.bad(400, "GET", f"{OWN}/ops/deliveries?sort=state")
    teams.bad(400, "GET", f"{OWN}/ops/deliveries?cursor=WyJ4Il0")
    teams.bad(404, "GET", "/v1/webhooks/ops/deliveries")


def test_a_ping_waits_for_the_delivery_task(teams: Api) -> None:
    teams.good("POST", "/v1/webhooks", NEW | {"enabled": False})
    sent = teams.ask("POST", "/v1/webhooks/ops/ping")
    assert (sent.status_code, sent.json()["state"]) == (202, "pending")
    assert [due.type for due in put(teams, 0).due()] == ["webhook.ping"]


@pytest.mark.parametrize("events", [["*"], ["audit.*"], ["audit.keys.create", "wallet.*"]])
def test_the_audit_log_is_sent_by_those_who_may_read_it(teams: Api, events: list[Any]) -> None:
    writes = frozenset({"webhooks.read", "webhooks.write"})
    teams.as_(Principal(holder("finance").actor, (Held(writes),)))
    teams.bad(403, "POST", "/v1/webhooks", NEW | {"events": events})
    teams.good("POST", "/v1/webhooks", NEW)
    teams.bad(403, "PATCH", "/v1/webhooks/ops", {"events": events}, if_match="*")
    teams.as_(holder("administrator"))
    teams.good("PATCH", "/v1/webhooks/ops", {"events": events}, if_match="*")
    teams.as_(Principal(holder("finance").actor, (Held(writes),)))
    other = {"url": "https://example.org/mine"}
    problem = teams.bad(403, "PATCH", "/v1/webhooks/ops", other, if_match="*")
    assert "audit.read" in problem["detail"]


def test_the_audit_log_is_not_read_by_way_of_deliveries(teams: Api) -> None:
    teams.good("POST", "/v1/webhooks", NEW | {"events": ["*"]})
    outbox = put(teams)
    now_ns = teams.management.clock.wall_ns()
    entry = WebhookMessage("a1", "audit.keys.create", now_ns, {"address": "192.0.2.7"})
    outbox.put("test", 1, 2, [entry])
    reads = frozenset({"webhooks.read"})
    teams.as_(Principal(holder("finance").actor, (Held(reads),)))
    audited, plain = teams.good("GET", "/v1/webhooks/ops/deliveries")["items"]
    teams.good("GET", f"/v1/webhooks/ops/deliveries/{plain['number']}")
    problem = teams.bad(403, "GET", f"/v1/webhooks/ops/deliveries/{audited['number']}")
    assert "audit.read" in problem["detail"]


def test_types_of_events(teams: Api) -> None:
    teams.as_(holder("team-viewer", "sales"))
    types = [one["type"] for one in teams.good("GET", "/v1/webhook-event-types")["items"]]
    assert "wallet.empty" in types
    assert "audit.*" in types
