"""faregate audit: who did what, and proof that nobody changed the record."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from faregate.cli.amounts import past_time
from faregate.cli.output import JsonOption, print_json, print_table
from faregate.cli.session import actor, opened
from faregate.core.errors import FaregateError
from faregate.identity.audit_chain import AuditEntry, Verdict
from faregate.storage.audit_export import cell_text, entry_facts, export_lines

if TYPE_CHECKING:
    from faregate.storage.audit_log import AuditLog, AuditQuery

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
    query = _query(who, act, thing, team, outcome, since, until)
    with _opened_log() as log:
        found = log.find(query, limit=count, before=before)[::-1]
    if as_json:
        print_json([entry_facts(entry) for entry in found])
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
    with _opened_log() as log:
        found = log.get(entry)
    if found is None:
        raise FaregateError(
            f"there is no entry {entry}", fix="'faregate audit list' shows those there are"
        )
    facts = entry_facts(found)
    if as_json:
        print_json(facts)
        return
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
    with _opened_log() as log:
        verdict = log.verify()
        held = log.holds(*noted) if noted is not None else None
    problem = verdict.problem
    if problem is None and noted is not None and held is not True:
        gone = "was taken away by retention" if held is None else "is not the one that was noted"
        problem = f"entry {noted[0]} {gone}"
    if as_json:
        print_json({"ok": problem is None, "problem": problem, **_verdict_facts(verdict)})
    elif problem is None:
        typer.echo(f"The audit log is whole: {_told_range(verdict)}.")
        typer.echo(f"Its head is {verdict.head}:{verdict.head_hash}")
    else:
        typer.echo(f"The audit log is broken: {problem}.", err=True)
    if problem is not None:
        raise typer.Exit(1)


@app.command("head")
def head_command(as_json: JsonOption = False) -> None:
    """Print number and hash of the newest entry, to be noted elsewhere.

    Example: faregate audit head
    """
    with _opened_log() as log:
        found = log.head()
    number, digest = (0, "") if found is None else (found.sequence, found.hash.hex())
    if as_json:
        print_json({"entry": number, "hash": digest})
    else:
        typer.echo(f"{number}:{digest}")


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
    """Write entries for another program, the oldest first; this is recorded too.

    Example: faregate audit export --format csv --since 30d --output audit.csv
    """
    query = _query(who, act, thing, team, outcome, since, until)
    with _opened_log() as log:
        log.record(actor(), "audit.export", "audit", detail=_told_query(query))
        if output is None:
            sys.stdout.writelines(export_lines(log.walk(query), form))
            return
        try:
            with output.open("w", encoding="utf-8", newline="") as file:
                file.writelines(export_lines(log.walk(query), form))
        except OSError as error:
            raise FaregateError(
                f"{output} can't be written: {error.strerror}", fix="name another file"
            ) from error
    typer.echo(f"Wrote the entries to {output}.", err=True)


@contextmanager
def _opened_log() -> "Iterator[AuditLog]":
    from faregate.storage.audit_log import AuditLog

    with opened() as installation:
        yield AuditLog(installation.database)


def _query(
    who: str | None,
    act: str | None,
    thing: str | None,
    team: str | None,
    outcome: Literal["done", "refused", "failed"] | None,
    since: str | None,
    until: str | None,
) -> "AuditQuery":
    from faregate.storage.audit_log import AuditQuery

    now_ns = time.time_ns()
    return AuditQuery(
        actor=who,
        act=act,
        object=thing,
        team=team,
        outcome=outcome,
        since_ns=past_time(since, now_ns) if since is not None else None,
        until_ns=past_time(until, now_ns) if until is not None else None,
    )


def _told_query(query: "AuditQuery") -> str:
    asked = {name: getattr(query, name) for name in query.__struct_fields__}
    told = ", ".join(f"{name} {value}" for name, value in asked.items() if value is not None)
    return told or "all entries"


def _parse_head(text: str) -> tuple[int, str]:
    number, colon, digest = text.partition(":")
    if not colon or not number.isdecimal() or len(number) > 18 or len(digest) != 64:
        raise FaregateError(
            f"{text!r} is no head", fix="write it as 'faregate audit head' prints it: 120:9f2c..."
        )
    return int(number), digest


def _told_range(verdict: Verdict) -> str:
    if verdict.entries == 0:
        return "it has no entries"
    told = f"entries {verdict.start + 1} to {verdict.head}"
    return f"{told}, the earlier ones were taken away by retention" if verdict.start else told


def _verdict_facts(verdict: Verdict) -> dict[str, Any]:
    return {
        "entries": verdict.entries,
        "first": verdict.start + 1,
        "head": {"entry": verdict.head, "hash": verdict.head_hash},
        "seals_checked": verdict.sealed,
        "broken_at": verdict.broken_at,
    }


def _row(entry: AuditEntry) -> tuple[str, ...]:
    facts = entry_facts(entry)
    thing = entry.object
    if len(thing) > OBJECT_CHARACTERS:
        thing = thing[: OBJECT_CHARACTERS - 3] + "..."
    who = (
        entry.actor.name
        if entry.actor.address is None
        else (f"{entry.actor.name} ({entry.actor.address})")
    )
    return (str(entry.sequence), str(facts["at"]), who, entry.act, thing, entry.outcome)
