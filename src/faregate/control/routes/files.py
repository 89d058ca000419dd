"""Callers' files and batches, for those who look after them."""

import contextlib
from collections.abc import Iterator
from typing import Annotated, TypeVar

import msgspec
from fastapi import Path, Query

from faregate.batches.facts import BatchFacts, FileFacts
from faregate.batches.facts import Page as Part
from faregate.control.context import Context
from faregate.control.moments import moment
from faregate.control.operations import Reply, Routes
from faregate.control.paging import Page, Paging, encode_cursor, invalid_query
from faregate.control.problems import missing
from faregate.storage.file_shelf import SqliteFileShelf

routes = Routes("Files and batches")

T = TypeVar("T", bound=msgspec.Struct)
_NS = 1_000_000_000
FileId = Annotated[str, Path(max_length=64, description="Its id.")]
Owner = Annotated[str | None, Query(description="Of whom alone: application:NAME or key:ID.")]


class File(msgspec.Struct, frozen=True):
    """A file that a caller uploaded, or that a batch wrote."""

    file_id: str
    owner: str
    purpose: str
    filename: str
    size_bytes: int
    created_at: str
    expires_at: str | None


class BatchProblem(msgspec.Struct, frozen=True):
    """What is wrong with a batch; `line` counts from 1."""

    code: str
    message: str
    line: int | None
    param: str | None


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch: whose it is, and how far it has come."""

    batch_id: str
    owner: str
    key_id: str
    dialect: str
    endpoint: str
    state: str
    created_at: str
    expires_at: str
    total: int
    succeeded: int
    errored: int
    cancelled: int
    expired: int
    input_file: str | None
    output_file: str | None
    error_file: str | None
    errors: list[BatchProblem]


@routes.both("GET", "/v1/files", "files.read", reply=Page[File])
def list_files(
    context: Context, paging: Paging, team: str | None = None, owner: Owner = None
) -> Page[File]:
    """List callers' files, the newest first."""
    with opened(context) as shelf:
        found = shelf.files(owner, _part(paging), teams=context.chosen_teams(team))
    return _page([_file(one) for one in found], paging, "file_id")


@routes.both("DELETE", "/v1/files/{file_id}", "files.write", status=204)
def delete_file(context: Context, file_id: FileId, team: str | None = None) -> Reply:
    """Delete a caller's file."""
    teams = context.chosen_teams(team)
    with opened(context) as shelf:
        file = shelf.file(None, file_id, teams=teams)
        if file is None or not shelf.delete(None, file_id, teams=teams):
            raise missing(f"the file {file_id!r}")
    context.management.audit.record(
        context.actor, "files.delete", f"files/{file_id}", team=context.team, before=_file(file)
    )
    return Reply(status=204)


@routes.both("GET", "/v1/batches", "files.read", reply=Page[Batch])
def list_batches(
    context: Context, paging: Paging, team: str | None = None, owner: Owner = None
) -> Page[Batch]:
    """List callers' batches, the newest first."""
    with opened(context) as shelf:
        found = shelf.batches(owner, None, _part(paging), teams=context.chosen_teams(team))
    return _page([_batch(one) for one in found], paging, "batch_id")


@routes.both("GET", "/v1/batches/{batch_id}", "files.read", reply=Batch)
def get_batch(context: Context, batch_id: FileId, team: str | None = None) -> Batch:
    """Show one batch."""
    with opened(context) as shelf:
        found = shelf.batch(None, batch_id, teams=context.chosen_teams(team))
    if found is None:
        raise missing(f"the batch {batch_id!r}")
    return _batch(found)


@routes.both("POST", "/v1/batches/{batch_id}/cancel", "files.write", reply=Batch)
def cancel_batch(context: Context, batch_id: FileId, team: str | None = None) -> Batch:
    """Cancel a batch: calls under way end, no further one begins."""
    with opened(context) as shelf:
        found = shelf.cancel(None, batch_id, teams=context.chosen_teams(team))
    if found is None:
        raise missing(f"the batch {batch_id!r}")
    context.management.audit.record(
        context.actor, "batches.cancel", f"batches/{batch_id}", team=context.team
    )
    return _batch(found)


@contextlib.contextmanager
def opened(context: Context) -> Iterator[SqliteFileShelf]:
    """The files and batches of the installation."""
    home = context.management.home
    with contextlib.closing(SqliteFileShelf(home.files_database, home.files)) as shelf:
        yield shelf


def _part(paging: Paging) -> Part:
    if paging.sort not in (None, "-created_at"):
        raise invalid_query("sort", "the newest come first", ("-created_at",))
    position = paging.position()
    if position is None:
        return Part(paging.limit + 1)
    match position:
        case [str(after)]:
            return Part(paging.limit + 1, after)
    raise invalid_query("cursor", "it belongs to another list", ())


def _page(found: list[T], paging: Paging, unique: str) -> Page[T]:
    shown = found[: paging.limit]
    more = len(found) > paging.limit
    return Page(shown, encode_cursor([getattr(shown[-1], unique)]) if more else None)


def _file(file: FileFacts) -> File:
    expires = None if file.expires_s is None else moment(file.expires_s * _NS)
    return File(
        file.file_id,
        file.owner,
        file.purpose,
        file.filename,
        file.size_bytes,
        moment(file.created_s * _NS),
        expires,
    )


def _batch(batch: BatchFacts) -> Batch:
    errors = batch.errors or ((batch.stopped,) if batch.stopped is not None else ())
    return Batch(
        batch_id=batch.batch_id,
        owner=batch.owner,
        key_id=batch.key_id,
        dialect=batch.dialect,
        endpoint=batch.endpoint,
        state=batch.state,
        created_at=moment(batch.created_s * _NS),
        expires_at=moment(batch.expires_s * _NS),
        total=batch.total,
        succeeded=batch.succeeded,
        errored=batch.errored,
        cancelled=batch.cancelled,
        expired=batch.expired,
        input_file=batch.input_file or None,
        output_file=batch.output_file,
        error_file=batch.error_file,
        errors=[BatchProblem(one.code, one.message, one.line, one.param) for one in errors],
    )
