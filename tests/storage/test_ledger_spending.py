"""Spend at accounts is kept by window, told for this moment, and dropped when it is long over."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgresql import ledger_url, postgresql_server  # noqa: F401
from tests.storage.ledgers import DAY_NS, InSql, postgresql_ledger, record, sqlite_ledger

from faregate.storage.ledger_connection import Session
from faregate.storage.ledger_spending import add_spending, drop_spending, read_spent

NOW_NS = 1_795_341_600_000_000_000  # 2026-11-22 10:00 UTC


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[InSql]:
    if request.param == "sqlite":
        with sqlite_ledger(tmp_path) as ledger:
            yield ledger
    else:
        url = request.getfixturevalue("ledger_url")
        with postgresql_ledger(tmp_path, url) as ledger:
            yield ledger


def test_spend_is_added_and_told_for_now(ledger: InSql):
    days = [NOW_NS, NOW_NS - DAY_NS, NOW_NS - 30 * DAY_NS]
    calls = [record(number, started_ns=at) for number, at in enumerate(days)]

    def work(session: Session) -> None:
        add_spending(session, [], NOW_NS)
        add_spending(session, calls, NOW_NS + DAY_NS // 24)
        add_spending(session, calls[:1], NOW_NS + DAY_NS // 24)

    ledger.connection.write(work)
    spent = ledger.connection.read(lambda session: read_spent(session, NOW_NS))
    assert {window: nano for window, (_, nano) in spent["acme"].items()} == {
        "hour": 100,
        "day": 100,
        "week": 150,
        "month": 150,
        "year": 200,
    }


def test_the_window_before_is_kept_and_older_ones_are_dropped(ledger: InSql):
    days = [NOW_NS - number * DAY_NS for number in range(40)]
    calls = [record(number, started_ns=at) for number, at in enumerate(days)]

    def work(session: Session) -> None:
        add_spending(session, calls, NOW_NS)
        drop_spending(session, NOW_NS)

    ledger.connection.write(work)
    rows = ledger.connection.read(
        lambda session: session.rows("SELECT period, COUNT(*) FROM provider_spend GROUP BY period")
    )
    assert dict(rows) == {"hour": 1, "day": 2, "week": 2, "month": 2, "year": 1}
