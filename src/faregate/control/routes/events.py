"""What happened to wallets, budgets, workers' draws and providers."""

from typing import Annotated

import msgspec
from fastapi import Query

from faregate.control.context import Context
from faregate.control.moments import moment
from faregate.control.operations import Routes
from faregate.control.paging import Page, Paging, encode_cursor, invalid_query
from faregate.core.money import format_amount
from faregate.ledger.events import LedgerEvent
from faregate.ledger.purses import holds_money
from faregate.storage.ledger_books import open_books

routes = Routes("Events")


class Event(msgspec.Struct, frozen=True):
    """One event.

    `amount` is dollars as a string, or a number of the purse's unit.
    """

    number: int
    at: str
    kind: str
    subject: str
    detail: str
    percent: int | None
    amount: str | int | None
    purse: str | None


@routes.both("GET", "/v1/events", "events.read", reply=Page[Event])
def list_events(
    context: Context,
    paging: Paging,
    team: str | None = None,
    after: Annotated[
        int | None, Query(ge=0, lt=2**63, description="Number of the last event that was seen.")
    ] = None,
) -> Page[Event]:
    """List events, the oldest first; a program goes on from `next_cursor`."""
    if paging.sort not in (None, "number"):
        raise invalid_query("sort", "events come in their order", ("number",))
    begin = _after(paging) if paging.cursor is not None else after
    settings = context.management.installation.revisions.current().clear.settings
    with open_books(context.management.home, settings.ledger.url) as books:
        found = books.events(begin or 0, paging.limit + 1, teams=context.chosen_teams(team))
    shown = [_told(number, event) for number, event in found[: paging.limit]]
    more = len(found) > paging.limit
    return Page(shown, encode_cursor([shown[-1].number]) if more else None)


def _after(paging: Paging) -> int:
    match paging.position():
        case [int(number)] if not isinstance(number, bool) and 0 <= number < 2**63:
            return number
    raise invalid_query("cursor", "it belongs to another list", ())


def _told(number: int, event: LedgerEvent) -> Event:
    amount: str | int | None = event.amount
    if event.amount is not None and holds_money(event.purse_id):
        amount = format_amount(event.amount)
    return Event(
        number,
        moment(event.at_ns),
        event.kind,
        event.subject,
        event.detail,
        event.percent,
        amount,
        event.purse_id or None,
    )
