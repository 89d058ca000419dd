"""The audit log: who did what, and proof that nobody changed the record."""

import datetime as dt
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from fastapi import Path, Query
from starlette.responses import Response, StreamingResponse

from faregate.control.context import Context
from faregate.control.moments import to_ns
from faregate.control.operations import Routes
from faregate.control.paging import Page, Paging, encode_cursor, invalid_query
from faregate.control.problems import missing
from faregate.identity.audit_chain import HASH_BYTES, AuditEntry, Outcome
from faregate.storage.audit_export import (
    MEDIA_TYPES,
    ExportFormat,
    entry_facts,
    export_lines,
    head_facts,
    told_query,
    verdict_facts,
)
from faregate.storage.audit_log import AuditQuery

routes = Routes("Audit log")

_ENTRY_MAX = 2**63 - 1
Text = Annotated[str | None, Query(max_length=300)]
ActorFilter = Annotated[str | None, Query(max_length=300, description="A name or an id.")]
ActFilter = Annotated[
    str | None, Query(max_length=100, description="Such as keys.create; keys.* for all of a kind.")
]
ObjectFilter = Annotated[
    str | None,
    Query(alias="object", max_length=300, description="Such as keys/sales/shop; keys/sales/*."),
]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
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


class AuditHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The newest entry and its hash.

    0 where there is none; hashes are hexadecimal digits.
    """

    entry: Annotated[int, msgspec.Meta(ge=0, le=_ENTRY_MAX)]
    hash: Annotated[str, msgspec.Meta(max_length=2 * HASH_BYTES)]


class AuditCheck(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be checked beside the chain: a head that was noted before."""

    head: AuditHead | None = None


class AuditVerdict(msgspec.Struct, frozen=True, kw_only=True):
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


@routes.get("/v1/audit", "audit.read", reply=Page[Entry])
def list_audit_entries(
    context: Context,
    paging: Paging,
    actor: ActorFilter = None,
    act: ActFilter = None,
    thing: ObjectFilter = None,
    team: Text = None,
    outcome: Outcome | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    before: Annotated[
        int | None, Query(ge=1, le=_ENTRY_MAX, description="Only entries below this number.")
    ] = None,
) -> Page[Entry]:
    """List what was done, the newest first."""
    if paging.sort not in (None, "-entry"):
        raise invalid_query("sort", "entries come the newest first", ("-entry",))
    query = _query(actor, act, thing, team, outcome, since, until)
    begin = before if paging.cursor is None else _before(paging)
    found = context.management.audit.find(query, limit=paging.limit + 1, before=begin)
    shown = [_told(one) for one in found[: paging.limit]]
    more = len(found) > paging.limit
    return Page(shown, encode_cursor([shown[-1].entry]) if more else None)


@routes.get("/v1/audit/head", "audit.read", reply=AuditHead)
def get_audit_head(context: Context) -> AuditHead:
    """Show number and hash of the newest entry, to be noted elsewhere."""
    return AuditHead(**head_facts(context.management.audit))


@routes.get(
    "/v1/audit/export",
    "audit.export",
    reply=bytes,
    media_type=MEDIA_TYPES["jsonl"],
    more=((200, None, MEDIA_TYPES["csv"]),),
)
def export_audit_log(
    context: Context,
    form: Annotated[
        ExportFormat, Query(alias="format", description="Lines of JSON, or CSV.")
    ] = "jsonl",
    actor: ActorFilter = None,
    act: ActFilter = None,
    thing: ObjectFilter = None,
    team: Text = None,
    outcome: Outcome | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> Response:
    """Export entries, the oldest first; the export is recorded too."""
    query = _query(actor, act, thing, team, outcome, since, until)
    log = context.management.audit
    log.record(context.actor, "audit.export", "audit", detail=told_query(query))

    def pieces() -> Iterator[bytes]:
        for line in export_lines(log.walk(query), form):
            yield line.encode()

    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="audit.{form}"',
    }
    return StreamingResponse(pieces(), 200, headers, MEDIA_TYPES[form])


@routes.post("/v1/audit/verify", "audit.read", reply=AuditVerdict, example=AuditCheck())
def verify_audit_log(context: Context, body: AuditCheck) -> AuditVerdict:
    """Check that no entry was changed, removed, added or moved."""
    noted = None if body.head is None else (body.head.entry, body.head.hash)
    return msgspec.convert(verdict_facts(context.management.audit, noted), AuditVerdict)


@routes.get("/v1/audit/{entry}", "audit.read", reply=Entry, errors=(404,))
def get_audit_entry(
    context: Context, entry: Annotated[int, Path(ge=1, le=_ENTRY_MAX, description="Its number.")]
) -> Entry:
    """Show one act."""
    found = context.management.audit.get(entry)
    if found is None:
        raise missing(f"the entry {entry}")
    return _told(found)


def _query(
    actor: str | None,
    act: str | None,
    thing: str | None,
    team: str | None,
    outcome: Outcome | None,
    since: dt.datetime | None,
    until: dt.datetime | None,
) -> AuditQuery:
    return AuditQuery(
        actor=actor,
        act=act,
        object=thing,
        team=team,
        outcome=outcome,
        since_ns=to_ns(since, "since"),
        until_ns=to_ns(until, "until"),
    )


def _before(paging: Paging) -> int | None:
    if paging.cursor is None:
        return None
    match paging.position():
        case [int(number)] if not isinstance(number, bool) and 0 <= number <= _ENTRY_MAX:
            return number
    raise invalid_query("cursor", "it belongs to another list", ())


def _told(entry: AuditEntry) -> Entry:
    return Entry(**entry_facts(entry))
