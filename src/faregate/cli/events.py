"""faregate events: what happened to wallets, budgets and providers."""

import time
from collections.abc import Iterator
from typing import Annotated, Any, Final

import msgspec
import typer

from faregate.cli.ledger_session import opened_books
from faregate.cli.output import JsonOption, moment, print_json
from faregate.core.errors import FaregateError
from faregate.core.money import format_amount
from faregate.ledger.events import LedgerEvent
from faregate.ledger.purses import holds_money

FOLLOW_INTERVAL_S: Final = 0.5
INTERRUPTED: Final = 130  # as a shell reports a program that Ctrl-C ended

app = typer.Typer(
    name="events",
    help="Read what happened to wallets, budgets, workers' draws and providers.",
    no_args_is_help=True,
)

_Count = Annotated[int, typer.Option("-n", "--count", min=1, max=10_000, help="How many events.")]


@app.command("list")
def list_command(
    count: _Count = 50,
    after: Annotated[
        int | None, typer.Option(min=0, help="The first after this number, not the newest.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the newest events, the newest last.

    Thresholds of budgets, empty wallets, expired credit, vanished workers, shortfalls; providers
    and keys that are benched, back, broken or running out of credit.

    Example: faregate events list -n 20
    """
    if after is not None and after >= 2**63:
        raise FaregateError(f"{after} is not the number of an event", fix="name a smaller one")
    with opened_books() as session:
        books = session.books
        found = books.newest_events(count) if after is None else books.events(after, count)
    if as_json:
        print_json([event_facts(number, event) for number, event in found])
        return
    if not found:
        typer.echo("There are no events.")
    for number, event in found:
        typer.echo(event_line(number, event))


@app.command()
def tail(
    count: _Count = 10,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON for a program, a line an event.")
    ] = False,
) -> None:
    """Show the newest events, then each new one, until Ctrl-C.

    Example: faregate events tail
    """
    try:
        for number, event in _following(count):
            facts = event_facts(number, event)
            text = msgspec.json.encode(facts).decode() if as_json else event_line(number, event)
            print(text, flush=True)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def _following(count: int) -> Iterator[tuple[int, LedgerEvent]]:
    with opened_books() as session:
        found = session.books.newest_events(count)
        after = 0
        while True:
            for number, event in found:
                yield number, event
                after = number
            if not found:
                time.sleep(FOLLOW_INTERVAL_S)
            found = session.books.events(after)


def event_facts(number: int, event: LedgerEvent) -> dict[str, Any]:
    """An event for a program; money is a decimal string."""
    return {
        "event": number,
        "at": moment(event.at_ns),
        "kind": event.kind,
        "subject": event.subject,
        "detail": event.detail,
        "percent": event.percent,
        "amount": _amount(event),
        "purse": event.purse_id,
    }


def event_line(number: int, event: LedgerEvent) -> str:
    """An event for a person."""
    what = event.purse_id or event.subject
    percent = "" if event.percent is None else f"{event.percent} % is spent: "
    amount = "" if event.amount is None else f"{percent}{_amount(event)}"
    told = event.detail if event.percent is None else ""
    facts = "; ".join(part for part in (told, amount) if part)
    return f"{number:>6}  {moment(event.at_ns)}  {event.kind:<16}  {what}: {facts}"


def _amount(event: LedgerEvent) -> str | int | None:
    if event.amount is None or not holds_money(event.purse_id):
        return event.amount
    return format_amount(event.amount)
