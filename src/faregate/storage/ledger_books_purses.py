"""Budgets, quotas and long limits as they stand; and events."""

from collections import defaultdict
from typing import Final

from faregate.ledger import reckoning
from faregate.ledger.bookkeeping import PurseState
from faregate.ledger.events import LedgerEvent
from faregate.ledger.purses import Unit
from faregate.storage.ledger_books_teams import Teams, events_of, named_by
from faregate.storage.ledger_connection import Row, Session

EVENTS_MAX: Final = 10_000

_PURSE: Final = (
    "purse_id, kind, name, subject, unit, cap, carried, spent, drawn, starts_ns, ends_ns, "
    "rolling_ns"
)
_EVENT: Final = "seq, kind, at_ns, purse_id, subject, detail, percent, amount"


def read_purses(session: Session, now_ns: int, teams: Teams = None) -> list[PurseState]:
    """Those whose period now is in, by kind, name and subject.

    With `teams`, their own budgets and limits alone.
    """
    buckets: defaultdict[str, int] = defaultdict(int)
    owned, names = named_by("name", teams)
    kinds = "kind <> 'wallet'" if teams is None else "kind IN ('budget', 'limit')"
    rows = session.rows(
        f"SELECT {_PURSE} FROM purses WHERE {kinds} AND {owned} "  # noqa: S608
        "AND (starts_ns IS NULL OR starts_ns <= ?) AND (ends_ns IS NULL OR ends_ns > ?) "
        "ORDER BY kind, name, subject, purse_id",
        *names, now_ns, now_ns,
    )  # fmt: skip
    for purse_id, starts_ns, spent, rolling_ns in session.rows(
        "SELECT b.purse_id, b.starts_ns, b.spent, p.rolling_ns FROM purse_buckets b "
        "JOIN purses p ON p.purse_id = b.purse_id WHERE p.rolling_ns IS NOT NULL"
    ):
        if starts_ns > reckoning.oldest_bucket_ns(now_ns, rolling_ns):
            buckets[purse_id] += spent
    return [_state(row, buckets) for row in rows]


def _state(row: Row, buckets: dict[str, int]) -> PurseState:
    purse_id, kind, name, subject, unit, cap, carried, spent, drawn, _, ends_ns, rolling_ns = row
    if rolling_ns is not None:
        spent = buckets[purse_id]
    return PurseState(
        purse_id=purse_id,
        kind=kind,
        name=name,
        subject=subject,
        unit=Unit(unit),
        capacity=cap + carried,
        spent=spent,
        drawn=drawn,
        left=reckoning.available(cap + carried, spent, drawn),
        resets_ns=ends_ns,
        rolling_ns=rolling_ns,
    )


def read_events(
    session: Session, after: int, limit: int, teams: Teams = None
) -> list[tuple[int, LedgerEvent]]:
    """The first events after a number.

    Of `teams` alone, None is of everybody.
    """
    owned, values = events_of(teams)
    rows = session.rows(
        f"SELECT {_EVENT} FROM events WHERE seq > ? AND {owned} ORDER BY seq LIMIT ?",  # noqa: S608
        after, *values, min(limit, EVENTS_MAX),
    )  # fmt: skip
    return [(row[0], LedgerEvent(*row[1:])) for row in rows]


def read_newest_events(
    session: Session, count: int, teams: Teams = None
) -> list[tuple[int, LedgerEvent]]:
    """The last events, the oldest first.

    Of `teams` alone, None is of everybody.
    """
    owned, values = events_of(teams)
    rows = session.rows(
        f"SELECT {_EVENT} FROM events WHERE {owned} ORDER BY seq DESC LIMIT ?",  # noqa: S608
        *values,
        min(count, EVENTS_MAX),
    )
    return [(row[0], LedgerEvent(*row[1:])) for row in reversed(rows)]
