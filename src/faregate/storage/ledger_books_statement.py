"""A wallet's statement, added up by the ledger's database.

What moved is ordered by its time, then by its number. The opening balance is counted back from the
account's balance, so the closing balance of a statement up to now is the account's, always.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from faregate.core.errors import FaregateError
from faregate.ledger.purses import wallet_purse_id
from faregate.ledger.statement import IN_TIME, PERIODS_NS, Grouping, Line, Statement, with_balances
from faregate.storage.ledger_books_wallets import REFUND_SUFFIX
from faregate.storage.ledger_connection import Session

TIME_NS_MAX: Final = 2**63 - 1
LINES_MAX: Final = 100_000

_COLUMNS: Final = (
    "seq, created_ns, kind, transfer_id, author, reason, called_ns, key_name, application, "
    "customer, model"
)
_CALL: Final = (
    "CASE WHEN kind = 'charge' THEN transfer_id WHEN kind = 'refund' AND called_ns IS NOT NULL "
    f"THEN REPLACE(transfer_id, '{REFUND_SUFFIX}', '') ELSE '' END"
)
# Two halves, each with an index of its own; charges come in at no wallet.
_MOVED: Final = f"""
    WITH moved AS (
        SELECT {_COLUMNS}, -amount_nano AS amount FROM transfers
        WHERE debit = ? AND created_ns >= ? AND created_ns < ?
        UNION ALL
        SELECT {_COLUMNS}, amount_nano AS amount FROM transfers
        WHERE credit = ? AND created_ns >= ? AND created_ns < ?
        AND kind NOT IN ('charge', 'shortfall')
    )"""  # noqa: S608 - names of our own columns
_ENTRIES: Final = f"""{_MOVED}
    SELECT created_ns, seq, kind, amount, transfer_id, author, reason, {_CALL} FROM moved
    WHERE created_ns > ? OR (created_ns = ? AND seq > ?)
    ORDER BY created_ns, seq LIMIT ?"""  # noqa: S608
_ENTRIES_BEFORE: Final = f"""{_MOVED}
    SELECT COALESCE(SUM(amount), 0) FROM moved
    WHERE created_ns < ? OR (created_ns = ? AND seq <= ?)"""  # noqa: S608
_TOTAL: Final = f"{_MOVED} SELECT COALESCE(SUM(amount), 0) FROM moved"  # noqa: S608
_MOVEMENTS: Final = ("grant", "charge", "refund", "adjustment", "expiry")
_SUMS: Final = ", ".join(
    f"SUM(CASE WHEN kind = '{kind}' THEN amount ELSE 0 END)" for kind in _MOVEMENTS
)
_GROUP_NAMES: Final[dict[Grouping, str]] = {
    "call": _CALL,
    "hour": f"created_ns / {PERIODS_NS['hour']}",
    "day": f"created_ns / {PERIODS_NS['day']}",
    "key": "COALESCE(key_name, '')",
    "model": "COALESCE(model, '')",
    "application": "COALESCE(application, '')",
    "customer": "COALESCE(customer, '')",
}


class _Span(NamedTuple):
    """A wallet's transfers in a time, as the parameters of `_MOVED`."""

    account: str
    since_ns: int
    until_ns: int

    @property
    def parameters(self) -> tuple[Any, ...]:
        return (*self, *self)


class _Page(NamedTuple):
    """Where a page begins: after this place, of the statement that ends at `until_ns`."""

    until_ns: int
    place: tuple[int, ...]

    def __str__(self) -> str:
        return ".".join(map(str, (self.until_ns, *self.place)))


def read_statement(
    session: Session,
    wallet: str,
    since_ns: int,
    until_ns: int | None,
    by: Grouping,
    page: str | None,
    count: int,
    now_ns: int,
) -> Statement:
    """One page of a statement.

    Raises `FaregateError` where `page` is of none.
    """
    account = wallet_purse_id(wallet)
    after = _parsed(page, by) if page is not None else None
    if after is not None:
        until_ns = after.until_ns
    elif until_ns is None:
        until_ns = _end(session, account, now_ns)
    span = _Span(account, since_ns, max(since_ns, until_ns))
    balance = _sum(session, "SELECT SUM(balance_nano) FROM accounts WHERE account = ?", (account,))
    later = _Span(account, since_ns, TIME_NS_MAX)
    opening = balance - _sum(session, _TOTAL, later.parameters)
    closing = opening + _sum(session, _TOTAL, span.parameters)
    place = after.place if after is not None else None
    count = max(1, min(count, LINES_MAX))
    if by == "entry":
        lines, last = _entries(session, span, place or (since_ns - 1, 0), count, opening)
    else:
        lines, last = _groups(session, span, by, place, count, opening)
    following = None if last is None else str(_Page(span.until_ns, last))
    return Statement(
        wallet, by, since_ns, span.until_ns, opening, closing, lines, next_page=following
    )


