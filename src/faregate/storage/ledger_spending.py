"""What was spent at accounts of providers, as the ledger keeps it.

One row for each account and window of the calendar; that of now is told, that before is kept for
journals that come late, and older ones are dropped.
"""

from collections.abc import Iterable
from typing import Final

from faregate.calllog.frames import CallRecord
from faregate.ledger.spending import Spent, by_account, current, spending
from faregate.ledger.windows import previous
from faregate.storage.ledger_connection import Session

_ADD: Final = """
INSERT INTO provider_spend (period, starts_ns, provider, spent_nano) VALUES (?, ?, ?, ?)
ON CONFLICT (period, starts_ns, provider)
DO UPDATE SET spent_nano = provider_spend.spent_nano + excluded.spent_nano
"""
_SPENT: Final = """
SELECT provider, period, starts_ns, spent_nano FROM provider_spend
WHERE period = ? AND starts_ns = ?
"""
_DROP: Final = "DELETE FROM provider_spend WHERE period = ? AND starts_ns < ?"


def add_spending(session: Session, records: Iterable[CallRecord], now_ns: int) -> None:
    """Add what calls cost, in the transaction that posts them."""
    found = spending(records, now_ns)
    rows = [(window, starts, account, nano) for (account, window, starts), nano in found.items()]
    if rows:
        session.run_many(_ADD, sorted(rows))  # sorted: two clerks must not wait for each other


def read_spent(session: Session, now_ns: int) -> Spent:
    """What was spent in the windows of now, by account."""
    return by_account(
        (provider, window, int(starts_ns), int(nano))
        for window, now in current(now_ns).items()
        for provider, _, starts_ns, nano in session.rows(_SPENT, window, now.starts_ns)
    )


def drop_spending(session: Session, now_ns: int) -> None:
    """Forget windows that ended before the one before that of now."""
    for window, now in current(now_ns).items():
        session.run(_DROP, window, previous(now).starts_ns)
