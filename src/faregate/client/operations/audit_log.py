"""The management API: audit log. Written by `make docs`."""

import datetime as dt
from typing import Any, Literal

import msgspec

from faregate.client.requests import Page, Request, asked, place

__all__ = [
    "AuditCheck",
    "AuditHead",
    "AuditVerdict",
    "Entry",
    "export_audit_log",
    "get_audit_entry",
    "get_audit_head",
    "list_audit_entries",
    "verify_audit_log",
]


class AuditHead(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The newest entry and its hash.

    0 where there is none; hashes are hexadecimal digits.
    """

    entry: int
    hash: str


class AuditCheck(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be checked beside the chain: a head that was noted before."""

    head: AuditHead | None = None


class AuditVerdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether the log is whole.

    `broken_at` is the first entry that is not as it was written.
    """

    ok: bool
    problem: str | None
    broken_at: int | None
    entries: int
    first: int
    head: AuditHead
    seals_checked: bool


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One act. `before` and `after` have no secrets."""

    entry: int
    at: str
    created_ns: int
    actor: str
    actor_kind: str
    actor_id: str | None
    token: str | None
    address: str | None
    act: str
    object: str
    team: str | None
    outcome: str
    before: Any
    after: Any
    detail: str | None
    hash: str


def export_audit_log(
    *,
    actor: str | None = None,
    act: str | None = None,
    object_: str | None = None,
    team: str | None = None,
    outcome: Literal["done", "refused", "failed"] | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> Request[bytes]:
    """Export entries, the oldest first; the export is recorded too."""
    return Request(
        "GET",
        place("/v1/audit/export"),
        bytes,
        query=asked(
            actor=actor,
            act=act,
            object=object_,
            team=team,
            outcome=outcome,
            since=since,
            until=until,
        ),
    )


def get_audit_entry(entry: str) -> Request[Entry]:
    """Show one act."""
    return Request("GET", place("/v1/audit/{entry}", entry=entry), Entry)


def get_audit_head() -> Request[AuditHead]:
    """Show number and hash of the newest entry, to be noted elsewhere."""
    return Request("GET", place("/v1/audit/head"), AuditHead)


def list_audit_entries(
    *,
    actor: str | None = None,
    act: str | None = None,
    object_: str | None = None,
    team: str | None = None,
    outcome: Literal["done", "refused", "failed"] | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    before: int | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[Entry]]:
    """List what was done, the newest first."""
    return Request(
        "GET",
        place("/v1/audit"),
        Page[Entry],
        query=asked(
            actor=actor,
            act=act,
            object=object_,
            team=team,
            outcome=outcome,
            since=since,
            until=until,
            before=before,
            limit=limit,
            cursor=cursor,
            sort=sort,
        ),
    )


def verify_audit_log(body: AuditCheck) -> Request[AuditVerdict]:
    """Check that no entry was changed, removed, added or moved."""
    return Request("POST", place("/v1/audit/verify"), AuditVerdict, body=body)
