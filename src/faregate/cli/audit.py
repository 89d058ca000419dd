"""faregate audit: who did what, and proof that nobody changed the record."""

import sys
import time
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from faregate.cli.amounts import past_time
from faregate.cli.audit_desk import Facts, Filters, opened_desk
from faregate.cli.output import JsonOption, print_json, print_table
from faregate.core.errors import FaregateError

OBJECT_CHARACTERS: Final = 44  # of a column

app = typer.Typer(
    name="audit",
    help="Read, check and export the record of who did what.",
    no_args_is_help=True,
)

_Actor = Annotated[str | None, typer.Option("--actor", help="Only of this name or id.")]
_Act = Annotated[str | None, typer.Option(help="Only this act; keys.* for all of a kind.")]
_Object = Annotated[
    str | None, typer.Option("--object", help="Only of this thing; keys/sales/* for more.")
]
_Team = Annotated[str | None, typer.Option(help="Only what is this team's.")]
_Outcome = Annotated[
    Literal["done", "refused", "failed"] | None, typer.Option(help="Only what ended so.")
]
_Since = Annotated[str | None, typer.Option(help="From this time on: 12h, 30d, or a date (UTC).")]
_Until = Annotated[str | None, typer.Option(help="Before this time: 12h, 30d, or a date (UTC).")]


@app.command("list")
def list_command(
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=10_000, help="How many.")] = 50,
    before: Annotated[
        int | None, typer.Option(min=1, help="Only entries below this number: the next page.")
    ] = None,
    who: _Actor = None,
    act: _Act = None,
    thing: _Object = None,
    team: _Team = None,
    outcome: _Outcome = None,
    since: _Since = None,
    until: _Until = None,
    as_json: JsonOption = False,
) -> None:
    """List what was done, the newest last.

    Example: faregate audit list --act "keys.*" --since 7d
    """
    filters = _filters(who, act, thing, team, outcome, since, until)
    with opened_desk() as desk:
        found = desk.newest(filters, count, before)[::-1]
    if as_json:
        print_json(found)
        return
    if not found:
        typer.echo("No entry matches.")
        return
    print_table(("ENTRY", "AT", "WHO", "ACT", "OBJECT", "OUTCOME"), list(map(_row, found)))


@app.command()
def show(
    entry: Annotated[int, typer.Argument(min=1, help="Its number.")], as_json: JsonOption = False
) -> None:
    """Tell everything of one entry.

    Example: faregate audit show 120
    """
    with opened_desk() as desk:
        facts = desk.show(entry)
    if as_json:
        print_json(facts)
        return
    from faregate.storage.audit_export import cell_text

    rows = [(name, cell_text(value)) for name, value in facts.items() if value is not None]
    print_table(("WHAT", "HOW"), rows)


@app.command()
def verify(
    head: Annotated[
        str | None, typer.Option(help="ENTRY:HASH that was noted before: it must be in the log.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check that no entry was changed, removed, added or moved.

    Ends with 1 where one was, and names the first. Nothing is changed.

    Example: faregate audit verify --head 120:9f2c...
    """
    noted = _parse_head(head) if head is not None else None
    with opened_desk() as desk:
        verdict = desk.verify(noted)
    if as_json:
        print_json(verdict)
    elif verdict["ok"]:
        typer.echo(f"The audit log is whole: {_told_range(verdict)}.")
        typer.echo(f"Its head is {verdict['head']['entry']}:{verdict['head']['hash']}")
    else:
        typer.echo(f"The audit log is broken: {verdict['problem']}.", err=True)
    if not verdict["ok"]:
        raise typer.Exit(1)


@app.command("head")
def head_command(as_json: JsonOption = False) -> None:
    """Print number and hash of the newest entry, to be noted elsewhere.

    Example: faregate audit head
    """
    with opened_desk() as desk:
        found = desk.head()
    if as_json:
        print_json(found)
    else:
        typer.echo(f"{found['entry']}:{found['hash']}")


@app.command("export")
def export_command(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write; without it, stdout.")
    ] = None,
    form: Annotated[
        Literal["jsonl", "csv"], typer.Option("--format", help="Lines of JSON, or CSV.")
    ] = "jsonl",
    who: _Actor = None,
    act: _Act = None,
    thing: _Object = None,
    team: _Team = None,
    outcome: _Outcome = None,
    since: _Since = None,
    until: _Until = None,
) -> None:
    """Write entries for another program; this is recorded too.

    Example: faregate audit export --format csv --since 30d --output audit.csv
    """
    filters = _filters(who, act, thing, team, outcome, since, until)
    with opened_desk() as desk:
        from faregate.storage.audit_export import facts_lines

        lines = facts_lines(desk.export(filters), form)
        if output is None:
            sys.stdout.writelines(lines)
            return
        try:
            with output.open("w", encoding="utf-8", newline="") as file:
                file.writelines(lines)
        except OSError as error:
            raise FaregateError(
                f"{output} can't be written: {error.strerror}", fix="name another file"
            ) from error
    typer.echo(f"Wrote the entries to {output}.", err=True)


def _filters(
    who: str | None,
    act: str | None,
    thing: str | None,
    team: str | None,
    outcome: Literal["done", "refused", "failed"] | None,
    since: str | None,
    until: str | None,
) -> Filters:
    now_ns = time.time_ns()
    return Filters(
        actor=who,
        act=act,
        object=thing,
        team=team,
        outcome=outcome,
        since_ns=past_time(since, now_ns) if since is not None else None,
        until_ns=past_time(until, now_ns) if until is not None else None,
    )


def _parse_head(text: str) -> tuple[int, str]:
    number, colon, digest = text.partition(":")
    if not colon or not number.isdecimal() or len(number) > 18 or len(digest) != 64:
        raise FaregateError(
            f"{text!r} is no head", fix="write it as 'faregate audit head' prints it: 120:9f2c..."
        )
    return int(number), digest


def _told_range(verdict: Facts) -> str:
    if verdict["entries"] == 0:
        return "it has no entries"
    told = f"entries {verdict['first']} to {verdict['head']['entry']}"
    if verdict["first"] == 1:
        return told
    return f"{told}, the earlier ones were taken away by retention"


def _row(facts: Facts) -> tuple[str, ...]:
    thing = facts["object"]
    if len(thing) > OBJECT_CHARACTERS:
        thing = thing[: OBJECT_CHARACTERS - 3] + "..."
    who = facts["actor"] + (f" ({facts['address']})" if facts["address"] else "")
    return (str(facts["entry"]), facts["at"], who, facts["act"], thing, facts["outcome"])
