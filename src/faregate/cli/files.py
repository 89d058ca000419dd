"""faregate files: what callers have uploaded, and what batches wrote."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final, Union

import msgspec
import typer

from faregate.batches.facts import FileFacts, Page
from faregate.cli.output import (
    DryRunOption,
    JsonOption,
    moment,
    print_json,
    print_table,
    print_would,
)
from faregate.cli.remote_profiles import chosen
from faregate.cli.session import record
from faregate.core.errors import FaregateError
from faregate.storage.file_shelf import SqliteFileShelf
from faregate.storage.home import Home

if TYPE_CHECKING:
    from faregate.cli.remote_shelf import RemoteShelf

app = typer.Typer(name="files", help="List and delete callers' files.", no_args_is_help=True)

NS: Final = 1_000_000_000
LIMIT_USUAL: Final = 50


@contextlib.contextmanager
def opened_shelf() -> Iterator[Union[SqliteFileShelf, "RemoteShelf"]]:
    """The files and batches of the installation that the command is for."""
    target = chosen()
    if target is not None:
        from faregate.cli.remote_shelf import remote_shelf

        with remote_shelf(target) as there:
            yield there
        return
    home = Home.from_environment()
    home.require()
    with contextlib.closing(SqliteFileShelf(home.files_database, home.files)) as shelf:
        yield shelf


@app.command("list")
def list_files(
    owner: Annotated[
        str | None, typer.Option(help="Of whom alone, as application:NAME or key:ID.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = LIMIT_USUAL,
    as_json: JsonOption = False,
) -> None:
    """List files, the newest first.

    Example: faregate files list --owner application:shop
    """
    with opened_shelf() as shelf:
        files = shelf.files(owner, Page(limit))
    if as_json:
        print_json([msgspec.to_builtins(file) for file in files])
        return
    if not files:
        typer.echo("There are no files; callers make them with POST /v1/files.")
        return
    print_table(
        ("ID", "OWNER", "PURPOSE", "NAME", "BYTES", "MADE", "EXPIRES"),
        [_row(file) for file in files],
    )


def _row(file: FileFacts) -> tuple[str, ...]:
    return (
        file.file_id,
        file.owner,
        file.purpose,
        file.filename,
        f"{file.size_bytes:,}",
        moment(file.created_s * NS) or "",
        moment(file.expires_s * NS) or "never" if file.expires_s is not None else "never",
    )


@app.command("delete")
def delete_file(
    file_id: Annotated[str, typer.Argument(help="Its id.")],
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Delete a file, whoever's it is; batches that were made of it go on.

    Example: faregate files delete file-0123456789abcdef0123456789abcdef
    """
    with opened_shelf() as shelf:
        known = shelf.file(None, file_id) if dry_run else None
        gone = known is not None if dry_run else shelf.delete(None, file_id)
    if not gone:
        raise FaregateError(
            f"there is no file {file_id!r}", fix="faregate files list shows those there are"
        )
    if dry_run:
        print_would(f"delete {file_id}", {"id": file_id}, as_json=as_json)
        return
    record("files.delete", "files", file_id)
    if as_json:
        print_json({"id": file_id, "deleted": True})
    else:
        typer.echo(f"Deleted {file_id}.")
