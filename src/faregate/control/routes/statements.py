"""Statements of wallets, and what is used of budgets and quotas."""

import datetime as dt
from typing import Annotated, Any

import msgspec
from fastapi import Path, Query

from faregate.control.context import Context
from faregate.control.moments import moment, to_ns
from faregate.control.operations import Routes
from faregate.control.paging import Page, Paging, encode_cursor, invalid_query
from faregate.control.resources.money import (
    Spending,
    StatementLine,
    line_of,
    opened,
    require_name,
    spending_of,
)
from faregate.core.money import format_amount
from faregate.ledger.statement import Grouping, Statement

routes = Routes("Statements")

_Name = Annotated[
    str, Path(min_length=1, max_length=300, description="The wallet; a slash is written as %2F.")
]
_Since = Annotated[dt.datetime | None, Query(description="From when; without it, the beginning.")]
_Until = Annotated[dt.datetime | None, Query(description="Before when; without it, now.")]


class StatementPage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a statement; balances are those at the ends of its time."""

    wallet: str
    by: Grouping
    since: str
    until: str
    opening: str
    closing: str
    items: list[StatementLine]
    next_cursor: str | None


@routes.both("GET", "/v1/wallets/{name}/statement", "wallets.read", reply=StatementPage)
def get_wallet_statement(
    context: Context,
    name: _Name,
    paging: Paging,
    by: Annotated[Grouping, Query(description="What a line is.")] = "entry",
    since: _Since = None,
    until: _Until = None,
    team: str | None = None,
) -> StatementPage:
    """Show what moved a wallet's balance, the oldest first."""
    made = _statement(context, name, paging, by, since, until, team)
    return StatementPage(
        wallet=made.wallet,
        by=made.by,
        since=moment(made.since_ns),
        until=moment(made.until_ns),
        opening=format_amount(made.opening_nano),
        closing=format_amount(made.closing_nano),
        items=[line_of(line) for line in made.lines],
        next_cursor=_cursor(made),
    )


@routes.both("GET", "/v1/wallets/{name}/transfers", "wallets.read", reply=Page[StatementLine])
def list_wallet_transfers(
    context: Context,
    name: _Name,
    paging: Paging,
    since: _Since = None,
    until: _Until = None,
    team: str | None = None,
) -> Page[StatementLine]:
    """List the single movements of a wallet, the oldest first."""
    made = _statement(context, name, paging, "entry", since, until, team)
    return Page([line_of(line) for line in made.lines], _cursor(made))


@routes.both("GET", "/v1/spending", "budgets.read", reply=Page[Spending])
def list_spending(
    context: Context,
    paging: Paging,
    team: str | None = None,
    kind: Annotated[str | None, Query(description="budget, quota or limit.")] = None,
    name: Annotated[str | None, Query(max_length=300, description="Its name.")] = None,
    subject: Annotated[
        str | None, Query(max_length=300, description="The key, application, team, customer, run.")
    ] = None,
) -> Page[Spending]:
    """List what is used of budgets, quotas and long limits in their periods."""
    with opened(context) as books:
        found = [spending_of(one) for one in books.budgets(context.chosen_teams(team))]
    kept = [
        one
        for one in found
        if kind in (None, one.kind) and name in (None, one.name) and subject in (None, one.subject)
    ]
    return paging.page(
        kept,
        sortable=("purse", "kind", "name", "subject", "resets_at"),
        default="name",
        unique="purse",
    )


def _statement(
    context: Context,
    name: str,
    paging: Paging,
    by: Grouping,
    since: dt.datetime | None,
    until: dt.datetime | None,
    team: str | None,
) -> Statement:
    if paging.sort is not None:
        raise invalid_query("sort", "lines have their order", ())
    if paging.fields is not None:
        raise invalid_query("fields", "lines are shown whole", ())
    since_ns, until_ns = to_ns(since, "since") or 0, to_ns(until, "until")
    if until_ns is not None and until_ns < since_ns:
        raise invalid_query("until", "the time ends before it begins", ())
    page, cursor_until = _position(paging)
    whole = require_name(context, name, team)
    # All pages are of the time that the first one ends at.
    until_ns = cursor_until if cursor_until is not None else until_ns
    with opened(context) as books:
        teams = context.chosen_teams(team)
        return books.statement(whole, since_ns, until_ns, by, page, paging.limit, teams)


def _position(paging: Paging) -> tuple[str | None, int | None]:
    position: list[Any] | None = paging.position()
    match position:
        case None:
            return None, None
        case [str(page), int(until_ns)] if 0 <= until_ns < 2**63:
            return page, until_ns
    raise invalid_query("cursor", "it belongs to another list", ())


def _cursor(made: Statement) -> str | None:
    return None if made.next_page is None else encode_cursor([made.next_page, made.until_ns])
