"""faregate config: faregate.yaml, and the configuration in force."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faregate.cli.models import warn_of_retirements
from faregate.cli.output import JsonOption, count_of, moment, print_json, print_table
from faregate.cli.session import actor, opened, record
from faregate.cli.wallet_facts import entry_facts, given_lines
from faregate.configuration.difference import Change
from faregate.configuration.document import Document
from faregate.configuration.export import brief, export
from faregate.configuration.load import load
from faregate.configuration.references import bare
from faregate.core.errors import ConfigurationError, FaregateError

if TYPE_CHECKING:
    from faregate.cli.ports import Given

app = typer.Typer(
    name="config",
    help="Check, apply, compare and export faregate.yaml.",
    no_args_is_help=True,
)

_File = Annotated[str, typer.Argument(metavar="FILE", help="A faregate.yaml; - reads stdin.")]


def read_document(file: str) -> Document:
    """The document in `file`, checked; `-` is stdin."""
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        text = data.decode()
    except OSError as error:
        raise FaregateError(
            f"{file} can't be read: {error.strerror}", fix="name a faregate.yaml"
        ) from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            "the file is not UTF-8", file=file, line=line, fix="save it as UTF-8"
        ) from error
    return load(text, file="stdin" if file == "-" else file, environment=os.environ)


@app.command()
def check(file: _File, as_json: JsonOption = False) -> None:
    """Check a file: its fields, its rules, its variables.

    Nothing is changed, and no data folder is needed.

    Every mistake is told with its line; the exit status is 1 when there is one.

    Example: faregate config check faregate.yaml
    """
    try:
        document = read_document(file)
    except ConfigurationError as error:
        if not as_json:
            raise
        print_json({"ok": False, "problems": [_problem(one) for one in (error, *error.others)]})
        raise typer.Exit(1) from error
    counts = {
        "providers": len(document.providers),
        "models": len(document.models),
        "keys": len(document.keys),
    }
    if as_json:
        print_json({"ok": True, **counts})
    else:
        told = ", ".join(count_of(count, name[:-1]) for name, count in counts.items())
        typer.echo(f"{file} is good: {told}.")


@app.command()
def apply(
    file: _File,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    message: Annotated[
        str | None, typer.Option("-m", "--message", help="Why, for the history.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Put a file in force, whole or not at all.

    Gates take it within a second. What the file doesn't have is removed, except keys that were
    made by command. Variables are read now; secrets are kept sealed. Wallets get their grants,
    each once.

    Example: faregate config apply faregate.yaml -m "add the new provider"
    """
    summary = message or f"applied {Path(file).name if file != '-' else 'stdin'}"
    put_in_force(file, dry_run=dry_run, summary=summary, message=None, as_json=as_json)


def put_in_force(
    file: str, *, dry_run: bool, summary: str, message: str | None, as_json: bool
) -> None:
    """Apply a file and tell what changed; with `dry_run`, what would."""
    document = read_document(file)
    with opened() as installation:
        revisions = installation.revisions
        number, changes = revisions.preview(document)
        if not dry_run:
            number = revisions.apply(
                document, actor(), summary, expected_revision=number, message=message
            )
            warn_of_retirements(installation.revisions.written()[1])
        given = installation.grants.last
    print_applied(number, changes, given, dry_run=dry_run, as_json=as_json)


def print_applied(
    number: int, changes: Sequence[Change], given: "Given", *, dry_run: bool, as_json: bool
) -> None:
    """What was changed, or would be, and the credit that was given."""
    if as_json:
        facts = {"revision": number, "changes": changes, "dry_run": dry_run}
        print_json({**facts, "granted": [entry_facts(entry) for entry in given.entries]})
        return
    _print_changes(changes)
    if dry_run:
        told = f"{count_of(len(changes), 'change')} to revision {number}; nothing was changed."
    elif changes:
        told = f"Revision {number} is in force."
    else:
        told = f"Nothing changes; revision {number} stays in force."
    typer.echo(told)
    for line in given_lines(given):
        typer.echo(line)


@app.command()
def diff(file: _File, as_json: JsonOption = False) -> None:
    """Show what a file would change of the configuration in force.

    Example: faregate config diff faregate.yaml
    """
    document = read_document(file)
    with opened() as installation:
        number, changes = installation.revisions.preview(document)
    if as_json:
        print_json({"revision": number, "changes": changes})
        return
    _print_changes(changes)
    if not changes:
        typer.echo(f"{file} is what revision {number} says.")


@app.command("export")
def export_command(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write; without it, stdout.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the configuration in force as a faregate.yaml.

    References to variables stay references, other secrets stay sealed, keys are hashes. Keys
    that were made by command are not in it.

    Example: faregate config export --output faregate.yaml
    """
    with opened() as installation:
        number, written = installation.revisions.written()
        commanded = sum(entry.source == "command" for entry in installation.keys.list())
    record("config.export", "revisions", str(number))
    if as_json:
        print_json({"revision": number, "document": bare(brief(written))})
        return
    text = export(written)
    if output is None:
        typer.echo(text, nl=False)
    else:
        _write(output, text)
        typer.echo(f"Wrote revision {number} to {output}.", err=True)
    if commanded:
        told = "key was" if commanded == 1 else "keys were"
        typer.echo(f"note: {commanded} {told} made by command; not exported", err=True)


@app.command()
def history(
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many revisions.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Show the last changes: when, who, what; the newest first.

    Example: faregate config history -n 5
    """
    with opened() as installation:
        rows = installation.revisions.history(count)
    if as_json:
        print_json(rows)
        return
    print_table(
        ("REVISION", "WHEN", "WHO", "WHAT"),
        [(str(row.number), moment(row.created_ns) or "", row.actor, row.summary) for row in rows],
    )


def _print_changes(changes: Iterable[Change]) -> None:
    for change in changes:
        typer.echo(str(change))


def _problem(error: ConfigurationError) -> dict[str, str | int | None]:
    return {
        "file": error.file, "line": error.line, "message": error.message, "fix": error.fix
    }  # fmt: skip


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and for its owner alone."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise FaregateError(
            f"{path} can't be written: {error.strerror}", fix="name another file"
        ) from error
