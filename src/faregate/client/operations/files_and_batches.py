"""The management API: files and batches. Written by `make docs`."""

import msgspec

from faregate.client.requests import Page, Request, asked, place

__all__ = [
    "Batch",
    "BatchProblem",
    "File",
    "cancel_batch",
    "delete_file",
    "get_batch",
    "list_batches",
    "list_files",
]


class BatchProblem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is wrong with a batch; `line` counts from 1."""

    code: str
    message: str
    line: int | None
    param: str | None


class Batch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
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


class File(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file that a caller uploaded, or that a batch wrote."""

    file_id: str
    owner: str
    purpose: str
    filename: str
    size_bytes: int
    created_at: str
    expires_at: str | None


def cancel_batch(batch_id: str, *, team: str | None = None) -> Request[Batch]:
    """Cancel a batch: calls under way end, no further one begins."""
    return Request(
        "POST", place("/v1/batches/{batch_id}/cancel", batch_id=batch_id, team=team), Batch
    )


def delete_file(file_id: str, *, team: str | None = None) -> Request[None]:
    """Delete a caller's file."""
    return Request("DELETE", place("/v1/files/{file_id}", file_id=file_id, team=team), None)


def get_batch(batch_id: str, *, team: str | None = None) -> Request[Batch]:
    """Show one batch."""
    return Request("GET", place("/v1/batches/{batch_id}", batch_id=batch_id, team=team), Batch)


def list_batches(
    *,
    team: str | None = None,
    owner: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[Batch]]:
    """List callers' batches, the newest first."""
    return Request(
        "GET",
        place("/v1/batches", team=team),
        Page[Batch],
        query=asked(owner=owner, limit=limit, cursor=cursor, sort=sort),
    )


def list_files(
    *,
    team: str | None = None,
    owner: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[File]]:
    """List callers' files, the newest first."""
    return Request(
        "GET",
        place("/v1/files", team=team),
        Page[File],
        query=asked(owner=owner, limit=limit, cursor=cursor, sort=sort),
    )
