"""Statements by the API: pages of one time, and what is used of budgets."""

from collections.abc import Iterator

import pytest
from tests.control.managed import Api, holder
from tests.control.resources.world import document
from tests.storage.charged_ledgers import ChargedLedger, open_charged_sqlite

from faregate.control.management import Management
from faregate.control.routes.statements import routes
from faregate.core.money import NANO
from faregate.ledger.purses import PurseSpec, Unit


@pytest.fixture
def api(management: Management) -> Api:
    """The operations on statements, over two teams."""
    made = Api(management, [routes])
    made.apply(document())
    return made


@pytest.fixture
def ledger(management: Management) -> Iterator[ChargedLedger]:
    """The ledger, with calls of the team sales."""
    made = open_charged_sqlite(management.home.root)
    made.books.grant("sales/main", 10 * NANO, "paid", "ada", "invoice")
    for number in range(4):
        made.clock.advance(60)
        made.call((number + 1) * NANO // 2, "sales/main")
    yield made
    made.close()


def test_pages_are_of_one_time(api: Api, ledger: ChargedLedger) -> None:
    base = "/v1/teams/sales/wallets/main/statement"
    whole = api.good("GET", f"{base}?limit=500")
    assert (whole["opening"], whole["closing"], whole["by"]) == ("0.00", "5.00", "entry")
    assert [line["amount"] for line in whole["items"]] == [
        "10.00", "-0.50", "-1.00", "-1.50", "-2.00",
    ]  # fmt: skip
    lines, cursor = [], ""
    while True:
        page = api.good("GET", f"{base}?limit=2{cursor}")
        assert (page["opening"], page["closing"]) == ("0.00", "5.00")
        lines += page["items"]
        if page["next_cursor"] is None:
            break
        # What moves after the first page is not on the others.
        ledger.clock.advance(2_000_000_000)
        ledger.call(NANO // 10, "sales/main")
        cursor = f"&cursor={page['next_cursor']}"
    assert lines == whole["items"]


def test_lines_by_day(api: Api, ledger: ChargedLedger) -> None:
    made = api.good("GET", "/v1/wallets/sales%2Fmain/statement?by=day")
    assert [(line["granted"], line["charged"], line["calls"]) for line in made["items"]] == [
        ("10.00", "-5.00", 4)
    ]
    later = api.good("GET", "/v1/wallets/sales%2Fmain/statement?since=2099-01-01T00:00:00Z")
    assert later["items"] == []


def test_transfers(api: Api, ledger: ChargedLedger) -> None:
    page = api.good("GET", "/v1/wallets/sales%2Fmain/transfers?limit=2")
    assert [one["movement"] for one in page["items"]] == ["grant", "charge"]
    assert page["items"][0]["author"] == "ada"
    assert page["items"][1]["call_id"].startswith("call_")
    rest = api.good("GET", f"/v1/wallets/sales%2Fmain/transfers?cursor={page['next_cursor']}")
    assert len(rest["items"]) == 3


@pytest.mark.parametrize(
    "query",
    ["sort=at", "by=colour", "since=yesterday", "cursor=WzFd", "cursor=x", "limit=0",
     "since=2027-01-02T00:00:00Z&until=2027-01-01T00:00:00Z", "since=2027-01-02T00:00:00"],
)  # fmt: skip
def test_wrong_queries(api: Api, ledger: ChargedLedger, query: str) -> None:
    assert api.bad(400, "GET", f"/v1/wallets/sales%2Fmain/statement?{query}")["errors"]


def test_a_cursor_of_nobodys(api: Api, ledger: ChargedLedger) -> None:
    response = api.ask("GET", "/v1/wallets/main/statement?cursor=WyJ4IiwxXQ")
    assert response.status_code in (400, 422)


def test_spending(api: Api, ledger: ChargedLedger) -> None:
    own = PurseSpec("budget:sales/year:sales", "budget", "sales/year", "sales", Unit.NANO, 9 * NANO)
    other = PurseSpec("limit:fair:k", "limit", "fair", "k", Unit.TOKENS, 100)
    ledger.draw(NANO, own)
    ledger.draw(10, other)
    found = {one["name"]: one for one in api.good("GET", "/v1/spending")["items"]}
    assert (found["sales/year"]["max"], found["sales/year"]["held"]) == ("9.00", "1.00")
    assert (found["fair"]["max"], found["fair"]["unit"]) == (100, "tokens")
    assert len(api.good("GET", "/v1/spending?kind=budget")["items"]) == 1
    api.as_(holder("team-viewer", "sales"))
    for path in ("/v1/spending", "/v1/teams/sales/spending"):
        assert [one["name"] for one in api.good("GET", path)["items"]] == ["sales/year"]
    api.as_(holder("team-viewer", "support"))
    assert api.good("GET", "/v1/spending")["items"] == []
    api.bad(404, "GET", "/v1/wallets/sales%2Fmain/statement")
