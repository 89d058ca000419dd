"""Revisions: who changed what, when and why; compared, and rolled back."""

from typing import Annotated

from fastapi import Path, Query

from faregate.configuration.document import Document
from faregate.control.context import Context
from faregate.control.operations import Reply, Routes
from faregate.control.paging import Page, Paging, encode_cursor, invalid_query
from faregate.control.resources.history import number_before
from faregate.control.resources.revision_facts import (
    Comparison,
    RevisionDetail,
    RevisionFacts,
    RollBack,
    told,
)
from faregate.control.resources.rights import check_document
from faregate.control.resources.whole import Configuration
from faregate.control.resources.writing import DryRun, Message, changing

routes = Routes("Revisions")

_Number = Annotated[int, Path(ge=1, lt=2**63, description="The number of a revision.")]
_Other = Annotated[int, Query(ge=0, lt=2**63, description="A revision; 0 is before the first.")]


@routes.get("/v1/revisions", "revisions.read", reply=Page[RevisionFacts])
def list_revisions(context: Context, paging: Paging) -> Page[RevisionFacts]:
    """List revisions, the newest first."""
    if paging.sort not in (None, "-number"):
        raise invalid_query("sort", "revisions come the newest first", ("-number",))
    revisions = context.management.installation.revisions
    found = revisions.history(paging.limit + 1, before=number_before(paging))
    shown = [told(one) for one in found[: paging.limit]]
    more = len(found) > paging.limit
    return Page(shown, encode_cursor([shown[-1].number]) if more else None)


@routes.get("/v1/revisions/compare", "revisions.read", reply=Comparison, errors=(404,))
def compare_revisions(context: Context, old: _Other, new: _Other) -> Comparison:
    """Show what leads from one revision to another."""
    revisions = context.management.installation.revisions
    return Comparison(old, new, revisions.compare(old, new))


@routes.get("/v1/revisions/{number}", "revisions.read", reply=RevisionDetail)
def get_revision(context: Context, number: _Number) -> RevisionDetail:
    """Show one revision, and what it changed."""
    found = context.management.installation.revisions.show(number)
    return RevisionDetail(told(found.revision), found.changes)


@routes.get("/v1/revisions/{number}/configuration", "revisions.read", reply=Configuration)
def get_revision_configuration(context: Context, number: _Number) -> Configuration:
    """Export the configuration as it was after a revision."""
    document = context.management.installation.revisions.document_at(number)
    context.management.audit.record(
        context.actor, "config.export", f"revisions/{number}", detail=f"revision {number}"
    )
    return Configuration(number, document)


@routes.post(
    "/v1/revisions/{number}/rollback",
    "revisions.write",
    reply=RollBack,
    versioned=True,
    errors=(409, 422),
)
def roll_back_revision(
    context: Context, number: _Number, dry_run: DryRun = False, message: Message = None
) -> Reply:
    """Put the configuration of an earlier revision in force again."""
    revisions = context.management.installation.revisions
    expected = context.expected_number()
    _, now = revisions.written()
    check_document(context, now, _document_at(context, number))
    if dry_run:
        done = revisions.preview_roll_back(number)
    else:
        with changing(context.management):
            done = revisions.roll_back(number, context.actor, message, expected)
    reply = RollBack(done.number, dry_run, done.changes, list(done.remarks))
    return Reply(reply, version=done.number)


def _document_at(context: Context, number: int) -> Document:
    document: Document = context.management.installation.revisions.document_at(number)
    return document
