"""The audit log is read by those who may; an export is an entry."""

import csv
import io
import json
import sqlite3
from contextlib import closing

import pytest
from tests.control.managed import Api, holder

from faregate.configuration.commerce import Team
from faregate.configuration.document import Document
from faregate.identity.actors import Actor

ANN = Actor("user", "ann@example.com", "user_1", None, "192.0.2.7")


@pytest.fixture
def filled(api: Api) -> Api:
    api.apply(Document(teams=(Team(name="sales"),)))
    log = api.management.audit
    log.record(ANN, "keys.create", "keys/sales/a", team="sales", after={"secret": "hunter2"})
    log.record("bob", "keys.revoke", "keys/sales/a", team="sales", outcome="failed")
    log.record("bob", "login.fail", "users/bob", outcome="refused")
    return api


def acts(api: Api, query: str) -> list[str]:
    return [one["act"] for one in api.good("GET", f"/v1/audit?{query}")["items"]]


def test_entries_are_listed_by_filter(filled: Api) -> None:
    assert acts(filled, "limit=3") == ["login.fail", "keys.revoke", "keys.create"]
    assert acts(filled, "actor=user_1&act=keys.*") == ["keys.create"]
    assert acts(filled, "object=keys/sales/*&outcome=failed") == ["keys.revoke"]
    assert acts(filled, "team=sales&limit=1") == ["keys.revoke"]
    assert acts(filled, "since=2100-01-01T00:00:00Z") == []
    assert acts(filled, "until=2000-01-01T00:00:00Z") == []
    filled.bad(400, "GET", "/v1/audit?sort=act")
    filled.bad(400, "GET", "/v1/audit?outcome=maybe")


def test_pages(filled: Api) -> None:
    seen, cursor = [], ""
    while True:
        page = filled.good("GET", f"/v1/audit?limit=2{cursor}")
        seen += [one["entry"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == 1
    filled.bad(400, "GET", "/v1/audit?cursor=WyJ4Il0")


def test_one_entry(filled: Api) -> None:
    newest = filled.good("GET", "/v1/audit?act=keys.create&actor=user_1")["items"][0]
    assert newest == filled.good("GET", f"/v1/audit/{newest['entry']}")
    assert newest["after"] == {"secret": "[hidden]"}
    assert (newest["actor"], newest["address"]) == ("ann@example.com", "192.0.2.7")
    filled.bad(404, "GET", "/v1/audit/100000")
    filled.bad(400, "GET", "/v1/audit/0")


def test_verification(filled: Api) -> None:
    head = filled.good("GET", "/v1/audit/head")
    verdict = filled.good("POST", "/v1/audit/verify", {"head": head})
    assert (verdict["ok"], verdict["head"], verdict["seals_checked"]) == (True, head, True)
    forged = head | {"hash": "0" * 64}
    told = filled.good("POST", "/v1/audit/verify", {"head": forged})
    assert "is not the one that was noted" in told["problem"]
    with closing(sqlite3.connect(filled.management.home.database)) as connection:
        connection.execute("DROP TRIGGER audit_entries_update")
        connection.execute("UPDATE audit_entries SET act = 'x' WHERE act = 'keys.revoke'")
        connection.commit()
    verdict = filled.good("POST", "/v1/audit/verify", {})
    assert not verdict["ok"]
    assert verdict["broken_at"] == head["entry"] - 1


def test_exports(filled: Api) -> None:
    told = filled.ask("GET", "/v1/audit/export?act=keys.*&team=sales")
    assert told.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line)["act"] for line in told.text.splitlines()] == [
        "keys.create",
        "keys.revoke",
    ]
    told = filled.ask("GET", "/v1/audit/export?format=csv&actor=bob")
    assert told.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(told.text)))
    assert [row["outcome"] for row in rows] == ["failed", "refused"]
    newest = filled.good("GET", "/v1/audit?limit=2&act=audit.export")["items"]
    assert [one["detail"] for one in newest] == ["actor bob", "act keys.*, team sales"]
    filled.bad(400, "GET", "/v1/audit/export?format=xml")


@pytest.mark.parametrize(
    ("role", "team", "reads", "exports"),
    [
        ("auditor", None, 200, 200),
        ("administrator", None, 200, 200),
        ("finance", None, 403, 403),
        ("team-owner", "sales", 403, 403),
    ],
)
def test_who_may(filled: Api, role: str, team: str | None, reads: int, exports: int) -> None:
    filled.as_(holder(role, team))
    assert filled.ask("GET", "/v1/audit").status_code == reads
    assert filled.ask("GET", "/v1/audit/export").status_code == exports
