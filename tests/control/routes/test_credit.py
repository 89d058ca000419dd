"""Credit by the API: given once, refunded, corrected, and never another team's."""

import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.control.managed import ROOT, Api, holder, make_home
from tests.control.resources.world import document
from tests.postgresql import postgresql_server as postgresql_server
from tests.postgresql import postgresql_url as postgresql_url
from tests.storage.charged_ledgers import ChargedLedger, open_charged_sqlite

from faregate.configuration.settings import LedgerSettings
from faregate.control.management import open_management
from faregate.control.routes import credit, statements
from faregate.core.money import NANO
from faregate.identity.actors import Actor
from faregate.identity.permissions import Held, Principal, machine_principal

TREASURER = Principal(
    Actor("user", "eve@example.com", id="usr_eve"),
    (Held(frozenset({"teams.read", "wallets.read", "credit.write", "budgets.read"}), "sales"),),
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The operations on credit, over two teams."""
    home = make_home(tmp_path_factory.mktemp("home") / "home")
    with open_management(home) as management:
        made = Api(management, [credit.routes, statements.routes])
        made.apply(document())
        yield made


@pytest.fixture
def api(shared: Api) -> Api:
    """The same, asked by whoever may everything."""
    return shared.as_(machine_principal(ROOT))


@pytest.fixture
def ledger(shared: Api) -> Iterator[ChargedLedger]:
    """The ledger, in which calls can be charged."""
    made = open_charged_sqlite(shared.management.home.root)
    yield made
    made.close()


def balance(api: Api, wallet: str) -> str:
    """What is in a wallet."""
    text: str = api.good("GET", f"/v1/wallets/{wallet}/balance")["balance"]
    return text


def test_credit_is_given_and_audited(api: Api) -> None:
    body = {"amount": "50", "reason": "invoice 7", "kind": "promotional"}
    body |= {"expires_at": "2099-01-01T00:00:00Z"}
    before = balance(api, "main")
    told = api.ask("POST", "/v1/wallets/main/grants", body)
    assert told.status_code == 201, told.text
    moved = told.json()
    assert moved["changed"] is True
    assert (moved["entry"]["amount"], moved["entry"]["author"]) == ("50.00", "root")
    assert float(moved["wallet"]["balance"]) == float(before) + 50
    assert moved["wallet"]["pays_for"] == ["application portal"]
    audited = api.management.audit.find(limit=1)[0]
    assert (audited.act, audited.object) == ("wallets.grant", "wallets/main")
    grant = api.good("GET", "/v1/wallets/main/grants")["items"][0]
    assert (grant["amount"], grant["kind"]) == ("50.00", "promotional")
    assert grant["expires_at"] == "2099-01-01T00:00:00.000Z"


@pytest.mark.parametrize("what", ["grants", "refunds"])
def test_a_reference_is_given_once(api: Api, what: str) -> None:
    body = {"amount": "5.00", "reference": f"invoice-{what}"}
    first = api.ask("POST", f"/v1/wallets/main/{what}", body)
    again = api.ask("POST", f"/v1/wallets/main/{what}", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["changed"] is False
    assert again.json()["wallet"] == first.json()["wallet"]
    api.bad(422, "POST", f"/v1/wallets/main/{what}", {**body, "amount": "6"})


def test_a_repeated_request_moves_money_once(api: Api) -> None:
    before = float(balance(api, "main"))
    for what, amount in (("grants", "1"), ("refunds", "2"), ("adjustments", "3")):
        body = {"amount": amount, "reason": "why"}
        for _ in range(3):
            api.good("POST", f"/v1/wallets/main/{what}", body, idempotency_key=f"key {what}")
    assert float(balance(api, "main")) == before + 6


def test_many_at_once_move_it_once(api: Api) -> None:
    before = float(balance(api, "main"))
    statuses: list[int] = []

    def give() -> None:
        body = {"amount": "1", "reference": "at once"}
        statuses.append(api.ask("POST", "/v1/wallets/main/grants", body).status_code)

    threads = [threading.Thread(target=give) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(statuses) == [200] * 7 + [201]
    assert float(balance(api, "main")) == before + 1


def test_corrections_stay_above_zero(api: Api) -> None:
    api.good("POST", "/v1/wallets/main/adjustments", {"amount": "4", "reason": "counted"})
    had = float(balance(api, "main"))
    told = api.good("POST", "/v1/wallets/main/adjustments", {"amount": "-1.5", "reason": "twice"})
    assert told["entry"]["amount"] == "-1.50"
    assert float(balance(api, "main")) == had - 1.5
    body = {"amount": "-1000000", "reason": "all"}
    assert "can't be taken" in api.bad(422, "POST", "/v1/wallets/main/adjustments", body)["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "1e30"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": "Infinity"}, "amount"),
        ({"amount": "0.0000000001"}, "amount"),
        ({"amount": "ten"}, "amount"),
        ({"amount": "1", "kind": "gift"}, "kind"),
        ({"amount": "1", "expires_at": "2099-01-01T00:00:00"}, "expires_at"),
        ({"amount": "1", "reference": ""}, "reference"),
        ({"amount": "1", "colour": "red"}, ""),
        ({}, ""),
    ],
)
def test_wrong_amounts_name_their_field(api: Api, body: dict[str, Any], field: str) -> None:
    problem = api.bad(422, "POST", "/v1/wallets/main/grants", body)
    assert problem["errors"][0]["field"] == field
    if field == "amount" and body["amount"] != "-1":
        body = {**body, "reason": "x"}
        problem = api.bad(422, "POST", "/v1/wallets/main/adjustments", body)
        assert problem["errors"][0]["field"] == field


def test_a_call_is_refunded_once(api: Api, ledger: ChargedLedger) -> None:
    api.good("POST", "/v1/teams/sales/wallets/main/grants", {"amount": "9"})
    call = ledger.call(2 * NANO, "sales/main")
    had = float(balance(api, "sales%2Fmain"))
    told = api.good("POST", f"/v1/teams/sales/calls/{call}/refund", {"amount": "0.5"})
    assert told["entry"]["call_id"] == call
    assert float(balance(api, "sales%2Fmain")) == had + 0.5
    api.bad(422, "POST", f"/v1/calls/{call}/refund", {})
    other = ledger.call(NANO, "main")
    refused = api.ask("POST", f"/v1/teams/sales/calls/{other}/refund", {})
    unknown = api.ask("POST", "/v1/teams/sales/calls/call_x/refund", {})
    assert refused.status_code == unknown.status_code
    assert refused.text.replace(other, "call_x") == unknown.text


def test_a_team_moves_its_own_credit_alone(api: Api) -> None:
    api.as_(TREASURER)
    api.good("POST", "/v1/teams/sales/wallets/main/grants", {"amount": "1"})
    for path in (
        "/v1/teams/support/wallets/main",
        "/v1/teams/sales/wallets/support%2Fmain",
        "/v1/teams/sales/wallets/other",
    ):
        for what in ("grants", "refunds", "adjustments"):
            api.bad(404, "POST", f"{path}/{what}", {"amount": "1", "reason": "x"})
        for what in ("balance", "grants", "statement", "transfers"):
            api.bad(404, "GET", f"{path}/{what}")
    api.bad(404, "GET", "/v1/wallets/main/balance")
    api.bad(403, "POST", "/v1/wallets/main/grants", {"amount": "1"})
    assert {one["team"] for one in api.good("GET", "/v1/balances")["items"]} == {"sales"}
    api.as_(holder("team-owner", "sales"))
    api.bad(403, "POST", "/v1/teams/sales/wallets/main/grants", {"amount": "1"})


def test_balances(api: Api) -> None:
    names = [one["name"] for one in api.good("GET", "/v1/balances")["items"]]
    assert names == ["main", "sales/main", "support/main"]
    page = api.good("GET", "/v1/balances?limit=1&sort=-name")
    assert [one["name"] for one in page["items"]] == ["support/main"]
    assert api.good("GET", "/v1/balances?team=sales")["items"][0]["pays_for"] == ["team sales"]
    api.bad(404, "GET", "/v1/wallets/nothing/balance")


def test_the_ledger_is_verified(api: Api) -> None:
    found = api.good("POST", "/v1/ledger/verification")
    assert found["ok"] is True
    assert found["discrepancies"] == []
    api.as_(TREASURER)
    api.bad(403, "POST", "/v1/ledger/verification")


def test_with_postgresql(api: Api, postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER", postgresql_url)
    settings = msgspec.structs.replace(
        document().settings, ledger=LedgerSettings(url="${env:LEDGER}")
    )
    api.apply(msgspec.structs.replace(document(), settings=settings))
    try:
        assert balance(api, "main") == "0.00"
        api.good("POST", "/v1/wallets/main/grants", {"amount": "7", "reference": "r"})
        assert balance(api, "main") == "7.00"
        made = api.good("GET", "/v1/wallets/main/statement")
        assert (made["opening"], made["closing"]) == ("0.00", "7.00")
    finally:
        api.apply(document())
