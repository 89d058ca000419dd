"""faregate wallets statement: what moved a wallet's balance."""

import csv
import datetime as dt
import sys
import time
from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer

from faregate.cli.amounts import past_time
from faregate.cli.ledger_session import BooksSession, opened_books
from faregate.cli.output import JsonOption, moment, print_json, print_table
from faregate.core.errors import FaregateError
from faregate.core.money import format_amount
from faregate.ledger.statement import Grouping, Line, Statement

PAGE_LINES: Final = 1_000
LINES_MAX: Final = 100_000

_COLUMNS: Final = (
    "name",
    "at",
    "movement",
    "amount",
    "granted",
    "charged",
    "refunded",
    "adjusted",
    "expired",
    "calls",
    "balance",
    "call_id",
    "author",
    "reason",
)


def statement(
    name: Annotated[str, typer.Argument(help="The wallet's name.")],
    since: Annotated[
        str | None, typer.Option(help="From when: 12h, 30d or 8w ago, or a date (UTC).")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Before when, in the same way; without it, now.")
    ] = None,
    by: Annotated[
        Grouping,
        typer.Option(
            help="What a line is: one movement, or all of an hour, a key, a model ...",
        ),
    ] = "entry",
    count: Annotated[
        int, typer.Option("-n", "--count", min=1, max=LINES_MAX, help="Lines of one page.")
    ] = PAGE_LINES,
    page: Annotated[
        str | None, typer.Option(help="The page to go on with, as the one before names it.")
    ] = None,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV with all lines, for a spreadsheet.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what moved a wallet's balance, with the balance before and after.

    Days and hours are of UTC. Amounts that leave the wallet are below zero.

    Example: faregate wallets statement shop --since 2026-11-01 --until 2026-12-01 --by day
    """
    now_ns = time.time_ns()
    since_ns = past_time(since, now_ns) if since else 0
    until_ns = past_time(until, now_ns) if until else None
    if until_ns is not None and until_ns < since_ns:
        raise FaregateError("the time ends before it begins", fix="turn --since and --until round")
    if as_csv and as_json:
        raise FaregateError("CSV or JSON, not both", fix="leave one of --csv and --json out")
    with opened_books() as session:
        session.require_known(name)
        if as_csv:
            write_csv(_pages(session, name, since_ns, until_ns, by, page))
            return
        made = session.books.statement(name, since_ns, until_ns, by, page, count)
    if as_json:
        print_json(statement_facts(made))
    else:
        print_statement(made)


def statement_facts(made: Statement) -> dict[str, Any]:
    """A statement for a program."""
    return {
        "wallet": made.wallet,
        "by": made.by,
        "since": moment(made.since_ns),
        "until": moment(made.until_ns),
        "opening": format_amount(made.opening_nano),
        "closing": format_amount(made.closing_nano),
        "lines": [line_facts(line) for line in made.lines],
        "next_page": made.next_page,
    }


def line_facts(line: Line) -> dict[str, Any]:
    """A line for a program."""
    return {
        "name": line.name,
        "at": exact_moment(line.at_ns),
        "movement": line.movement or None,
        "amount": format_amount(line.amount_nano),
        "granted": format_amount(line.granted_nano),
        "charged": format_amount(line.charged_nano),
        "refunded": format_amount(line.refunded_nano),
        "adjusted": format_amount(line.adjusted_nano),
        "expired": format_amount(line.expired_nano),
        "calls": line.calls,
        "balance": None if line.balance_nano is None else format_amount(line.balance_nano),
        "call_id": line.call_id or None,
        "author": line.author or None,
        "reason": line.reason or None,
    }


def exact_moment(time_ns: int) -> str:
    """A time in UTC, to the microsecond."""
    return dt.datetime.fromtimestamp(time_ns // 1_000_000_000, dt.UTC).replace(
        microsecond=time_ns // 1_000 % 1_000_000
    ).isoformat(timespec="microseconds")  # fmt: skip


def print_statement(made: Statement) -> None:
    """A statement for a person."""
    begin = "the beginning" if made.since_ns == 0 else moment(made.since_ns)
    typer.echo(f"{made.wallet} from {begin} to {moment(made.until_ns)}, in dollars\n")
    if made.by == "entry":
        _print_entries(made)
    else:
        _print_groups(made)
    if made.next_page is not None:
        typer.echo(f"\nThere is more: --page {made.next_page}")


def _print_entries(made: Statement) -> None:
    rows = [("", "opening", "", format_amount(made.opening_nano), "", "")]
    rows += [
        (
            moment(line.at_ns) or "",
            line.movement,
            format_amount(line.amount_nano),
            format_amount(line.balance_nano or 0),
            line.author,
            line.reason or line.call_id,
        )
        for line in made.lines
    ]
    rows.append(("", "closing", "", format_amount(made.closing_nano), "", ""))
    print_table(("WHEN", "WHAT", "AMOUNT", "BALANCE", "BY", "WHY"), rows)


def _print_groups(made: Statement) -> None:
    rows = [("opening", "", "", "", "", "", format_amount(made.opening_nano))]
    rows += [
        (
            line.name or "(none)",
            str(line.calls),
            format_amount(line.charged_nano),
            format_amount(line.granted_nano),
            format_amount(line.refunded_nano + line.adjusted_nano + line.expired_nano),
            format_amount(line.amount_nano),
            "" if line.balance_nano is None else format_amount(line.balance_nano),
        )
        for line in made.lines
    ]
    rows.append(("closing", "", "", "", "", "", format_amount(made.closing_nano)))
    heads = (made.by.upper(), "CALLS", "CHARGED", "GRANTED", "OTHER", "AMOUNT", "BALANCE")
    print_table(heads, rows)


def write_csv(pages: Iterator[Statement]) -> None:
    """All lines between opening and closing balance, as RFC 4180 has it."""
    writer = csv.writer(sys.stdout, lineterminator="\r\n")
    writer.writerow(_COLUMNS)

    for number, made in enumerate(pages):
        if number == 0:
            writer.writerow(_balance_row("opening", made.since_ns, made.opening_nano))
        for line in made.lines:
            facts = line_facts(line)
            writer.writerow([_cell(facts[column]) for column in _COLUMNS])
        last = made
    writer.writerow(_balance_row("closing", last.until_ns, last.closing_nano))


def _balance_row(name: str, at_ns: int, balance_nano: int) -> list[str]:
    facts = {"name": name, "at": exact_moment(at_ns), "balance": format_amount(balance_nano)}
    return [facts.get(column, "") for column in _COLUMNS]


def _cell(value: str | int | None) -> str:
    """What a spreadsheet shows as it is; a text that it would compute is marked as text."""
    text = "" if value is None else str(value)
    is_number = text.replace(".", "", 1).removeprefix("-").isdigit()
    return f"'{text}" if text[:1] in tuple("=+-@\t\r") and not is_number else text


def _pages(
    session: BooksSession,
    name: str,
    since_ns: int,
    until_ns: int | None,
    by: Grouping,
    page: str | None,
) -> Iterator[Statement]:
    while True:
        made = session.books.statement(name, since_ns, until_ns, by, page, LINES_MAX)
        yield made
        if made.next_page is None:
            return
        # The time that the first page ends at, so that all pages are of one statement.
        page, until_ns = made.next_page, made.until_ns
