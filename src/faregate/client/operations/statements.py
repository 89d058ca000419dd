"""The management API: statements. Written by `make docs`."""

import datetime as dt
from typing import Literal

import msgspec

from faregate.client.requests import Page, Request, asked, place

__all__ = [
    "Spending",
    "StatementLine",
    "StatementPage",
    "get_wallet_statement",
    "list_spending",
    "list_wallet_transfers",
]


class Spending(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is used of a budget, a quota or a long limit, in its period."""

    purse: str
    kind: str
    name: str
    subject: str
    unit: str
    max: str | int
    spent: str | int
    held: str | int
    left: str | int
    resets_at: str | None
    rolling_s: int | None


class StatementLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a statement; what leaves the wallet is below zero."""

    name: str
    at: str
    movement: str | None
    amount: str
    granted: str
    charged: str
    refunded: str
    adjusted: str
    expired: str
    calls: int
    balance: str | None
    call_id: str | None
    author: str | None
    reason: str | None


class StatementPage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a statement; balances are those at the ends of its time."""

    wallet: str
    by: Literal["application", "call", "customer", "day", "entry", "hour", "key", "model"]
    since: str
    until: str
    opening: str
    closing: str
    items: list[StatementLine]
    next_cursor: str | None


def get_wallet_statement(
    name: str,
    *,
    team: str | None = None,
    by: Literal["entry", "call", "hour", "day", "key", "model", "application", "customer"]
    | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[StatementPage]:
    """Show what moved a wallet's balance, the oldest first."""
    return Request(
        "GET",
        place("/v1/wallets/{name}/statement", name=name, team=team),
        StatementPage,
        query=asked(by=by, since=since, until=until, limit=limit, cursor=cursor, sort=sort),
    )


def list_spending(
    *,
    team: str | None = None,
    kind: str | None = None,
    name: str | None = None,
    subject: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[Spending]]:
    """List what is used of budgets, quotas and long limits in their periods."""
    return Request(
        "GET",
        place("/v1/spending", team=team),
        Page[Spending],
        query=asked(kind=kind, name=name, subject=subject, limit=limit, cursor=cursor, sort=sort),
    )


def list_wallet_transfers(
    name: str,
    *,
    team: str | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[StatementLine]]:
    """List the single movements of a wallet, the oldest first."""
    return Request(
        "GET",
        place("/v1/wallets/{name}/transfers", name=name, team=team),
        Page[StatementLine],
        query=asked(since=since, until=until, limit=limit, cursor=cursor, sort=sort),
    )
