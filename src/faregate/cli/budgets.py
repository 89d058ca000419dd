"""faregate budgets: what is spent of what is capped."""

from typing import Annotated, Any, Final

import typer

from faregate.cli.ledger_session import opened_books
from faregate.cli.output import JsonOption, moment, print_json, print_table
from faregate.core.money import format_amount
from faregate.ledger.bookkeeping import PurseState
from faregate.ledger.purses import Unit

app = typer.Typer(
    name="budgets",
    help="Show what is spent of budgets, quotas and long limits.",
    no_args_is_help=True,
)

_UNITS: Final = {
    Unit.NANO: "dollars",
    Unit.REQUESTS: "requests",
    Unit.INPUT_TOKENS: "input tokens",
    Unit.OUTPUT_TOKENS: "output tokens",
    Unit.TOKENS: "tokens",
}


@app.callback()
def budgets_options() -> None:
    """Keeps `list` a command of its own while it is the only one."""


@app.command("list")
def list_command(
    name: Annotated[str | None, typer.Option(help="Only those of this name.")] = None,
    subject: Annotated[
        str | None, typer.Option(help="Only of this key, application, team, customer or run.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List budgets, quotas and limits of an hour or longer, of now.

    One appears with its first call. What is held is drawn by workers for calls in flight.

    Example: faregate budgets list --subject shop
    """
    with opened_books() as session:
        found = session.books.budgets()
    chosen = [one for one in found if name in (None, one.name) and subject in (None, one.subject)]
    if as_json:
        print_json([purse_facts(one) for one in chosen])
        return
    if not chosen:
        typer.echo("Nothing is counted yet." if not found else "None of these is counted yet.")
        return
    print_table(
        ("KIND", "NAME", "OF", "UNIT", "MOST", "SPENT", "HELD", "LEFT", "RESETS"),
        [
            (
                one.kind,
                one.name,
                one.subject,
                _UNITS[one.unit],
                _counted(one, one.capacity),
                _counted(one, one.spent),
                _counted(one, one.drawn),
                _counted(one, one.left),
                _resets(one),
            )
            for one in chosen
        ],
    )


def purse_facts(purse: PurseState) -> dict[str, Any]:
    """A purse for a program: money as decimal strings, counts as numbers."""

    def counted(amount: int) -> str | int:
        return format_amount(amount) if purse.unit is Unit.NANO else amount

    return {
        "kind": purse.kind,
        "name": purse.name,
        "subject": purse.subject,
        "unit": _UNITS[purse.unit].replace(" ", "_"),
        "max": counted(purse.capacity),
        "spent": counted(purse.spent),
        "held": counted(purse.drawn),
        "left": counted(purse.left),
        "resets_at": moment(purse.resets_ns),
        "rolling_s": None if purse.rolling_ns is None else purse.rolling_ns // 1_000_000_000,
        "purse": purse.purse_id,
    }


def _counted(purse: PurseState, amount: int) -> str:
    return format_amount(amount) if purse.unit is Unit.NANO else str(amount)


def _resets(purse: PurseState) -> str:
    if purse.rolling_ns is not None:
        return f"slides over {_spoken(purse.rolling_ns // 1_000_000_000)}"
    return moment(purse.resets_ns) or "never"


def _spoken(seconds: int) -> str:
    """Whole hours and days, as windows are."""
    hours = seconds // 3_600
    amount, unit = (hours // 24, "day") if hours % 24 == 0 else (hours, "hour")
    return f"{amount} {unit}{'s' if amount > 1 else ''}"