def _entries(
    session: Session, span: _Span, after: Sequence[int], count: int, opening: int
) -> tuple[tuple[Line, ...], tuple[int, ...] | None]:
    at_ns, seq = after
    place = (at_ns, at_ns, seq)
    rows = session.rows(_ENTRIES, *span.parameters, *place, count + 1)
    before = opening + _sum(session, _ENTRIES_BEFORE, (*span.parameters, *place))
    lines = [
        Line(
            name=entry,
            at_ns=created_ns,
            **{_FIELDS[kind]: int(amount)},
            calls=int(kind == "charge"),
            movement=kind,
            author=author or "",
            reason=reason or "",
            call_id=call,
        )
        for created_ns, _, kind, amount, entry, author, reason, call in rows[:count]
    ]
    last = tuple(rows[count - 1][:2]) if len(rows) > count else None
    return with_balances(lines, before), last


_FIELDS: Final = {
    "grant": "granted_nano",
    "charge": "charged_nano",
    "refund": "refunded_nano",
    "adjustment": "adjusted_nano",
    "expiry": "expired_nano",
}


def _groups(
    session: Session,
    span: _Span,
    by: Grouping,
    after: Sequence[int] | None,
    count: int,
    opening: int,
) -> tuple[tuple[Line, ...], tuple[int, ...] | None]:
    """Lines in the order of their time, or of their first movement."""
    name = _GROUP_NAMES[by]
    order = name if by in IN_TIME else "MIN(seq)"
    place = after[0] if after is not None else -1
    statement = (
        f"{_MOVED} SELECT {name}, {order}, MIN(created_ns), {_SUMS}, "  # noqa: S608
        f"SUM(CASE WHEN kind = 'charge' THEN 1 ELSE 0 END) FROM moved "
        f"GROUP BY {name} HAVING {order} > ? ORDER BY {order} LIMIT ?"
    )
    rows = session.rows(statement, *span.parameters, place, count + 1)
    lines: tuple[Line, ...] = tuple(_group_line(by, *row) for row in rows[:count])
    if by in IN_TIME:
        before = f"{_TOTAL} WHERE {name} <= ?"
        moved = _sum(session, before, (*span.parameters, place))
        lines = with_balances(lines, opening + moved)
    last = (int(rows[count - 1][1]),) if len(rows) > count else None
    return lines, last


def _group_line(
    by: Grouping, name: str | int, _order: int, first_ns: int, *sums: int
) -> Line:  # fmt: skip
    granted, charged, refunded, adjusted, expired, calls = map(int, sums)
    at_ns, shown = first_ns, str(name)
    if by in PERIODS_NS:
        at_ns = int(name) * PERIODS_NS[by]
        begin = dt.datetime.fromtimestamp(at_ns // 1_000_000_000, dt.UTC)
        shown = begin.strftime("%Y-%m-%d" if by == "day" else "%Y-%m-%dT%H:00Z")
    call_id = shown if by == "call" else ""
    return Line(
        name=shown,
        at_ns=at_ns,
        granted_nano=granted,
        charged_nano=charged,
        refunded_nano=refunded,
        adjusted_nano=adjusted,
        expired_nano=expired,
        calls=calls,
        call_id=call_id,
    )


def _end(session: Session, account: str, now_ns: int) -> int:
    """A time after all that has moved, also by clocks that are ahead of ours."""
    newest = [
        session.rows(
            f"SELECT created_ns FROM transfers WHERE {side} = ? {more} "  # noqa: S608
            "ORDER BY created_ns DESC LIMIT 1",
            account,
        )
        for side, more in (("debit", ""), ("credit", "AND kind NOT IN ('charge', 'shortfall')"))
    ]
    return max(now_ns, *(int(rows[0][0]) for rows in newest if rows), 0) + 1


def _sum(session: Session, statement: str, parameters: Sequence[Any]) -> int:
    return int(session.rows(statement, *parameters)[0][0] or 0)


def _parsed(page: str, by: Grouping) -> _Page:
    parts = page.split(".")
    wanted = 3 if by == "entry" else 2
    if len(parts) != wanted or not all(
        part.isascii() and part.isdigit() and len(part) < len(str(TIME_NS_MAX)) + 1
        for part in parts
    ):
        raise FaregateError(
            f"{page!r} is not a page of this statement", fix="take it from the page before"
        )
    until_ns, *place = (min(int(part), TIME_NS_MAX) for part in parts)
    return _Page(until_ns, tuple(place))
