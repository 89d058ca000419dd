"""What workers know of accounts is added up and told; orders need the operator's token."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.cli.console import Console

from faregate.cli.provider_status import account_lines, merge_accounts
from faregate.identity.operator import operator_token
from faregate.supervisor.lock import HomeLock


def view(state: str = "active", **more: Any) -> dict[str, Any]:
    return {"state": state, "in_flight": 1, "served": 3, "failed": 0} | more


def account(balance: dict[str, Any], **more: Any) -> dict[str, Any]:
    broken = {"reason": "auth", "detail": "bad key", "guessed": False, "until_s": 59.6}
    trouble = {"kind": "auth", "detail": "", "ago_s": 2.0}
    return {
        **view(**more),
        "name": "p",
        "vendor": "openai",
        "tags": [],
        "balance": balance,
        "keys": [{"name": "a", **view("broken", **broken, failed=1, last_trouble=trouble)}],
        "models": [{"name": "m", **view(ttft_s=0.5)}],
    }


KNOWN = {
    "left_nano": 4_000_000_000,
    "known_nano": 5_000_000_000,
    "known_ago_s": 60.0,
    "spent_nano": 1_000_000_000,
    "runs_out_s": 400.0,
}
UNKNOWN = {"left_nano": None, "spent_nano": 500_000_000}


def test_views_are_added_up() -> None:
    second = account(KNOWN)
    second["keys"][0] = {"name": "a", **view()}
    second["models"][0] = {"name": "m", **view(ttft_s=1.5, served=1)}
    [one] = merge_accounts([[account(KNOWN)], [second]])
    assert (one["served"], one["in_flight"], one["state"]) == (6, 2, "active")
    [key] = one["keys"]
    assert (key["state"], key["reason"], key["workers_in_trouble"]) == ("broken", "auth", 1)
    assert key["failed"] == 1
    assert one["models"][0]["ttft_s"] == 0.75
    left = one["balance"]
    assert (left["left_nano"], left["spent_nano"]) == (3_000_000_000, 2_000_000_000)
    assert left["runs_out_s"] == 150.0  # both spend a cent a second


def test_balances_that_are_not_known() -> None:
    [one] = merge_accounts([[account(UNKNOWN)], [account(UNKNOWN)]])
    assert one["balance"] == {"left_nano": None, "spent_nano": 1_000_000_000}
    assert "  spent   $1.00; balance not known" in account_lines(one)


def test_lines() -> None:
    [one] = merge_accounts([[account(KNOWN)]])
    assert account_lines(one) == [
        "p (openai): active, 3 served, 1 in flight",
        "  balance $4.00, for 0:06:40 at this rate; known 0:01:00 ago",
        "  key     a: broken (auth: bad key), tried again in 60 s, 3 served, 1 failed, 1 in flight",
        "  model   m: active, 3 served, 1 in flight, first token after 0.50 s",
    ]


@pytest.fixture
def orders(console: Console) -> Iterator[list[str]]:
    """A service that answers, as far as these commands can tell; what it was ordered."""
    token, taken = operator_token(console.home.master_key()), []

    class Operations(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told = {"workers": [{"worker": 0, "accounts": [account(KNOWN)], "routes": []}]}
            self.answer(200, told | {"silent": 1})

        def do_POST(self) -> None:
            if self.headers["authorization"] != f"Bearer {token}":
                self.answer(401, {"error": "no"})
                return
            taken.append(self.path)
            self.answer(200, {"path": urlsplit(self.path).path})

        def answer(self, status: int, value: Any) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    lock = HomeLock(console.home.run)
    with ThreadingHTTPServer(("127.0.0.1", 0), Operations) as server:
        Thread(target=server.serve_forever).start()
        lock.describe({"operations": f"127.0.0.1:{server.server_port}"})
        yield taken
        server.shutdown()
    lock.release()


def test_status(console: Console, orders: list[str]) -> None:
    said = console.good("providers", "status")
    assert said.out.startswith("p (openai): active")
    assert "1 of the workers did not answer" in said.out
    told = console.good("providers", "status", "p", "--json").json
    assert told["silent_workers"] == 1
    assert told["providers"][0]["name"] == "p"
    assert "no provider 'x'" in console.run("providers", "status", "x").err
    assert orders == []


def test_orders(console: Console, orders: list[str]) -> None:
    assert "p is used again" in console.good("providers", "reset", "p").out
    console.good("providers", "reset", "p", "--key", "a")
    assert "p has $25.00 left" in console.good("providers", "balance", "p", "25").out
    assert orders == [
        "/providers/reset?provider=p",
        "/providers/reset?provider=p&key=a",
        "/providers/balance?provider=p&amount_nano=25000000000",
    ]
    for wrong in (("reset", "x"), ("reset", "p", "--key", "x"), ("balance", "x", "1")):
        assert "no provider" in console.run("providers", *wrong).err
    for amount in ("nan", "1e99", "x"):
        assert "is no amount" in console.run("providers", "balance", "p", amount).err
    assert len(orders) == 3


def test_nobody_runs(console: Console) -> None:
    said = console.run("providers", "status")
    assert said.status == 1
    assert "does not run here" in said.err


def test_budgets_are_told_as_the_worker_knows_that_knows_most() -> None:
    budget = {"window": "month", "amount_nano": 5 * 10**11, "renews_s": 777_600.0}
    old = budget | {"period": "2026-10", "spent_nano": 5 * 10**11}
    one, more = (budget | {"period": "2026-11", "spent_nano": n * 10**9} for n in (10, 12))
    day = budget | {"window": "day", "period": "2026-11-22", "spent_nano": 0, "renews_s": 60.0}
    resting = {"reason": "budget_exhausted", "detail": "it is spent", "until_s": 777_600.0}
    views = [
        account(KNOWN, budgets=[old, day]),
        account(KNOWN, budgets=[more, day]),
        account(KNOWN, state="benched", **resting, budgets=[one, day]),
    ]
    [merged] = merge_accounts([[view] for view in views])
    assert merged["budgets"] == [more, day]
    lines = account_lines(merged)
    assert lines[0].startswith(
        "p (openai): benched (budget_exhausted: it is spent), tried again in 9 days, 0:00:00"
    )
    assert lines[2:4] == [
        "  budget  2026-11: $12.00 of $500.00, anew in 9 days, 0:00:00",
        "  budget  2026-11-22: $0.00 of $500.00, anew in 0:01:00",
    ]
