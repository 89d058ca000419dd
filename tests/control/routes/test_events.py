"""Events come in their order, and a program goes on where it was."""

import pytest
from tests.control.managed import Api, holder
from tests.storage.charged_ledgers import ChargedLedger

from faregate.configuration.commerce import Team, Wallet
from faregate.configuration.document import Document
from faregate.core.clock import ManualClock
from faregate.core.money import NANO
from faregate.storage.ledger_database import open_ledger


@pytest.fixture
def happened(api: Api) -> Api:
    """Wallets that were emptied by hand: of sales twice, of other once."""
    api.apply(
        Document(
            teams=(Team(name="sales"), Team(name="other")),
            wallets=(
                Wallet(name="sales/main", team="sales"),
                Wallet(name="other/main", team="other"),
            ),
        )
    )
    clock = ManualClock()
    ledger = ChargedLedger(open_ledger(api.management.home, None, clock), clock)
    for wallet in ("sales/main", "other/main", "sales/main"):
        ledger.books.grant(wallet, NANO, "paid", "ada")
        ledger.call(2 * NANO, wallet)
    ledger.close()
    return api


def subjects(api: Api, path: str) -> list[str]:
    return [one["subject"] for one in api.good("GET", path)["items"]]


def test_each_team_is_told_its_own(happened: Api) -> None:
    everything = subjects(happened, "/v1/events")
    assert set(everything) == {"sales/main", "other/main"}
    assert set(subjects(happened, "/v1/teams/sales/events")) == {"sales/main"}
    happened.as_(holder("team-viewer", "other"))
    assert set(subjects(happened, "/v1/events")) == {"other/main"}


def test_a_program_goes_on_from_the_cursor(happened: Api) -> None:
    first = happened.good("GET", "/v1/events?limit=1")
    rest = happened.good("GET", f"/v1/events?cursor={first['next_cursor']}")
    numbers = [one["number"] for one in (*first["items"], *rest["items"])]
    assert numbers == sorted(set(numbers))
    assert happened.good("GET", f"/v1/events?after={numbers[-1]}")["items"] == []
    happened.bad(400, "GET", "/v1/events?cursor=WyJhIl0")
    happened.bad(400, "GET", "/v1/events?sort=kind")
