"""What was spent at providers' accounts, by windows in UTC.

Spending is what calls cost there; who paid them, and how much, is of no account. A call counts
when it ended.
"""

from collections.abc import Iterable
from typing import Any, Final

from faregate.core.zones import SECOND_NS
from faregate.ledger.reckoning import CALL_AMOUNT_MAX
from faregate.ledger.windows import Period, Window, period

WINDOWS: Final[tuple[Window, ...]] = ("hour", "day", "week", "month", "year")
_HOUR_NS: Final = 3_600 * SECOND_NS

# By account, window and the start of that.
Spending = dict[tuple[str, Window, int], int]
# By account and window: its start, and what was spent in it.
Spent = dict[str, dict[Window, tuple[int, int]]]


def spending(records: Iterable[Any], now_ns: int) -> Spending:
    """What calls (`calllog.frames.CallRecord`) cost, in each window."""
    hours: dict[tuple[str, int], int] = {}
    for record in records:
        cost_nano = record.charge.cost_nano if record.charge is not None else None
        if not cost_nano or cost_nano < 0 or not record.provider:
            continue
        settled_ns = min(record.started_ns + (record.total_us or 0) * 1000, now_ns)
        key = record.provider, settled_ns // _HOUR_NS
        hours[key] = hours.get(key, 0) + min(cost_nano, CALL_AMOUNT_MAX)
    spent: Spending = {}
    for (account, hour), nano in hours.items():
        for window in WINDOWS:
            at = account, window, period(window, "UTC", hour * _HOUR_NS).starts_ns
            spent[at] = spent.get(at, 0) + nano
    return spent


def current(now_ns: int) -> dict[Window, Period]:
    """The windows of this moment."""
    return {window: period(window, "UTC", now_ns) for window in WINDOWS}


def by_account(rows: Iterable[tuple[str, Window, int, int]]) -> Spent:
    """Rows of account, window, its start and what was spent, by account."""
    spent: Spent = {}
    for account, window, starts_ns, nano in rows:
        spent.setdefault(account, {})[window] = starts_ns, nano
    return spent
