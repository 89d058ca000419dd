"""What commands print: aligned columns for people, JSON for programs."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
]


def print_json(value: Any) -> None:
    """`value` as indented JSON on stdout, structures by their fields."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Aligned columns, with a line of heads."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        typer.echo("  ".join(cells).rstrip())


def print_preview(number: int, changes: Sequence[Any], *, as_json: bool) -> None:
    """What a dry run found.

    The changes that a command would make of the revision in force.
    """
    if as_json:
        print_json({"revision": number, "dry_run": True, "changes": changes})
        return
    for change in changes:
        typer.echo(str(change))
    told = count_of(len(changes), "change")
    typer.echo(f"{told} to revision {number}; nothing was changed.")


def print_would(told: str, facts: Any, *, as_json: bool) -> None:
    """What a dry run found, of what is no change of the configuration."""
    if as_json:
        print_json({"dry_run": True, **facts})
    else:
        typer.echo(f"Would {told}; nothing was changed.")


def moment(time_ns: int | None) -> str | None:
    """A time in UTC, to the second; None stays None."""
    if time_ns is None:
        return None
    return dt.datetime.fromtimestamp(time_ns // 1_000_000_000, dt.UTC).isoformat()


def count_of(count: int, noun: str) -> str:
    """`3 models`, `1 model`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
