"""faregate batches: what callers gave to be called, and how far it is."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
import typer

from faregate.batches.facts import BatchFacts, Page
from faregate.cli.files import LIMIT_USUAL, NS, opened_shelf
from faregate.cli.output import (
    DryRunOption,
    JsonOption,
    moment,
    print_json,
    print_table,
    print_would,
)
from faregate.cli.session import record
from faregate.core.errors import FaregateError

app = typer.Typer(name="batches", help="List, show and cancel batches.", no_args_is_help=True)


@app.command("list")
def list_batches(
    owner: Annotated[
        str | None, typer.Option(help="Of whom alone, as application:NAME or key:ID.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = LIMIT_USUAL,
    as_json: JsonOption = False,
) -> None:
    """List batches, the newest first.

    Example: faregate batches list --limit 10
    """
    with opened_shelf() as shelf:
        batches = shelf.batches(owner, None, Page(limit))
    if as_json:
        print_json([msgspec.to_builtins(batch) for batch in batches])
        return
    if not batches:
        typer.echo("There are no batches; callers make them with POST /v1/batches.")
        return
    print_table(
        ("ID", "OWNER", "ENDPOINT", "STATE", "DONE", "MADE"),
        [
            (
                batch.batch_id,
                batch.owner,
                batch.endpoint,
                batch.state,
                _progress(batch),
                moment(batch.created_s * NS) or "",
            )
            for batch in batches
        ],
    )


def _progress(batch: BatchFacts) -> str:
    done = batch.succeeded + batch.errored + batch.cancelled + batch.expired
    return f"{done:,} of {batch.total:,}"


@app.command("show")
def show_batch(
    batch_id: Annotated[str, typer.Argument(help="Its id.")], as_json: JsonOption = False
) -> None:
    """Show one batch: its counts, its files, and what stopped it.

    Example: faregate batches show batch_0123456789abcdef0123456789abcdef
    """
    with opened_shelf() as shelf:
        batch = shelf.batch(None, batch_id)
    if batch is None:
        raise _unknown(batch_id)
    if as_json:
        print_json(msgspec.to_builtins(batch))
        return
    print_table(("WHAT", "HOW"), [row for row in _rows(batch) if row[1]])


def _rows(batch: BatchFacts) -> Iterator[tuple[str, str]]:
    yield "state", batch.state
    yield "owner", f"{batch.owner}, made by the key {batch.key_id}"
    yield "endpoint", batch.endpoint
    yield "done", _progress(batch)
    yield "succeeded", f"{batch.succeeded:,}"
    yield "errored", f"{batch.errored:,}" if batch.errored else ""
    yield "cancelled", f"{batch.cancelled:,}" if batch.cancelled else ""
    yield "expired", f"{batch.expired:,}" if batch.expired else ""
    yield "made", moment(batch.created_s * NS) or ""
    for state, second in batch.times.items():
        yield state, moment(second * NS) or ""
    yield "ends by", moment(batch.expires_s * NS) or ""
    yield "input", batch.input_file
    yield "output", batch.output_file or ""
    yield "errors", batch.error_file or ""
    for error in batch.errors or ((batch.stopped,) if batch.stopped is not None else ()):
        place = f"line {error.line}: " if error.line else ""
        yield "error", f"{place}{error.code}: {error.message}"


@app.command("cancel")
def cancel_batch(
    batch_id: Annotated[str, typer.Argument(help="Its id.")],
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Cancel a batch: calls under way end, no further one begins.

    Example: faregate batches cancel batch_0123456789abcdef0123456789abcdef
    """
    with opened_shelf() as shelf:
        batch = (shelf.batch if dry_run else shelf.cancel)(None, batch_id)
    if batch is None:
        raise _unknown(batch_id)
    if dry_run:
        told = f"cancel {batch_id}, which is {batch.state}"
        print_would(told, {"id": batch_id, "state": batch.state}, as_json=as_json)
        return
    record("batches.cancel", "batches", batch_id, detail=f"of {batch.owner}: {batch.state}")
    if as_json:
        print_json(msgspec.to_builtins(batch))
    else:
        typer.echo(f"{batch_id} is {batch.state}.")


def _unknown(batch_id: str) -> FaregateError:
    return FaregateError(
        f"there is no batch {batch_id!r}", fix="faregate batches list shows those there are"
    )
